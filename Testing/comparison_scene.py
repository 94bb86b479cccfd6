"""A scene with views, as Slicer's window makes it, and a pair of volumes with an output in it."""

from types import SimpleNamespace

import numpy as np
import slicer
from slicer_volumes import addVolume, ct
from vtk.util.numpy_support import vtk_to_numpy

#: A layout of Slicer's own, which the tests take for the user's.
USERS_LAYOUT = 2


def addViews(scene):
    """Add the layout node with Slicer's layouts, the crosshair, and what placing an ROI needs; return them."""
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene)
    logic = slicer.vtkMRMLLayoutLogic()
    logic.SetMRMLScene(scene)
    logic.GetLayoutNode().SetViewArrangement(USERS_LAYOUT)
    grey = slicer.vtkMRMLColorTableNode()
    grey.SetTypeToGrey()
    grey.SetSingletonTag("Grey")  # so its id is the one that displays ask for
    scene.AddNode(grey)
    nodes = {"layout": logic.GetLayoutNode(), "layoutLogic": logic}
    for name in ("Crosshair", "Selection", "Interaction"):
        node = getattr(slicer, f"vtkMRML{name}Node")()
        nodes[name.lower()] = scene.AddNode(node)
    return SimpleNamespace(**nodes)


def addImages(scene, shape=(5, 48, 64)):
    """Add full dose, low dose and an output, each in a window of its own; return them by label."""
    nodes = {}
    for seed, label in enumerate(("FDCT", "LDCT", "DCSCN")):
        node = addVolume(scene, ct(shape, seed=seed), label)
        node.GetDisplayNode().SetWindowLevel(900 + seed, 50 + seed)
        nodes[label] = node
    return nodes


def sliceNode(scene, name):
    node = scene.GetSingletonNode(name, "vtkMRMLSliceNode")
    assert node is not None, f"there is no view {name}"
    return node


def background(scene, name):
    """Return the volume that a view shows."""
    composite = slicer.vtkMRMLSliceLogic.GetSliceCompositeNode(sliceNode(scene, name))
    volumeId = composite.GetBackgroundVolumeID()
    return scene.GetNodeByID(volumeId) if volumeId else None


def looksAt(node):
    """Return where a view looks: SliceToRAS, pan, field of view."""
    matrix = slicer.util.arrayFromVTKMatrix(node.GetSliceToRAS())
    return np.concatenate([matrix.ravel(), node.GetXYZOrigin()[:2], node.GetFieldOfView()[:2]])


def rendered(scene, name):
    """Return what a view paints of its volume, by Slicer's own slice pipeline: shape (rows, columns), 0 to 255."""
    node = sliceNode(scene, name)
    logic = slicer.vtkMRMLSliceLogic()
    logic.SetMRMLScene(scene)
    logic.SetSliceNode(node)
    producer = logic.GetImageDataConnection().GetProducer()
    producer.Update()
    image = producer.GetOutputDataObject(0)
    columns, rows, _ = image.GetDimensions()
    pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(rows, columns, -1)[..., 0].astype(int)
    logic.SetMRMLScene(None)
    return pixels
