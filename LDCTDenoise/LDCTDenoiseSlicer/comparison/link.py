"""Views that move together: one plane for all, one pan and zoom for the whole images, another for the zooms."""

import contextlib
from dataclasses import dataclass

import numpy as np
import vtk
from slicer.util import VTKObservationMixin

from . import plane
from .debounce import Debounce, Throttle
from .widgets import pauseRendering, renderedOnce, resumeRendering

#: Seconds between two moves of the zooms while a region is dragged.
ZOOM_SECONDS = 0.06


@dataclass(frozen=True)
class Place:
    """Where whole views look: SliceToRAS, pan, millimetres to a pixel, and whether that is meant to be a fit."""

    matrix: np.ndarray
    origin: tuple[float, float] = (0.0, 0.0)
    scale: float = 1.0
    fitted: bool = True


class LinkedViews(VTKObservationMixin):
    """Keep views together, whoever moves them: Slicer's own links act on what a user drags, and not on a script.

    Parameters
    ----------
    wholes : sequence of vtkMRMLSliceNode
        The views of whole images (and differences); they share plane, pan and zoom.
    zooms : sequence of vtkMRMLSliceNode
        The views of the ROI; they share the plane with all, and a pan and zoom of their own.
    content : callable
        Returns the points (n, 3) that the whole views fit.
    region : callable
        Returns the points (n, 3) that the zooms fit, or None without an ROI.
    onMoving : callable
        Called with no argument when the user has begun to move the views: what follows can begin, too.
    onSlice : callable
        Called with no argument when the plane has moved.
    onResized : callable
        Called with no argument when views have got another size.
    """

    def __init__(self, wholes, zooms, content, region, onMoving, onSlice, onResized):
        VTKObservationMixin.__init__(self)
        self.wholes, self.zooms = list(wholes), list(zooms)
        self._content, self._region = content, region
        self._onMoving, self._onSlice, self._onResized = onMoving, onSlice, onResized
        self._moving, self._told = False, None
        # A view that shows a fit goes on to do so when its size changes; one that the user has moved keeps its place.
        self._fitted = {True: True, False: True}
        self._resized, self._leader, self._paused = set(), None, False
        self._settleDebounced = Debounce(self._settle)
        # A round later than what follows from the slice, such as numbers: they take less time than the pictures.
        self._resumeDebounced = Debounce(self._resume)
        self._zoomThrottled = Throttle(self.zoom, ZOOM_SECONDS)
        self._sizes = {node.GetID(): node.GetDimensions() for node in self._all}
        for node in self._all:
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self._onModified)

    @property
    def _all(self):
        return [*self.wholes, *self.zooms]

    @property
    def matrix(self) -> np.ndarray:
        """SliceToRAS of the whole views, shape (4, 4)."""
        return plane.matrixOf(self.wholes[0])

    @property
    def centre(self) -> np.ndarray:
        return self.matrix[:3, 3]

    @property
    def normal(self) -> np.ndarray:
        return self.matrix[:3, 2]

    @property
    def place(self) -> Place:
        """Where the whole views look now."""
        first = self.wholes[0]
        return Place(self.matrix.copy(), first.GetXYZOrigin()[:2], plane.scaleOf(first), self._fitted[False])

    def goTo(self, place: Place, depth: float) -> None:
        """Bring the whole views to a place, and the zooms to the ROI on the same plane."""
        with self._quietly():
            for node in self._all:
                plane.place(node, place.matrix, place.origin, place.scale, depth)
        if place.fitted:
            self.fit(depth)
        else:
            self._fitted[False] = False
            with self._quietly():
                self.zoom(depth)
                self._tell()

    def close(self) -> None:
        self.removeObservers()
        self._settleDebounced.stop()
        self._resumeDebounced.stop()
        self._zoomThrottled.stop()
        self._resume()

    def fit(self, depth: float | None = None) -> None:
        """Fit the whole views to their content, and the zooms to the ROI."""
        self._fitted[False] = True
        with self._quietly():
            plane.frame(self.wholes, self._wanted(False), depth)
            self.zoom(depth)
            self._tell()

    def zoom(self, depth: float | None = None) -> None:
        """Fit the zooms to the ROI, on the plane of the others; without an ROI, to the content."""
        self._fitted[True] = True
        with self._quietly():
            plane.frame(self.zooms, self._wanted(True), depth, self.matrix)

    def zoomSoon(self) -> None:
        """Do `zoom` straight from the event, but not more often than views can be drawn: the last place is kept."""
        self._zoomThrottled.ask()

    def moveTo(self, matrix: np.ndarray) -> None:
        """Bring all views to a plane; pan and zoom stay."""
        with self._quietly():
            for node in self._all:
                plane.place(node, matrix, node.GetXYZOrigin()[:2], plane.scaleOf(node))
            self._tell()

    def _onModified(self, node, event) -> None:
        """Note what has happened; what follows from it must wait until the node is through with its own update."""
        if node.GetScene() is None or node.GetScene().IsBatchProcessing():
            return
        isZoom = node in self.zooms
        size = node.GetDimensions()
        if size != self._sizes[node.GetID()]:
            self._sizes[node.GetID()] = size
            self._resized.add(isZoom)
        elif not self._moving:
            # What Slicer's links do to the others comes as an event of theirs: the one in the user's hand leads.
            group = self.zooms if isZoom else self.wholes
            leader = next((other for other in group if other.GetInteracting()), node)
            flags = leader.GetInteractionFlags() if leader.GetInteracting() else 0
            if flags & (node.FieldOfViewFlag | node.XYZOriginFlag):
                self._fitted[isZoom] = False
            if flags & node.ResetFieldOfViewFlag:
                self._fitted[isZoom] = True
            if self._leader is None or leader.GetInteracting():
                self._leader = leader
        if self._resized or self._leader is not None:
            if self._settleDebounced.waits and not self._paused:
                # Until all of them are where they belong.
                self._paused = True
                pauseRendering()
                self._onMoving()
            self._settleDebounced.ask()

    def _settle(self) -> None:
        """Bring all views in line with what has happened since the last time."""
        try:
            self._bringInLine()
        finally:
            self._resumeDebounced.ask()

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            resumeRendering()

    def _bringInLine(self) -> None:
        leader, self._leader = self._leader, None
        if leader is not None and leader.GetScene() is None:
            leader = None
        if self._resized:
            # A view that has another size has another scale for it, and leads nowhere but to another plane.
            resized, self._resized = self._resized, set()
            if leader is not None:
                with self._quietly():
                    self._toPlane(leader, [node for node in self._all if node is not leader])
            for isZoom in resized:
                if self._fitted[isZoom]:
                    with self._quietly():
                        plane.frame(self.zooms if isZoom else self.wholes, self._wanted(isZoom))
            self._tell()
            self._onResized()
        elif leader is not None:
            isZoom = leader in self.zooms
            self._follow(leader, *((self.zooms, self.wholes) if isZoom else (self.wholes, self.zooms)))

    def _follow(self, leader, group, others) -> None:
        """Bring the leader's group to where it is, and the other group to its plane."""
        matrix, origin, scale = plane.matrixOf(leader).copy(), leader.GetXYZOrigin()[:2], plane.scaleOf(leader)
        with self._quietly():
            for node in group:
                if node is not leader:
                    plane.place(node, matrix, origin, scale)
            if self._toPlane(leader, others):
                self.zoom()
            self._tell()

    @staticmethod
    def _toPlane(leader, nodes) -> bool:
        """Bring views to a view's plane, each with its own pan and zoom, and tell whether one was turned for it."""
        matrix, turned = plane.matrixOf(leader).copy(), False
        for node in nodes:
            own = plane.matrixOf(node).copy()
            turned = turned or not np.allclose(own[:3, :3], matrix[:3, :3], rtol=0, atol=1e-6)
            step = matrix[:3, 2] * ((matrix[:3, 3] - own[:3, 3]) @ matrix[:3, 2])
            own[:3, :3], own[:3, 3] = matrix[:3, :3], own[:3, 3] + step
            plane.place(node, own, node.GetXYZOrigin()[:2], plane.scaleOf(node))
        return turned

    def _wanted(self, isZoom: bool) -> np.ndarray:
        """Return the points that a group of views fits."""
        points = self._region() if isZoom else None
        return self._content() if points is None else points

    @contextlib.contextmanager
    def _quietly(self):
        """Move views without an answer to their events, and render them once."""
        before, self._moving = self._moving, True
        try:
            with renderedOnce():
                yield
        finally:
            self._moving = before

    def _tell(self) -> None:
        if not np.array_equal(self._told, self.matrix):
            self._told = self.matrix.copy()
            self._onSlice()
