"""The parameter node: every choice of the panel, saved with the scene (desktop only)."""

from typing import Annotated

from slicer import vtkMRMLScalarVolumeNode, vtkMRMLTableNode
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper

from .nodes import moduleNode

_MODULE = "LDCTDenoise"

#: What the numbers can be measured over.
REGIONS = ("slice", "roi", "volume")


@parameterNodeWrapper
class LDCTDenoiseParameterNode:
    """The parameters of the module.

    inputVolume - The low-dose volume.
    referenceVolume - The full-dose volume to compare with; may be none.
    methods - The names of the ticked methods.
    models - The names of the ticked models of the user's own folder.
    modelPath - A model file of one's own; empty for none.
    outputVolume - The volume to fill when one method is ticked; none makes a new one.
    metricLower, metricUpper - The window in HU that PSNR, SSIM and RMSE in window are measured in.
    device - Where to compute.
    batch - Slices at a time; 0 leaves it to the device.
    strength - How much of the method's correction to apply, 0 to 1.
    noiseLeft - How much noise to leave, "12" in HU or "50%" of the scan's own; empty where the strength says.
    preview - Whether the slice in view is denoised as one scrolls.
    region - What the numbers are measured over.
    regionChosen - Whether the user has chosen that; else it is the regions as soon as there are any.
    comparisonTable - The numbers of the whole volume, as last measured.
    curves - Which curves are shown: "profile", "spectrum" or none.
    profileWidth - Millimetres beside the line over which a profile is averaged.
    """

    inputVolume: vtkMRMLScalarVolumeNode
    referenceVolume: vtkMRMLScalarVolumeNode
    # No Choice: which methods have weights differs from one computer to the next, and a scene must open on both.
    methods: list[str] = ["DCSCN"]
    models: list[str] = []
    modelPath: str = ""
    outputVolume: vtkMRMLScalarVolumeNode
    metricLower: float = -160.0
    metricUpper: float = 240.0
    device: Annotated[str, Choice(["auto", "cpu", "cuda", "mps"])] = "auto"
    batch: Annotated[int, WithinRange(0, 256)] = 0
    strength: Annotated[float, WithinRange(0.0, 1.0)] = 1.0
    noiseLeft: str = ""
    preview: bool = False
    region: Annotated[str, Choice(list(REGIONS))] = "slice"
    regionChosen: bool = False
    comparisonTable: vtkMRMLTableNode
    curves: str = ""
    profileWidth: Annotated[float, WithinRange(0.0, 50.0)] = 0.0


def getParameterNode(scene) -> LDCTDenoiseParameterNode:
    """Return the module's parameter node of a scene, made when there is none."""
    return LDCTDenoiseParameterNode(moduleNode(scene, _MODULE))
