"""Good CT series made bad, each in one way, with what must become of it.

A mutation is a function of a folder that writes a series there; it returns the HU that the series holds, shape
(slices, ROWS, COLUMNS), or None when it must be refused.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from dicom_series_maker import COLUMNS, OTHER_UID, ROWS, expected_hu, set_pixels, stored_values, write_series
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import RLELossless

COUNT = 5
MUTATIONS: dict[str, Callable[[Path], np.ndarray | None]] = {}


def mutation(function):
    """Take a function up into the list."""
    MUTATIONS[function.__name__] = function
    return function


def _every(name: str, change, expected="same") -> None:
    """List a mutation of every dataset of a series; `expected` is "same", None, or a function of the good HU."""

    def write(folder: Path):
        write_series(folder, COUNT, change=change)
        good = expected_hu(range(COUNT))
        return good if expected == "same" else expected(good) if expected else None

    MUTATIONS[name] = write


def _one(name: str, change, expected="same") -> None:
    """List a mutation of slice 2 alone."""
    _every(name, lambda k, dataset: change(dataset) if k == 2 else None, expected)


def put(**values):
    """Return a change that sets elements, or with the value None deletes them."""

    def change(*arguments) -> None:
        dataset = arguments[-1]
        for keyword, value in values.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)

    return change


# Tags that are missing or senseless.
for _tag in (
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "Rows",
    "Columns",
    "PixelData",
    "SeriesInstanceUID",
    "StudyInstanceUID",
    "SOPInstanceUID",
    "BitsAllocated",
    "BitsStored",
    "PixelRepresentation",
):
    _one(f"without_{_tag}", put(**{_tag: None}), None)
for _tag in (
    "InstanceNumber",
    "PatientID",
    "PatientName",
    "FrameOfReferenceUID",
    "SeriesNumber",
    "SeriesDescription",
    "WindowCenter",
    "ImageType",
    "SpecificCharacterSet",
    "Modality",
    "SOPClassUID",
    "SliceThickness",
    "Manufacturer",
    "KVP",
    "StudyDate",
    "AcquisitionNumber",
):
    # Deleted when the template has it; a series without it is still this series.
    _every(f"without_{_tag}", lambda k, dataset, tag=_tag: dataset.pop(tag, None))
_one("position_of_two_numbers", put(ImagePositionPatient=["1", "2"]), None)
_one("orientation_with_parallel_axes", put(ImageOrientationPatient=["1", "0", "0", "1", "0", "0"]), None)
_one("sagittal_among_axial", put(ImageOrientationPatient=["0", "1", "0", "0", "0", "-1"]), None)
_one("other_pixel_spacing", put(PixelSpacing=["0.9", "0.9"]), None)
_every("pixel_spacing_zero", put(PixelSpacing=["0", "0"]), None)
_every("rows_zero", put(Rows=0), None)
_one("rows_too_many", put(Rows=60000), None)
_one("two_frames_claimed", put(NumberOfFrames=2), None)
_every("no_frames_claimed", put(NumberOfFrames=0), None)
_every("one_frame_claimed", put(NumberOfFrames=1))
_every("slope_zero", put(RescaleSlope="0"), None)
_every("effective_atomic_number", put(RescaleType="Z_EFF"), None)
_every("three_samples", put(SamplesPerPixel=3), None)
_every("palette_colour", put(PhotometricInterpretation="PALETTE COLOR"), None)
_every("inverse_grey", put(PhotometricInterpretation="MONOCHROME1"))
_one("another_patient", put(PatientID="another"), None)
_one("another_study", put(StudyInstanceUID=OTHER_UID), None)
_one("another_series", put(SeriesInstanceUID=OTHER_UID), None)
_every("one_instance_uid_for_all", put(SOPInstanceUID=OTHER_UID), None)
_every("negative_slice_spacing", put(SpacingBetweenSlices="-2.5"))
_every("unknown_character_set", put(SpecificCharacterSet="ISO_IR 999"))
_every("private_elements", lambda k, d: d.private_block(0x0009, "VENDOR", create=True).add_new(1, "OB", b"\1\2"))


# Values: how HU are stored.
_every("slope_two", put(RescaleSlope="2", RescaleIntercept="-1024"), lambda hu: (hu + 1024.0) * 2 - 1024)
_every("slope_with_fraction", put(RescaleSlope="0.3"), lambda hu: (hu + 1024.0) * 0.3 - 1024)
_every("slope_negative", put(RescaleSlope="-1", RescaleIntercept="1024"), lambda hu: -(hu + 1024.0) + 1024)
_every("slope_too_large", put(RescaleSlope="300"), None)
_every("intercept_with_fraction", put(RescaleIntercept="-1024.25"), lambda hu: hu - 0.25)
_every("intercept_not_a_number", lambda k, d: d.add_new("RescaleIntercept", "LO", "many"), None)
_every(
    "intercept_of_each_slice",
    lambda k, dataset: put(RescaleIntercept=str(-1000 - k))(dataset),
    lambda hu: hu + 24.0 - np.arange(COUNT)[:, None, None],
)


def _unsigned(k, dataset) -> None:
    set_pixels(dataset, (stored_values(k) + 2000).astype(np.uint16))
    dataset.RescaleIntercept = "-3024"
    del dataset.PixelPaddingValue


def _twelve_bits(k, dataset) -> None:
    # An overlay above the 12 bits, as old scanners stored it, is no part of the value.
    set_pixels(dataset, (np.clip(stored_values(k), 0, 4095) | 0x1000).astype(np.uint16))
    dataset.BitsStored, dataset.HighBit = 12, 11
    del dataset.PixelPaddingValue


def _thirty_two_bits(k, dataset) -> None:
    set_pixels(dataset, stored_values(k))
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 32, 32, 31
    dataset.PixelData = stored_values(k).astype("<i4").tobytes()


def _padded(k, dataset) -> None:
    stored = stored_values(k)
    stored[:3] = 40  # inside the range of tissue, where a method would change it
    set_pixels(dataset, stored)
    dataset.PixelPaddingValue = 40


def _with_padding(hu: np.ndarray) -> np.ndarray:
    hu = hu.copy()
    hu[:, :3] = 40 - 1024
    return hu


_every("unsigned", _unsigned)
_every("twelve_bits", _twelve_bits, lambda hu: np.clip(hu, -1024, 3071))
_every("thirty_two_bits", _thirty_two_bits)
_every("padding_within_tissue", _padded, _with_padding)
_every(
    "padding_limit_alone",
    lambda k, d: (
        d.pop("PixelPaddingValue"),
        d.add_new("PixelPaddingRangeLimit", "SS", 9),
        setattr(d, "RescaleSlope", "2"),
    ),
    lambda hu: (hu + 1024.0) * 2 - 1024,
)
_one("another_frame_of_reference", put(FrameOfReferenceUID=OTHER_UID))
_every("all_values_equal", lambda k, d: set_pixels(d, np.full((ROWS, COLUMNS), 7, np.int16)), None)
_every("compressed_rle", lambda k, dataset: dataset.compress(RLELossless))


@mutation
def values_in_a_table(folder):
    table = Dataset()
    table.LUTDescriptor, table.ModalityLUTType = [4, 0, 16], "HU"
    table.add_new("LUTData", "OW", bytes(8))
    write_series(folder, COUNT, change=put(ModalityLUTSequence=Sequence([table])))
