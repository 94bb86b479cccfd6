"""Import an optional package where it is used, or say how to get it."""

import importlib
from types import ModuleType

from .errors import MissingDependencyError

#: What to install for a module whose package has another name.
_PACKAGES = {"jpeg_ls": "pyjpegls", "skimage": "scikit-image"}


def require(module: str, purpose: str = "do this") -> ModuleType:
    """Import `module` and return it.

    Parameters
    ----------
    module : str
        The name to import, for example "SimpleITK".
    purpose : str
        What it is needed for, as the end of a sentence: "read NIfTI files".

    Raises
    ------
    MissingDependencyError
        If it is not installed, with the package to install.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and not module.startswith(error.name):
            raise
        root = module.split(".")[0]
        package = _PACKAGES.get(root, root)
        raise MissingDependencyError(
            f"the Python package '{package}' is needed to {purpose}. In Slicer press Apply and accept its "
            f"installation, elsewhere run: python -m pip install {package}"
        ) from error
