"""The volumes of the scene that can be patients."""

import slicer
import slicer.util
import vtk
from LDCTDenoiseSlicer.nodes import INPUT_ROLE, requireVolume

__all__ = ["ctVolumes", "gridOf", "requireVolume"]


def ctVolumes() -> list:
    """Return the scalar volumes of the scene, without label maps, outputs of a denoising, and what is only shown."""
    volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    # By class name: label maps and vector volumes are scalar volumes, too, by inheritance.
    return [v for v in volumes if v.GetClassName() == "vtkMRMLScalarVolumeNode" and not v.GetNodeReference(INPUT_ROLE)
            and not v.GetHideFromEditors()]


def gridOf(node) -> tuple | None:
    """Return what is equal for volumes on one grid, or None where there is no image."""
    if node.GetImageData() is None:
        return None
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    numbers = (round(matrix.GetElement(row, column), 3) for row in range(3) for column in range(4))
    return (*node.GetImageData().GetDimensions(), *numbers, node.GetTransformNodeID())
