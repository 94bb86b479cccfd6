"""The Python that trains, and the environment that it finds this extension in."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import LDCTDenoiseLib
import LDCTDenoiseTrainingLib
from LDCTDenoiseLib.errors import MissingDependencyError

#: What a training imports, and the package that brings it.
_MODULES = {"torch": "torch", "safetensors": "safetensors", "skimage": "scikit-image", "tensorboardX": "tensorboardX",
            "tqdm": "tqdm", "filelock": "filelock", "SimpleITK": "SimpleITK", "scipy": "scipy", "pydicom": "pydicom"}


def interpreter() -> str:
    """Return the path of the Python that has Slicer's packages: PythonSlicer, or the one that runs here.

    Raises
    ------
    MissingDependencyError
        If there is none.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    own = sys.executable if Path(sys.executable or "").name.lower().startswith("python") else None
    # An embedded Python has no executable; the one beside its library fits.
    beside = [Path(sys.exec_prefix) / "bin" / f"python{version}", Path(sys.exec_prefix) / "python.exe"]
    for path in (shutil.which("PythonSlicer"), own, *beside):
        if path and Path(path).is_file():
            return str(path)
    raise MissingDependencyError("no Python was found that could train: PythonSlicer is missing beside Slicer; "
                                 "reinstall Slicer, or train from the command line (docs/training.md).")


def environment() -> dict[str, str]:
    """Return the environment of a training: this one, with this extension's libraries on the path."""
    packages = (LDCTDenoiseLib, LDCTDenoiseTrainingLib)
    folders = [str(Path(package.__file__).resolve().parent.parent) for package in packages]
    before = [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p and p not in folders]
    return {
        **os.environ, "PYTHONPATH": os.pathsep.join([*dict.fromkeys(folders), *before]), "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
    }


def missingPackages() -> list[str]:
    """Return the packages that a training needs and that are not installed; imports none."""
    importlib.invalidate_caches()
    return [package for module, package in _MODULES.items() if importlib.util.find_spec(module) is None]


def requirePackages() -> None:
    """Raise `MissingDependencyError` when a package that a training needs is not installed."""
    missing = missingPackages()
    if missing:
        raise MissingDependencyError(
            f"a training needs Python packages that are not installed: {', '.join(missing)}. Press Start and accept "
            "their installation; PyTorch comes with Slicer's extension 'PyTorch'."
        )


def command(arguments: Sequence[str]) -> list[str]:
    """Return the command line of `ldct-train` with these arguments."""
    return [interpreter(), "-m", "LDCTDenoiseTrainingLib", *arguments]
