"""Whole volumes, timed from array to array and from DICOM files to DICOM files."""

import tempfile
import time
from pathlib import Path

import numpy as np

from ..derived import SeriesAlongside
from ..engine import DenoiseRun, Device
from ..methods import make_denoiser
from ..requirements import require
from ..volumes import read_volume


def seconds_of_arrays(method: str, device: Device, volume: np.ndarray) -> dict[str, float]:
    """Return the seconds to the first and to the last denoised slice of a volume in memory."""
    started = time.perf_counter()
    first = 0.0
    for _ in DenoiseRun(volume, make_denoiser(method), device):
        first = first or time.perf_counter() - started
    return {"seconds_to_first_slice": first, "seconds_array_to_array": time.perf_counter() - started}


def seconds_of_dicom(method: str, device: Device, volume: np.ndarray) -> float:
    """Return the seconds from a folder with a DICOM series to a folder with the denoised one."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "source"), Path(folder, "target")
        write_series(volume, source)
        started = time.perf_counter()
        low = read_volume(source)
        run = DenoiseRun(low.array, make_denoiser(method), device)
        with SeriesAlongside(low, run, target) as series:
            for _ in series:
                pass
            series.finish()
        return time.perf_counter() - started


def write_series(volume: np.ndarray, folder: Path) -> None:
    """Write int16 HU as a plain CT series of nobody."""
    pydicom = require("pydicom", "time DICOM files")
    uid, dataset_class = pydicom.uid, pydicom.dataset.Dataset
    folder.mkdir()
    study, series, frame = (uid.generate_uid() for _ in range(3))
    for k, values in enumerate(volume):
        dataset = dataset_class()
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = uid.CTImageStorage
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid.generate_uid()
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = study, series, frame
        dataset.Modality, dataset.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.PatientName, dataset.PatientID = "Benchmark", "benchmark"
        dataset.SeriesNumber, dataset.InstanceNumber = 1, k + 1
        dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [0, 0, 5 * k], [1, 0, 0, 0, 1, 0]
        dataset.PixelSpacing, dataset.SliceThickness = [0.75, 0.75], 5
        dataset.Rows, dataset.Columns = values.shape
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
        dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = 1, 0, "HU"
        dataset.PixelData = values.astype("<i2").tobytes()
        dataset.save_as(folder / f"{k:04}.dcm", enforce_file_format=True)
