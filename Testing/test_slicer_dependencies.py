"""Installing what Slicer lacks, on the strict stand-ins of slicer_host; nothing is installed here."""

import importlib.util
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import slicer


def test_packages_are_installed_with_slicers_numpy_kept(host, monkeypatch, tmp_path):
    from LDCTDenoiseLib.errors import MissingDependencyError
    from LDCTDenoiseSlicer import dependencies

    requirements = tmp_path / "requirements.txt"
    requirements.write_text("# a comment\nscikit-image\nsafetensors\n")
    installed, asked = set(), []
    monkeypatch.setattr(importlib.util, "find_spec", lambda n, *a: object() if n in installed else None)

    class Logic:
        def installTorch(self, askConfirmation):
            assert askConfirmation
            installed.add("torch")

    def ensure(packages, constraints, requester):
        asked.append((packages, constraints.read_text(), requester))
        installed.update({"skimage", "safetensors"})

    monkeypatch.setitem(sys.modules, "PyTorchUtils", types.SimpleNamespace(PyTorchUtilsLogic=Logic))
    packaging = types.ModuleType("slicer.packaging")
    packaging.pip_ensure = ensure
    monkeypatch.setitem(sys.modules, "slicer.packaging", packaging)
    monkeypatch.setattr(slicer, "packaging", packaging, raising=False)
    # In testing mode nothing big is installed behind the tester's back.
    with pytest.raises(MissingDependencyError, match="torch"):
        dependencies.ensurePackages(requirements)
    installed.clear()
    slicer.app.testingEnabled = lambda: False
    dependencies.ensurePackages(requirements)
    assert asked[-1] == (["scikit-image", "safetensors"], f"numpy=={np.__version__}\n", "LDCT Denoise")
    assert dependencies.missingPackages(requirements) == []


def test_requirements_name_nothing_that_slicer_ships(host):
    import LDCTDenoise

    lines = (Path(LDCTDenoise.__file__).parent / "Resources" / "requirements.txt").read_text().splitlines()
    packages = {line for line in lines if line and not line.startswith("#")}
    assert packages == {"safetensors", "scikit-image"}
