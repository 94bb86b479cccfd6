"""Volumes for the Slicer tests: CT on an oblique grid in a scene, and what a scene is made of."""

import numpy as np
import slicer
import slicer.util
import vtk
from skimage.metrics import structural_similarity

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


def addROI(scene, volume, i, j, k, thickness=0.4):
    """Add an ROI whose box runs along the volume's axes, from and to given continuous pixels; k is its centre."""
    toRAS = ijkToRAS(volume)
    parent = volume.GetParentTransformNode()
    if parent is not None:
        matrix = vtk.vtkMatrix4x4()
        parent.GetMatrixTransformToWorld(matrix)
        toRAS = slicer.util.arrayFromVTKMatrix(matrix) @ toRAS
    spacing = np.linalg.norm(toRAS[:3, :3], axis=0)
    box = np.eye(4)
    box[:3, :3] = toRAS[:3, :3] / spacing
    box[:3, 3] = (toRAS @ [(i[0] + i[1]) / 2, (j[0] + j[1]) / 2, k, 1])[:3]
    roi = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "ROI")
    roi.SetSize(*(np.array([i[1] - i[0], j[1] - j[0], thickness]) * spacing))
    roi.SetAndObserveObjectToNodeMatrix(slicer.util.vtkMatrixFromArray(box))
    return roi


def measured(reference, image, window=(-160, 240)):
    """PSNR, SSIM, RMSE and RMSE in HU of one slice, from the definitions, with scikit-image's SSIM."""
    a, b = (np.clip((x.astype(float) - window[0]) / (window[1] - window[0]), 0, 1) for x in (reference, image))
    rmse = np.sqrt(((a - b) ** 2).mean())
    ssim = structural_similarity(a, b, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
    return [10 * np.log10(1 / rmse**2), ssim, rmse, rmse * (window[1] - window[0])]
