"""One request in the views: filled, linked, with the regions and the differences."""

import numpy as np
from LDCTDenoiseLib.errors import InputError
from slicer.util import VTKObservationMixin

from ..regions import regionsOf
from . import plane, views
from .differences import SliceDifference
from .layout import WHOLE_GROUP, ZOOM_GROUP, viewName
from .link import LinkedViews, Place
from .region_marks import RegionMark


class Stage(VTKObservationMixin):
    """What is laid out now.

    Parameters
    ----------
    scene : vtkMRMLScene
        Its layout is the request's already.
    request : LayoutRequest
    place : Place or None
        Where the views were left. Default: the slice the user looks at in his own views, or the middle.
    tell : callable
        Called with "moving", "slice", "roi" and "roiEnd".
    """

    def __init__(self, scene, request, place: Place | None, tell):
        VTKObservationMixin.__init__(self)
        self.scene, self.request, self._tell = scene, request, tell
        self.links = None
        self._marks: dict = {}
        self._differences = {}
        self._riding = False
        for column, label in enumerate(request.images):
            for row in request.layout.rows:
                group = ZOOM_GROUP if row == "zoom" else WHOLE_GROUP
                views.fill(self._sliceNode(row, column), self._volumeOf(row, label), label, group)
        if place is None or not plane.cuts(request.anchor, place.matrix):
            place = Place(self._firstPlane())
        self._arrange(place)
        for volume in dict.fromkeys(request.images.values()):
            for event in (volume.ImageDataModifiedEvent, volume.TransformModifiedEvent):
                self.addObserver(volume, event, self._onVolumeModified)

    @property
    def differenceNodes(self) -> list:
        return [difference.node for difference in self._differences.values()]

    @property
    def regionNodes(self) -> list:
        """The markups that are shown as regions."""
        return list(self._marks)

    @property
    def sliceIndex(self) -> int | None:
        """Index k of the anchor's slice that is shown; None beside it, or when the views cut across its slices."""
        volume = self.request.anchor
        toWorld = plane.ijkToWorld(volume)
        if plane.axisAlong(toWorld, self.links.normal) != 2:
            return None
        centre = plane.toGridSpace(volume, self.links.centre)
        k = int(np.floor((np.linalg.inv(toWorld) @ [*centre, 1.0])[2] + 0.5))
        return k if 0 <= k < volume.GetImageData().GetDimensions()[2] else None

    def showSlice(self, k: int) -> None:
        """Go to slice k of the anchor, or raise `InputError` when it has none such."""
        volume = self.request.anchor
        count = volume.GetImageData().GetDimensions()[2]
        if not 0 <= k < count:
            raise InputError(f"'{volume.GetName()}' has slices 0 to {count - 1} and no slice {k}.")
        toWorld = plane.ijkToWorld(volume)
        matrix = self.links.matrix.copy()
        ijk = np.linalg.inv(toWorld) @ matrix[:, 3]
        ijk[2] = k
        matrix[:, 3] = toWorld @ ijk
        self.links.moveTo(matrix)

    def notices(self) -> str:
        """Say which differences cannot be shown, and why; empty when all can."""
        missing = [d.node.GetName() for d in self._differences.values() if not d.isShown]
        if not missing or self.sliceIndex is None:
            return ""
        return f"No difference here of {', '.join(missing)}: the volumes do not lie on the same grid."

    def close(self) -> Place:
        """Let go of views, regions and volumes, and return where the views look; the layout stays."""
        self.removeObservers()
        place = self.links.place
        self.links.close()
        for mark in self._marks.values():
            mark.close()
        for difference in self._differences.values():
            difference.remove()
        return place

    def markRegions(self, request) -> None:
        """Show the regions of the scene, the active one as the request says, and zoom to it."""
        self.request = request
        regions = {region.node: region for region in regionsOf(self.scene) if not region.segment}
        for node in [node for node in self._marks if node not in regions]:
            self._marks.pop(node).close()
        shownIn = [self._sliceNode("images", column).GetID() for column in range(request.layout.columns)]
        for node, region in regions.items():
            active = node is request.roi
            if node in self._marks:
                self._marks[node].region = region
                self._marks[node].show(active, request.handles)
            else:
                self._marks[node] = RegionMark(region, shownIn, active, request.handles, self._onRegionMoved,
                                               lambda: self._tell("roiEnd"))
        if self.links is not None:
            self.links.zoomDebounced()

    def showRegion(self, node) -> None:
        """Bring the views to the slice that a region lies in, when they are at none that it reaches."""
        points = self._marks[node].points() if node in self._marks else None
        if points is None:
            return
        heights = (points - self.links.centre) @ self.links.normal
        depth = plane.spacingAlong(self.request.anchor, self.links.normal) / 2
        if heights.min() > depth or heights.max() < -depth:
            matrix = self.links.matrix.copy()
            matrix[:3, 3] += self.links.normal * heights.mean()
            self.links.moveTo(matrix)

    def _activePoints(self):
        mark = self._marks.get(self.request.roi)
        return mark.points() if mark is not None else None

    def _sliceNode(self, row: str, column: int):
        return views.sliceNode(self.scene, viewName(row, column))

    def _volumeOf(self, row: str, label: str):
        """Return what a view shows; a difference is made for it."""
        if row not in ("difference", "noise"):
            return self.request.images[label]
        minuend, subtrahend = self.request.cell(row, label)
        if minuend is None:
            return None
        difference = SliceDifference(minuend, subtrahend, f"{minuend.GetName()} − {subtrahend.GetName()}")
        self._differences[row, label] = difference
        return difference.node

    def _firstPlane(self) -> np.ndarray:
        """Return where to begin: on the slice that the user looks at, when that is one of an image of ours."""
        anchor = self.request.anchor
        matrix = plane.axialMatrix(anchor)
        if views.backgroundOf(self.scene, "Red") in self.request.images.values():
            normal, own = matrix[:3, 2], plane.matrixOf(views.sliceNode(self.scene, "Red"))
            if abs(normal @ own[:3, 2]) > 0.99:
                matrix[:3, 3] += normal * ((own[:3, 3] - matrix[:3, 3]) @ normal)
        matrix[:3, 3] = plane.onSlice(anchor, matrix[:3, 2], matrix[:3, 3])
        return matrix

    def _arrange(self, place: Place) -> None:
        """Link the views and bring them to a place."""
        request, columns = self.request, range(self.request.layout.columns)
        wholes = [self._sliceNode(row, column) for row in request.layout.rows if row != "zoom" for column in columns]
        zooms = [self._sliceNode("zoom", column) for column in columns] if "zoom" in request.rows else []
        self.markRegions(request)
        self.links = LinkedViews(
            wholes, zooms, lambda: plane.corners(request.anchor), self._activePoints,
            lambda: self._tell("moving"), self._onSlice,
        )
        self.links.goTo(place, plane.spacingAlong(request.anchor, place.matrix[:3, 2]))

    def _onSlice(self) -> None:
        for difference in self._differences.values():
            difference.update(self.links.centre, self.links.normal)
        self._riding = True
        for mark in self._marks.values():
            mark.ride(self.links.centre, self.links.normal)
        self._riding = False
        self._tell("slice")

    def _onRegionMoved(self) -> None:
        # Along with the slice: it is where it was in the picture, and so stay the zooms.
        if not self._riding:
            # The numbers before the zooms: they take less time.
            self._tell("roi")
            self.links.zoomDebounced()

    def _onVolumeModified(self, volume, event) -> None:
        for difference in self._differences.values():
            if volume in difference.volumes:
                difference.update(self.links.centre, self.links.normal, changed=True)
