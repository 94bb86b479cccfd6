"""The parameter node: what of the panel is saved with the scene (desktop only)."""

from slicer import vtkMRMLScalarVolumeNode
from slicer.parameterNodeWrapper import parameterNodeWrapper

_MODULE = "LDCTDenoiseTraining"


@parameterNodeWrapper
class LDCTDenoiseTrainingParameterNode:
    """The parameters of the module.

    patients - The table of patients, see `patients.store`.
    volumes - The volumes that the table refers to.
    recipe - The recipe as it stands in the panel's fields, as JSON.
    runsFolder - The folder of runs; empty for the user's own.
    tickedRuns - The folders of the runs whose curves are drawn.
    """

    patients: str = ""
    volumes: list[vtkMRMLScalarVolumeNode]
    recipe: str = ""
    runsFolder: str = ""
    tickedRuns: list[str]


def getParameterNode(scene) -> LDCTDenoiseTrainingParameterNode:
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
    return LDCTDenoiseTrainingParameterNode(node)
