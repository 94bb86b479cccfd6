"""The difference of two volumes, computed for the slice that is looked at and no other."""

import numpy as np
import slicer

from ..nodes import addHidden, ijkToWorld
from .plane import axisAlong, bentBy, toGridSpace, vtkMatrix


class SliceDifference:
    """One slice of minuend minus subtrahend, as a volume node that a slice view can show.

    A difference of 512×512×300 voxels takes 300 MiB as float32 and 0.6 s to compute, for each image; of one slice it
    takes 1 MiB and 2 ms along the slices (8 ms across them), and follows when a volume changes.

    Parameters
    ----------
    minuend, subtrahend : vtkMRMLScalarVolumeNode
        Two volumes on one grid, or with slices that lie on one another.
    """

    def __init__(self, minuend, subtrahend):
        self.minuend, self.subtrahend = minuend, subtrahend
        self.node = addHidden(minuend.GetScene(), f"{minuend.GetName()} − {subtrahend.GetName()}")
        self._showNothing()

    @property
    def volumes(self):
        return (self.minuend, self.subtrahend)

    @property
    def isShown(self) -> bool:
        """Whether there is a difference of the slice looked at."""
        return self._shown is not None

    def update(self, centre: np.ndarray, normal: np.ndarray, changed: bool = False) -> bool:
        """Show the slice through a point, and say whether there is one.

        Parameters
        ----------
        centre, normal : numpy.ndarray
            A point of the plane and its unit normal, in the world.
        changed : bool
            Whether the voxels may have changed since the last call.
        """
        minuend, subtrahend = (_Slice.through(volume, centre, normal) for volume in self.volumes)
        if minuend is None or subtrahend is None or not minuend.liesOn(subtrahend):
            return self._showNothing()
        bend = bentBy(self.minuend)
        if bend is not bentBy(self.subtrahend):
            return self._showNothing()
        shown = (minuend.axis, minuend.index, subtrahend.index)
        if shown != self._shown or changed:
            self._shown = shown
            # Float: the difference of two numbers of 16 bits needs 17.
            array = minuend.array.astype(np.float32) - subtrahend.array
            with slicer.util.NodeModify(self.node):
                self.node.SetIJKToRASMatrix(vtkMatrix(minuend.matrix))
                self.node.SetAndObserveTransformNodeID(bend.GetID() if bend else None)
                slicer.util.updateVolumeFromArray(self.node, array)
        return True

    def _showNothing(self) -> bool:
        self._shown = None
        # A speck and not an empty volume: of that one the view's pipeline would complain.
        self.node.SetAndObserveTransformNodeID(None)
        self.node.SetIJKToRASMatrix(vtkMatrix(np.diag([1e-3, 1e-3, 1e-3, 1.0])))
        slicer.util.updateVolumeFromArray(self.node, np.zeros((1, 1, 1), np.float32))
        return False


class _Slice:
    """One slice of a volume, across the axis that runs most along a normal."""

    def __init__(self, array: np.ndarray, matrix: np.ndarray, axis: int, index: int):
        self.array, self.matrix, self.axis, self.index = array, matrix, axis, index

    @classmethod
    def through(cls, volume, centre, normal):
        """Return the slice through a point, or None when the volume has none there."""
        if volume.GetScene() is None or volume.GetImageData() is None:
            return None
        matrix = ijkToWorld(volume)
        axis = axisAlong(matrix, normal)
        index = int(np.floor((np.linalg.inv(matrix) @ [*toGridSpace(volume, centre), 1.0])[axis] + 0.5))
        dimensions = volume.GetImageData().GetDimensions()
        if not 0 <= index < dimensions[axis] or volume.GetImageData().GetNumberOfScalarComponents() != 1:
            return None
        start = np.zeros(3)
        start[axis] = index
        matrix[:3, 3] += matrix[:3, :3] @ start
        # Arrays are (k, j, i).
        take = [slice(None)] * 3
        take[2 - axis] = slice(index, index + 1)
        return cls(slicer.util.arrayFromVolume(volume)[tuple(take)], matrix, axis, index)

    def liesOn(self, other) -> bool:
        """Whether two slices have the same pixels, to a hundredth of one."""
        if self.array.shape != other.array.shape or self.axis != other.axis:
            return False
        tolerance = 0.01 * np.linalg.norm(self.matrix[:3, :3], axis=0).min()
        k, j, i = self.array.shape
        for corner in ((0, 0, 0, 1), (i, 0, 0, 1), (0, j, 0, 1), (0, 0, k, 1)):
            if not np.allclose(self.matrix @ corner, other.matrix @ corner, rtol=0, atol=tolerance):
                return False
        return True
