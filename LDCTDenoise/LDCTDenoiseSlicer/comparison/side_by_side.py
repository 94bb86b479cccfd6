"""The comparison, laid out in the views of a scene; knows MRML and no window."""

from dataclasses import replace

import vtk
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.hounsfield import PAPER, Window
from slicer.util import VTKObservationMixin

from ..regions import addRegion, nextColor, paint, regionsOf
from . import plane, views, widgets
from .drawing import Drawing
from .layout import isOurs, viewName
from .layout_request import LayoutRequest
from .region_marks import inscribe, lay
from .saved_display import override, restore
from .stage import Stage
from .windows import SharedWindow


class SideBySide(VTKObservationMixin):
    """The comparison of a scene; there is one, `SideBySide.of(scene)`.

    What of the user's is changed while it is laid out (layout, display windows, crosshair, the look of the ROI) is
    given back by `hide`, which also happens when the scene is closed or the user picks another layout.

    Attributes
    ----------
    request : LayoutRequest or None
        What is laid out.
    """

    def __init__(self, scene):
        VTKObservationMixin.__init__(self)
        self.scene, self.request = scene, None
        self._listeners = []
        self._layoutNode = self._stage = self._drawing = None
        # Where the views were left, by the id of the volume that they were aligned to.
        self._left = {}
        self._window = SharedWindow(PAPER, onChanged=self._onWindowDragged)
        self._limits = SharedWindow(Window(-100, 100), symmetric=True, onChanged=self._onLimitDragged)

    @classmethod
    def of(cls, scene) -> "SideBySide":
        """Return the comparison of a scene."""
        comparison = getattr(scene, "_ldctComparison", None)
        if type(comparison) is not cls:
            if comparison is not None:
                comparison.close()  # of the code before a reload
            comparison = scene._ldctComparison = cls(scene)
        return comparison

    @property
    def shown(self) -> bool:
        return self.request is not None

    @property
    def sliceIndex(self) -> int | None:
        """Index k, in the low-dose volume, of the slice that is laid out; None when none is, or across the slices."""
        return self._stage.sliceIndex if self._stage is not None else None

    def addListener(self, listener) -> None:
        """Call `listener(what)` after each change.

        "shown", "changed", "moving", "slice", "roi", "roiEnd", "regions" (the list of them), "window".
        """
        self._listeners.append(listener)

    def notices(self) -> str:
        """Say what cannot be shown, and why; empty when all is."""
        return self._stage.notices() if self._stage is not None else ""

    def show(self, request: LayoutRequest) -> None:
        """Lay out a request, or change what is laid out to it.

        Raises
        ------
        InputError
            If the scene has no views: Slicer runs without its main window, or this is slicer-core.
        """
        if request == self.request:
            return
        before = self.request
        self._layoutNode = views.requireLayoutNode(self.scene)
        if "zoom" in request.rows and request.roi is None:
            request = replace(request, roi=self.makeBox(request))
        if request.roi is not None:
            self._list(request.roi)
        if before is not None and request.content == before.content:
            self.request = request
            self._stage.markRegions(request)
            if request.roi is not before.roi:
                self._stage.showRegion(request.roi)
            self._look()
        else:
            with widgets.renderedOnce():
                self._layOut(request)
        if before is None:
            self._tell("shown")
        else:
            self._tell("window" if before.window != request.window else "changed")

    def hide(self) -> None:
        """Put the comparison away: layout, windows, crosshair and ROI are the user's again. Safe when not shown."""
        if not self.shown:
            return
        if self._drawing is not None:
            self._drawing.stop()
        with widgets.renderedOnce():
            names = [name for line in self.request.layout.names for name in line]
            self._takeDown()
            self.request = None
            self._window.release()
            self._limits.release()
            views.restoreLayout(self._layoutNode)
            if self._crosshairNode is not None:
                restore(self._crosshairNode)
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
        self._requireRequest()
        self._stage.showSlice(k)

    def markRegions(self) -> None:
        """Show the regions as the list has them now."""
        if self._stage is not None:
            self._stage.markRegions(self.request)
        self._tell("regions")

    def makeBox(self, request: LayoutRequest | None = None, corners=None):
        """Add a box on the slice: in the middle of the image, or around points of shape (n, 3)."""
        anchor = (request or self._requireRequest()).anchor
        roi = self._newRegion("vtkMRMLMarkupsROINode")
        matrix = self._stage.links.matrix if self._stage is not None else plane.axialMatrix(anchor)
        lay(roi, matrix, anchor, corners)
        return roi

    def draw(self, shape: str = "box"):
        """Let the user draw a region, which is the active one then; return its node, not placed yet.

        A box and a circle take two clicks at opposite corners; a curve as many as it has points, and a double click.
        """
        if shape not in ("box", "circle", "curve"):
            raise InputError(f"there is no shape '{shape}' to draw; choose box, circle or curve.")
        if self._drawing is not None:
            self._drawing.stop()
        request = self._requireRequest()
        roi = self._newRegion("vtkMRMLMarkupsClosedCurveNode" if shape == "curve" else "vtkMRMLMarkupsROINode")

        def ended(placed: bool) -> None:
            self._drawing = None
            if placed and self.shown:
                if shape == "box":
                    lay(roi, self._stage.links.matrix, self.request.anchor, plane.boxCorners(roi))
                elif shape == "circle":
                    self._toCircle(roi)
                self._tell("roiEnd")
            elif not placed:
                if self.shown and self.request.roi is roi:
                    self.show(replace(self.request, roi=request.roi, rows=request.rows))
                if roi.GetScene() is not None:
                    self.scene.RemoveNode(roi)

        self.show(replace(request, roi=roi, handles=True))
        self._drawing = Drawing(roi, ended)
        return roi

    def _newRegion(self, kind: str):
        """Add a markup to the scene and to the list of regions; it has no place yet."""
        node = self.scene.AddNewNodeByClass(kind, self.scene.GenerateUniqueName("Region"))
        node.CreateDefaultDisplayNodes()
        paint(node, nextColor(self.scene))
        addRegion(node)
        return node

    def _list(self, node) -> None:
        """Put a markup that is zoomed into the list of regions, when it is not in it."""
        if all(region.node is not node for region in regionsOf(self.scene)):
            addRegion(node)

    def _toCircle(self, roi) -> None:
        """Replace a box by the ellipse in it."""
        curve = self._newRegion("vtkMRMLMarkupsClosedCurveNode")
        inscribe(curve, self._stage.links.matrix, plane.boxCorners(roi))
        paint(curve, roi.GetDisplayNode().GetSelectedColor())
        self.show(replace(self.request, roi=curve))
        self.scene.RemoveNode(roi)

    def _requireRequest(self) -> LayoutRequest:
        if self.request is None:
            raise InputError("no comparison is laid out; lay it out first.")
        return self.request

    @property
    def _crosshairNode(self):
        return self.scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")

    def _layOut(self, request: LayoutRequest) -> None:
        self._takeDown()
        views.takeLayout(self._layoutNode, request.layout)
        self.request = request
        for view, _row, _label in self._views():
            widgets.settle(view)
        self._stage = Stage(self.scene, request, self._left.get(request.anchor.GetID()), self._tell)
        self._look()
        self.addObserver(self.scene, self.scene.StartCloseEvent, self._onSceneClosing)
        self.addObserver(self.scene, self.scene.NodeRemovedEvent, self._onNodeRemoved)
        self.addObserver(self._layoutNode, vtk.vtkCommand.ModifiedEvent, self._onLayoutModified)

    def _takeDown(self) -> None:
        """Let go of the views; the layout stays."""
        self.removeObservers()
        if self._stage is not None:
            stage, self._stage = self._stage, None
            self._left = {stage.request.anchor.GetID(): stage.close()}

    def _views(self):
        """Yield the name, row and label of each view."""
        for column, label in enumerate(self.request.images):
            for row in self.request.layout.rows:
                yield viewName(row, column), row, label

    def _look(self) -> None:
        """Bring windows, captions, crosshair and handles in line with the request."""
        request, crosshair = self.request, self._crosshairNode
        self._window.hold(dict.fromkeys(request.images.values()), request.window)
        self._limits.hold(self._stage.differenceNodes, Window(-request.limit, request.limit))
        if crosshair is not None and request.crosshair:
            if crosshair.GetCrosshairMode() == crosshair.NoCrosshair:
                # Where it was is where nobody has seen it: in a corner, as a rule.
                crosshair.SetCrosshairRAS(*self._stage.links.centre)
            override(crosshair, CrosshairMode=crosshair.ShowSmallIntersection)
        elif crosshair is not None:
            restore(crosshair)
        for view, row, label in self._views():
            widgets.dress(view, request.caption(row, label), hasBar=row == "images")

    def _tell(self, what: str) -> None:
        for listener in list(self._listeners):
            listener(what)

    def _onWindowDragged(self) -> None:
        self.request = replace(self.request, window=self._window.window)
        self._tell("window")

    def _onLimitDragged(self) -> None:
        self.request = replace(self.request, limit=self._limits.window.upper)
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
        request = self.request
        if self._stage is not None and node in self._stage.regionNodes:
            self._stage.markRegions(request)
        if node is request.roi:
            # Without the zooms, which would come with a new box at once.
            self.show(replace(request, roi=None, rows=tuple(row for row in request.rows if row != "zoom")))
        elif node in request.images.values():
            left = request.without(node)
            if left is None:
                self.hide()
            else:
                self.show(left)
