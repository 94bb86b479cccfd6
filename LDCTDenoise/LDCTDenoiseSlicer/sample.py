"""Sample data: a phantom at full and at a quarter of the dose, simulated with `ldct-denoise demo` and shipped."""

from pathlib import Path

import slicer
from LDCTDenoiseLib.hounsfield import PAPER
from LDCTDenoiseLib.volumes import Volume, read_volume

from .comparison.plane import vtkMatrix
from .nodes import newImage, toRAS

_RESOURCES = Path(__file__).resolve().parent.parent / "Resources"

#: What the two volumes are called, in the scene and in `Resources/Sample`: full dose, low dose.
NAMES = ("FDCT", "LDCT")


def registerSampleData() -> None:
    """Add the pair to Slicer's module Sample Data (desktop only)."""
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category="LDCT Denoise",
        sampleName="LDCTDenoisePhantom",
        uris=["", ""],
        fileNames=[f"{name}.nrrd" for name in NAMES],
        nodeNames=list(NAMES),
        thumbnailFileName=str(_RESOURCES / "Icons" / "LDCTDenoisePhantom.png"),
        customDownloader=_download,
    )


def loadSampleData() -> tuple:
    """Add the phantom pair to the application's scene; nothing is downloaded.

    Three slices of an abdomen that was drawn and not scanned, at full dose and at a quarter of it.

    Returns
    -------
    tuple of two vtkMRMLScalarVolumeNode
        Full dose and low dose, shown in the paper's window.
    """
    return tuple(addVolume(read_volume(_RESOURCES / "Sample" / f"{name}.nrrd"), name) for name in NAMES)


def addVolume(volume: Volume, name: str):
    """Add a volume to the scene, without a file of its own: the scene's next save writes one."""
    scene = slicer.mrmlScene
    name = name if scene.GetFirstNodeByName(name) is None else scene.GenerateUniqueName(name)
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    image, voxels = newImage(volume.array.shape, volume.array.dtype.newbyteorder("="))
    voxels[:] = volume.array
    node.SetIJKToRASMatrix(vtkMatrix(toRAS(volume.geometry)))
    node.SetAndObserveImageData(image)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(PAPER.lower, PAPER.upper)
    return node


def _download(source) -> list:
    """Load the pair for the module Sample Data."""
    with slicer.util.tryWithErrorDisplay("LDCT Denoise: the sample data could not be loaded."):
        pair = list(loadSampleData())
        slicer.util.setSliceViewerLayers(background=pair[1], fit=True)
        return pair
    return []
