"""The list of regions: boxes, circles, closed curves and segments of the scene, each with a number, a name and a role.

A region is a node of the scene (a segment: a part of one) that says in an attribute which number and role it has; its
name and colour are the node's. So the list is saved with the scene, and Slicer's own modules can edit what is in it.
"""

import contextlib
import itertools
import json
import math
from dataclasses import dataclass

import numpy as np
import slicer
import slicer.util
import vtk
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.metrics import ROI

from .nodes import nodesOf, placeTime, requireVolume, transformTime, volumeFromNode
from .planes import Plane, planeNames
from .rois import WorldToPixels

#: What a region is: its contrast to the background is measured, it is the background, or neither.
ROLES = ("lesion", "background", "none")

#: The attribute of a node: what of it are regions, as JSON. The key is a segment's id, and empty for a whole node.
_ATTRIBUTE = "LDCTDenoise.Regions"

#: The attribute of a markup that was drawn in the comparison's views, and nowhere else in Slicer.
DRAWN = "LDCTDenoise.Drawn"

#: Red, as the paper's boxes, and more that people with any colour vision tell apart.
_COLORS = ((1.0, 0.1, 0.1), (0.34, 0.71, 0.91), (0.94, 0.89, 0.26), (0.0, 0.62, 0.45), (0.8, 0.47, 0.65),
           (0.9, 0.62, 0.0))

#: Points of a circle, between which Slicer draws a smooth curve.
CIRCLE_POINTS = 24

#: By how much an axis of a box may lean against the volume's (cosine) and still be along it.
_PARALLEL = 1 - 1e-6

#: Pixels by which an edge may miss a pixel's centre and still hold it: the rounding of matrices.
_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Voxels:
    """The voxels of a region in a volume: a box of slices, rows and columns, and which of them, where not all."""

    box: tuple[slice, slice, slice]
    mask: np.ndarray | None = None

    def of(self, array: np.ndarray) -> np.ndarray:
        """Return their values, of an array of shape (slices, rows, columns)."""
        values = array[self.box]
        return values.ravel() if self.mask is None else values[self.mask]

    @property
    def count(self) -> int:
        if self.mask is not None:
            return int(np.count_nonzero(self.mask))
        return math.prod(part.stop - part.start for part in self.box)

    @property
    def words(self) -> str:
        """Where they are, counted from 1: "slices 4 to 6, columns 11 to 34, rows 8 to 37, 2160 voxels"."""
        places = (f"{what} {part.stop}" if part.stop - part.start == 1 else f"{what}s {part.start + 1} to {part.stop}"
                  for what, part in zip(("slice", "row", "column"), self.box, strict=True))
        slices, rows, columns = places
        return f"{slices}, {columns}, {rows}, {self.count} voxels"


#: The voxels of each region, by its node's id and segment, and what they were worked out of.
_voxels: dict[tuple, tuple] = {}


