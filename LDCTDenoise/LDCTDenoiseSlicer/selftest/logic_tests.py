"""The logic in Slicer's own scene."""

import numpy as np
import slicer
import vtk
from LDCTDenoiseLib.errors import GeometryError, InputError
from LDCTDenoiseLib.methods import available_methods

from ..logic import LDCTDenoiseLogic


def makePair(slices: int = 4, size: int = 64) -> tuple:
    """Add a cylinder of soft tissue in air, and the same with noise; return (full, low)."""
    j, i = np.mgrid[:size, :size] - size / 2
    disc = np.where(i**2 + j**2 < (0.375 * size) ** 2, 60.0, -1000.0)
    full = np.repeat(disc[None], slices, axis=0)
    low = full + np.random.default_rng(0).normal(0, 40, full.shape)
    nodes = []
    for name, array in (("FDCT", full), ("LDCT", low)):
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
        slicer.util.updateVolumeFromArray(node, np.rint(array).astype(np.int16))
        node.SetSpacing(0.7, 0.7, 1.5)
        node.SetOrigin(-20, -30, 100)
        node.CreateDefaultDisplayNodes()
        nodes.append(node)
    return tuple(nodes)


def denoiseAndCompare(test) -> None:
    """Denoise, compare, and look where the output lies."""
    method = "DCSCN" if "DCSCN" in available_methods() else "NLM"
    full, low = makePair()
    logic = LDCTDenoiseLogic()
    denoised = logic.denoise(low, method=method)
    test.assertEqual(denoised.GetName(), f"LDCT {method}")
    test.assertEqual(denoised.GetImageData().GetScalarType(), low.GetImageData().GetScalarType())
    test.assertEqual(denoised.GetImageData().GetDimensions(), low.GetImageData().GetDimensions())
    matrices = []
    for node in (low, denoised):
        matrix = vtk.vtkMatrix4x4()
        node.GetIJKToRASMatrix(matrix)
        matrices.append(slicer.util.arrayFromVTKMatrix(matrix).tolist())
    test.assertEqual(matrices[0], matrices[1])
    # In the middle of the disc: its edge is sharper than any scanner's, which is nothing a network has learnt.
    table = logic.compare(full, {"LDCT": low, method: denoised}, roi=(22, 42, 22, 42, 1)).GetTable()
    test.assertEqual(table.GetNumberOfRows(), 3)
    low, denoised = (table.GetValueByName(row, "psnr_db").ToDouble() for row in (1, 2))
    test.assertGreater(denoised, low)


def badInput(test) -> None:
    """Give what cannot be used; the scene is as it was."""
    full, low = makePair()
    logic = LDCTDenoiseLogic()
    count = slicer.mrmlScene.GetNumberOfNodes()
    with test.assertRaises(InputError):
        logic.denoise(None)
    with test.assertRaises(InputError):
        logic.denoise(low, outputVolume=low)
    full.SetSpacing(2, 2, 2)
    with test.assertRaises(GeometryError):
        logic.compare(full, low)
    test.assertEqual(slicer.mrmlScene.GetNumberOfNodes(), count)
