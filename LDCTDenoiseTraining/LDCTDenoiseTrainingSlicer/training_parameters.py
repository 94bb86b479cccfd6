"""The parameter node: what of the panel is saved with the scene (desktop only)."""

from LDCTDenoiseSlicer.nodes import moduleNode
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
    return LDCTDenoiseTrainingParameterNode(moduleNode(scene, _MODULE))
