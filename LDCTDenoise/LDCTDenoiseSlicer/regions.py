"""The list of regions: boxes, circles, closed curves and segments of the scene, each with a number, a name and a role.

A region is a node of the scene (a segment: a part of one) that says in an attribute which number and role it has; its
name and colour are the node's. So the list is saved with the scene, and Slicer's own modules can edit what is in it.
"""

import contextlib
import json
import math
from dataclasses import dataclass

import numpy as np
import slicer
import slicer.util
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.metrics import ROI

from .nodes import ijkToWorld, nodesOf, placeTime, requireVolume, transformTime, volumeFromNode
from .planes import Plane, planeNames
from .region_voxels import Voxels, pixelsOfCurve, voxelsOfBox, voxelsOfCurve, voxelsOfSegment
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
            axes = ijkToWorld(volumeNode)[:3, :3]
            return int(np.abs(depth @ (axes / np.linalg.norm(axes, axis=0))).argmax())
        return int(np.ptp(pixelsOfCurve(self.node, volumeNode), axis=0).argmin())

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
                found = voxelsOfSegment(self.node, self.segment, volumeNode)
            elif self.shape == "box":
                found = voxelsOfBox(self.node, volumeNode)
            else:
                found = voxelsOfCurve(self.node, volumeNode, _reachOf(self.node))
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
        place = math.floor(pixelsOfCurve(region.node, volumeNode)[:, axis].mean() + 0.5)
        _write(region.node, "", reach=[first - place, last - place])
        return
    node, along = region.node, ijkToWorld(volumeNode)[:3, axis]
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
    toWorld = ijkToWorld(volumeNode)
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


def _reachOf(node) -> tuple[int, int]:
    """Return how many slices before and behind its own a curve reaches: zero or less, and zero or more, as a rule."""
    with contextlib.suppress(TypeError, ValueError):  # a scene that was edited by hand
        before, after = (int(number) for number in _read(node).get("", {}).get("reach", (0, 0)))
        if before <= after:
            return before, after
    return 0, 0
