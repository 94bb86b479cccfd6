"""The comparison, laid out in the views of a scene; knows MRML and no window."""

from dataclasses import replace

import vtk
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.hounsfield import PAPER, Window
from slicer.util import VTKObservationMixin

from ..nodes import placeTime
from ..regions import DRAWN, addRegion, becomeCircle, dress, regionsOf
from . import body, plane, views, widgets
from .debounce import Debounce, Throttle
from .drawing import Drawing
from .furniture import Words
from .keys import Keys
from .layout import hang, isOurs, viewName
from .layout_request import LayoutRequest, presetOf
from .link import ZOOM_SECONDS
from .mouse import Mouse
from .pointer import Pointer, valuesAt
from .region_marks import clicked, inscribe, lay
from .saved_display import override, restore
from .stage import Stage
from .turns import Turns
from .windows import SharedWindow
from .zoom_numbers import ZoomNumbers, inLines, measureZoom


class SideBySide(VTKObservationMixin):
    """The comparison of a scene; there is one, `SideBySide.of(scene)`.

    What of the user's is changed while it is laid out (layout, display windows, crosshair, the look of the ROI) is
    given back by `hide`, which also happens when the scene is closed or the user picks another layout.

    Attributes
    ----------
    request : LayoutRequest or None
        What is laid out.
    layout : Layout or None
        In which views.
    """

    def __init__(self, scene):
        VTKObservationMixin.__init__(self)
        self.scene, self.request, self.layout = scene, None, None
        self._listeners = []
        self._layoutNode = self._stage = self._drawing = self._pointer = self._mouse = self._turns = None
        self._keys = Keys(self)
        # How the images were hung before one of them was made large.
        self._hung = "auto"
        # What of the zoomed region was measured last.
        self._zoomed: tuple = (None, {}, (None, ()))
        self._hangSoon = Debounce(self._hangAnew)
        self._measureSoon = Throttle(self._writeAll, ZOOM_SECONDS)
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

    @property
    def plane(self):
        """The `Plane` of the low-dose volume that is laid out, in any orientation; None when none is."""
        return self._stage.plane if self._stage is not None else None

    def addListener(self, listener) -> None:
        """Call `listener(what)` after each change.

        "shown", "changed", "moving", "slice", "roi", "roiEnd", "regions" (the list of them), "window", "pointer".
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
            request = replace(request, roi=self._makeBox(request.anchor))
        if request.roi is not None:
            self._list(request.roi)
        if request.arrangement != "stack":
            self._hung = request.arrangement
        if before is not None and request.content == before.content and self._layoutOf(request) == self.layout:
            with widgets.renderedOnce():
                self.request = request
                if request.visible != before.visible:
                    self._stage.instead = ""
                    self._stage.fill(request)
                if request.orientation != before.orientation:
                    self._stage.turn(request.orientation)
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
            names = [name for line in self.layout.names for name in line]
            self._takeDown()
            self._keys.stop()
            self.request = self.layout = None
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

    def showSlice(self, index: int) -> None:
        """Go to a slice of the low-dose volume; `InputError` when there is none, or nothing is laid out."""
        self._requireRequest()
        self._stage.showSlice(index)

    @property
    def position(self) -> tuple[int, int | None, int] | None:
        """Axis of the low-dose volume that the views look along, index of its slice, and how many there are."""
        return self._stage.position if self._stage is not None else None

    def showImage(self, image: int | str) -> None:
        """Show one large image, by its label or its number from 1; `InputError` when there is none such."""
        request = self._requireRequest()
        labels = list(request.images)
        label = labels[image - 1] if isinstance(image, int) and 0 < image <= len(labels) else image
        if label not in labels:
            raise InputError(f"there is no image {image}; there are {', '.join(labels)}.")
        self.peek("")
        self.show(replace(request, arrangement="stack", image=label))

    def showAll(self) -> None:
        """Hang the images as they were before one of them was made large."""
        self.show(replace(self._requireRequest(), arrangement=self._hung))

    def enlarge(self, view: str) -> None:
        """Make the image of a view large, or hang all of them again where one is, and fit."""
        request = self._requireRequest()
        label = next((label for cell, label in self._stage.labels().items() if viewName(*cell) == view), None)
        if request.arrangement == "stack" or label is None:
            self.showAll()
        else:
            self.showImage(label)
        self.fit()

    def scroll(self, steps: int) -> None:
        """Bring the next images into view, of more than six; in the stack, the next image."""
        request = self._requireRequest()
        if request.arrangement == "stack":
            labels = list(request.images)
            self.showImage(labels[(labels.index(request.visible[0]) + steps) % len(labels)])
        else:
            first = min(max(request.first + steps, 0), request.scrolls)
            self.show(replace(request, first=first))

    def turn(self, orientation: str) -> None:
        """Turn the views to "axial", "coronal" or "sagittal", through where they look now."""
        self.show(replace(self._requireRequest(), orientation=orientation))

    def showWindow(self, window) -> None:
        """Show the images in a window: two numbers, or a name; "default" is the low dose's own."""
        request = self._requireRequest()
        self.show(replace(request, window=presetOf(window, request.anchor)))

    def peek(self, instead: str) -> None:
        """Show in the images' views "reference" or "difference" for a while; "" brings the images back.

        Without a reference they are the low dose, and what was removed from it.
        """
        if instead not in ("", "reference", "difference"):
            raise InputError(f"there is no '{instead}' to show instead; there are reference and difference.")
        self._requireRequest()
        if instead != self._stage.instead:
            with widgets.renderedOnce():
                self._stage.instead = instead
                self._stage.fill(self.request)
                self._look()

    @property
    def peeked(self) -> str:
        """What is shown instead of the images, or ""."""
        return self._stage.instead if self._stage is not None else ""

    @property
    def pointed(self) -> dict[str, float]:
        """The HU of all images at the pointer; empty where it points to none."""
        point = self._pointer.point if self._pointer is not None else None
        return {} if point is None else valuesAt(self.request.images, point)

    def zoomNumbers(self) -> dict[str, ZoomNumbers]:
        """Return error, similarity, mean and noise of the zoomed region by image; empty without one."""
        request = self._requireRequest()
        region = next((r for r in regionsOf(self.scene) if r.node is request.roi and not r.segment), None)
        if region is None:
            return {}
        voxels = [(label, node.GetImageData().GetMTime()) for label, node in request.images.items()]
        key = region.state(), voxels, request.reference, request.metricWindow, placeTime(request.anchor)
        if key != self._zoomed[0]:
            self._zoomed = (key, measureZoom(request.images, request.reference, region, request.metricWindow),
                            _placeOf(region, request.anchor))
        return self._zoomed[1]

    def _numbersOf(self) -> str:
        """Say which slices the numbers in the zooms are of, where these show another; else ""."""
        shown, (where, reach) = self._stage.plane, self._zoomed[2]
        here = where is None or shown is not None and shown.axis == where.axis and shown.index in reach
        return "" if here else f"numbers of {where.words}"

    def words(self) -> dict[str, Words]:
        """Return what is written in each view, by the view's name."""
        request, stage, words = self.request, self._stage, {}
        lines = inLines(self.zoomNumbers()) if "zoom" in request.rows else {}
        if lines and (elsewhere := self._numbersOf()):
            lines = {label: (*said, ((elsewhere, False),)) for label, said in lines.items()}
        _axis, index, count = stage.position
        where = f"{index + 1}/{count}" if index is not None else ""
        right, up = stage.links.matrix[:3, 0], stage.links.matrix[:3, 1]
        sides = {"left": plane.sideOf(-right), "top": plane.sideOf(up)}
        shown = f"W {request.window.width:.0f} L {(request.window.lower + request.window.upper) / 2:.0f}"
        for (row, column), label in stage.labels().items():
            name = viewName(row, column)
            kind, label = stage.seen(row, label)
            if kind in ("difference", "noise"):
                if request.cell(kind, label)[0] is None:
                    words[name] = Words(limit=request.limit)
                    continue
                # The bar says how far it goes, where there is one in sight.
                title = request.caption(kind, label, bare=row == kind and self.layout.images > 1)
                words[name] = Words(title, **sides)
            elif row == "zoom":
                words[name] = Words(request.caption(row, label), lines.get(label, ()))
            else:
                title = request.caption(row, label)
                if request.arrangement == "stack" and not stage.instead:
                    # The key that brings it back.
                    title += f"   {list(request.images).index(label) + 1}/{len(request.images)}"
                words[name] = Words(title, (), where, shown, **sides)
        return words

    def markRegions(self) -> None:
        """Show the regions as the list has them now."""
        if self._stage is not None:
            self._stage.markRegions(self.request)
        self._tell("regions")

    def _makeBox(self, anchor):
        """Add a box on the slice, in the middle of an image."""
        roi = self._newRegion("vtkMRMLMarkupsROINode")
        lay(roi, self._stage.links.matrix if self._stage is not None else plane.standardMatrix(anchor), anchor)
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
                    matrix = self._stage.links.matrix
                    lay(roi, matrix, self.request.anchor, clicked(roi, matrix))
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
        dress(node)
        node.SetAttribute(DRAWN, "1")
        addRegion(node)
        return node

    def _list(self, node) -> None:
        """Put a markup that is zoomed into the list of regions, when it is not in it."""
        if all(region.node is not node for region in regionsOf(self.scene)):
            addRegion(node)

    def _toCircle(self, roi) -> None:
        """Replace a box by the ellipse in it."""
        curve = self._newRegion("vtkMRMLMarkupsClosedCurveNode")
        inscribe(curve, self._stage.links.matrix, clicked(roi, self._stage.links.matrix))
        becomeCircle(roi, curve)
        self.show(replace(self.request, roi=curve))
        self.scene.RemoveNode(roi)

    def _requireRequest(self) -> LayoutRequest:
        if self.request is None:
            raise InputError("no comparison is laid out; lay it out first.")
        return self.request

    @property
    def _crosshairNode(self):
        return self.scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")

    def _layoutOf(self, request):
        """Return the grid in which a request is seen best."""
        seen = plane.extent(body.corners(request.anchor), plane.standardMatrix(request.anchor, request.orientation))
        return hang(len(request.visible), request.kinds, request.arrangement, seen, widgets.viewportSize())

    def _layOut(self, request: LayoutRequest) -> None:
        layout = self._layoutOf(request)
        self._takeDown()
        views.takeLayout(self._layoutNode, layout)
        self.request, self.layout = request, layout
        for name in self._viewNames():
            widgets.settle(name)
        self._turns = Turns(self._viewNames())
        left = self._left.get((request.anchor.GetID(), request.orientation))
        self._stage = Stage(self.scene, request, layout, left, self._onStage)
        self._pointer = Pointer(self.scene, lambda: self._tell("pointer"))
        self._look()
        self._mouse = Mouse(self, layout.cells)
        self._keys.start()
        self.addObserver(self.scene, self.scene.StartCloseEvent, self._onSceneClosing)
        self.addObserver(self.scene, self.scene.NodeRemovedEvent, self._onNodeRemoved)
        self.addObserver(self._layoutNode, vtk.vtkCommand.ModifiedEvent, self._onLayoutModified)

    def _takeDown(self) -> None:
        """Let go of the views; the layout stays."""
        self.removeObservers()
        self._hangSoon.stop()
        self._measureSoon.stop()
        for part in (self._pointer, self._mouse, self._turns):
            if part is not None:
                part.close()
        self._pointer = self._mouse = self._turns = None
        if self._stage is not None:
            stage, self._stage = self._stage, None
            place = stage.close()
            self._left = {key: left for key, left in self._left.items() if key[0] == stage.request.anchor.GetID()}
            self._left[stage.request.anchor.GetID(), stage.request.orientation] = place

    def _viewNames(self) -> list[str]:
        return [viewName(*cell) for cell in self.layout.cells]

    def _hangAnew(self) -> None:
        """Hang the images anew when the window has become another, and another grid shows them larger."""
        if self.shown and self._layoutOf(self.request) != self.layout:
            with widgets.renderedOnce():
                self._layOut(self.request)

    def _look(self) -> None:
        """Bring windows, writing, crosshair and handles in line with the request."""
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
        self._writeAll()

    def _writeAll(self) -> None:
        if self._stage is not None and self._stage.links is not None:
            for name, words in self.words().items():
                widgets.dress(name, views.sliceNode(self.scene, name), words)

    def _onStage(self, what: str) -> None:
        if what in ("moving", "slice", "roi"):
            self._turns.begin()
        if what == "resized":
            self._hangSoon.ask()
        elif what != "volume":
            self._tell(what)
        if what != "moving":
            # After the table, which is told: one reads that.
            self._measureSoon.ask()

    def _tell(self, what: str) -> None:
        for listener in list(self._listeners):
            listener(what)

    def _onWindowDragged(self) -> None:
        self.request = replace(self.request, window=self._window.window)
        self._measureSoon.ask()
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


def _placeOf(region, volume) -> tuple:
    """Return the plane of a volume that a region lies in, and the slices that it reaches; None and () outside of it."""
    try:
        return region.planes(volume)
    except InputError:
        return None, ()
