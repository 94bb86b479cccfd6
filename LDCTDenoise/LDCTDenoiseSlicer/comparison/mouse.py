"""The mouse in the comparison's views: a double click makes one large, a drag inside the active region moves it."""

import numpy as np
import slicer
import slicer.util
import vtk

from . import plane, widgets
from .debounce import Debounce
from .layout import viewName
from .region_marks import shift

try:
    import qt
except ModuleNotFoundError:  # slicer-core
    qt = None

#: Pixels inside of a region's edge from which on a drag moves it; nearer are Slicer's handles, which resize it.
_EDGE = 9

#: Before Slicer's own, which are at 0.
_PRIORITY = 10.0


class Mouse:
    """Watches the mouse in views; does nothing where there are no widgets.

    Parameters
    ----------
    comparison : SideBySide
    cells : sequence of (str, int)
        Row and number of the image of each view.
    """

    def __init__(self, comparison, cells):
        self._comparison = comparison
        self._observed, self._drag, self._clicked = [], None, None
        # After the event: the view that was clicked may go.
        self._enlarge = Debounce(self._enlargeNow)
        for row, number in cells:
            name = viewName(row, number)
            widget = widgets.sliceWidget(name)
            if widget is None:
                continue
            interactor = widget.sliceView().interactor()
            acts = {"LeftButtonDoubleClickEvent": self._onDoubleClick, "EnterEvent": self._onEnter}
            if row == "images":
                # Regions are shown there; a zoom would run away from the mouse.
                acts |= {"LeftButtonPressEvent": self._onPress, "MouseMoveEvent": self._onMove,
                         "LeftButtonReleaseEvent": self._onRelease}
                if number == 0:
                    self._onEnter(interactor, name)
            for event, act in acts.items():
                self._observe(interactor, event, act, name)

    def close(self) -> None:
        self._enlarge.stop()
        for interactor, tag in self._observed:
            interactor.RemoveObserver(tag)
        self._observed.clear()

    def press(self, node, xy) -> bool:
        """Begin a drag at a pixel of a view, and say whether it is one of the active region."""
        request = self._comparison.request
        grabbed = request.handles and plane.isPlaced(request.roi) and isInside(request.roi, node, xy)
        self._drag = (request.roi, pointAt(node, xy)) if grabbed else None
        return bool(grabbed)

    def move(self, node, xy) -> bool:
        """Go on with the drag, if there is one."""
        if self._drag is None:
            return False
        region, last = self._drag
        if region.GetScene() is None:
            self._drag = None
            return False
        point = pointAt(node, xy)
        self._drag = region, point
        shift(region, point - last)
        return True

    def release(self) -> bool:
        """End the drag, if there is one."""
        drag, self._drag = self._drag, None
        if drag is not None and drag[0].GetScene() is not None:
            drag[0].InvokeEvent(drag[0].PointEndInteractionEvent)
        return drag is not None

    def _observe(self, interactor, event: str, act, name: str) -> None:
        def onEvent(caller, event) -> None:
            if act(caller, name):
                caller.GetCommand(tag).SetAbortFlag(1)

        tag = interactor.AddObserver(event, onEvent, _PRIORITY)
        self._observed.append((interactor, tag))

    def _onDoubleClick(self, interactor, name: str) -> bool:
        self.release()
        self._clicked = name
        self._enlarge.ask()
        return True

    def _enlargeNow(self) -> None:
        if self._comparison.shown and self._clicked is not None:
            self._comparison.enlarge(self._clicked)

    def _onPress(self, interactor, name: str) -> bool:
        # While a region is drawn or the window dragged, the mouse is Slicer's.
        mode = self._comparison.scene.GetFirstNodeByClass("vtkMRMLInteractionNode")
        if mode is not None and mode.GetCurrentInteractionMode() != mode.ViewTransform:
            return False
        if interactor.GetShiftKey() or interactor.GetControlKey():
            return False
        return self.press(self._node(name), interactor.GetEventPosition())

    def _onMove(self, interactor, name: str) -> bool:
        return self.move(self._node(name), interactor.GetEventPosition())

    def _onRelease(self, interactor, name: str) -> bool:
        return self.release()

    def _onEnter(self, interactor, name: str) -> bool:
        # The pointer brings the keys along, but takes them from no one who types.
        typed = (qt.QLineEdit, qt.QTextEdit, qt.QPlainTextEdit, qt.QAbstractSpinBox)
        if not isinstance(qt.QApplication.focusWidget(), typed):
            widgets.sliceWidget(name).sliceView().setFocus()
        return False

    def _node(self, name: str):
        return self._comparison.scene.GetSingletonNode(name, "vtkMRMLSliceNode")


def pointAt(node, xy) -> np.ndarray:
    """Return the point of the world at a pixel of a view."""
    return np.array(node.GetXYToRAS().MultiplyPoint([xy[0], xy[1], 0.0, 1.0])[:3])


def isInside(region, node, xy) -> bool:
    """Whether a pixel of a view is well inside a box or a closed curve that its slice cuts.

    Parameters
    ----------
    region : vtkMRMLMarkupsROINode or vtkMRMLMarkupsClosedCurveNode
    node : vtkMRMLSliceNode
    xy : sequence of 2 float
        Pixels, from the lower left.
    """
    point, normal = pointAt(node, xy), plane.matrixOf(node)[:3, 2]
    edge = _EDGE * plane.scaleOf(node)
    if region.IsA("vtkMRMLMarkupsROINode"):
        toWorld = slicer.util.arrayFromVTKMatrix(region.GetObjectToWorldMatrix())
        place = np.abs(np.linalg.inv(toWorld) @ [*point, 1.0])[:3]
        # Across the slice the box may be as thin as it is; along it, its edges are not inside.
        along = np.abs(toWorld[:3, :3].T @ normal) < 0.5
        return bool((place <= np.array(region.GetSize()) / 2 - edge * along).all())
    inverse = vtk.vtkMatrix4x4()
    vtk.vtkMatrix4x4.Invert(node.GetXYToRAS(), inverse)
    points = plane.outline(region)
    if np.abs((points - point) @ normal).min() > node.GetFieldOfView()[2]:
        return False
    outline = np.array([inverse.MultiplyPoint([*p, 1.0])[:2] for p in points])
    if np.linalg.norm(outline - xy, axis=1).min() < _EDGE:
        return False
    # A ray to the right crosses the outline an odd number of times.
    before, after = outline, np.roll(outline, -1, axis=0)
    crossed = (before[:, 1] > xy[1]) != (after[:, 1] > xy[1])
    before, after = before[crossed], after[crossed]
    at = before[:, 0] + (xy[1] - before[:, 1]) * (after[:, 0] - before[:, 0]) / (after[:, 1] - before[:, 1])
    return bool(np.count_nonzero(at > xy[0]) % 2)