@dataclass(frozen=True)
class Region:
    """One region of the list."""

    node: object
    segment: str  #: The segment's id; empty where the region is the whole node.
    number: int  #: Its place in tables, from 1; it keeps it when others go.
    role: str  #: One of `ROLES`.
    follows: bool  #: Whether it goes along with the slice; else it stays where it was put.

    @property
    def name(self) -> str:
        if self.segment:
            return self.node.GetSegmentation().GetSegment(self.segment).GetName()
        return self.node.GetName()

    @property
    def shape(self) -> str:
        if self.segment:
            return "segment"
        if self.node.IsA("vtkMRMLMarkupsROINode"):
            return "box"
        return "circle" if _read(self.node).get("", {}).get("circle") else "curve"

    @property
    def color(self) -> tuple[float, float, float]:
        if self.segment:
            return tuple(self.node.GetSegmentation().GetSegment(self.segment).GetColor())
        display = self.node.GetDisplayNode()
        return tuple(display.GetSelectedColor()) if display is not None else _COLORS[0]

    @property
    def heading(self) -> str:
        """What stands above its numbers."""
        return f"{self.number} {self.name}"

    @property
    def isPlaced(self) -> bool:
        if self.segment:
            return True
        if self.shape == "box":
            return self.node.GetNumberOfControlPoints() > 0 and min(self.node.GetSize()) > 0
        return self.node.GetNumberOfDefinedControlPoints() > 2

    def across(self, volumeNode) -> int:
        """Return the volume's axis (0, 1, 2 for i, j, k) across the plane that it was drawn in; of a segment, k."""
        if self.segment:
            return 2
        if self.shape == "box":
            depth = slicer.util.arrayFromVTKMatrix(self.node.GetObjectToWorldMatrix())[:3, 2]
            axes = _toWorld(volumeNode)[:3, :3]
            return int(np.abs(depth @ (axes / np.linalg.norm(axes, axis=0))).argmax())
        return int(np.ptp(_pixelsOfCurve(self.node, volumeNode), axis=0).argmin())

    def planes(self, volumeNode) -> tuple[Plane, range]:
        """Return the plane of a volume in its middle, as it was drawn, and which of that axis it reaches."""
        box = self.voxels(volumeNode).box  # raises for a region that has no place yet
        axis = self.across(volumeNode)
        part = box[2 - axis]
        middle = (part.start + part.stop - 1) // 2
        return Plane.of(volumeNode, middle, planeNames(volumeNode)[axis]), range(part.start, part.stop)

    def reach(self, volumeNode) -> tuple[int, int]:
        """Return the first and the last slice that it reaches, counted across the plane that it was drawn in."""
        _plane, reached = self.planes(volumeNode)
        return reached[0], reached[-1]

    def plane(self, volumeNode) -> Plane:
        """Return the plane of a volume in its middle, as it was drawn."""
        return self.planes(volumeNode)[0]

    def boxIn(self, volumeNode) -> tuple[int, int, int, int]:
        """Return the columns and rows of that plane which just hold it: i0, i1, j0, j1, upper bounds exclusive."""
        box = self.voxels(volumeNode).box
        rows, columns = (part for axis, part in enumerate(box) if axis != 2 - self.across(volumeNode))
        return columns.start, columns.stop, rows.start, rows.stop

    def state(self) -> tuple:
        """Return something that changes when its voxels may have."""
        # Neither points that are dragged nor voxels that are painted count as a modification of the node.
        if self.segment:
            labels = self.node.GetBinaryLabelmapInternalRepresentation(self.segment)
            inside = labels and labels.GetMTime()
        else:
            inside = slicer.util.arrayFromMarkupsControlPoints(self.node).tobytes()
        return self.node.GetID(), self.segment, self.node.GetMTime(), transformTime(self.node), inside

    def voxels(self, volumeNode) -> Voxels:
        """Return its voxels in a volume: those whose centres lie inside.

        A flat region, as one is drawn in a view, holds the one slice that it lies in, in any orientation.

        Raises
        ------
        InputError
            If it is not placed, or holds no voxel.
        """
        requireVolume(volumeNode, "volume")
        if not self.isPlaced:
            raise InputError(f"the region '{self.name}' has not been placed; draw it on the image first.")
        # Table, zooms and reach ask one after the other, and a circle takes 6 ms: of each region the last is kept.
        kept, key = (self.node.GetID(), self.segment), (self.state(), volumeNode.GetID(), placeTime(volumeNode))
        known, found = _voxels.get(kept, (None, None))
        if known != key:
            if self.segment:
                found = _ofSegment(self.node, self.segment, volumeNode)
            else:
                found = (_ofBox if self.shape == "box" else _ofCurve)(self.node, volumeNode)
            _voxels[kept] = key, found
        if found is None or not found.count:
            raise InputError(f"the region '{self.name}' holds no voxel of '{volumeNode.GetName()}'; move it onto the "
                             "image.")
        return found


