"""The nodes behind the views: the layout, and for each slice view where it looks and what it shows."""

import slicer
import slicer.util
from LDCTDenoiseLib.errors import InputError

from .layout import Layout, isOurs
from .saved_display import forget, isOverridden, override, restore

_NO_VIEWS = (
    "there are no views to lay the comparison out in; start Slicer with its main window. Measuring with `compare` and "
    "saving the figure need none."
)


def requireLayoutNode(scene):
    """Return the layout node of a scene, or raise `InputError` when the scene has no views."""
    node = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    if node is None:
        raise InputError(_NO_VIEWS)
    return node


def takeLayout(layoutNode, layout: Layout) -> None:
    """Switch to a layout of ours and keep what the user's was; `InputError` when no views come of it."""
    if not layoutNode.IsLayoutDescription(layout.id):
        layoutNode.AddLayoutDescription(layout.id, layout.xml())
    if isOurs(layoutNode.GetViewArrangement()) and not isOverridden(layoutNode):
        # From a scene that was left so by a Slicer that broke off: nobody knows the user's layout any more.
        layoutNode.SetViewArrangement(layoutNode.SlicerLayoutFourUpView)
    # Not saved: a Slicer without this module could not show a layout of ours.
    override(layoutNode, SaveWithScene=0, ViewArrangement=layout.id)
    scene = layoutNode.GetScene()
    if any(sliceNode(scene, name) is None for line in layout.names for name in line):
        # A layout node that nobody follows: Slicer without its main window.
        restore(layoutNode)
        raise InputError(_NO_VIEWS)


def restoreLayout(layoutNode) -> None:
    """Switch back to the user's layout, unless he has chosen another meanwhile."""
    if isOurs(layoutNode.GetViewArrangement()):
        restore(layoutNode)
    else:
        forget(layoutNode)
        layoutNode.SetSaveWithScene(True)


def sliceNode(scene, name: str):
    """Return the slice node of a view, or None."""
    return scene.GetSingletonNode(name, "vtkMRMLSliceNode")


def backgroundOf(scene, name: str):
    """Return the volume that a view shows, or None."""
    node = sliceNode(scene, name)
    composite = slicer.vtkMRMLSliceLogic.GetSliceCompositeNode(node) if node is not None else None
    volumeId = composite.GetBackgroundVolumeID() if composite is not None else None
    return scene.GetNodeByID(volumeId) if volumeId else None


def fill(node, volume, label: str, group: int) -> None:
    """Show a volume in a view of ours.

    Parameters
    ----------
    node : vtkMRMLSliceNode
    volume : vtkMRMLScalarVolumeNode or None
    label : str
        What stands in the view's bar.
    group : int
        Views of a group are linked by Slicer.
    """
    node.SetLayoutLabel(label)
    node.SetViewGroup(group)
    node.SetSaveWithScene(False)
    node.SetRulerType(node.RulerTypeThin if volume is not None else node.RulerTypeNone)
    composite = slicer.vtkMRMLSliceLogic.GetSliceCompositeNode(node) or _addCompositeNode(node)
    with slicer.util.NodeModify(composite):
        composite.SetSaveWithScene(False)
        # A volume that is loaded meanwhile goes into the user's views and not into ours.
        composite.SetDoPropagateVolumeSelection(False)
        composite.SetLinkedControl(True)
        composite.SetHotLinkedControl(True)
        composite.SetForegroundVolumeID(None)
        composite.SetLabelVolumeID(None)
        composite.SetBackgroundVolumeID(volume.GetID() if volume is not None else None)


def empty(node) -> None:
    """Show nothing in a view of ours, so that it holds on to no volume."""
    composite = slicer.vtkMRMLSliceLogic.GetSliceCompositeNode(node) if node is not None else None
    if composite is not None:
        composite.SetBackgroundVolumeID(None)


def _addCompositeNode(node):
    """Do what the view's widget does on the desktop."""
    composite = node.GetScene().CreateNodeByClass("vtkMRMLSliceCompositeNode")
    composite.UnRegister(None)
    composite.SetLayoutName(node.GetLayoutName())
    return node.GetScene().AddNode(composite)
