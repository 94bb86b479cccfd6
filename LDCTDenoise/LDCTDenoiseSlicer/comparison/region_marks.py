"""The regions as the comparison shows them: the active one thick and with handles, the others thin and without."""

import numpy as np
import vtk
from slicer.util import NodeModify, VTKObservationMixin

from ..regions import CIRCLE_POINTS, Region, follows
from . import plane
from .saved_display import override, restore

#: The share of the image's width that a new box has.
_SHARE = 0.25

#: By how much the slices' normal may lean against that of a flat region (cosine) for it to go along with them.
_PARALLEL = 0.999

_LOOK = {
    "Visibility": 1,
    "FillVisibility": 0,
    "OutlineVisibility": 1,
    "OutlineOpacity": 1.0,
    "PointLabelsVisibility": 0,
    "PropertiesLabelVisibility": 0,
    "CurveLineSizeMode": 1,
    "RotationHandleVisibility": 0,
    "InteractionHandleScale": 1.2,
}

#: Millimetres that the lines of the active region, and of the others, are wide.
_THICK, _THIN = 2.0, 1.0


class RegionMark(VTKObservationMixin):
    """A region's markup in the look of the comparison, watched.

    Parameters
    ----------
    region : Region
        A box or a curve.
    views : sequence of str
        Ids of the views to show it in; the zooms it would only cover.
    active, handles : bool
        Whether it is the one that is zoomed, and whether that can be dragged and resized.
    onMoved, onLetGo : callable
        Called with no argument while it changes, and when a drag has ended.
    """

    def __init__(self, region: Region, views, active: bool, handles: bool, onMoved, onLetGo):
        VTKObservationMixin.__init__(self)
        self.region = region
        node = region.node
        node.CreateDefaultDisplayNodes()
        override(node.GetDisplayNode(), **_LOOK, ViewNodeIDs=tuple(views))
        self.show(active, handles)
        for event in (node.PointModifiedEvent, node.PointPositionDefinedEvent, vtk.vtkCommand.ModifiedEvent):
            self.addObserver(node, event, lambda caller, event: onMoved())
        self.addObserver(node, node.PointEndInteractionEvent, lambda caller, event: onLetGo())

    def close(self) -> None:
        """Give the markup its own look back."""
        self.removeObservers()
        if self.region.node.GetDisplayNode() is not None:
            restore(self.region.node.GetDisplayNode())

    def show(self, active: bool, handles: bool) -> None:
        """Show it as the active region, or as one of the others."""
        # Without handles there are no glyphs either: the one in the middle would cover what one wants to see.
        shown = active and handles
        override(self.region.node.GetDisplayNode(), HandlesInteractive=int(shown), GlyphScale=1.5 if shown else 0.0,
                 TranslationHandleVisibility=int(shown), ScaleHandleVisibility=int(shown),
                 LineDiameter=_THICK if active else _THIN)

    def points(self) -> np.ndarray | None:
        """Return what it reaches to in the world, shape (n, 3), or None as long as it is not placed."""
        return plane.outline(self.region.node) if plane.isPlaced(self.region.node) else None

    def ride(self, centre: np.ndarray, normal: np.ndarray) -> None:
        """Move a region that follows the slice along the normal onto it; in another orientation it stays."""
        points = self.points()
        if not follows(self.region.node) or points is None:
            return
        # Flattest across the slices it was drawn in, and only along those does it go.
        middle = points.mean(axis=0)
        flattest = np.linalg.svd(points - middle)[2][2]
        step = (centre - middle) @ normal
        if abs(flattest @ normal) < _PARALLEL or abs(step) <= 1e-6:
            return
        shift(self.region.node, step * normal)


def shift(node, step: np.ndarray) -> None:
    """Move a box or a curve by a vector of the world."""
    with NodeModify(node):
        if node.IsA("vtkMRMLMarkupsROINode"):
            node.SetCenterWorld(np.array(node.GetCenterWorld()) + step)
        else:
            for n in range(node.GetNumberOfControlPoints()):
                node.SetNthControlPointPositionWorld(n, np.array(node.GetNthControlPointPositionWorld(n)) + step)


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
    with NodeModify(roi):
        roi.SetAndObserveObjectToNodeMatrix(plane.vtkMatrix(toNode))
        roi.SetCenterWorld(axes @ middle)
        roi.SetSize(*np.maximum(size, 1.0))


def clicked(roi, matrix: np.ndarray) -> np.ndarray:
    """Return the two corners of a box that were clicked in a view, shape (2, 3).

    Slicer lays the box along its own axes; in an oblique view it is then larger than what was clicked, but the two
    places are opposite corners of it: those that lie in the view's plane.
    """
    corners = plane.boxCorners(roi)
    heights = np.abs((corners - matrix[:3, 3]) @ matrix[:3, 2])
    first = int(np.argmin(heights[:4] + heights[:3:-1]))
    return corners[[first, 7 - first]]


def inscribe(curve, matrix: np.ndarray, corners) -> None:
    """Lay a closed curve flat onto a slice, as the ellipse in the box that holds the corners.

    Parameters
    ----------
    curve : vtkMRMLMarkupsClosedCurveNode
    matrix : numpy.ndarray
        SliceToRAS of the view.
    corners : numpy.ndarray
        Points of the world, shape (n, 3).
    """
    axes = matrix[:3, :3]
    points = np.asarray(corners, dtype=float) @ axes
    middle, half = (points.min(axis=0) + points.max(axis=0)) / 2, np.ptp(points, axis=0) / 2
    middle[2] = matrix[:3, 3] @ axes[:, 2]
    with NodeModify(curve):
        curve.RemoveAllControlPoints()
        for angle in np.linspace(0, 2 * np.pi, CIRCLE_POINTS, endpoint=False):
            point = middle + [half[0] * np.cos(angle), half[1] * np.sin(angle), 0]
            curve.AddControlPointWorld(*(axes @ point))