def regionsOf(scene) -> list[Region]:
    """Return the regions of a scene by their numbers."""
    found = []
    for kind in ("vtkMRMLMarkupsROINode", "vtkMRMLMarkupsClosedCurveNode", "vtkMRMLSegmentationNode"):
        for node in nodesOf(scene, kind):
            for segment, said in _read(node).items():
                if segment and node.GetSegmentation().GetSegment(segment) is None:
                    continue  # deleted in Slicer's own editor
                role = said.get("role") if said.get("role") in ROLES else "none"
                with contextlib.suppress(TypeError, ValueError):  # a scene that was edited by hand
                    found.append(Region(node, segment, int(said.get("number")), role, bool(said.get("follows"))))
    return sorted(found, key=lambda region: region.number)


def follows(node) -> bool:
    """Whether a markup goes along with the slice."""
    return bool(_read(node).get("", {}).get("follows"))


def addRegion(node, role: str = "none", name: str | None = None, segment: str = "") -> Region:
    """Put a node, or a segment of one, into the list; one that is in it already is changed.

    Parameters
    ----------
    node : vtkMRMLMarkupsROINode, vtkMRMLMarkupsClosedCurveNode or vtkMRMLSegmentationNode
    role : str
        One of `ROLES`.
    name : str, optional
        Default: as it is called.
    segment : str
        Of a segmentation, the segment's id or name.

    Raises
    ------
    InputError
        If the node is of another kind, the segment is not in it, or the role is unknown.
    """
    if not isinstance(node, slicer.vtkMRMLNode) or node.GetScene() is None:
        raise InputError("a region must be a node of the scene: a Markups ROI, a closed curve, or a segmentation.")
    if node.IsA("vtkMRMLSegmentationNode"):
        segment = _segmentId(node, segment)
    elif not (node.IsA("vtkMRMLMarkupsROINode") or node.IsA("vtkMRMLMarkupsClosedCurveNode")):
        raise InputError(f"'{node.GetName()}' is no region: choose a Markups ROI, a closed curve, or a segmentation.")
    known = {(region.node, region.segment): region for region in regionsOf(node.GetScene())}
    if (node, segment) not in known:
        number = max((region.number for region in known.values()), default=0) + 1
        _write(node, segment, number=number, follows=False)
        if not segment:
            node.CreateDefaultDisplayNodes()
    return changeRegion(node, role, name, segment=segment)


def changeRegion(node, role: str | None = None, name: str | None = None, follows: bool | None = None,
                 color=None, segment: str = "") -> Region:
    """Give a region of the list another role, name or colour (three numbers of 0 to 1), or let it follow the slice."""
    if segment not in _read(node):
        raise InputError(f"'{node.GetName()}' is not in the list of regions.")
    if role is not None:
        if role not in ROLES:
            raise InputError(f"there is no role '{role}'; choose from {', '.join(ROLES)}.")
        _write(node, segment, role=role)
    if follows is not None:
        _write(node, segment, follows=bool(follows))
    if name is not None:
        (node.GetSegmentation().GetSegment(segment) if segment else node).SetName(name)
    if color is not None:
        if segment:
            node.GetSegmentation().GetSegment(segment).SetColor(*color)
        else:
            paint(node, color)
    return next(region for region in regionsOf(node.GetScene()) if (region.node, region.segment) == (node, segment))


def spanSlices(region: Region, volumeNode, first: int, last: int) -> None:
    """Let a box or a curve reach over slices `first` to `last` of a volume, across the plane that it was drawn in.

    Raises
    ------
    InputError
        If the volume has no such slices, or it is a segment.
    """
    if region.segment:
        raise InputError(f"'{region.name}' is a segment; change it in the module Segment Editor.")
    axis = region.across(volumeNode)
    count = volumeNode.GetImageData().GetDimensions()[axis]
    if not 0 <= first <= last < count:
        raise InputError(f"'{volumeNode.GetName()}' has the slice indices 0 to {count - 1} there; {first} to {last} "
                         "are not among them.")
    if region.shape != "box":
        # Its points stay where they are.
        place = math.floor(_pixelsOfCurve(region.node, volumeNode)[:, axis].mean() + 0.5)
        _write(region.node, "", reach=[first - place, last - place])
        return
    node, along = region.node, _toWorld(volumeNode)[:3, axis]
    middle = WorldToPixels(volumeNode)(node.GetCenterWorld())[axis]
    with slicer.util.NodeModify(node):
        node.SetCenterWorld(*(np.array(node.GetCenterWorld()) + along * ((first + last) / 2 - middle)))
        node.SetSize(*node.GetSize()[:2], (last - first + 1) * float(np.linalg.norm(along)))


