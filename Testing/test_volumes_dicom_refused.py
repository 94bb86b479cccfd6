"""DICOM folders that are not one CT volume, and the tag and file that say so."""

import pydicom
import pytest
from dicom_series_maker import (
    write_enhanced,
    write_series,
)
from pydicom.data import get_testdata_file
from volume_reading import refused, warned


def test_folders_without_ct(tmp_path):
    assert "no DICOM images" in refused(tmp_path)
    (tmp_path / "notes.txt").write_text("not DICOM")
    assert "no DICOM images" in refused(tmp_path)
    for name in ("MR_small.dcm", "rtplan.dcm"):
        pydicom.dcmread(get_testdata_file(name, download=False)).save_as(tmp_path / name)
    assert "modality MR (1), modality RTPLAN (1)" in refused(tmp_path)
    assert "MR (1)" in refused(tmp_path / "MR_small.dcm")

    def scout(k, dataset):
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]

    write_series(tmp_path, 2, change=scout)
    assert "localizer" in refused(tmp_path)


@pytest.mark.parametrize(
    "tag", ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns", "SeriesInstanceUID")
)
def test_a_missing_tag_is_named_with_its_file(tmp_path, tag):
    def forget(k, dataset):
        if k == 1:
            delattr(dataset, tag)

    path = write_series(tmp_path, 3, change=forget)[1]
    message = refused(tmp_path)
    assert tag in message and path.name in message


@pytest.mark.parametrize(
    ("tag", "value"),
    (
        ("ImagePositionPatient", ["1", "2"]),
        ("ImageOrientationPatient", ["1", "0", "0", "1", "0", "0"]),
        ("PixelSpacing", ["0", "0.5"]),
        ("RescaleSlope", "0"),
        ("RescaleType", "Z_EFF"),
        ("SamplesPerPixel", 3),
    ),
)
def test_a_senseless_tag_is_refused(tmp_path, tag, value):
    def change(k, dataset):
        setattr(dataset, tag, value)

    write_series(tmp_path, 2, change=change)
    assert ".dcm" in refused(tmp_path)


def test_a_number_that_is_none_is_refused(tmp_path):
    for path in write_series(tmp_path, 2):
        path.write_bytes(path.read_bytes().replace(b"-100.000000", b"-1oo.oooooo"))
    message = refused(tmp_path)
    assert "ImagePositionPatient" in message and "not a number" in message


def test_a_file_cut_inside_its_header_is_not_passed_over(tmp_path):
    path = write_series(tmp_path, 3)[2]
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"ABD 5.0")])
    assert path.name in refused(tmp_path)
    path.write_bytes(b"")  # no header at all: a warning, for it may never have been a slice
    volume, text = warned(tmp_path)
    assert path.name in text and volume.array.shape[0] == 2


def test_a_multi_frame_without_places_is_refused(tmp_path):
    write_enhanced(tmp_path / "multi.dcm")
    dataset = pydicom.dcmread(tmp_path / "multi.dcm")
    del dataset.PerFrameFunctionalGroupsSequence
    dataset.save_as(tmp_path / "multi.dcm")
    message = refused(tmp_path)
    assert "multi.dcm" in message and "single-slice" in message
