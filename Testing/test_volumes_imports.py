"""Loading the library's volume part costs nothing, and a package that is missing is named."""

import os
import subprocess
import sys

import numpy as np
import pytest
from LDCTDenoiseLib.errors import MissingDependencyError
from LDCTDenoiseLib.volumes import Volume, read_volume, write_volume


def test_nothing_heavy_is_imported():
    code = "import sys, LDCTDenoiseLib.volumes as v; print([m for m in ('SimpleITK', 'pydicom') if m in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == "[]", done.stderr


def test_missing_packages_are_named(tmp_path, monkeypatch):
    for module, package in (("SimpleITK", "SimpleITK"), ("pydicom", "pydicom")):
        monkeypatch.setitem(sys.modules, module, None)  # import then raises ImportError
        (tmp_path / "x.nrrd").write_bytes(b"NRRD0004\n")
        with pytest.raises(MissingDependencyError, match=f"pip install {package}") as caught:
            read_volume(tmp_path if module == "pydicom" else tmp_path / "x.nrrd")
        assert "\n" not in str(caught.value)
    with pytest.raises(MissingDependencyError, match="SimpleITK"):
        write_volume(Volume(np.zeros((2, 2, 2), np.int16)), tmp_path / "y.nrrd")
    assert not (tmp_path / "y.nrrd").exists()