def removeRegion(node, segment: str = "") -> None:
    """Take a region out of the list; its node stays in the scene, unless it was drawn in the comparison's views."""
    said = _read(node)
    said.pop(segment, None)
    node.SetAttribute(_ATTRIBUTE, json.dumps(said) if said else None)
    if node.GetAttribute(DRAWN):
        node.GetScene().RemoveNode(node)


def becomeCircle(box, curve) -> None:
    """Let a curve, the ellipse in a box, take the box's place in the list: number, role, name and colour."""
    curve.SetName(box.GetName())
    curve.SetAttribute(_ATTRIBUTE, box.GetAttribute(_ATTRIBUTE))
    box.SetAttribute(_ATTRIBUTE, None)
    _write(curve, "", circle=True)
    paint(curve, box.GetDisplayNode().GetSelectedColor())


def makeRegion(volumeNode, roi, shape: str = "box", role: str = "none", name: str | None = None,
               slices: tuple[int, int] | None = None) -> Region:
    """Make a region of pixels of a slice, and put it into the list.

    Parameters
    ----------
    volumeNode : vtkMRMLScalarVolumeNode
        The volume with the pixels.
    roi : tuple (i0, i1, j0, j1, k) or ROI
        Upper bounds exclusive.
    shape : str
        "box", or "circle" for the ellipse in that box, as a closed curve.
    slices : tuple of int, optional
        First and last slice that it reaches. Default: the one of `roi`.
    """
    region = ROI.of(roi)
    region.check(volumeFromNode(volumeNode).array.shape)
    scene = volumeNode.GetScene()
    if shape not in ("box", "circle"):
        raise InputError(f"there is no shape '{shape}' to make; choose box or circle, or add a node of your own.")
    toWorld = _toWorld(volumeNode)
    centre = np.array([(region.i0 + region.i1 - 1) / 2, (region.j0 + region.j1 - 1) / 2, region.k])
    size = np.array([region.i1 - region.i0, region.j1 - region.j0, 1])
    name = name or scene.GenerateUniqueName("Region")
    axes = toWorld[:3, :3] / np.linalg.norm(toWorld[:3, :3], axis=0)
    spacing = np.linalg.norm(toWorld[:3, :3], axis=0)
    if shape == "box":
        node = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", name)
        box = np.eye(4)
        box[:3, :3], box[:3, 3] = axes, (toWorld @ [*centre, 1])[:3]
        if np.linalg.det(axes) < 0:  # a node's axes are right-handed
            box[:3, 2] *= -1
        node.SetSize(*(size * spacing))
        node.SetAndObserveObjectToNodeMatrix(slicer.util.vtkMatrixFromArray(box))
    else:
        node = scene.AddNewNodeByClass("vtkMRMLMarkupsClosedCurveNode", name)
        for angle in np.arange(CIRCLE_POINTS) * 2 * math.pi / CIRCLE_POINTS:
            point = centre + [size[0] / 2 * math.cos(angle), size[1] / 2 * math.sin(angle), 0]
            node.AddControlPointWorld(*(toWorld @ [*point, 1])[:3])
    dress(node)
    made = addRegion(node, role)
    if shape == "circle":
        _write(node, "", circle=True)
    if slices is not None:
        spanSlices(made, volumeNode, *slices)
    return made


def nextColor(scene) -> tuple[float, float, float]:
    """Return the colour of the next region."""
    return _COLORS[len(regionsOf(scene)) % len(_COLORS)]


def dress(node) -> None:
    """Give a new markup the next colour, and no filling: in Slicer's own views that would cover what it encloses."""
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetFillVisibility(False)
    paint(node, nextColor(node.GetScene()))


