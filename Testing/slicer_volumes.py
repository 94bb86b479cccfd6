"""Volumes for the Slicer tests: CT on an oblique grid in a scene, and what a scene is made of."""

import numpy as np
import slicer
import slicer.util
import vtk

#: Rows of an oblique IJKToRAS with anisotropic spacing, as a tilted scan has.
_AXES = np.array([[0.8, 0.6, 0.0], [-0.6 * 0.8, 0.8 * 0.8, 0.6], [0.6 * 0.6, -0.8 * 0.6, 0.8]]).T


def ct(shape=(3, 24, 40), dtype=np.int16, seed=0):
    """Return a disc of tissue in air with noise; of an unsigned type, only the tissue."""
    rng = np.random.default_rng(seed)
    image = rng.normal(60, 30, shape)
    if np.dtype(dtype).kind != "u":
        image[:, :, :8] = rng.normal(-1000, 20, image[:, :, :8].shape)
    else:
        image = np.clip(image, 0, None)
    return (image if np.dtype(dtype).kind == "f" else np.rint(image)).astype(dtype)


def addVolume(scene, array, name="CT"):
    """Add an oblique volume with a display."""
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    slicer.util.updateVolumeFromArray(node, array)
    matrix = np.eye(4)
    matrix[:3, :3] = _AXES * [0.7, 0.8, 2.5]
    matrix[:3, 3] = [-120.5, 33.25, 710]
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().AutoWindowLevelOff()
    node.GetDisplayNode().SetWindowLevelMinMax(-160, 240)
    return node


def addTransform(scene, name="T"):
    matrix = np.eye(4)
    matrix[:3, :3] = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    matrix[:3, 3] = [5, -6, 7]
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", name)
    node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    return node


def ijkToRAS(node):
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def state(scene):
    """Return what a scene is made of: ids, names and parents of its nodes, and every volume's voxels."""
    nodes = [scene.GetNthNode(i) for i in range(scene.GetNumberOfNodes())]
    kept = []
    for node in nodes:
        image = node.GetImageData() if node.IsA("vtkMRMLVolumeNode") else None
        voxels = None if image is None else (image.GetMTime(), slicer.util.arrayFromVolume(node).tobytes())
        attributes = sorted((a, node.GetAttribute(a)) for a in node.GetAttributeNames())
        kept.append((node.GetID(), node.GetName(), voxels, attributes))
    return kept
