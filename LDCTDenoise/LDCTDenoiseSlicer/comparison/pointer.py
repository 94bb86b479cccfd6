"""The HU of all images at the pointer."""

import numpy as np
import slicer
import slicer.util
from slicer.util import VTKObservationMixin

from ..nodes import ijkToWorld
from . import plane
from .debounce import Throttle

#: Seconds between two times that the pointer is followed.
_SECONDS = 0.06


def valuesAt(images: dict, point) -> dict[str, float]:
    """Return the HU of images at a point of the world; an image that does not reach there is left out.

    Parameters
    ----------
    images : dict of str to vtkMRMLScalarVolumeNode
    point : sequence of 3 float
        RAS in mm. The value is that of the voxel whose centre is nearest.
    """
    found = {}
    for label, volume in images.items():
        place = [*plane.toGridSpace(volume, point), 1.0]
        i, j, k = np.floor((np.linalg.inv(ijkToWorld(volume)) @ place)[:3] + 0.5).astype(int)
        columns, rows, slices = volume.GetImageData().GetDimensions()
        if 0 <= i < columns and 0 <= j < rows and 0 <= k < slices:
            found[label] = float(slicer.util.arrayFromVolume(volume)[k, j, i])
    return found


class Pointer(VTKObservationMixin):
    """Where the mouse points to in the views of a scene.

    Parameters
    ----------
    scene : vtkMRMLScene
    onMoved : callable
        Called with no argument when it has moved, in or out of the views.
    """

    def __init__(self, scene, onMoved):
        VTKObservationMixin.__init__(self)
        self._throttle = Throttle(onMoved, _SECONDS)
        self._node = scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
        if self._node is not None:
            self.addObserver(self._node, slicer.vtkMRMLCrosshairNode.CursorPositionModifiedEvent,
                             lambda caller, event: self._throttle.ask())

    @property
    def point(self) -> tuple[float, float, float] | None:
        """The point of the world, or None where it points to no view."""
        point = [0.0, 0.0, 0.0]
        if self._node is None or not self._node.GetCursorPositionRAS(point):
            return None
        return tuple(point)

    def close(self) -> None:
        self.removeObservers()
        self._throttle.stop()
