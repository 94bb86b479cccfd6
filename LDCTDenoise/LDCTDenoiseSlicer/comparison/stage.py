"""One request in the views: filled, linked, with the regions and the differences."""

import numpy as np
from LDCTDenoiseLib.errors import InputError
from slicer.util import VTKObservationMixin

from ..nodes import ijkToWorld, removeVolume
from ..planes import Plane, planeNames
from ..regions import regionsOf
from . import body, plane, views
from .differences import SliceDifference
from .layout import WHOLE_GROUP, ZOOM_GROUP, viewName
from .link import LinkedViews, Place
from .region_marks import RegionMark


class Stage(VTKObservationMixin):
    """What is laid out now.

    Parameters
    ----------
    scene : vtkMRMLScene
        Its layout is `layout` already.
    request : LayoutRequest
    layout : Layout
    place : Place or None
        Where the views were left. Default: the slice the user looks at in his own views, or the middle.
    tell : callable
        Called with "moving", "slice", "resized", "volume" (its voxels have changed), "roi" and "roiEnd".

    Attributes
    ----------
    instead : str
        What the views of images show for a while: "reference", "difference", or "" for the images.
    """

    def __init__(self, scene, request, layout, place: Place | None, tell):
        VTKObservationMixin.__init__(self)
        self.scene, self.request, self.layout, self._tell = scene, request, layout, tell
        self.links, self.instead = None, ""
        self._marks: dict = {}
        self._differences: dict = {}
        self._riding = False
        self._body = body.corners(request.anchor)
        self.fill(request)
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
    def position(self) -> tuple[int, int | None, int]:
        """Along which axis of the anchor (0, 1, 2 for i, j, k) the views look, at which of how many of its slices.

        The slice is None beside the volume.
        """
        volume = self.request.anchor
        toWorld = ijkToWorld(volume)
        axis = plane.axisAlong(toWorld, self.links.normal)
        centre = plane.toGridSpace(volume, self.links.centre)
        index = int(np.floor((np.linalg.inv(toWorld) @ [*centre, 1.0])[axis] + 0.5))
        count = volume.GetImageData().GetDimensions()[axis]
        return axis, index if 0 <= index < count else None, count

    @property
    def sliceIndex(self) -> int | None:
        """Index k of the anchor's slice that is shown; None beside it, or when the views cut across its slices."""
        axis, index, _count = self.position
        return index if axis == 2 else None

    @property
    def plane(self) -> Plane | None:
        """The plane of the anchor that is shown, in any orientation; None beside the volume."""
        axis, index, count = self.position
        return None if index is None else Plane(axis, index, count, planeNames(self.request.anchor)[axis])

    def showSlice(self, index: int) -> None:
        """Go to a slice of the anchor, along the axis that the views look along; `InputError` when it has none such."""
        volume = self.request.anchor
        axis, _index, count = self.position
        if not 0 <= index < count:
            raise InputError(f"'{volume.GetName()}' has the slice indices 0 to {count - 1}, and no {index}.")
        toWorld = ijkToWorld(volume)
        matrix = self.links.matrix.copy()
        ijk = np.linalg.inv(toWorld) @ matrix[:, 3]
        ijk[axis] = index
        matrix[:, 3] = toWorld @ ijk
        self.links.moveTo(matrix)

    def turn(self, orientation: str) -> None:
        """Turn the views to a plane of `plane.ORIENTATIONS`, through where they look now, and fit them."""
        anchor = self.request.anchor
        matrix = plane.standardMatrix(anchor, orientation)
        matrix[:3, 3] = plane.onSlice(anchor, matrix[:3, 2], self.links.centre)
        self.links.goTo(Place(matrix), plane.spacingAlong(anchor, matrix[:3, 2]))

    def fill(self, request) -> None:
        """Show the images that a request has in view, or what is shown instead of them."""
        self.request, before, self._differences = request, self._differences, {}
        for (row, column), label in self.labels().items():
            node = self._sliceNode(row, column)
            group = ZOOM_GROUP if row in request.zoomed else WHOLE_GROUP
            views.fill(node, self._volumeOf(row, label, before), label, group)
        for difference in before.values():
            removeVolume(difference.node)
        if self.links is not None:
            self._updateDifferences()

    def labels(self) -> dict[tuple[str, int], str]:
        """Return the label of the image of each view, by its row and column."""
        visible = self.request.visible
        return {(row, column): visible[column] for row, column in self.layout.cells}

    def seen(self, row: str, label: str) -> tuple[str, str]:
        """Return row and label of what a view shows, which is another thing as long as something is shown instead."""
        request = self.request
        if row not in ("images", "zoom") or not self.instead:
            return row, label
        if self.instead == "reference":
            return row, next(name for name, volume in request.images.items() if volume is self.other)
        taken = "difference" if request.reference is not None else "noise"
        return (row, label) if request.cell(taken, label)[0] is None else (taken, label)

    @property
    def other(self):
        """What the images are compared with by turns: the reference, or the low dose without one."""
        shown = self.request.images.values()
        return next(v for v in (self.request.reference, self.request.low, *shown) if v in shown)

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
            removeVolume(difference.node)
        return place

    def markRegions(self, request) -> None:
        """Show the regions of the scene, the active one as the request says, and zoom to it."""
        self.request = request
        regions = {region.node: region for region in regionsOf(self.scene) if not region.segment}
        for node in [node for node in self._marks if node not in regions]:
            self._marks.pop(node).close()
        shownIn = [self._sliceNode("images", column).GetID() for column in range(self.layout.images)]
        for node, region in regions.items():
            active = node is request.roi
            if node in self._marks:
                self._marks[node].region = region
                self._marks[node].show(active, request.handles)
            else:
                self._marks[node] = RegionMark(region, shownIn, active, request.handles, self._onRegionMoved,
                                               lambda: self._tell("roiEnd"))
        if self.links is not None:
            self.links.zoomSoon()

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

    def _volumeOf(self, row: str, label: str, before: dict):
        """Return what a view shows; a difference is taken out of those before, or made."""
        row, label = self.seen(row, label)
        if row not in ("difference", "noise"):
            return self.request.images[label]
        pair = self.request.cell(row, label)
        if pair[0] is None:
            return None
        if (row, label) not in self._differences:
            known = before.pop((row, label), None)
            self._differences[row, label] = known or SliceDifference(*pair)
        return self._differences[row, label].node

    def _firstPlane(self) -> np.ndarray:
        """Return where to begin: on the slice that the user looks at, when that is one of an image of ours."""
        anchor = self.request.anchor
        matrix = plane.standardMatrix(anchor, self.request.orientation)
        if views.backgroundOf(self.scene, "Red") in self.request.images.values():
            normal, own = matrix[:3, 2], plane.matrixOf(views.sliceNode(self.scene, "Red"))
            if abs(normal @ own[:3, 2]) > 0.99:
                matrix[:3, 3] += normal * ((own[:3, 3] - matrix[:3, 3]) @ normal)
        matrix[:3, 3] = plane.onSlice(anchor, matrix[:3, 2], matrix[:3, 3])
        return matrix

    def _arrange(self, place: Place) -> None:
        """Link the views and bring them to a place."""
        request, groups = self.request, ([], [])
        for row, column in self.layout.cells:
            groups[row in request.zoomed].append(self._sliceNode(row, column))
        self.markRegions(request)
        self.links = LinkedViews(
            *groups, lambda: self._body, self._activePoints, lambda: self._tell("moving"), self._onSlice,
            lambda: self._tell("resized"),
        )
        self.links.goTo(place, plane.spacingAlong(request.anchor, place.matrix[:3, 2]))

    def _updateDifferences(self) -> None:
        for difference in self._differences.values():
            difference.update(self.links.centre, self.links.normal)

    def _onSlice(self) -> None:
        self._updateDifferences()
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
            self.links.zoomSoon()

    def _onVolumeModified(self, volume, event) -> None:
        for difference in self._differences.values():
            if volume in difference.volumes:
                difference.update(self.links.centre, self.links.normal, changed=True)
        self._tell("volume")
