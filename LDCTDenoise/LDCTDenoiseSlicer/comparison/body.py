"""Where the body lies in a volume: views are fitted to it, and not to the field with table and air."""

import itertools

import numpy as np
import slicer.util
from LDCTDenoiseLib.requirements import require

from ..nodes import ijkToWorld
from . import plane

#: HU above which a voxel may be body; pixels and slices that are looked at along each axis, which is coarse enough.
_TISSUE, _PIXELS, _SLICES = -400, 128, 32

#: Pixels of the coarse look by which thin things, such as the table, are worn away.
_WORN = 2

#: The least share of a slice's width and height that the body has; what is smaller is no body to fit to.
_LEAST = 0.15

#: The share of the largest part that another must have to be of the body, too, as the other leg.
_PART = 0.1

#: Air around the body, as a share of its size.
_MARGIN = 0.02

#: The boxes of images that were looked at, by the time of their last change; and how many are remembered.
_known: dict = {}
_REMEMBERED = 8


def corners(volumeNode) -> np.ndarray:
    """Return the eight corners of the box that holds the body in the world, shape (8, 3); without one, the volume's."""
    # Modification times grow from one image to the next: no other image ever has the same.
    key = volumeNode.GetImageData().GetMTime()
    if key not in _known:
        while len(_known) > _REMEMBERED:
            _known.pop(next(iter(_known)))
        _known[key] = bodyBox(slicer.util.arrayFromVolume(volumeNode))
    box = _known[key]
    if box is None:
        return plane.corners(volumeNode)
    # (k, j, i) to (i, j, k); a slice is shown whole.
    points = np.array([[*corner[::-1], 1.0] for corner in itertools.product(*box)])
    return (ijkToWorld(volumeNode) @ points.T).T[:, :3]


def bodyBox(array: np.ndarray) -> list[tuple[float, float]] | None:
    """Return from where to where the body reaches along slices, rows and columns, or None where there is none.

    Parameters
    ----------
    array : numpy.ndarray
        HU, shape (slices, rows, columns).
    """
    ndimage = require("scipy.ndimage")
    steps = [max(1, count // most) for count, most in zip(array.shape, (_SLICES, _PIXELS, _PIXELS), strict=True)]
    coarse = array[tuple(slice(None, None, step) for step in steps)] > _TISSUE
    thin, inSlice = np.ones((1, 3, 3), bool), np.zeros((3, 3, 3), bool)
    inSlice[1] = ndimage.generate_binary_structure(2, 1)
    # The wall of the chest is thin, too. Once the table's shell has gone the lungs are filled: the wall is then worn
    # from outside only.
    filled = ndimage.binary_fill_holes(ndimage.binary_erosion(coarse, thin), inSlice)
    worn = ndimage.binary_erosion(filled, thin, _WORN - 1)
    parts, count = ndimage.label(worn)
    if not count:
        return None
    sizes = np.bincount(parts.ravel())[1:]
    found = [part for part, size in zip(ndimage.find_objects(parts), sizes, strict=True) if size > _PART * sizes.max()]
    box = []
    for axis, step in enumerate(steps):
        wear = _WORN if axis else 0
        lower = (min(part[axis].start for part in found) - wear) * step
        upper = (max(part[axis].stop for part in found) + wear) * step
        if axis and upper - lower < _LEAST * array.shape[axis]:
            return None
        margin = _MARGIN * (upper - lower)
        box.append((max(lower - margin, 0) - 0.5, min(upper + margin, array.shape[axis]) - 0.5))
    return box
