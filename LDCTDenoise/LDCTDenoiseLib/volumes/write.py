"""Write a volume to a file."""

import os
import re
import warnings
from pathlib import Path

import numpy as np

from ..errors import InputError, OutputError
from ..files import check_place, flush, write_atomic
from ..requirements import require
from .image_file import NOTE, read_image_file
from .integrity import Damage, require_sound
from .quiet import quiet_itk
from .suffixes import WRITABLE, is_text, known_suffix
from .volume import Volume

_FORMATS = ", ".join(WRITABLE)
_TYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")


def write_volume(volume: Volume, path: str | Path, made_by: str = "") -> None:
    """Write a volume, compressed where the format can, with its type of number and its geometry kept.

    Parameters
    ----------
    volume : Volume
        What to write. Of it only array and geometry go into the file.
    path : str or Path
        Where to; the suffix says the format: .nrrd, .nii.gz, .nii or .mha. An existing file is replaced, and stays as
        it was when writing fails.
    made_by : str
        What made the values, in printable ASCII, for the header: a note that `read_volume` finds again as the fact
        "derivation". NIfTI keeps 79 characters of it (descrip).

    Raises
    ------
    OutputError
        If the suffix is unknown, the folder is missing or not writable, or the format cannot hold the volume.
    MissingDependencyError
        If SimpleITK is not installed.
    """
    path = Path(path)
    suffix = _require_format(path)
    _require_writable(volume, path, suffix)
    sitk = require("SimpleITK", f"write {suffix} files")
    array = np.ascontiguousarray(volume.array, dtype=volume.array.dtype.newbyteorder("="))
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(volume.geometry.spacing)
    image.SetOrigin(volume.geometry.origin)
    image.SetDirection(volume.geometry.direction)
    if made_by:
        image.SetMetaData(NOTE, made_by[:79] if suffix.startswith(".nii") else made_by)
    with write_atomic(path) as part:
        # A plain name: on Windows ITK's writers can stumble over unusual characters.
        plain = part.parent / f"volume{suffix}"
        writer = sitk.ImageFileWriter()
        writer.SetFileName(str(plain))
        writer.SetImageIO(WRITABLE[suffix])
        writer.SetUseCompression(True)
        try:
            with quiet_itk():
                writer.Execute(image)
            flush(plain)
            held = _holds(plain, suffix, array)
            os.replace(plain, part)
        except (RuntimeError, OSError) as error:
            raise OutputError(f"cannot write '{path}': the data could not be stored; is the disk full?") from error
        if not held:
            raise OutputError(f"cannot write '{path}': what reads back is not what was written; is the disk full?")


def _holds(path: Path, suffix: str, array: np.ndarray) -> bool:
    """Whether a file that was just written holds the volume: on a full disk ITK writes half a NIfTI without a word."""
    try:
        if not suffix.startswith(".nii"):
            require_sound(path, suffix)
            return True
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            back = read_image_file(path, suffix)
    except (InputError, Damage):
        return False
    return back.array.dtype == array.dtype and back.array.tobytes() == array.tobytes()


def check_writable(path: str | Path) -> None:
    """Check that a volume can be written to `path`; to find out before minutes of work, not after.

    Raises
    ------
    OutputError
        If the suffix is unknown, or the folder is missing or not writable.
    """
    path = Path(path)
    _require_format(path)
    check_place(path)


def is_file_name(path: str | Path) -> bool:
    """Whether a name is that of a file, of whatever format, and not of a folder."""
    path = Path(path)
    # A folder may have a dot in its name as well: "scan.2", "1.2.840.113".
    return not path.is_dir() and bool(re.fullmatch(r"[.][A-Za-z]{2,5}", path.suffix))


def _require_format(path: Path) -> str:
    """Return the suffix of a path that can be written."""
    if suffix := known_suffix(path, WRITABLE):
        if not path.name.endswith(suffix):  # ITK and others would not read the file back
            raise OutputError(f"cannot write '{path}': let the name end in '{suffix}', in lower case.")
        if not is_text(path):
            raise OutputError(f"cannot write '{path}': its name, or that of a folder above it, is not UTF-8.")
        return suffix
    if path.suffix.lower() in (".dcm", ".dicom", ".ima"):
        raise OutputError(
            f"cannot write '{path}': a DICOM series is a folder; give the name of a new folder, or a file that ends in "
            f"{_FORMATS}."
        )
    if not is_file_name(path):
        raise OutputError(f"cannot write '{path}': it is the name of a folder; give a file that ends in {_FORMATS}.")
    raise OutputError(f"cannot write '{path}': unknown format '{path.suffix}'; give a file that ends in {_FORMATS}.")


def _require_writable(volume: Volume, path: Path, suffix: str) -> None:
    """Refuse what the format would lose without a word."""
    array = volume.array
    if array.ndim != 3 or array.size == 0:
        raise OutputError(f"cannot write '{path}': '{volume.name}' has the shape {array.shape}, not that of a volume.")
    if array.dtype.name not in _TYPES:
        raise OutputError(
            f"cannot write '{path}': '{volume.name}' holds values of type {array.dtype.name}; convert them to float32."
        )
    axes, spacing = np.reshape(volume.geometry.direction, (3, 3)), volume.geometry.spacing
    if not (np.isfinite([*axes.flat, *spacing, *volume.geometry.origin]).all() and min(spacing) > 0):
        raise OutputError(f"cannot write '{path}': the spacing, origin or direction of '{volume.name}' is not valid.")
    if abs(np.linalg.det(axes)) < 1e-6:
        raise OutputError(f"cannot write '{path}': the directions of '{volume.name}' lie in one plane.")
    if suffix.startswith(".nii") and not np.allclose(axes.T @ axes, np.eye(3), atol=1e-3):
        raise OutputError(f"cannot write '{path}': NIfTI cannot hold the sheared axes of '{volume.name}'; use .nrrd.")