def paint(node, color) -> None:
    """Give a markup a colour."""
    display = node.GetDisplayNode()
    for which in ("Selected", "", "Active"):
        getattr(display, f"Set{which}Color")(*color)


def _toWorld(volumeNode) -> np.ndarray:
    from .comparison.plane import ijkToWorld

    return ijkToWorld(volumeNode)


def _read(node) -> dict:
    """Return what of a node is in the list, by segment."""
    with contextlib.suppress(ValueError):
        said = json.loads(node.GetAttribute(_ATTRIBUTE) or "{}")
        if isinstance(said, dict):
            return {key: value for key, value in said.items() if isinstance(value, dict)}
    return {}


def _write(node, segment: str, **facts) -> None:
    said = _read(node)
    said[segment] = {**said.get(segment, {}), **facts}
    node.SetAttribute(_ATTRIBUTE, json.dumps(said))


def _segmentId(node, segment: str) -> str:
    segmentation = node.GetSegmentation()
    ids = [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]
    names = {segmentation.GetSegment(i).GetName(): i for i in ids}
    if segment in ids:
        return segment
    if segment in names:
        return names[segment]
    if not segment and len(ids) == 1:
        return ids[0]
    raise InputError(f"'{node.GetName()}' has the segments {', '.join(names) or 'none'}; say which one is the region.")


def _range(lower: float, upper: float, count: int) -> slice:
    """Return the pixels whose centres lie between two coordinates; of a flat region, the one it lies in."""
    first, last = math.ceil(lower - _TOLERANCE), math.floor(upper + _TOLERANCE)
    if first > last:
        first = last = math.floor((lower + upper) / 2 + 0.5)
    return slice(max(first, 0), max(min(last + 1, count), 0))


def _bounded(points: np.ndarray, volumeNode) -> tuple[slice, slice, slice] | None:
    """Return the box of voxels around points (i, j, k), or None when it is outside the volume."""
    dimensions = volumeNode.GetImageData().GetDimensions()
    i, j, k = (_range(points[:, a].min(), points[:, a].max(), dimensions[a]) for a in range(3))
    return None if any(part.start >= part.stop for part in (k, j, i)) else (k, j, i)


def _ofBox(node, volumeNode) -> Voxels | None:
    toWorld = slicer.util.arrayFromVTKMatrix(node.GetObjectToWorldMatrix())
    half = np.array(node.GetSize()) / 2
    toPixels = WorldToPixels(volumeNode)
    signs = np.array(list(itertools.product((-1, 1), repeat=3)))
    corners = np.array([toPixels((toWorld @ [*corner, 1.0])[:3]) for corner in signs * half])
    box = _bounded(corners, volumeNode)
    if box is None:
        return None
    # Along each of the volume's axes one of the box's must run; else which voxels are inside is asked one by one.
    sides = np.array([corners[4] - corners[0], corners[2] - corners[0], corners[1] - corners[0]])
    lengths = np.linalg.norm(sides, axis=1, keepdims=True)
    if (np.abs(sides / lengths).max(axis=1) >= _PARALLEL).all():
        return Voxels(box)
    inverse = np.linalg.inv(sides.T)
    grid = np.stack(np.meshgrid(*(np.arange(part.start, part.stop) for part in box), indexing="ij"), axis=-1)[..., ::-1]
    shares = (grid - corners[0]) @ inverse.T
    mask = ((shares > -_TOLERANCE) & (shares < 1 + _TOLERANCE)).all(axis=-1)
    return Voxels(box, mask)


