"""The phantom patients to try a training on, in the scene."""

from pathlib import Path

import slicer
from LDCTDenoiseSlicer.sample import addVolume
from LDCTDenoiseSlicer.tasks import Task
from LDCTDenoiseSlicer.torch_import import importTorch
from LDCTDenoiseTrainingLib.patients.sample import PATIENTS, SOURCE, scan_sample

from .patient_table import PatientTable

_ICON = Path(__file__).resolve().parents[2] / "Resources" / "Icons" / "LDCTDenoiseTraining.png"


def sampleTask(table: PatientTable) -> Task:
    """Return the scanning of the phantoms; its `finish` adds them to the scene and to a table, with their roles."""

    def work(report) -> list:
        importTorch()
        return scan_sample(report)

    def finish(scans) -> list[str]:
        for patient, *volumes in scans:
            full, low = (addVolume(volume, volume.name) for volume in volumes)
            table.addPair(full, low, patient.name, patient.role)
        if SOURCE not in table.sources:
            table.sources.append(SOURCE)
        return ["Phantoms, drawn and not scanned: what a training gains on them is not what it gains on people."]

    return Task(work, finish)


def registerSampleData() -> None:
    """Add the phantom patients to Slicer's module Sample Data (desktop only)."""
    import SampleData

    names = [name for patient in PATIENTS for name in patient.names]
    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category="LDCT Denoise", sampleName="LDCTDenoiseTrainingPhantoms", uris=[""] * len(names),
        fileNames=[f"{name}.nrrd" for name in names], nodeNames=names, thumbnailFileName=str(_ICON),
        customDownloader=_download)


def _download(source) -> list:
    """Scan the phantoms for the module Sample Data."""
    with slicer.util.tryWithErrorDisplay("LDCT Denoise Training: the phantoms could not be made.", waitCursor=True):
        importTorch()
        nodes = [addVolume(volume, volume.name) for _patient, *volumes in scan_sample() for volume in volumes]
        slicer.util.setSliceViewerLayers(background=nodes[0], fit=True)
        return nodes
    return []
