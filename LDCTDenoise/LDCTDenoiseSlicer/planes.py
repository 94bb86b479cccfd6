"""The planes of a volume: its slices, and those across its rows and columns, all of the same voxels.

Whatever a person reads counts them from 1, as the views do; calls and arrays count from 0.
"""

import math
from dataclasses import dataclass

import numpy as np
import slicer
import slicer.util
from LDCTDenoiseLib.errors import InputError

from .nodes import requireVolume, volumeFromNode, worldGeometry
from .rois import WorldToPixels

#: The names of planes, by the patient's axis that runs across them.
NAMES = ("sagittal", "coronal", "axial")

#: What is counted across them, by the volume's axis: i, j, k.
_COUNTED = ("column", "row", "slice")

#: By how much the normal of a view may differ from that of the planes (cosine), for the view to show one of them.
_PARALLEL = 0.999


@dataclass(frozen=True)
class Plane:
    """One plane of a volume."""

    axis: int  #: Of the volume, the axis across it: 0, 1, 2 for i, j, k.
    index: int  #: From 0.
    count: int  #: How many there are.
    name: str  #: One of `NAMES`.

    @classmethod
    def of(cls, volumeNode, index: int | None = None, name: str | None = None) -> "Plane":
        """Return a plane of a volume; by default a slice, and the middle one.

        Raises
        ------
        InputError
            If it has no such plane.
        """
        names = planeNames(volumeNode)
        if name is not None and name not in names:
            raise InputError(f"there is no plane '{name}'; choose from {', '.join(sorted(names))}.")
        axis = 2 if name is None else names.index(name)
        count = volumeNode.GetImageData().GetDimensions()[axis]
        index = count // 2 if index is None else index
        if not 0 <= index < count:
            raise InputError(f"'{volumeNode.GetName()}' has the {_COUNTED[axis]} indices 0 to {count - 1}, and no "
                             f"{index}.")
        return cls(axis, index, count, names[axis])

    def stacked(self, array: np.ndarray) -> np.ndarray:
        """Return a view of (slices, rows, columns) whose first axis counts planes like this one.

        Of planes across the rows, rows are slices; of those across the columns, columns are rows as well.
        """
        return np.moveaxis(array, 2 - self.axis, 0)

    def take(self, array: np.ndarray) -> np.ndarray:
        """Return its pixels of an array of shape (slices, rows, columns)."""
        return self.stacked(array)[self.index]

    def isUpsideDown(self, volumeNode) -> bool:
        """Whether its first row is nearer to the feet than its last: planes across the slices of most scans."""
        return self.axis != 2 and np.reshape(worldGeometry(volumeNode).direction, (3, 3))[2, 2] > 0

    @property
    def words(self) -> str:
        """Where it is: "slice 13 of 40", "row 201 of 512 (coronal)"."""
        counted = f"{_COUNTED[self.axis]} {self.index + 1} of {self.count}"
        return counted if self.axis == 2 else f"{counted} ({self.name})"


def planeNames(volumeNode) -> list[str]:
    """Return the names of the planes across i, j and k; an oblique one has that of the nearest."""
    directions = np.abs(np.reshape(worldGeometry(volumeNode).direction, (3, 3)))
    # Each name once, the clearest axis first.
    names, free = [""] * 3, [0, 1, 2]
    for axis in np.argsort(-directions.max(axis=0)):
        nearest = max(free, key=lambda n, axis=axis: directions[n, axis])
        names[axis] = NAMES[nearest]
        free.remove(nearest)
    return names


def planeInView(volumeNode, sliceNode) -> Plane:
    """Return the plane of a volume that a slice view shows.

    Raises
    ------
    InputError
        If the view runs along none of the volume's planes, or shows none of them.
    """
    requireVolume(volumeNode, "volume")
    volumeFromNode(volumeNode)
    toWorld = slicer.util.arrayFromVTKMatrix(sliceNode.GetSliceToRAS())
    toPixels = WorldToPixels(volumeNode)
    centre = toPixels(toWorld[:3, 3])
    # The axes of the view in pixels: along a plane, neither of the two in it leaves it.
    right, up, normal = (toPixels(toWorld[:3, 3] + toWorld[:3, n]) - centre for n in range(3))
    steepest = math.sqrt(1 - _PARALLEL**2)
    for axis in (2, 1, 0):
        if max(abs(right[axis]), abs(up[axis])) <= steepest * abs(normal[axis]):
            index = math.floor(centre[axis] + 0.5)
            count = volumeNode.GetImageData().GetDimensions()[axis]
            if not 0 <= index < count:
                raise InputError(f"the view shows no {_COUNTED[axis]} of '{volumeNode.GetName()}'; scroll to it.")
            return Plane(axis, index, count, planeNames(volumeNode)[axis])
    raise InputError(f"the view runs along none of the planes of '{volumeNode.GetName()}'; rotate it to the volume.")
