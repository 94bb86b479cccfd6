"""The ROI whose zoom is shown: a red box on the images, as in the paper."""

import numpy as np
import vtk
from slicer.util import VTKObservationMixin

from . import plane
from .saved_display import override, restore

#: The attribute of an ROI that was made for the comparison, and so lies on whatever slice is looked at.
_RIDES = "LDCTDenoise.RidesOnSlice"

#: The share of the image's width that a new box has.
_SHARE = 0.25

_LOOK = {
    "Visibility": 1,
    "FillVisibility": 0,
    "OutlineVisibility": 1,
    "OutlineOpacity": 1.0,
    "SelectedColor": (1.0, 0.0, 0.0),
    "Color": (1.0, 0.0, 0.0),
    "ActiveColor": (1.0, 0.3, 0.3),
    "PointLabelsVisibility": 0,
    "PropertiesLabelVisibility": 0,
    "CurveLineSizeMode": 1,
    "LineDiameter": 2.0,
    "TranslationHandleVisibility": 1,
    "RotationHandleVisibility": 0,
    "ScaleHandleVisibility": 1,
    "InteractionHandleScale": 1.2,
}


class Box(VTKObservationMixin):
    """An ROI in the look of the comparison, watched.

    Parameters
    ----------
    roi : vtkMRMLMarkupsROINode
        The user's, or one of `makeBox`.
    views : sequence of str
        Ids of the views to show it in; the zooms it would only cover.
    handles : bool
        Whether it can be dragged and resized.
    onMoved, onLetGo : callable
        Called with no argument while it changes, and when a drag has ended.
    """

    def __init__(self, roi, views, handles: bool, onMoved, onLetGo):
        VTKObservationMixin.__init__(self)
        self.roi = roi
        roi.CreateDefaultDisplayNodes()
        override(roi.GetDisplayNode(), **_LOOK, **_handles(handles), ViewNodeIDs=tuple(views))
        for event in (roi.PointModifiedEvent, roi.PointPositionDefinedEvent, vtk.vtkCommand.ModifiedEvent):
            self.addObserver(roi, event, lambda caller, event: onMoved())
        self.addObserver(roi, roi.PointEndInteractionEvent, lambda caller, event: onLetGo())

    def close(self) -> None:
        """Give the ROI its own look back."""
        self.removeObservers()
        if self.roi.GetDisplayNode() is not None:
            restore(self.roi.GetDisplayNode())

    def showHandles(self, handles: bool) -> None:
        override(self.roi.GetDisplayNode(), **_handles(handles))

    def points(self) -> np.ndarray | None:
        """Return the corners of the box in the world, shape (8, 3), or None as long as it is not placed."""
        return plane.boxCorners(self.roi) if plane.isPlaced(self.roi) else None

    def ride(self, centre: np.ndarray, normal: np.ndarray) -> None:
        """Move a box that was made for the comparison along the normal onto the slice; leave the user's own alone."""
        if self.roi.GetAttribute(_RIDES) is None or not plane.isPlaced(self.roi):
            return
        place = np.array(self.roi.GetCenterWorld())
        step = (centre - place) @ normal
        if abs(step) > 1e-6:
            wasModifying = self.roi.StartModify()
            self.roi.SetCenterWorld(place + step * normal)
            self.roi.EndModify(wasModifying)


def _handles(shown: bool) -> dict:
    # Without handles there are no glyphs either: the one in the middle would cover what one wants to see.
    return {"HandlesInteractive": int(shown), "GlyphScale": 1.5 if shown else 0.0}


def addBox(scene, name: str):
    """Add an ROI node that will ride on the slice; it has no place yet."""
    roi = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", name)
    roi.SetAttribute(_RIDES, "1")
    roi.CreateDefaultDisplayNodes()
    for setting, value in _LOOK.items():
        getattr(roi.GetDisplayNode(), f"Set{setting}")(value)
    return roi


def lay(roi, matrix: np.ndarray, volume, corners=None) -> None:
    """Lay an ROI flat onto a slice, as deep as the slice is thick.

    Parameters
    ----------
    matrix : numpy.ndarray
        SliceToRAS of the view, shape (4, 4); the box gets its axes.
    volume : vtkMRMLScalarVolumeNode
        The image.
    corners : numpy.ndarray, optional
        Points of the world, shape (n, 3), that the box is to hold. Default: a square in the middle of the image.
    """
    axes = matrix[:3, :3]
    points = (plane.corners(volume) if corners is None else np.asarray(corners, dtype=float)) @ axes
    middle, size = (points.min(axis=0) + points.max(axis=0)) / 2, np.ptp(points, axis=0)
    if corners is None:
        size[:2] = _SHARE * size[0]
    middle[2] = matrix[:3, 3] @ axes[:, 2]
    size[2] = plane.spacingAlong(volume, axes[:, 2])
    toNode = np.eye(4)
    toNode[:3, :3] = axes
    wasModifying = roi.StartModify()
    roi.SetAndObserveObjectToNodeMatrix(plane.vtkMatrix(toNode))
    roi.SetCenterWorld(axes @ middle)
    roi.SetSize(*np.maximum(size, 1.0))
    roi.EndModify(wasModifying)
