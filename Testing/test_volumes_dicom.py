"""DICOM folders: which slices make the volume, in which order and in which place."""

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicom_series_maker import (
    COLUMNS,
    ORIGIN,
    OTHER_UID,
    ROWS,
    SERIES_UID,
    expected_hu,
    make_slice,
    set_pixels,
    write_enhanced,
    write_series,
)
from pydicom.data import get_testdata_file
from volume_reading import read_quietly, refused, without_patient


def test_a_series_becomes_a_volume_in_order_of_position(tmp_path):
    paths = write_series(tmp_path / "some series", 7)
    assert [p.name for p in paths] != sorted(p.name for p in paths)  # else this test proves nothing
    volume = read_quietly(tmp_path / "some series")
    assert volume.array.dtype == np.int16 and volume.array.shape == (7, ROWS, COLUMNS)
    np.testing.assert_array_equal(volume.array, expected_hu(range(7)))
    # PixelSpacing is (between rows, between columns) = (0.7, 0.5).
    np.testing.assert_allclose(volume.geometry.spacing, (0.5, 0.7, 2.5), atol=1e-9)
    np.testing.assert_allclose(volume.geometry.origin, ORIGIN)
    np.testing.assert_allclose(np.reshape(volume.geometry.direction, (3, 3)), np.eye(3))
    assert volume.name == "some series"
    assert volume.facts["files"] == [str(p) for p in paths]


def test_facts_say_what_is_worth_keeping_and_not_who(tmp_path):
    write_series(tmp_path)
    facts = read_quietly(tmp_path).facts
    assert facts["series_uid"] == SERIES_UID
    assert facts["study_uid"].startswith("1.3.6.1.4.1.5962.1.2") and facts["frame_of_reference_uid"]
    assert facts["description"] == "ABD 5.0 B30s" and facts["kernel"] == "STANDARD"
    assert facts["manufacturer"] == "GE MEDICAL SYSTEMS"
    assert facts["window"] == (40.0, 400.0) and facts["padding"] == []
    without_patient(str({key: value for key, value in facts.items() if key != "files"}))


@pytest.mark.parametrize("step", ((0, 0, 2.5), (0, 0, -2.5)))
def test_order_does_not_depend_on_the_way_the_table_went(tmp_path, step):
    write_series(tmp_path, 4, step)
    volume = read_quietly(tmp_path)
    np.testing.assert_array_equal(volume.array, expected_hu(range(4) if step[2] > 0 else range(3, -1, -1)))
    assert volume.geometry.origin[2] == pytest.approx(ORIGIN[2] + min(0, 3 * step[2]))


def test_an_oblique_series_lies_where_simpleitk_puts_it(tmp_path):
    angle = np.radians(25)
    row, column = np.array([np.cos(angle), 0, np.sin(angle)]), np.array([0.0, 1, 0])
    normal = np.cross(row, column)

    def lean(k, dataset):
        dataset.ImageOrientationPatient = [f"{v:.9f}" for v in (*row, *column)]

    write_series(tmp_path, 5, tuple(3.0 * normal), lean)
    volume = read_quietly(tmp_path)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path), SERIES_UID))
    image = reader.Execute()
    np.testing.assert_array_equal(volume.array, sitk.GetArrayFromImage(image))
    np.testing.assert_allclose(volume.geometry.spacing, image.GetSpacing(), atol=1e-4)
    np.testing.assert_allclose(volume.geometry.origin, image.GetOrigin(), atol=1e-4)
    np.testing.assert_allclose(volume.geometry.direction, image.GetDirection(), atol=1e-5)


def test_only_ct_slices_are_taken(tmp_path):
    write_series(tmp_path / "deep" / "er", 4)
    (tmp_path / "notes.txt").write_text("not DICOM")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "._0000.dcm").write_bytes(b"what macOS leaves")
    for index, name in enumerate(("MR_small.dcm", "rtplan.dcm", "liver_1frame.dcm", "dicomdirtests/DICOMDIR")):
        source = pydicom.dcmread(get_testdata_file(name, download=False))
        source.save_as(tmp_path / f"other{index}.dcm")

    screen = make_slice()  # a dose report saved as a picture, of modality CT and with no place in space
    screen.SOPClassUID = screen.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    screen.SeriesInstanceUID = OTHER_UID
    del screen.ImagePositionPatient
    screen.save_as(tmp_path / "screen.dcm")

    def scout(k, dataset):
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        dataset.ImageOrientationPatient = ["1", "0", "0", "0", "0", "-1"]
        set_pixels(dataset, np.zeros((9, 9), np.int16))

    write_series(tmp_path, 2, change=scout, prefix="scout in the series ")
    volume = read_quietly(tmp_path)
    np.testing.assert_array_equal(volume.array, expected_hu(range(4)))


def test_several_series_are_listed_and_chosen(tmp_path):
    def other(k, dataset):
        dataset.SeriesInstanceUID, dataset.SeriesDescription = OTHER_UID, "LUNG\n2.0  B70f"

    write_series(tmp_path / "a", 4)
    write_series(tmp_path / "b", 1, change=other)
    for options in ({}, {"series_uid": "1.2.3"}):
        message = refused(tmp_path, **options)
        assert f"{SERIES_UID} (4 slices, kernel 'STANDARD'); {OTHER_UID} (1 slice, kernel 'STANDARD')" in message
        assert "--series UID" in message
    assert "1.2.3" in refused(tmp_path, series_uid="1.2.3")
    assert read_quietly(tmp_path, series_uid=SERIES_UID).array.shape[0] == 4
    assert read_quietly(tmp_path, series_uid=OTHER_UID).array.shape[0] == 1
    assert SERIES_UID in refused(tmp_path / "a", series_uid=OTHER_UID)


def test_a_single_file_is_one_slice(tmp_path):
    path = write_series(tmp_path, 3)[1]
    for name in (path.name, "IM000001", "slice.of a.series"):
        path = path.rename(tmp_path / name)
        volume = read_quietly(path)
        np.testing.assert_array_equal(volume.array, expected_hu([1]))
        assert volume.geometry.spacing == (0.5, 0.7, 5.0) and volume.geometry.origin[2] == ORIGIN[2] + 2.5
        assert volume.name == name


def test_a_folder_named_by_a_dot(tmp_path, monkeypatch):
    write_series(tmp_path / "series" / "deeper", 2)
    monkeypatch.chdir(tmp_path / "series")
    assert read_quietly(".").name == "series"
    monkeypatch.chdir("deeper")
    assert read_quietly("..").name == "series"


@pytest.mark.parametrize("shared", (True, False))
def test_enhanced_multi_frame(tmp_path, shared):
    expected = write_enhanced(tmp_path / "multi.dcm", 4, 2.5, shared)
    for path in (tmp_path, tmp_path / "multi.dcm"):
        volume = read_quietly(path)
        np.testing.assert_array_equal(volume.array, expected)
        np.testing.assert_allclose(volume.geometry.spacing, (0.5, 0.7, 2.5))
        np.testing.assert_allclose(volume.geometry.origin, ORIGIN)
        assert volume.facts["files"] == [str(tmp_path / "multi.dcm")]
