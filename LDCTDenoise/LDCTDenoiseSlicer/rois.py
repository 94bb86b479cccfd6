"""A region of interest in the scene to pixels of a slice."""

import itertools
import math

import numpy as np
import slicer
import vtk
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.metrics import ROI

#: Pixels by which an ROI's edge may miss a pixel's centre and still hold it: the rounding of matrices.
_TOLERANCE = 1e-4


def pixelROI(roi, volumeNode, sliceIndex: int | None = None) -> ROI | None:
    """Return an ROI in pixels of a volume.

    Parameters
    ----------
    roi : None, tuple (i0, i1, j0, j1, k), ROI or vtkMRMLMarkupsROINode
        Of an ROI node, the slice is the one through its centre, and the pixels are those whose centres lie within
        the box around it along the volume's rows and columns, cut off at the volume's edge. Parent transforms of
        both are taken into account.
    volumeNode : vtkMRMLScalarVolumeNode
        The volume with the pixels.
    sliceIndex : int, optional
        Of an ROI node, take this slice instead when the box reaches it.

    Raises
    ------
    InputError
        If the ROI is not placed, or holds no pixel of the volume, or is something else.
    """
    if not isinstance(roi, slicer.vtkMRMLNode):
        return ROI.of(roi)
    if not roi.IsA("vtkMRMLMarkupsROINode"):
        raise InputError(f"'{roi.GetName()}' is not a Markups ROI; choose or draw an ROI.")
    size = np.array(roi.GetSize())
    if roi.GetNumberOfControlPoints() == 0 or not size.all():
        raise InputError(f"the ROI '{roi.GetName()}' has not been placed; draw it on the image first.")
    toWorld = slicer.util.arrayFromVTKMatrix(roi.GetObjectToWorldMatrix())
    box = [[*(np.array(signs) * size / 2), 1.0] for signs in itertools.product((-1, 1), repeat=3)]
    toPixels = WorldToPixels(volumeNode)
    corners = np.array([toPixels((toWorld @ corner)[:3]) for corner in box])
    columns, rows, slices = volumeNode.GetImageData().GetDimensions()
    i0, i1 = _inside(corners[:, 0], columns)
    j0, j1 = _inside(corners[:, 1], rows)
    k = math.floor(toPixels(toWorld[:3, 3])[2] + 0.5)
    if sliceIndex is not None and corners[:, 2].min() - 0.5 <= sliceIndex <= corners[:, 2].max() + 0.5:
        k = sliceIndex
    if i0 >= i1 or j0 >= j1 or not 0 <= k < slices:
        raise InputError(
            f"the ROI '{roi.GetName()}' holds no pixel of '{volumeNode.GetName()}'; move it onto the image."
        )
    return ROI(i0, i1, j0, j1, k)


def _inside(coordinates: np.ndarray, count: int) -> tuple[int, int]:
    """Return the half-open range of the pixels whose centres lie between the coordinates, of `count` pixels."""
    lower = math.ceil(coordinates.min() - _TOLERANCE)
    upper = math.floor(coordinates.max() + _TOLERANCE) + 1
    return max(lower, 0), min(upper, count)


class WorldToPixels:
    """World coordinates in mm (RAS) to continuous (i, j, k) of a volume, whatever transforms it is under."""

    def __init__(self, volumeNode):
        self._toLocal = vtk.vtkGeneralTransform()
        slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(None, volumeNode.GetParentTransformNode(), self._toLocal)
        matrix = vtk.vtkMatrix4x4()
        volumeNode.GetRASToIJKMatrix(matrix)
        self._toIJK = slicer.util.arrayFromVTKMatrix(matrix)

    def __call__(self, point) -> np.ndarray:
        return (self._toIJK @ [*self._toLocal.TransformPoint(point), 1.0])[:3]
