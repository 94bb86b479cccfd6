"""Make DICOM series on disk out of the one CT slice that pydicom ships."""

from collections.abc import Callable
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid

#: Neither may turn up in a message, a warning or the facts of a volume.
PATIENT_NAME, PATIENT_ID = "Secret^Person", "ID-4711-SECRET"
SERIES_UID = "1.2.826.0.1.3680043.8.498.1"
OTHER_UID = "1.2.826.0.1.3680043.8.498.2"
#: Unequal, so that a swap of rows and columns shows.
ROWS, COLUMNS = 20, 28
ORIGIN = (-100.0, -80.0, 30.0)
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@lru_cache
def _template() -> tuple[bytes, np.ndarray]:
    """Return the file of pydicom's slice without its private tags, and the middle of its stored values."""
    path = get_testdata_file("CT_small.dcm", download=False)
    assert path, "pydicom ships CT_small.dcm"
    dataset = pydicom.dcmread(path)
    middle = dataset.pixel_array[50 : 50 + ROWS, 40 : 40 + COLUMNS].astype(np.int16)
    dataset.remove_private_tags()
    del dataset[0xFFFC, 0xFFFC]  # padding behind the pixels, which would keep a cut from reaching them
    file = BytesIO()
    dataset.save_as(file)
    return file.getvalue(), middle


def stored_values(k: int) -> np.ndarray:
    """Return the stored values of slice k, those of the real slice made different for each k; (ROWS, COLUMNS)."""
    return _template()[1] + np.int16(10 * k)


def expected_hu(ks) -> np.ndarray:
    """Return the HU of the slices `ks` as they are made here, shape (slices, ROWS, COLUMNS)."""
    return np.stack([stored_values(k) - 1024 for k in ks])


def make_slice(k: int = 0, position=ORIGIN, stored: np.ndarray | None = None) -> Dataset:
    """Make one axial slice with `stored` (int16) or `stored_values(k)` as its pixels."""
    dataset = pydicom.dcmread(BytesIO(_template()[0]))
    set_pixels(dataset, stored_values(k) if stored is None else stored)
    dataset.PatientName, dataset.PatientID = PATIENT_NAME, PATIENT_ID
    dataset.SeriesInstanceUID = SERIES_UID
    dataset.SeriesDescription = "ABD 5.0 B30s"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.ImagePositionPatient = [f"{value:.6f}" for value in position]
    dataset.ImageOrientationPatient = [f"{value:.9f}" for value in AXIAL]
    dataset.PixelSpacing = ["0.7", "0.5"]
    dataset.WindowCenter, dataset.WindowWidth = ["40", "300"], ["400", "1500"]
    # Says the opposite of the positions: nobody may sort by it.
    dataset.InstanceNumber = 1000 - k
    return dataset


def set_pixels(dataset: Dataset, stored: np.ndarray) -> None:
    """Give a dataset uncompressed 16-bit pixels; the sign is that of the array's type."""
    dataset.Rows, dataset.Columns = stored.shape[-2:]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    dataset.PixelData = stored.astype(stored.dtype.newbyteorder("<")).tobytes()


def write_series(
    folder: Path,
    count: int = 5,
    step=(0.0, 0.0, 2.5),
    change: Callable[[int, Dataset], None] | None = None,
    skip: tuple[int, ...] = (),
    prefix: str = "",
) -> list[Path]:
    """Write slices 0 to count - 1 at ORIGIN + k * step, under names whose order is not that of the positions.

    `change` may alter a dataset before it is written, `skip` names slices that are left out. Returns the paths in the
    order of k.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Neither forwards nor backwards: 0, 7, 3, 10, 6 ... for a prime.
    scrambled = {k: (7 * k) % 11 + 11 * (k // 11) for k in range(count)}
    paths = []
    for k in range(count):
        if k in skip:
            continue
        dataset = make_slice(k, np.add(ORIGIN, np.multiply(step, k)))
        if change:
            change(k, dataset)
        paths.append(folder / f"{prefix}{scrambled[k]:04d}.dcm")
        dataset.save_as(paths[-1], enforce_file_format=True)
    return paths


def write_enhanced(path: Path, count: int = 4, step: float = 2.5, shared_plane: bool = True) -> np.ndarray:
    """Write one enhanced multi-frame CT whose frames run against their positions; return its HU in slice order."""
    dataset = make_slice()
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    for tag in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept"):
        delattr(dataset, tag)
    frames = np.stack([stored_values(k) for k in reversed(range(count))])
    set_pixels(dataset, frames)
    dataset.NumberOfFrames = count
    orientation, measures = Dataset(), Dataset()
    orientation.ImageOrientationPatient = list(AXIAL)
    measures.PixelSpacing, measures.SliceThickness = [0.7, 0.5], step
    shared, groups = Dataset(), []
    for number in range(count):
        position, values, group = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = [ORIGIN[0], ORIGIN[1], ORIGIN[2] + step * (count - 1 - number)]
        values.RescaleSlope, values.RescaleIntercept, values.RescaleType = 1, -1024 - number, "HU"
        group.PlanePositionSequence = Sequence([position])
        group.PixelValueTransformationSequence = Sequence([values])
        groups.append(group)
    for group in [shared] if shared_plane else groups:
        group.PlaneOrientationSequence = Sequence([orientation])
        group.PixelMeasuresSequence = Sequence([measures])
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    dataset.PerFrameFunctionalGroupsSequence = Sequence(groups)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return np.stack([frames[number].astype(np.int16) - 1024 - number for number in reversed(range(count))])
