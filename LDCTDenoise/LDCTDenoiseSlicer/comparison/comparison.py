"""The comparison, laid out in the views of a scene; knows MRML and no window."""

from dataclasses import replace

import vtk
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.hounsfield import PAPER, Window
from slicer.util import VTKObservationMixin

from . import plane, views, widgets
from .borrowed import borrow, giveBack
from .box import addBox, lay
from .choice import Choice
from .drawing import Drawing
from .layout import isOurs, viewName
from .stage import Stage
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
        self._layoutNode = self._stage = self._drawing = None
        # Where the views were left, by the id of the volume that they were aligned to.
        self._left = {}
        self._window = SharedWindow(PAPER, onChanged=self._onWindowDragged)
        self._limits = SharedWindow(Window(-100, 100), symmetric=True, onChanged=self._onLimitDragged)

    @classmethod
    def of(cls, scene) -> "Comparison":
        """Return the comparison of a scene."""
        comparison = getattr(scene, "_ldctComparison", None)
        if type(comparison) is not cls:
            if comparison is not None:
                comparison.close()  # of the code before a reload
            comparison = scene._ldctComparison = cls(scene)
        return comparison

    @property
    def shown(self) -> bool:
        return self.choice is not None

    @property
    def sliceIndex(self) -> int | None:
        """Index k, in the low-dose volume, of the slice that is laid out; None when none is, or across the slices."""
        return self._stage.sliceIndex if self._stage is not None else None

    def addListener(self, listener) -> None:
        """Call `listener(what)` after each change: "shown", "changed", "moving", "slice", "roi", "roiEnd", "window"."""
        self._listeners.append(listener)

    def notices(self) -> str:
        """Say what cannot be shown, and why; empty when all is."""
        return self._stage.notices() if self._stage is not None else ""

    def show(self, choice: Choice) -> None:
        """Lay out a choice, or change what is laid out to it.

        Raises
        ------
        InputError
            If the scene has no views: Slicer runs without its main window, or this is slicer-core.
        """
        if choice == self.choice:
            return
        before = self.choice
        self._layoutNode = views.requireLayoutNode(self.scene)
        if "zoom" in choice.rows and choice.roi is None:
            choice = replace(choice, roi=self.makeBox(choice))
        if before is not None and choice.content == before.content:
            self.choice = choice
            self._look()
        else:
            with widgets.renderedOnce():
                self._layOut(choice)
        if before is None:
            self._tell("shown")
        else:
            self._tell("window" if before.window != choice.window else "changed")

    def hide(self) -> None:
        """Put the comparison away: layout, windows, crosshair and ROI are the user's again. Safe when not shown."""
        if not self.shown:
            return
        if self._drawing is not None:
            self._drawing.stop()
        with widgets.renderedOnce():
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
        widgets.undress()
        self.scene._ldctComparison = None

    def fit(self) -> None:
        """Fit the whole images, and the zooms to the ROI."""
        if self._stage is not None:
            self._stage.links.fit()

    def showSlice(self, k: int) -> None:
        """Go to slice k of the low-dose volume; `InputError` when there is none, or nothing is laid out."""
        self._requireChoice()
        self._stage.showSlice(k)

    def makeBox(self, choice: Choice | None = None, corners=None):
        """Add a box that rides on the slice: in the middle of the image, or around points of shape (n, 3)."""
        anchor = (choice or self._requireChoice()).anchor
        roi = addBox(self.scene, self.scene.GenerateUniqueName("Comparison ROI"))
        matrix = self._stage.links.matrix if self._stage is not None else plane.axialMatrix(anchor)
        lay(roi, matrix, anchor, corners)
        return roi

    def drawBox(self):
        """Let the user draw a box with two clicks, which is zoomed then; return its node, not placed yet."""
        if self._drawing is not None:
            self._drawing.stop()
        choice = self._requireChoice()
        roi = addBox(self.scene, self.scene.GenerateUniqueName("Comparison ROI"))

        def ended(placed: bool) -> None:
            self._drawing = None
            if placed and self.shown:
                lay(roi, self._stage.links.matrix, self.choice.anchor, plane.boxCorners(roi))
                self._tell("roiEnd")
            elif not placed:
                if self.shown and self.choice.roi is roi:
                    self.show(replace(self.choice, roi=choice.roi, rows=choice.rows))
                if roi.GetScene() is not None:
                    self.scene.RemoveNode(roi)

        self.show(replace(choice, roi=roi, handles=True))
        self._drawing = Drawing(roi, ended)
        return roi

    def _requireChoice(self) -> Choice:
        if self.choice is None:
            raise InputError("no comparison is laid out; lay it out first.")
        return self.choice

    @property
    def _crosshairNode(self):
        return self.scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")

    def _layOut(self, choice: Choice) -> None:
        self._takeDown()
        views.takeLayout(self._layoutNode, choice.layout)
        self.choice = choice
        for view, _row, _label in self._views():
            widgets.settle(view)
        self._stage = Stage(self.scene, choice, self._left.get(choice.anchor.GetID()), self._tell)
        self._look()
        self.addObserver(self.scene, self.scene.StartCloseEvent, self._onSceneClosing)
        self.addObserver(self.scene, self.scene.NodeRemovedEvent, self._onNodeRemoved)
        self.addObserver(self._layoutNode, vtk.vtkCommand.ModifiedEvent, self._onLayoutModified)

    def _takeDown(self) -> None:
        """Let go of the views; the layout stays."""
        self.removeObservers()
        if self._stage is not None:
            stage, self._stage = self._stage, None
            self._left = {stage.choice.anchor.GetID(): stage.close()}

    def _views(self):
        """Yield the name, row and label of each view."""
        for column, label in enumerate(self.choice.images):
            for row in self.choice.layout.rows:
                yield viewName(row, column), row, label

    def _look(self) -> None:
        """Bring windows, captions, crosshair and handles in line with the choice."""
        choice, crosshair = self.choice, self._crosshairNode
        self._window.hold(dict.fromkeys(choice.images.values()), choice.window)
        self._limits.hold(self._stage.differenceNodes, Window(-choice.limit, choice.limit))
        if self._stage.box is not None:
            self._stage.box.showHandles(choice.handles)
        if crosshair is not None and choice.crosshair:
            if crosshair.GetCrosshairMode() == crosshair.NoCrosshair:
                # Where it was is where nobody has seen it: in a corner, as a rule.
                crosshair.SetCrosshairRAS(*self._stage.links.centre)
            borrow(crosshair, CrosshairMode=crosshair.ShowSmallIntersection)
        elif crosshair is not None:
            giveBack(crosshair)
        for view, row, label in self._views():
            widgets.dress(view, choice.caption(row, label), hasBar=row == "images")

    def _tell(self, what: str) -> None:
        for listener in list(self._listeners):
            listener(what)

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
            # Without the zooms, which would come with a new box at once.
            self.show(replace(choice, roi=None, rows=tuple(row for row in choice.rows if row != "zoom")))
        elif node in choice.images.values():
            left = choice.without(node)
            if left is None:
                self.hide()
            else:
                self.show(left)