def _ofCurve(node, volumeNode) -> Voxels | None:
    pixels = _pixelsOfCurve(node, volumeNode)
    # The axis of the volume across which the curve is flattest.
    across = int(np.ptp(pixels, axis=0).argmin())
    plane = [axis for axis in range(3) if axis != across]
    dimensions = volumeNode.GetImageData().GetDimensions()
    place = math.floor(pixels[:, across].mean() + 0.5)
    before, after = _reachOf(node)
    if not (place + before < dimensions[across] and place + after >= 0):
        return None
    ranges = {axis: _range(pixels[:, axis].min(), pixels[:, axis].max(), dimensions[axis]) for axis in plane}
    ranges[across] = slice(max(place + before, 0), min(place + after + 1, dimensions[across]))
    if any(part.start >= part.stop for part in ranges.values()):
        return None
    first, second = plane
    a = np.arange(ranges[first].start, ranges[first].stop)
    b = np.arange(ranges[second].start, ranges[second].stop)
    inside = _insidePolygon(pixels[:, first], pixels[:, second], a, b)
    mask = np.zeros(tuple(ranges[axis].stop - ranges[axis].start for axis in (2, 1, 0)), bool)
    # Axes of the array are (k, j, i); `inside` is (second, first).
    mask[...] = np.expand_dims(inside, 2 - across)
    return Voxels((ranges[2], ranges[1], ranges[0]), mask)


def _pixelsOfCurve(node, volumeNode) -> np.ndarray:
    """Return the points of a curve in pixels of a volume, shape (points, 3), in the order i, j, k."""
    toPixels = WorldToPixels(volumeNode)
    return np.array([toPixels(point) for point in slicer.util.arrayFromMarkupsCurvePoints(node, world=True)])


def _reachOf(node) -> tuple[int, int]:
    """Return how many slices before and behind its own a curve reaches: zero or less, and zero or more, as a rule."""
    with contextlib.suppress(TypeError, ValueError):  # a scene that was edited by hand
        before, after = (int(number) for number in _read(node).get("", {}).get("reach", (0, 0)))
        if before <= after:
            return before, after
    return 0, 0


def _insidePolygon(x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return which grid points (a, b) lie in a polygon, shape (len(b), len(a)), by the parity of its crossings."""
    inside = np.zeros((len(b), len(a)), bool)
    for x0, y0, x1, y1 in zip(x, y, np.roll(x, -1), np.roll(y, -1), strict=True):
        if y0 == y1:
            continue
        rows = (b >= min(y0, y1)) & (b < max(y0, y1))
        crossing = x0 + (b[rows] - y0) * (x1 - x0) / (y1 - y0)
        inside[rows] ^= a[None, :] < crossing[:, None]
    return inside


def _ofSegment(node, segment: str, volumeNode) -> Voxels | None:
    """Look up the label at the centre of each voxel; `slicer.util` would put a volume into the scene for that."""
    node.CreateBinaryLabelmapRepresentation()
    labels = node.GetBinaryLabelmapInternalRepresentation(segment)
    if labels is None or not labels.GetNumberOfPoints():
        return None
    toWorld = vtk.vtkMatrix4x4()
    labels.GetImageToWorldMatrix(toWorld)
    parent, toParent = node.GetParentTransformNode(), vtk.vtkMatrix4x4()
    if parent is not None:
        parent.GetMatrixTransformToWorld(toParent)
    labelsToWorld = slicer.util.arrayFromVTKMatrix(toParent) @ slicer.util.arrayFromVTKMatrix(toWorld)
    extent = np.reshape(labels.GetExtent(), (3, 2))
    toVolume = np.linalg.inv(_toWorld(volumeNode)) @ labelsToWorld
    corners = np.array([[*corner, 1.0] for corner in itertools.product(*(extent + [-0.5, 0.5]))])
    box = _bounded((corners @ toVolume.T)[:, :3], volumeNode)
    if box is None:
        return None
    k, j, i = np.meshgrid(*(np.arange(part.start, part.stop) for part in box), indexing="ij")
    places = np.stack([i, j, k, np.ones_like(i)], axis=-1) @ np.linalg.inv(toVolume).T
    places = np.floor(places[..., :3] + 0.5).astype(int) - extent[:, 0]
    inside = ((places >= 0) & (places <= extent[:, 1] - extent[:, 0])).all(axis=-1)
    x, y, z = np.moveaxis(np.where(inside[..., None], places, 0), -1, 0)
    array = slicer.util.arrayFromSegmentInternalBinaryLabelmap(node, segment)
    mask = inside & (array[z, y, x] == node.GetSegmentation().GetSegment(segment).GetLabelValue())
    return Voxels(box, mask)
