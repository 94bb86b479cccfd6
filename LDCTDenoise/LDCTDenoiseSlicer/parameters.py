"""The parameter node: every choice of the panel, saved with the scene (desktop only)."""

from typing import Annotated

from slicer import vtkMRMLScalarVolumeNode, vtkMRMLTableNode
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper

_MODULE = "LDCTDenoise"


@parameterNodeWrapper
class LDCTDenoiseParameterNode:
    """The parameters of the module.

    inputVolume - The low-dose volume.
    referenceVolume - The full-dose volume to compare with; may be none.
    method - The method's name.
    outputVolume - The volume to fill; none makes a new one.
    device - Where to compute.
    strength - How much of the method's correction to apply, 0 to 1.
    comparisonTable - The table of the last comparison.
    """

    inputVolume: vtkMRMLScalarVolumeNode
    referenceVolume: vtkMRMLScalarVolumeNode
    # No Choice: which methods have weights differs from one computer to the next, and a scene must open on both.
    method: str = "DCSCN"
    outputVolume: vtkMRMLScalarVolumeNode
    device: Annotated[str, Choice(["auto", "cpu", "cuda", "mps"])] = "auto"
    strength: Annotated[float, WithinRange(0.0, 1.0)] = 1.0
    comparisonTable: vtkMRMLTableNode


def getParameterNode(scene) -> LDCTDenoiseParameterNode:
    """Return the module's parameter node of a scene, made when there is none."""
    node = scene.GetSingletonNode(_MODULE, "vtkMRMLScriptedModuleNode")
    if node is None:
        node = scene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
        node.UnRegister(None)  # the Python variable owns it now
        node.SetSingletonTag(_MODULE)
        node.SetName(scene.GenerateUniqueName(_MODULE))
        node = scene.AddNode(node)
    # Closing a scene clears the attributes of singletons.
    node.SetAttribute("ModuleName", _MODULE)
    return LDCTDenoiseParameterNode(node)
