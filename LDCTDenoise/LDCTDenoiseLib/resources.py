"""Where the files that ship with the code lie: model files, the phantom."""

from pathlib import Path


def resource_folder(name: str, library: str = __file__) -> Path:
    """Return a folder of resources that ship with a library, given by a file at its top.

    It lies in the module's Resources in a source tree and in an installed extension, and inside the package after
    `pip install`.
    """
    library = Path(library).resolve().parent
    # Not in the package itself: where case does not count, as on macOS and Windows, `Models` is the package `models`.
    packaged = library / "Resources" / name
    return packaged if packaged.is_dir() else library.parent / "Resources" / name
