"""A phantom, or any other array, as the DICOM series of a patient who is none."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..requirements import require


def write_series(
    volume: np.ndarray,
    folder: Path,
    spacing: Sequence[float] = (0.75, 0.75, 5.0),
    origin: Sequence[float] = (0.0, 0.0, 0.0),
    prefix: str = "",
    **tags,
) -> str:
    """Write axial slices as single-frame CT files and return the series' UID.

    Parameters
    ----------
    volume : numpy.ndarray
        HU, whole numbers from -32768 to 32767, shape (slices, rows, columns).
    folder : Path
        Made where it is missing; what it holds stays, apart from files of the same names.
    spacing : sequence of float
        mm between columns, rows and slices.
    origin : sequence of float
        Middle of the first pixel, mm in the patient's (LPS) axes.
    prefix : str
        Begins the names of the files.
    **tags
        Values of further tags, or other values of those that are written, by keyword.

    Raises
    ------
    MissingDependencyError
        If pydicom is not installed.
    """
    pydicom = require("pydicom", "write DICOM files")
    uid = pydicom.uid
    folder.mkdir(parents=True, exist_ok=True)
    study, series, frame = (uid.generate_uid() for _ in range(3))
    for k, values in enumerate(volume):
        dataset = pydicom.dataset.Dataset()
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
        dataset.SOPClassUID, dataset.SOPInstanceUID = uid.CTImageStorage, uid.generate_uid()
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = study, series, frame
        dataset.Modality, dataset.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.PatientName, dataset.PatientID = "Nobody", "nobody"
        dataset.SeriesNumber, dataset.InstanceNumber = 1, k + 1
        dataset.ImagePositionPatient = [*origin[:2], origin[2] + k * spacing[2]]
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        dataset.PixelSpacing, dataset.SliceThickness = [spacing[1], spacing[0]], spacing[2]
        dataset.Rows, dataset.Columns = values.shape
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
        dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = 1, 0, "HU"
        dataset.PixelData = values.astype("<i2").tobytes()
        for keyword, value in tags.items():
            setattr(dataset, keyword, value)
        dataset.save_as(folder / f"{prefix}{k:04}.dcm", enforce_file_format=True)
    return series
