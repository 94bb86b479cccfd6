"""A numerical abdomen that needs no download, and any array as the DICOM series of a patient who is none."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .errors import InputError
from .requirements import require
from .resources import resource_folder
from .volumes.volume import Geometry, Volume

#: Slices of the phantom and pixels across each of them, as it is stored.
SLICES, SIZE = 6, 512


def abdomen_phantom(slices: int = SLICES, size: int = SIZE) -> Volume:
    """Return a noise-free upper abdomen with contrast medium, as a CT would show it.

    Axial slices of 5 mm at the level of kidneys and pancreas, from the feet (k = 0) to the head, in LPS orientation:
    columns run to the patient's left, rows to the back. They were drawn, not scanned, and are nobody's: organs with
    the texture of tissue, vessels, bowel, bone, a table, and lesions of the liver.

    Parameters
    ----------
    slices : int
        So many from the middle of the six.
    size : int
        Rows and columns of a slice, whose 384 mm they share: 0.75 mm a pixel at 512. Others are made by averaging.

    Returns
    -------
    Volume
        float32 HU, shape (slices, size, size), centred in the slice. `facts` holds

        - 'lesions': a list of dicts with the voxel (i, j, k) of the centre, 'diameter_mm' and 'contrast_hu', the
          difference to the liver around it;
        - 'roi': (i0, i1, j0, j1, k) around a low-contrast lesion with vessels near it, upper bounds exclusive.

    Raises
    ------
    InputError
        If there are not so many slices, or fewer than 8 pixels a side.
    """
    if not 1 <= slices <= SLICES or size < 8:
        raise InputError(
            f"the phantom has 1 to {SLICES} slices of at least 8 pixels a side, not {slices} of {size}: ask for others."
        )
    with np.load(resource_folder("Phantom") / "abdomen.npz") as stored:
        hounsfield, (*across, thickness), roi, lesions = (stored[n] for n in ("hu", "spacing", "roi", "lesions"))
    # The slice of the ROI stays in the middle.
    first = SLICES // 2 - slices // 2
    array = hounsfield[first : first + slices].astype(np.float32)
    scale = size / SIZE
    if size != SIZE:
        from skimage.transform import resize_local_mean

        array = np.stack([resize_local_mean(image, (size, size), preserve_range=True) for image in array])
    pixel = float(across[0]) / scale
    corner = -(size - 1) / 2 * pixel
    geometry = Geometry((pixel, pixel, float(thickness)), (corner, corner, (1 - slices) / 2 * float(thickness)))
    low, high = ([int(edge * scale) for edge in roi[n:4:2]] for n in (0, 1))
    facts = {
        "lesions": [
            {"i": int(i * scale), "j": int(j * scale), "k": int(k) - first, "diameter_mm": float(diameter),
             "contrast_hu": float(contrast)}
            for i, j, k, diameter, contrast in lesions
            if first <= k < first + slices
        ],
        "roi": (low[0], max(low[0] + 1, high[0]), low[1], max(low[1] + 1, high[1]), int(roi[4]) - first),
    }  # fmt: skip
    return Volume(array.astype(np.float32), geometry, "abdomen phantom", facts)


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
