"""Which voxels of a volume lie inside a box, a closed curve or a segment, in any orientation, by their centres."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import slicer.util
import vtk

from .nodes import ijkToWorld
from .rois import WorldToPixels

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


def voxelsOfBox(node, volumeNode) -> Voxels | None:
    """Return the voxels in a Markups ROI, or None where it lies outside the volume."""
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


def voxelsOfCurve(node, volumeNode, reach: tuple[int, int]) -> Voxels | None:
    """Return the voxels in a closed curve, and `reach` slices before and behind its own, see `regions`."""
    pixels = pixelsOfCurve(node, volumeNode)
    # The axis of the volume across which the curve is flattest.
    across = int(np.ptp(pixels, axis=0).argmin())
    plane = [axis for axis in range(3) if axis != across]
    dimensions = volumeNode.GetImageData().GetDimensions()
    place = math.floor(pixels[:, across].mean() + 0.5)
    before, after = reach
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


def pixelsOfCurve(node, volumeNode) -> np.ndarray:
    """Return the points of a curve in pixels of a volume, shape (points, 3), in the order i, j, k."""
    toPixels = WorldToPixels(volumeNode)
    return np.array([toPixels(point) for point in slicer.util.arrayFromMarkupsCurvePoints(node, world=True)])


def voxelsOfSegment(node, segment: str, volumeNode) -> Voxels | None:
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
    toVolume = np.linalg.inv(ijkToWorld(volumeNode)) @ labelsToWorld
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
