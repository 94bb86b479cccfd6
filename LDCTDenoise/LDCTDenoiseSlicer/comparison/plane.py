"""Where a slice view looks: its plane, its centre and its field of view, in mm of the world (RAS)."""

import itertools

import numpy as np
import slicer
import slicer.util
import vtk

from ..nodes import ijkToWorld

#: Planes as radiologists look at them: where right, up and the normal of the picture point to, in RAS.
ORIENTATIONS = {
    "axial": ((-1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "coronal": ((-1, 0, 0), (0, 0, 1), (0, 1, 0)),
    "sagittal": ((0, -1, 0), (0, 0, 1), (1, 0, 0)),
}

#: The letters of the patient's sides along the world's axes, to plus and to minus.
_SIDES = ("RL", "AP", "SI")

#: From which share of a direction on its letter is written.
_LEANS = 0.3


def matrixOf(sliceNode) -> np.ndarray:
    """Return SliceToRAS, shape (4, 4): the columns are right, up, the normal and the centre."""
    return slicer.util.arrayFromVTKMatrix(sliceNode.GetSliceToRAS())


def bentBy(volumeNode):
    """Return the non-linear transform that a volume is under, or None."""
    parent = volumeNode.GetParentTransformNode()
    return None if parent is None or parent.IsTransformToWorldLinear() else parent


def toGridSpace(volumeNode, point) -> np.ndarray:
    """Return a point of the world in the space of `ijkToWorld`: they differ under a non-linear transform only."""
    bend = bentBy(volumeNode)
    if bend is None:
        return np.asarray(point, dtype=float)
    transform = vtk.vtkGeneralTransform()
    bend.GetTransformFromWorld(transform)
    return np.array(transform.TransformPoint(point))


def corners(volumeNode) -> np.ndarray:
    """Return the eight outer corners of a volume in the world, shape (8, 3)."""
    dimensions = volumeNode.GetImageData().GetDimensions()
    box = itertools.product(*((-0.5, count - 0.5) for count in dimensions))
    return (ijkToWorld(volumeNode) @ np.array([[*corner, 1.0] for corner in box]).T).T[:, :3]


def boxCorners(roi) -> np.ndarray:
    """Return the eight corners of an ROI node in the world, shape (8, 3)."""
    half = np.array(roi.GetSize()) / 2
    toWorld = slicer.util.arrayFromVTKMatrix(roi.GetObjectToWorldMatrix())
    box = [[*(half * signs), 1.0] for signs in itertools.product((-1, 1), repeat=3)]
    return (toWorld @ np.array(box).T).T[:, :3]


def isPlaced(markup) -> bool:
    """Whether a box or a closed curve is there and has a place and a size."""
    if markup is None or not markup.IsA("vtkMRMLMarkupsROINode"):
        return markup is not None and markup.GetNumberOfDefinedControlPoints() > 2
    return markup.GetNumberOfControlPoints() > 0 and min(markup.GetSize()) > 0


def outline(markup) -> np.ndarray:
    """Return points of the world, shape (n, 3), that a box or a closed curve just holds."""
    if markup.IsA("vtkMRMLMarkupsROINode"):
        return boxCorners(markup)
    return slicer.util.arrayFromMarkupsCurvePoints(markup, world=True)


def standardMatrix(volumeNode, orientation: str = "axial") -> np.ndarray:
    """Return the SliceToRAS, shape (4, 4), of a view on a plane (of `ORIENTATIONS`) of a volume, through its middle."""
    # By axes and not by the name "Axial": slicer-core knows no such preset, and the user may have redefined it.
    node = slicer.vtkMRMLSliceNode()
    axes = np.eye(4)
    axes[:3, :3] = np.transpose(ORIENTATIONS[orientation])
    node.GetSliceToRAS().DeepCopy(vtkMatrix(axes))
    node.UpdateMatrices()
    if bentBy(volumeNode) is None:
        node.RotateToVolumePlane(volumeNode)
    matrix = matrixOf(node).copy()
    matrix[:3, 3] = onSlice(volumeNode, matrix[:3, 2], corners(volumeNode).mean(axis=0))
    return matrix


def spacingAlong(volumeNode, normal) -> float:
    """Return the distance of a volume's slices along a unit vector, in mm."""
    axes = ijkToWorld(volumeNode)[:3, :3]
    return float(np.abs(np.linalg.inv(axes) @ normal).max() ** -1)


def onSlice(volumeNode, normal, centre) -> np.ndarray:
    """Return a point, moved along the normal to the nearest slice that a volume has."""
    toWorld = ijkToWorld(volumeNode)
    ijk = np.linalg.inv(toWorld) @ [*centre, 1.0]
    axis = axisAlong(toWorld, normal)
    count = volumeNode.GetImageData().GetDimensions()[axis]
    ijk[axis] = np.clip(np.floor(ijk[axis] + 0.5), 0, count - 1)
    moved = (toWorld @ ijk)[:3]
    return centre + normal * ((moved - centre) @ normal)


def cuts(volumeNode, matrix: np.ndarray) -> bool:
    """Whether the plane of a SliceToRAS goes through a volume."""
    heights = (corners(volumeNode) - matrix[:3, 3]) @ matrix[:3, 2]
    return bool(heights.min() <= 0 <= heights.max())


def sideOf(direction: np.ndarray) -> str:
    """Return the letters of where in the patient a unit vector points to, the main one first: "L", "AR"."""
    order = np.argsort(-np.abs(direction), kind="stable")
    return "".join(_SIDES[axis][int(direction[axis] < 0)] for axis in order if abs(direction[axis]) > _LEANS)


def extent(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return width and height in mm of points of the world, shape (n, 3), as a view of a SliceToRAS sees them."""
    return np.ptp(points @ matrix[:3, :2], axis=0)


def axisAlong(toWorld: np.ndarray, normal: np.ndarray) -> int:
    """Return which of i, j, k (0, 1, 2) runs most along a unit vector, of a matrix to the world."""
    axes = toWorld[:3, :3] / np.linalg.norm(toWorld[:3, :3], axis=0)
    return int(np.abs(normal @ axes).argmax())


def frame(sliceNodes, points: np.ndarray, depth: float | None = None, matrix: np.ndarray | None = None) -> None:
    """Centre views of one plane on points, and zoom them all alike until the points just fit into the smallest.

    Parameters
    ----------
    sliceNodes : sequence of vtkMRMLSliceNode
        The views; the aspect of each is kept.
    points : numpy.ndarray
        In the world, shape (n, 3).
    depth : float, optional
        The depth of the field of view in mm. Default: as it is.
    matrix : numpy.ndarray, optional
        SliceToRAS of the plane. Default: that of the first view.
    """
    if not sliceNodes:
        return
    matrix = (matrixOf(sliceNodes[0]) if matrix is None else matrix).copy()
    inPlane = (points - matrix[:3, 3]) @ matrix[:3, :2]
    lower, upper = inPlane.min(axis=0), inPlane.max(axis=0)
    matrix[:3, 3] += matrix[:3, :2] @ ((lower + upper) / 2)
    width, height = upper - lower
    sizes = [node.GetDimensions() for node in sliceNodes]
    # Millimetres to a pixel: alike in all, although a column may be a pixel narrower than the next.
    scale = max(1e-6, *(max(width / columns, height / rows) for columns, rows, _ in sizes))
    for node in sliceNodes:
        place(node, matrix, (0.0, 0.0), scale, depth)


def scaleOf(sliceNode) -> float:
    """Return how many millimetres a pixel of a view is high."""
    return sliceNode.GetFieldOfView()[1] / sliceNode.GetDimensions()[1]


def place(sliceNode, matrix: np.ndarray, origin, scale: float, depth: float | None = None) -> None:
    """Set what a view shows, in one step; a view that shows it already is left alone.

    Parameters
    ----------
    matrix : numpy.ndarray
        SliceToRAS.
    origin : sequence of 2 float
        The pan: the first two components of XYZOrigin.
    scale : float
        Millimetres to a pixel.
    depth : float, optional
        The depth of the field of view. Default: as it is.
    """
    columns, rows, _ = sliceNode.GetDimensions()
    fov = (scale * columns, scale * rows, depth or sliceNode.GetFieldOfView()[2])
    # Without numpy: this is asked of a dozen views for each step of a drag.
    wanted = (*matrix.ravel().tolist(), *origin, *fov)
    own = (*sliceNode.GetSliceToRAS().GetData(), *sliceNode.GetXYZOrigin()[:2], *sliceNode.GetFieldOfView())
    if all(abs(a - b) <= 1e-6 for a, b in zip(wanted, own, strict=True)):
        return
    with slicer.util.NodeModify(sliceNode):
        sliceNode.GetSliceToRAS().DeepCopy(vtkMatrix(matrix))
        sliceNode.SetXYZOrigin(*origin, 0.0)
        sliceNode.SetFieldOfView(*fov)
        sliceNode.UpdateMatrices()


def vtkMatrix(matrix: np.ndarray) -> vtk.vtkMatrix4x4:
    """Return a (4, 4) array as a VTK matrix."""
    result = vtk.vtkMatrix4x4()
    result.DeepCopy(np.asarray(matrix, dtype=float).ravel().tolist())
    return result
