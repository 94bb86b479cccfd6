"""Import the packages that read and write files when they are needed, not before."""

import importlib
from types import ModuleType

from ..errors import MissingDependencyError


def need(module: str, package: str, purpose: str) -> ModuleType:
    """Import `module`, or say which package to install for which purpose.

    Parameters
    ----------
    module : str
        The name to import, for example ``"SimpleITK"``.
    package : str
        The name pip knows it by.
    purpose : str
        What it is needed for, as the end of a sentence: ``"read NIfTI files"``.

    Raises
    ------
    MissingDependencyError
        If the module cannot be imported.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingDependencyError(
            f"the package '{package}' is needed to {purpose}; install it with: pip install {package}"
        ) from error
