"""In which planes a volume was scanned: the axial ones, whichever way the file stores them."""

import numpy as np

from ..errors import InputError
from ..volumes.volume import Geometry, Volume

#: Names of the planes by the patient axis (x to the left, y to the back, z to the head) that is across them.
_PLANES = ("sagittal", "coronal", "axial")
#: Cosine of the largest tilt of the gantry, 35 degrees: what is more oblique was reformatted.
_TILT = 0.82
#: Fewest pixels along each side of a plane that rays can be followed through.
_FEWEST = 16


def orientation(geometry: Geometry) -> str:
    """Return "axial", "coronal", "sagittal" or "oblique": the planes that the slices of an array are."""
    across = np.abs(np.array(geometry.direction).reshape(3, 3)[:, 2])
    return _PLANES[int(across.argmax())] if across.max() >= _TILT else "oblique"


def axial_planes(volume: Volume) -> tuple[np.ndarray, tuple[float, float], float]:
    """Return a volume as the axial planes it was scanned in.

    Returns
    -------
    planes : numpy.ndarray
        A view of the array, shape (axial slices, rows, columns): writing to it writes to the volume.
    pixel_spacing : tuple of float
        Millimetres between its columns and between its rows.
    slice_spacing : float
        Millimetres between its slices.

    Raises
    ------
    InputError
        If no axis of the volume lies across axial planes, or too little of each is there.
    """
    head = np.abs(np.array(volume.geometry.direction).reshape(3, 3)[2])  # of i, j, k
    if head.max() < _TILT:
        raise InputError(
            f"'{volume.name}' was reformatted in oblique planes, and a dose can only be lowered in the axial planes of "
            "the scan; give the axial series."
        )
    axis = int(head.argmax())
    planes = np.moveaxis(volume.array, 2 - axis, 0)
    if axis != 2 and min(planes.shape[1:]) < _FEWEST:
        raise InputError(
            f"'{volume.name}' holds {min(planes.shape[1:])} {orientation(volume.geometry)} slices, too few to follow "
            "rays through its axial planes, in which it was scanned; give the axial series."
        )
    columns, rows = (step for n, step in enumerate(volume.geometry.spacing) if n != axis)
    return planes, (columns, rows), volume.geometry.spacing[axis]


def measured_planes(volume: Volume) -> tuple[np.ndarray, tuple[float, float], float]:
    """Return the planes that noise is measured in, as `axial_planes`; where a volume has no such, its slices."""
    try:
        return axial_planes(volume)
    except InputError:
        columns, rows, apart = volume.geometry.spacing
        return volume.array, (columns, rows), apart
