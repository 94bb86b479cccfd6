"""Read an NRRD or MetaImage file through SimpleITK, a NIfTI file by its header."""

from pathlib import Path

import numpy as np

from ..errors import InputError
from ..requirements import require
from .integrity import Damage, require_sound
from .nifti import read_nifti
from .quiet import quiet_itk
from .suffixes import READABLE, is_text
from .volume import Geometry, Volume

#: What ITK calls the note of a header: a field of its own in NRRD and MetaImage, descrip in NIfTI.
NOTE = "ITK_FileNotes"

# What ITK says, by a piece of its text, and what a user can make of it.
_REASONS = (
    ("orthonormal direction", "its axes are sheared; resample it to perpendicular axes first"),
    ("allocate memory", "its header asks for more memory than there is"),
    ("size is zero", "it has no voxels"),
)


def read_image_file(path: Path, suffix: str, data_elsewhere: bool = False) -> Volume:
    """Read one file.

    Parameters
    ----------
    path : Path
        An existing file.
    suffix : str
        A key of `suffixes.READABLE`, which says the format.
    data_elsewhere : bool
        Whether a header may name data in other folders.

    Raises
    ------
    InputError
        If the file is damaged, empty, or holds something other than one scalar volume.

    Warns
    -----
    LDCTWarning
        If a NIfTI header says two things of where the volume lies, or nothing.
    """
    if not path.name.endswith(suffix):
        raise InputError(f"cannot read '{path}': rename it to end in '{suffix}', in lower case.")
    if not is_text(path):
        raise InputError(f"cannot read '{path}': its name, or that of a folder above it, is not UTF-8; rename it.")
    if path.stat().st_size == 0:
        raise InputError(f"cannot read '{path}': the file is empty.")
    if suffix.startswith(".nii"):
        return read_nifti(path)
    sitk = require("SimpleITK", f"read {suffix} files")
    try:
        require_sound(path, suffix, data_elsewhere)
    except Damage as error:
        raise InputError(f"cannot read '{path}': {error}; get a whole copy of the file.") from error
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.SetImageIO(READABLE[suffix])
    try:
        with quiet_itk():
            image = reader.Execute()
    except RuntimeError as error:
        told = (reason for piece, reason in _REASONS if piece in str(error))
        reason = next(told, "it is damaged, truncated or not what its suffix says; get a whole copy of the file")
        raise InputError(f"cannot read '{path}': {reason}.") from error
    image = _one_scalar_volume(image, path)
    array = sitk.GetArrayFromImage(image)
    facts = {"derivation": reader.GetMetaData(NOTE)} if reader.HasMetaDataKey(NOTE) else {}
    return Volume(array.reshape(-1, *array.shape[-2:]), _geometry(image, path), path.name, facts)


def _one_scalar_volume(image, path: Path):
    """Return `image` with two or three axes, or say what else it is."""
    kind, size = image.GetPixelIDTypeAsString(), image.GetSize()
    if 0 in size:
        raise InputError(f"cannot read '{path}': it has no voxels (size {'×'.join(map(str, size))}).")
    if "complex" in kind:
        raise InputError(f"'{path}' holds complex numbers, not HU; give a CT volume.")
    if image.GetNumberOfComponentsPerPixel() > 1:
        parts = image.GetNumberOfComponentsPerPixel()
        raise InputError(f"'{path}' has {parts} values per voxel (colour or vectors); give a CT volume with one.")
    if len(size) == 4:
        if size[3] > 1:
            raise InputError(f"'{path}' is a sequence of {size[3]} volumes (4D); save one of them as its own file.")
        return image[:, :, :, 0]
    if len(size) not in (2, 3):
        raise InputError(f"'{path}' has {len(size)} axes; give a volume with three.")
    return image


def _geometry(image, path: Path) -> Geometry:
    """Take over spacing, origin and direction; a 2D image becomes one slice of 1 mm."""
    axes = image.GetDimension()
    spacing, origin, direction = np.ones(3), np.zeros(3), np.eye(3)
    spacing[:axes], origin[:axes] = image.GetSpacing(), image.GetOrigin()
    direction[:axes, :axes] = np.reshape(image.GetDirection(), (axes, axes))
    if not (np.isfinite([*spacing, *origin, *direction.flat]).all() and (spacing > 0).all()):
        raise InputError(f"'{path}' has a spacing, origin or direction that is not a valid number; repair its header.")
    return Geometry(tuple(spacing.tolist()), tuple(origin.tolist()), tuple(direction.ravel().tolist()))
