"""Read a CT volume, from a file or from a folder of DICOM slices."""

from pathlib import Path

from ..errors import InputError
from .dicom_file import is_dicom
from .dicom_series import read_series
from .image_file import read_image_file
from .suffixes import READABLE, known_suffix
from .volume import Volume


def is_dicom_source(path: str | Path) -> bool:
    """Whether `read_volume` reads DICOM at `path`: a folder, or a DICOM file.

    Raises
    ------
    InputError
        If there is nothing at `path`, or it cannot be read.
    """
    path = Path(path)
    try:
        if path.is_dir():
            return True
        _require_file(path)
        return not known_suffix(path, READABLE) and is_dicom(path)
    except OSError as error:
        raise InputError(f"cannot read '{error.filename or path}': {error.strerror or error}.") from error


def read_volume(path: str | Path, series_uid: str | None = None, data_elsewhere: bool = False) -> Volume:
    """Read a CT volume.

    Parameters
    ----------
    path : str or Path
        An NRRD (.nrrd, .nhdr), NIfTI (.nii, .nii.gz) or MetaImage (.mha, .mhd) file, a folder with a DICOM series
        anywhere below it, or a single DICOM file, whatever its suffix.
    series_uid : str, optional
        Which DICOM series, by its SeriesInstanceUID, when there are several. Other formats have no series.
    data_elsewhere : bool, optional
        Whether the header of an NRRD or MetaImage file may name data in other folders than its own.

    Returns
    -------
    Volume
        HU, shape (slices, rows, columns), in the type the values are stored in; of DICOM int16 or, when slope or
        intercept ask for it, float32.

    Raises
    ------
    InputError
        If there is nothing at `path`, or it is damaged or not one CT volume.
    MissingDependencyError
        If a package that reads this format is not installed.

    Warns
    -----
    LDCTWarning
        If a DICOM series has gaps, is tilted or lacks the scale of its values, or a NIfTI header contradicts itself.
    """
    path = Path(path)
    try:
        if path.is_dir():
            return read_series(path, series_uid)
        _require_file(path)
        if suffix := known_suffix(path, READABLE):
            return read_image_file(path, suffix, data_elsewhere)
        if is_dicom(path):
            return read_series(path, series_uid)
    except OSError as error:
        raise InputError(f"cannot read '{error.filename or path}': {error.strerror or error}.") from error
    raise InputError(
        f"cannot read '{path}': not a format this program knows; give a file that ends in {', '.join(READABLE)}, "
        "a DICOM file or a folder with a DICOM series."
    )


def _require_file(path: Path) -> None:
    """Raise `InputError` when there is nothing, or a pipe or device, on which reading would wait for ever."""
    if not path.exists():
        raise InputError(f"there is no file or folder '{path}'; check the path.")
    if not path.is_file():
        raise InputError(f"cannot read '{path}': it is no regular file.")
