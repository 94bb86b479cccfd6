"""Outputs back to DICOM: a series derived from the files their input was loaded from, in Slicer's DICOM database."""

import contextlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import slicer
from LDCTDenoiseLib.derived import Provenance, SeriesOptions, check_series_place, require_source, write_derived_series
from LDCTDenoiseLib.errors import InputError, OutputError
from LDCTDenoiseLib.volumes import Volume
from LDCTDenoiseLib.volumes.dicom_series import read_series_files

from .denoising import REMARKS
from .nodes import INPUT_ROLE, INSTANCES, requireVolume, volumeFromNode
from .tasks import Counted, Task

#: The attribute of an output that names the series it was last exported as.
EXPORTED = "LDCTDenoise.ExportedSeriesUID"

#: How far voxels, in HU, may lie from those of the files: two decoders of a lossy image differ by one.
_TOLERANCE = 1.01


@dataclass(frozen=True)
class _Export:
    """What is needed of the scene to write one output, read before the work begins."""

    node: object
    output: Volume
    source: Volume
    files: list[Path]
    provenance: Provenance
    folder: Path


def exportTask(outputVolumes: Sequence, folder: str | Path | None = None, options: SeriesOptions | None = None) -> Task:
    """Return the task that writes outputs as series and imports them into the DICOM database.

    Parameters
    ----------
    outputVolumes : sequence of vtkMRMLScalarVolumeNode
        Outputs of this module whose inputs were loaded from the DICOM database; each becomes a series of its own.
    folder : path, optional
        Where the files are to stay; must be empty or not be there yet. With several outputs each gets a folder in it.
        Default: they are copied into the database's own folder.
    options : SeriesOptions, optional
        Description, number, window, compression and private elements of the series.

    Returns
    -------
    Task
        Its result is the list of the new SeriesInstanceUIDs.

    Raises
    ------
    InputError
        If a node is no output, its input was not loaded from DICOM, or the files are no longer in the database.
    OutputError
        If the database is not open, or the folder cannot be written.
    """
    nodes = list(outputVolumes)
    if not nodes:
        raise InputError("there is no output to export yet; press Apply first.")
    database = _requireDatabase()
    temporary = tempfile.TemporaryDirectory(prefix="LDCTDenoise-") if folder is None else None
    # Of a folder that is not there yet: a series appears in it with all its files at once.
    place = Path(temporary.name) / "series" if folder is None else Path(folder)
    check_series_place(place, options)
    places = [place] if len(nodes) == 1 else [place / str(number + 1) for number in range(len(nodes))]
    exports = [_read(node, database, at) for node, at in zip(nodes, places, strict=True)]

    def work(report) -> list[list[tuple[str, str]]]:
        written, images = [], sum(len(export.files) for export in exports)
        with contextlib.ExitStack() as undo:
            if temporary is not None:
                undo.callback(temporary.cleanup)
            for export in exports:
                before = sum(map(len, written))
                written.append(_write(export, options, lambda n, before=before: report(Counted(before + n, images))))
            undo.pop_all()  # the series are for the database now
        return written

    def finish(written: list[list[tuple[str, str]]]) -> list[str]:
        try:
            return [_import(export, images, folder is None) for export, images in zip(exports, written, strict=True)]
        finally:
            if temporary is not None:
                temporary.cleanup()

    return Task(work, finish, [*nodes, *(node.GetNodeReference(INPUT_ROLE) for node in nodes)])


def cameFromDICOM(node) -> bool:
    """Whether a volume was loaded from the DICOM database."""
    return bool(node.GetAttribute(INSTANCES))


def sourceFiles(node, database) -> list[Path]:
    """Return the files that a volume was loaded from, in no particular order.

    Raises
    ------
    InputError
        If it was not loaded from DICOM, or its files have left the database.
    """
    instances = (node.GetAttribute(INSTANCES) or "").split()
    if not instances:
        raise InputError(
            f"'{node.GetName()}' was not loaded from the DICOM database, so there is no series to derive one from; "
            "load it in the module DICOM, and denoise that."
        )
    files = [database.fileForInstance(uid) for uid in instances]
    lost = sum(not file or not Path(file).is_file() for file in files)
    if lost:
        raise InputError(
            f"{lost} of the {len(files)} files of '{node.GetName()}' are no longer in the DICOM database; "
            "import the series again."
        )
    # Once each: the frames of a multi-frame image are in one file.
    return [Path(file) for file in dict.fromkeys(files)]


