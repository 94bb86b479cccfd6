"""Sample data: a phantom at full and at a quarter of the dose, simulated on the spot and kept in Slicer's cache."""

from pathlib import Path

import slicer
from LDCTDenoiseLib.phantom import abdomen_phantom
from LDCTDenoiseLib.volumes import write_volume

from .background import Task
from .torch_import import importTorch

_RESOURCES = Path(__file__).resolve().parent.parent / "Resources"

#: What the two volumes are called, in the scene and, with a version, in the cache: full dose, low dose.
NAMES = ("FDCT", "LDCT")

#: Raised when the phantom or its scan changes, so that nobody goes on with an older one.
_VERSION = 1

#: Slices of the phantom, and pixels across.
_SLICES, _SIZE = 6, 512


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


def pairTask() -> Task:
    """Return a task that makes the pair, unless it is in the cache already, and adds it to the scene.

    Its progress has a `fraction`; its result is (full-dose node, low-dose node).
    """
    paths = [_cache() / f"LDCTDenoise-phantom-{_VERSION}-{name}.nrrd" for name in NAMES]

    def work(report):
        if not all(path.is_file() for path in paths):
            _make(paths, report)

    def finish(_):
        return [slicer.util.loadVolume(str(path), {"name": name}) for path, name in zip(paths, NAMES, strict=True)]

    return Task(work, finish)


class _Step:
    """How far the making has come."""

    def __init__(self, fraction: float):
        self.fraction = fraction


def _make(paths, report) -> None:
    importTorch()
    from LDCTDenoiseLib.simulation import as_scanned, full_dose_run, low_dose_run

    phantom = abdomen_phantom(_SLICES, _SIZE)
    report(_Step(0.1))
    scans, volume = [], phantom
    for number, (start, name) in enumerate(zip((full_dose_run, low_dose_run), NAMES, strict=True)):
        run = start(volume)
        for progress in run:
            report(_Step(0.1 + 0.45 * (number + progress.fraction)))
        volume = as_scanned(run, name)
        scans.append(volume)
    paths[0].parent.mkdir(parents=True, exist_ok=True)
    for scan, path in zip(scans, paths, strict=True):
        write_volume(scan, path)


def _cache() -> Path:
    """Return the folder of Slicer's downloads, which the user can empty in the application's settings (Cache)."""
    return Path(slicer.mrmlScene.GetCacheManager().GetRemoteCacheDirectory())


def _download(source) -> list:
    """Make and load the pair for the module Sample Data; the window answers meanwhile."""
    from . import dependencies

    with slicer.util.tryWithErrorDisplay("LDCT Denoise: the phantom could not be made."):
        dependencies.ensurePackages(_RESOURCES / "requirements.txt")
        task = pairTask()
        task.start()
        while task.running:
            task.poll()
            slicer.app.processEvents()
        full, low = task.finish()
        slicer.util.setSliceViewerLayers(background=low, fit=True)
        return [full, low]
    return []
