"""The comparison, laid out in the views of a scene; knows MRML and no window."""

from dataclasses import replace

import numpy as np
import vtk
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.hounsfield import PAPER, Window
from slicer.util import VTKObservationMixin

from . import plane, views, widgets
from .borrowed import borrow, giveBack
from .box import Box, makeBox
from .choice import Choice
from .differences import SliceDifference
from .layout import WHOLE_GROUP, ZOOM_GROUP, isOurs, viewName
from .link import LinkedViews, Place
from .windows import SharedWindow


class Comparison(VTKObservationMixin):
    """The comparison of a scene; there is one, `Comparison.of(scene)`.

    What of the user's is changed while it is laid out (layout, display windows, crosshair, the look of the ROI) is
    given back by `hide`, which also happens when the scene is closed or the user picks another layout.

    Attributes
    ----------
    choice : Choice or None
        What is laid out.
    """

    def __init__(self, scene):
        VTKObservationMixin.__init__(self)
        self.scene, self.choice = scene, None
        self._listeners = []
        self._layoutNode = self._links = self._box = None
        self._left = {}
        self._differences = {}
        self._window = SharedWindow(PAPER, onChanged=self._onWindowDragged)
        self._limits = SharedWindow(Window(-100, 100), symmetric=True, onChanged=self._onLimitDragged)

    @classmethod
    def of(cls, scene) -> "Comparison":
        """Return the comparison of a scene."""
        if getattr(scene, "_ldctComparison", None) is None:
            scene._ldctComparison = cls(scene)
        return scene._ldctComparison

    @property
    def shown(self) -> bool:
        return self.choice is not None

    @property
    def sliceIndex(self) -> int | None:
        """Index k, in the low-dose volume, of the slice that is laid out; None when none is, or across the slices."""
        if not self.shown:
            return None
        volume = self.choice.anchor
        toWorld = plane.ijkToWorld(volume)
        if plane.axisAlong(toWorld, self._links.normal) != 2:
            return None
        centre = plane.toGridSpace(volume, self._links.centre)
        k = int(np.floor((np.linalg.inv(toWorld) @ [*centre, 1.0])[2] + 0.5))
        return k if 0 <= k < volume.GetImageData().GetDimensions()[2] else None

    def addListener(self, listener) -> None:
        """Call `listener(what)` after each change: "shown", "slice", "roi", "roiEnd", "window"."""
        self._listeners.append(listener)

    def removeListener(self, listener) -> None:
        self._listeners.remove(listener)

    def show(self, choice: Choice) -> None:
        """Lay out a choice, or change what is laid out to it.

        Raises
        ------
        InputError
            If the scene has no views: Slicer runs without its main window, or this is slicer-core.
        """
        if choice == self.choice:
            return
        wasShown, before = self.shown, self.choice
        layoutNode = views.requireLayoutNode(self.scene)
        if "zoom" in choice.rows and choice.roi is None:
            choice = replace(choice, roi=self.makeBox(choice))
        if wasShown and choice == replace(
            before, window=choice.window, limit=choice.limit, crosshair=choice.crosshair, handles=choice.handles
        ):
            self.choice = choice
            self._look()
        else:
            self._takeDown()
            self.choice = choice
            self._layOut(layoutNode)
        self._tell("shown" if not wasShown else "window" if before.window != choice.window else "changed")

    def hide(self) -> None:
        """Put the comparison away: layout, windows, crosshair and ROI are the user's again. Safe when not shown."""
        if not self.shown:
            return
        names = [name for line in self.choice.layout.names for name in line]
        self._takeDown()
        self.choice = None
        self._window.release()
        self._limits.release()
        views.giveLayoutBack(self._layoutNode)
        if self._crosshairNode is not None:
            giveBack(self._crosshairNode)
        for name in names:
            views.empty(views.sliceNode(self.scene, name))
        self._tell("shown")

    def close(self) -> None:
        """Put it away for good: the module is about to go or to be reloaded."""
        self.hide()
        self._listeners.clear()
        self.scene._ldctComparison = None

    def fit(self) -> None:
        """Fit the whole images, and the zooms to the ROI."""
        if self.shown:
            self._links.fit()

    def showSlice(self, k: int) -> None:
        """Go to slice k of the low-dose volume.

        Raises
        ------
        InputError
            If there is no such slice, or nothing is laid out.
        """
        if not self.shown:
            raise InputError("no comparison is laid out; lay it out first.")
        volume = self.choice.anchor
        count = volume.GetImageData().GetDimensions()[2]
        if not 0 <= k < count:
            raise InputError(f"'{volume.GetName()}' has slices 0 to {count - 1} and no slice {k}.")
        toWorld = plane.ijkToWorld(volume)
        matrix = self._links.matrix.copy()
        ijk = np.linalg.inv(toWorld) @ matrix[:, 3]
        ijk[2] = k
        matrix[:, 3] = toWorld @ ijk
        self._links.moveTo(matrix)

    def makeBox(self, choice: Choice | None = None, corners=None):
        """Add a box that rides on the slice: in the middle of the image, or between two corners, shape (2, 3)."""
        choice = choice or self.choice
        if choice is None:
            raise InputError("no comparison is laid out; lay it out first.")
        matrix = self._links.matrix if self._links is not None else plane.axialMatrix(choice.anchor)
        return makeBox(self.scene, self.scene.GenerateUniqueName("Comparison ROI"), matrix, choice.anchor, corners)

    # How it is laid out

    def _layOut(self, layoutNode) -> None:
        self._layoutNode, layout = layoutNode, self.choice.layout
        views.takeLayout(layoutNode, layout)
        for column, label in enumerate(self.choice.images):
            for row in layout.rows:
                group = ZOOM_GROUP if row == "zoom" else WHOLE_GROUP
                views.fill(self._sliceNode(row, column), self._volumeOf(row, label), label, group)
        self._look()
        self._arrange()
        self._observe()

    def _volumeOf(self, row: str, label: str):
        """Return what a view shows; a difference is made for it."""
        if row not in ("difference", "noise"):
            return self.choice.images[label]
        minuend, subtrahend = self.choice.cell(row, label)
        if minuend is None:
            return None
        difference = SliceDifference(minuend, subtrahend, f"{minuend.GetName()} − {subtrahend.GetName()}")
        self._differences[row, label] = difference
        return difference.node

    def _arrange(self) -> None:
        """Bring the views to their plane, pan and zoom: where they were left, or to the whole image."""
        choice = self.choice
        columns = range(choice.layout.columns)
        wholes = [self._sliceNode(row, column) for row in choice.layout.rows if row != "zoom" for column in columns]
        zooms = [self._sliceNode("zoom", column) for column in columns] if "zoom" in choice.rows else []
        if choice.roi is not None:
            shownIn = [node.GetID() for node in wholes[: choice.layout.columns]]
            self._box = Box(choice.roi, shownIn, choice.handles, self._onBoxMoved, lambda: self._tell("roiEnd"))
        self._links = LinkedViews(
            wholes, zooms, lambda: plane.corners(choice.anchor),
            lambda: self._box.points() if self._box else None, self._onSlice,
        )
        place = self._left.get(choice.anchor.GetID())
        if place is None or not plane.cuts(choice.anchor, place.matrix):
            place = Place(self._firstPlane())
        self._links.goTo(place, plane.spacingAlong(choice.anchor, place.matrix[:3, 2]))
        crosshair = self._crosshairNode
        if crosshair is not None and not plane.contains(choice.anchor, crosshair.GetCrosshairRAS()):
            crosshair.SetCrosshairRAS(*self._links.centre)

    def _firstPlane(self) -> np.ndarray:
        """Return where to begin: on the slice that the user looks at, when that is one of an image of ours."""
        anchor = self.choice.anchor
        matrix = plane.axialMatrix(anchor)
        if views.backgroundOf(self.scene, "Red") in self.choice.images.values():
            normal, own = matrix[:3, 2], plane.matrixOf(views.sliceNode(self.scene, "Red"))
            if abs(normal @ own[:3, 2]) > 0.99:
                matrix[:3, 3] += normal * ((own[:3, 3] - matrix[:3, 3]) @ normal)
        matrix[:3, 3] = plane.onSlice(anchor, matrix[:3, 2], matrix[:3, 3])
        return matrix

    def _look(self) -> None:
        """Bring windows, captions, crosshair and handles in line with the choice."""
        choice = self.choice
        self._window.hold(list(dict.fromkeys(choice.images.values())))
        self._window.window = choice.window
        self._limits.hold([difference.node for difference in self._differences.values()])
        self._limits.window = Window(-choice.limit, choice.limit)
        if self._box is not None:
            self._box.showHandles(choice.handles)
        crosshair = self._crosshairNode
        if crosshair is not None and choice.crosshair:
            borrow(crosshair, CrosshairMode=crosshair.ShowSmallIntersection)
        elif crosshair is not None:
            giveBack(crosshair)
        for column, label in enumerate(choice.images):
            for row in choice.layout.rows:
                widgets.dress(viewName(row, column), choice.caption(row, label), hasBar=row == "images")

    def _observe(self) -> None:
        scene = self.scene
        self.addObserver(scene, scene.StartCloseEvent, self._onSceneClosing)
        self.addObserver(scene, scene.NodeRemovedEvent, self._onNodeRemoved)
        self.addObserver(self._layoutNode, vtk.vtkCommand.ModifiedEvent, self._onLayoutModified)
        for volume in dict.fromkeys(self.choice.images.values()):
            for event in (volume.ImageDataModifiedEvent, volume.TransformModifiedEvent):
                self.addObserver(volume, event, self._onVolumeModified)

    def _takeDown(self) -> None:
        """Let go of the views, the box and the differences; the layout stays."""
        self.removeObservers()
        if self._links is not None:
            self._left = {self.choice.anchor.GetID(): self._links.place}
            self._links.close()
            self._links = None
        if self._box is not None:
            self._box.close()
            self._box = None
        for difference in self._differences.values():
            difference.remove()
        self._differences = {}

    @property
    def _crosshairNode(self):
        return self.scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")

    def _sliceNode(self, row: str, column: int):
        return views.sliceNode(self.scene, viewName(row, column))

    # What happens to it

    def _tell(self, what: str) -> None:
        for listener in list(self._listeners):
            listener(what)

    def _onSlice(self) -> None:
        for difference in self._differences.values():
            difference.update(self._links.centre, self._links.normal)
        if self._box is not None:
            self._box.ride(self._links.centre, self._links.normal)
        self._tell("slice")

    def _onBoxMoved(self) -> None:
        self._links.zoom()
        self._tell("roi")

    def _onVolumeModified(self, volume, event) -> None:
        for difference in self._differences.values():
            if volume in difference.volumes:
                difference.update(self._links.centre, self._links.normal, changed=True)

    def _onWindowDragged(self) -> None:
        self.choice = replace(self.choice, window=self._window.window)
        self._tell("window")

    def _onLimitDragged(self) -> None:
        self.choice = replace(self.choice, limit=self._limits.window.upper)
        self._look()
        self._tell("window")

    def _onSceneClosing(self, scene, event) -> None:
        self.hide()
        # The next scene's nodes may have the same ids.
        self._left = {}

    def _onLayoutModified(self, layoutNode, event) -> None:
        if not isOurs(layoutNode.GetViewArrangement()):
            self.hide()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeRemoved(self, scene, event, node) -> None:
        choice = self.choice
        if node is choice.roi:
            rows = tuple(row for row in choice.rows if row != "zoom")
            self.show(replace(choice, roi=None, rows=rows))
        elif node in choice.images.values():
            left = choice.without(node)
            if left is None:
                self.hide()
            else:
                self.show(left)