def _requireDatabase():
    database = getattr(slicer, "dicomDatabase", None)
    if database is None or not database.isOpen:
        raise OutputError("the DICOM database is not open; open the module DICOM once, and try again.")
    return database


def _read(node, database, folder: Path) -> _Export:
    requireVolume(node, "output volume")
    source = node.GetNodeReference(INPUT_ROLE)
    if source is None or not node.GetAttribute("LDCTDenoise.Method"):
        raise InputError(f"'{node.GetName()}' is no output of this module, or its input has gone; denoise again.")
    said = {key: node.GetAttribute(f"LDCTDenoise.{key}") or "" for key in (
        "Method", "Strength", "Device", "ModelSHA256", "HURange", "NoiseLevel", "Version", "Remarks",
        "NoiseLeft")}  # fmt: skip
    provenance = Provenance(
        method=said["Method"], strength=float(said["Strength"] or 1), device=said["Device"],
        model_sha256=said["ModelSHA256"], hu_range=said["HURange"], noise_level=said["NoiseLevel"],
        version=said["Version"],
        remarks=tuple(filter(None, [said["NoiseLeft"], *said["Remarks"].split(REMARKS)])),
    )  # fmt: skip
    files = sourceFiles(source, database)
    return _Export(node, volumeFromNode(node), volumeFromNode(source), files, provenance, folder)


def _write(export: _Export, options: SeriesOptions | None, report) -> list[tuple[str, str]]:
    """Read the source's files, lay the output's slices upon them, and write the series.

    Returns the SeriesInstanceUID and the SOPInstanceUID of each image.
    """
    import pydicom

    try:
        volume = read_series_files(export.files, export.source.name)
    except OSError as error:
        raise InputError(f"cannot read '{error.filename}' of the DICOM database: {error.strerror or error}.") from error
    require_source(volume)
    report(0)
    array = export.output.array
    if _alike(volume.array, export.source.array[::-1]):
        array = array[::-1]  # the loader counts the slices from the other end
    elif not _alike(volume.array, export.source.array):
        raise InputError(_differs(export.source.name, len(export.files) < len(volume.array)))
    paths = write_derived_series(
        volume, array, export.folder, export.provenance, options, progress=lambda done, of: report(done)
    )
    tags = ["SeriesInstanceUID", "SOPInstanceUID"]
    images = [pydicom.dcmread(path, stop_before_pixels=True, specific_tags=tags) for path in paths]
    return [(str(image.SeriesInstanceUID), str(image.SOPInstanceUID)) for image in images]


def _differs(name: str, multiFrame: bool) -> str:
    if multiFrame:
        return (
            f"the voxels of '{name}' are not those of its DICOM file: it was cropped, resampled or edited, or its "
            "frames have a scale each, where Slicer takes the first for all. Load it again and denoise that, or "
            "denoise the file itself with ldct-denoise."
        )
    return (
        f"the voxels of '{name}' are not those of its DICOM files (it was cropped, resampled or edited), so the output "
        "cannot take over their headers; load the series again and denoise that."
    )


def _alike(files: np.ndarray, node: np.ndarray) -> bool:
    """Whether two volumes have the same voxels; slice by slice, to keep the memory small."""
    if files.shape != node.shape:
        return False
    pairs = zip(files, node, strict=True)
    return all(np.allclose(a.astype(np.float32), b.astype(np.float32), rtol=0, atol=_TOLERANCE) for a, b in pairs)


def _import(export: _Export, images: list[tuple[str, str]], copy: bool) -> str:
    """Import a series into the database, and return its UID."""
    import ctk

    database = _requireDatabase()
    indexer = ctk.ctkDICOMIndexer()
    indexer.addDirectory(database, str(export.folder), copy)
    indexer.waitForImportFinished()
    if not all(database.fileForInstance(instance) for _series, instance in images):
        raise OutputError(
            f"the DICOM database did not take the series of '{export.node.GetName()}'; is its disk full or read-only?"
        )
    series = images[0][0]
    export.node.SetAttribute(EXPORTED, series)
    return series
