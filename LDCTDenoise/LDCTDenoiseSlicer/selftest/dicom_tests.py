"""From the DICOM database and back to it, with Slicer's own import and loading (desktop with the module DICOM only)."""

import tempfile
from pathlib import Path

import numpy as np
import slicer
import vtk
from LDCTDenoiseLib.phantom import write_series

from ..logic import LDCTDenoiseLogic
from .logic_tests import makePair

_PATIENT, _SLICES = "Self^Test", 4


def hasDICOM() -> bool:
    """Whether this Slicer has a DICOM database and loads volumes from it."""
    return hasattr(slicer, "dicomDatabase") and "DICOMScalarVolumePlugin" in getattr(slicer.modules, "dicomPlugins", {})


def thereAndBack(test) -> None:
    """Import a series, load and denoise it, export the output, and load that: same patient, study, place and values."""
    from DICOMLib import DICOMUtils

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        _writeSeries(Path(folder) / "in", makePair(_SLICES)[1])
        slicer.mrmlScene.Clear()
        with DICOMUtils.TemporaryDICOMDatabase(str(Path(folder) / "database")) as database:
            DICOMUtils.importDicom(str(Path(folder) / "in"), database, copyFiles=True)
            (patient,) = database.patients()
            (study,) = database.studiesForPatient(patient)
            (uid,) = database.seriesForStudy(study)
            low = _load(DICOMUtils, uid)
            output = LDCTDenoiseLogic().denoise(low, method="TV", device="cpu")
            (new,) = LDCTDenoiseLogic().exportToDICOM(output)
            test.assertEqual(database.patients(), (patient,))
            test.assertEqual(set(database.seriesForStudy(study)), {uid, new})
            test.assertEqual(len(database.filesForSeries(new)), _SLICES)
            again = _load(DICOMUtils, new)
            voxels = np.rint(slicer.util.arrayFromVolume(output))
            test.assertEqual(slicer.util.arrayFromVolume(again).tolist(), voxels.tolist())
            test.assertEqual(_place(again), _place(low))


def _load(DICOMUtils, uid: str):
    """Load a series as the module DICOM does, and return its volume."""
    plugins = ["DICOMScalarVolumePlugin"]
    nodes = map(slicer.mrmlScene.GetNodeByID, DICOMUtils.loadSeriesByUID([uid], enabledPluginClassNames=plugins))
    return next(node for node in nodes if node.IsA("vtkMRMLScalarVolumeNode"))


def _place(node) -> list:
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return np.round(slicer.util.arrayFromVTKMatrix(matrix), 3).tolist()


def _writeSeries(folder: Path, node) -> None:
    """Write a volume as the CT series of a patient who is none."""
    x, y, z = node.GetOrigin()
    write_series(
        slicer.util.arrayFromVolume(node), folder, node.GetSpacing(), (-x, -y, z),
        PatientName=_PATIENT, StudyDate="20240229", SeriesDescription="Self test",
    )
