"""Mutations of a series' set of slices, of its files, and of enhanced images; they join those of `dicom_mutations`."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from dicom_mutations import COUNT, MUTATIONS, mutation, put
from dicom_series_maker import ORIGIN, expected_hu, make_slice, stored_values, write_enhanced, write_series
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    RLELossless,
    generate_uid,
)


# The set of slices.
@mutation
def one_slice(folder):
    write_series(folder, 1)
    return expected_hu([0])


@mutation
def missing_slices(folder):
    write_series(folder, 9, skip=(3, 6))
    return expected_hu([0, 1, 2, 4, 5, 7, 8])


@mutation
def gantry_tilt(folder):
    write_series(folder, COUNT, step=(0.0, 0.9, 2.5))
    return expected_hu(range(COUNT))


@mutation
def backwards(folder):
    write_series(folder, COUNT, step=(0.0, 0.0, -2.5))
    return expected_hu(reversed(range(COUNT)))


@mutation
def two_slices_at_one_place(folder):
    write_series(folder, COUNT)
    make_slice(9, np.add(ORIGIN, (0, 0, 5.0))).save_as(folder / "again.dcm", enforce_file_format=True)


@mutation
def the_same_file_twice(folder):
    paths = write_series(folder, COUNT)
    shutil.copy(paths[1], folder / "copy.dcm")


@mutation
def two_time_phases(folder):
    write_series(folder, COUNT)
    write_series(folder, COUNT, prefix="later-", change=put(AcquisitionNumber=2))


@mutation
def a_scout_in_the_series(folder):
    write_series(folder, COUNT)
    scout = make_slice(9, (0, -265, 50))
    scout.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    scout.ImageOrientationPatient = ["1", "0", "0", "0", "0", "-1"]
    scout.save_as(folder / "scout.dcm", enforce_file_format=True)
    return expected_hu(range(COUNT))


@mutation
def a_scout_that_does_not_say_so(folder):
    write_series(folder, COUNT)
    scout = make_slice(9, (0, -265, 50))
    scout.ImageOrientationPatient = ["1", "0", "0", "0", "0", "-1"]
    scout.save_as(folder / "scout.dcm", enforce_file_format=True)


@mutation
def slices_of_two_sizes(folder):
    write_series(folder, COUNT)
    small = make_slice(9, np.add(ORIGIN, (0, 0, 12.5)), stored_values(9)[:10, :10].copy())
    small.save_as(folder / "small.dcm", enforce_file_format=True)


@mutation
def other_objects_beside_it(folder):
    write_series(folder, COUNT)
    for name in ("rtplan.dcm", "rtstruct.dcm", "test-SR.dcm", "waveform_ecg.dcm", "MR_small.dcm"):
        shutil.copy(get_testdata_file(name, download=False), folder / name)
    (folder / "notes.txt").write_text("not DICOM")
    return expected_hu(range(COUNT))


# Files.
def _cut(folder: Path, keep: Callable[[bytes], int]) -> None:
    path = write_series(folder, COUNT)[2]
    whole = path.read_bytes()
    path.write_bytes(whole[: keep(whole)])


@mutation
def cut_in_the_pixels(folder):
    _cut(folder, lambda whole: len(whole) - 7)


@mutation
def cut_in_the_header(folder):
    _cut(folder, lambda whole: whole.index(b"ABD 5.0") + 3)


@mutation
def cut_to_the_preamble(folder):
    # Nothing says that this was a slice of the series: it counts as a missing one.
    _cut(folder, lambda whole: 132)
    return expected_hu([0, 1, 3, 4])


@mutation
def empty_and_foreign_files(folder):
    write_series(folder, COUNT)
    (folder / "empty.dcm").write_bytes(b"")
    (folder / "noise.dcm").write_bytes(bytes(np.random.default_rng(0).integers(0, 256, 5000, np.uint8)))
    (folder / "noise").write_bytes(b"\x08\x00\x05\x00CS\xff\xff" + bytes(3000))
    return expected_hu(range(COUNT))


@mutation
def cut_while_compressed(folder):
    path = write_series(folder, COUNT, change=lambda k, dataset: dataset.compress(RLELossless))[1]
    path.write_bytes(path.read_bytes()[:-300])


@mutation
def longer_than_its_pixels(folder):
    for path in write_series(folder, COUNT, change=lambda k, d: setattr(d, "PixelData", d.PixelData + b"\0" * 64)):
        assert path.exists()
    return expected_hu(range(COUNT))


@mutation
def without_preamble(folder):
    for path in write_series(folder, COUNT):
        dataset = pydicom.dcmread(path)
        bare = Dataset(dict(dataset.items()))
        bare.save_as(path, implicit_vr=True, little_endian=True)
    return expected_hu(range(COUNT))


@mutation
def without_transfer_syntax(folder):
    for path in write_series(folder, COUNT):
        dataset = pydicom.dcmread(path)
        del dataset.file_meta.TransferSyntaxUID
        dataset.save_as(path, implicit_vr=False, little_endian=True)
    return expected_hu(range(COUNT))


@mutation
def unknown_transfer_syntax(folder):
    for path in write_series(folder, COUNT):
        path.write_bytes(path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.9.9\0"))


def _encoded(syntax) -> Callable[[Path], np.ndarray]:
    def write(folder: Path) -> np.ndarray:
        for path in write_series(folder, COUNT):
            dataset = pydicom.dcmread(path)
            little = syntax is not ExplicitVRBigEndian
            if not little:
                dataset.PixelData = dataset.pixel_array.astype(">i2").tobytes()
            dataset.file_meta.TransferSyntaxUID = syntax
            copy = Dataset({element.tag: element for element in dataset})  # a Dataset without an encoding of its own
            copy.file_meta = dataset.file_meta
            copy.save_as(path, implicit_vr=syntax is ImplicitVRLittleEndian, little_endian=little)
        return expected_hu(range(COUNT))

    return write


MUTATIONS["implicit_representation"] = _encoded(ImplicitVRLittleEndian)
MUTATIONS["big_endian"] = _encoded(ExplicitVRBigEndian)
MUTATIONS["deflated"] = _encoded(DeflatedExplicitVRLittleEndian)


@mutation
def odd_names(folder):
    folder = folder / "Ordner mit Ümläuten und 字" / "a'b\"c\n;d"
    for number, path in enumerate(write_series(folder, COUNT)):
        path.rename(folder / f"スライス {number} ‮ %s {{x}}")
    return expected_hu(range(COUNT))


@mutation
def a_number_that_is_none(folder):
    path = write_series(folder, COUNT)[1]
    path.write_bytes(path.read_bytes().replace(b"-100.000000", b"-1oo.oooooo"))


@mutation
def damaged_text(folder):
    for path in write_series(folder, COUNT):
        path.write_bytes(path.read_bytes().replace(b"ABD 5.0 B30s", b"\xff\xfe\x80 \xc3(\x1b$B\\\r\n"))
    return expected_hu(range(COUNT))


@mutation
def lost_bytes(folder):
    for path in write_series(folder, COUNT):
        path.write_bytes(path.read_bytes().replace(b"ABD 5.0 B30s", b"ABD 5.0"))


# Enhanced multi-frame images.
@mutation
def enhanced(folder):
    return write_enhanced(folder / "multi.dcm")


def _enhanced(name: str, change, kept: bool = False) -> None:
    def write(folder: Path):
        values = write_enhanced(folder / "multi.dcm")
        dataset = pydicom.dcmread(folder / "multi.dcm")
        change(dataset)
        dataset.save_as(folder / "multi.dcm")
        return values if kept else None

    MUTATIONS[name] = write


_enhanced("enhanced_without_frame_groups", lambda d: delattr(d, "PerFrameFunctionalGroupsSequence"))
_enhanced("enhanced_with_a_frame_group_too_few", lambda d: d.PerFrameFunctionalGroupsSequence.pop())
_enhanced(
    "enhanced_without_a_position", lambda d: delattr(d.PerFrameFunctionalGroupsSequence[1], "PlanePositionSequence")
)
_enhanced(
    "enhanced_with_an_empty_position", lambda d: d.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence.clear()
)
_enhanced("enhanced_without_shared_groups", lambda d: delattr(d, "SharedFunctionalGroupsSequence"))
_enhanced("enhanced_in_colours", put(PixelPresentation="COLOR"))
_enhanced("enhanced_with_new_uid", lambda d: setattr(d, "SOPInstanceUID", generate_uid()), True)
