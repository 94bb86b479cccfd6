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
        if packages == ["llvmlite"]:
            raise RuntimeError("declined")
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
    monkeypatch.setattr(dependencies, "is_useful", lambda: True)
    dependencies.ensurePackages(requirements)
    kept = f"numpy=={np.__version__}\n"
    assert asked[-2:] == [(["scikit-image", "safetensors"], kept, "LDCT Denoise"), (["llvmlite"], kept, "LDCT Denoise")]
    assert dependencies.missingPackages(requirements) == []
    # What only makes it faster is asked for once, and the user may decline.
    dependencies.ensurePackages(requirements)
    assert len(asked) == 3
    assert dependencies.fasterPackages() == ["llvmlite"]
    installed.discard("skimage")
    monkeypatch.setattr(dependencies, "is_useful", lambda: False)
    dependencies.ensurePackages(requirements)
    assert asked[3:] == [(["scikit-image"], kept, "LDCT Denoise")]


def test_requirements_name_nothing_that_slicer_ships(host):
    import LDCTDenoise

    lines = (Path(LDCTDenoise.__file__).parent / "Resources" / "requirements.txt").read_text().splitlines()
    packages = {line for line in lines if line and not line.startswith("#")}
    assert packages == {"safetensors", "scikit-image"}


def test_an_offline_computer_installs_from_a_folder(host, monkeypatch, tmp_path):
    from LDCTDenoiseLib.errors import InputError, MissingDependencyError
    from LDCTDenoiseSlicer import dependencies

    requirements, folder, calls = tmp_path / "requirements.txt", tmp_path / "wheels", []
    requirements.write_text("scikit-image\n")
    folder.mkdir()
    monkeypatch.setattr(dependencies, "is_useful", lambda: True)
    installed = set()
    monkeypatch.setattr(importlib.util, "find_spec", lambda n, *a: object() if n in installed else None)

    def install(arguments):
        calls.append(arguments)
        assert Path(arguments[-1]).read_text() == f"numpy=={np.__version__}\n"
        if len(calls) == 1:
            raise RuntimeError("no matching distribution")
        installed.update({"torch", "skimage"})

    monkeypatch.setattr(slicer.util, "pip_install", install, raising=False)
    with pytest.raises(InputError, match="there are no wheels"):
        dependencies.installFromFolder(folder, requirements)
    (folder / "torch-2-py3-none-any.whl").write_bytes(b"")
    with pytest.raises(MissingDependencyError, match="does not hold all that torch, scikit-image need"):
        dependencies.installFromFolder(folder, requirements)
    dependencies.installFromFolder(folder, requirements)
    assert calls[1][:5] == ["torch", "scikit-image", "--no-index", "--find-links", str(folder)]
    # Nothing that is needed is missing any more.
    dependencies.installFromFolder(folder, requirements)
    assert len(calls) == 2
    (folder / "llvmlite-1-py3-none-any.whl").write_bytes(b"")
    dependencies.installFromFolder(folder, requirements)
    assert calls[2][0] == "llvmlite" and len(calls) == 3


def test_what_is_not_needed_is_not_asked_for(host, monkeypatch, tmp_path):
    from LDCTDenoiseSlicer import dependencies

    requirements = tmp_path / "requirements.txt"
    requirements.write_text("scikit-image\n")
    monkeypatch.setattr(importlib.util, "find_spec", lambda n, *a: None if n in ("torch", "matplotlib") else object())
    assert dependencies.missingPackages(requirements) == ["torch"]
    assert dependencies.missingPackages(requirements, torch=False) == []
    assert dependencies.missingPackages(requirements, ["matplotlib"], torch=False) == ["matplotlib"]
