"""DICOM folders: which slices make the volume, in which order, in which unit; and what is refused."""

import warnings

import numpy as np
import pytest

pydicom = pytest.importorskip("pydicom")

from dicom_series_maker import (  # noqa: E402
    COLUMNS,
    ORIGIN,
    OTHER_UID,
    PATIENT_ID,
    PATIENT_NAME,
    ROWS,
    SERIES_UID,
    make_slice,
    set_pixels,
    stored_values,
    write_enhanced,
    write_series,
)
from LDCTDenoiseLib.errors import InputError, LDCTWarning, MissingDependencyError  # noqa: E402
from LDCTDenoiseLib.volumes import read_volume  # noqa: E402
from pydicom.data import get_testdata_file  # noqa: E402
from pydicom.uid import RLELossless  # noqa: E402


def expected_hu(ks) -> np.ndarray:
    return np.stack([stored_values(k) - 1024 for k in ks])


def read_quietly(path, **options):
    """Read a path that gives no reason for a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_volume(path, **options)


def without_patient(text: str) -> str:
    assert not any(word in text for word in (PATIENT_NAME, "Secret", PATIENT_ID, "4711"))
    return text


def refused(path, **options) -> str:
    with pytest.raises(InputError) as caught:
        read_volume(path, **options)
    message = without_patient(str(caught.value))
    assert "\n" not in message and len(message) < 600
    return message


def warned(path, **options):
    """Read a path that must give exactly one warning; return the volume and the warning's text."""
    with pytest.warns(LDCTWarning) as caught:
        volume = read_volume(path, **options)
    texts = [str(warning.message) for warning in caught]
    assert len(texts) == 1 and "\n" not in texts[0]
    return volume, without_patient(texts[0])


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
    sitk = pytest.importorskip("SimpleITK")
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


def test_slope_and_intercept_of_each_slice(tmp_path):
    def change(k, dataset):
        dataset.RescaleSlope, dataset.RescaleIntercept = str(1 + k), str(-1000 - k)

    write_series(tmp_path, 3, change=change)
    volume = read_quietly(tmp_path)
    assert volume.array.dtype == np.int16
    expected = [stored_values(k).astype(int) * (1 + k) - 1000 - k for k in range(3)]
    np.testing.assert_array_equal(volume.array, expected)


def test_fractions_and_large_values_need_float32(tmp_path):
    def fraction_in_the_last(k, dataset):
        if k == 2:
            dataset.RescaleSlope = "0.25"

    write_series(tmp_path / "fraction", 3, change=fraction_in_the_last)
    array = read_quietly(tmp_path / "fraction").array
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array[:2], expected_hu(range(2)))
    np.testing.assert_array_equal(array[2], stored_values(2) * 0.25 - 1024)

    def large(k, dataset):
        dataset.RescaleSlope = "30"

    write_series(tmp_path / "large", 2, change=large)
    array = read_quietly(tmp_path / "large").array
    assert array.dtype == np.float32 and array.max() > 32767
    np.testing.assert_array_equal(array[1], stored_values(1) * 30.0 - 1024)

    def whole_after_all(k, dataset):
        set_pixels(dataset, (stored_values(k) // 2 * 2).astype(np.int16))
        dataset.RescaleSlope = "0.5"

    write_series(tmp_path / "whole", 2, change=whole_after_all)
    assert read_quietly(tmp_path / "whole").array.dtype == np.int16


def test_unsigned_and_short_storage(tmp_path):
    high = np.full((ROWS, COLUMNS), 40000, np.uint16)

    def unsigned(k, dataset):
        set_pixels(dataset, high)
        dataset.RescaleIntercept = "-32768"
        del dataset.PixelPaddingValue

    write_series(tmp_path / "unsigned", 2, change=unsigned)
    assert (read_quietly(tmp_path / "unsigned").array == 40000 - 32768).all()

    def twelve_bits(k, dataset):
        # -100 in 12 bits, with an overlay bit above them as old scanners stored it: only the 12 bits count.
        set_pixels(dataset, np.full((ROWS, COLUMNS), 0x1000 | (-100 & 0x0FFF), np.uint16))
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 11, 1
        del dataset.PixelPaddingValue

    write_series(tmp_path / "short", 2, change=twelve_bits)
    assert (read_quietly(tmp_path / "short").array == -100 - 1024).all()


def test_padding_stays_and_is_named(tmp_path):
    def pad(k, dataset):
        stored = stored_values(k)
        stored[0, :5] = -2000
        set_pixels(dataset, stored)

    write_series(tmp_path / "value", 3, change=pad)
    volume = read_quietly(tmp_path / "value")
    assert volume.facts["padding"] == [-3024.0]
    assert (volume.array[:, 0, :5] == -3024).all() and (volume.array == -3024).sum() == 15

    def pad_range(k, dataset):
        stored = stored_values(k)
        stored[0, :3] = (-1990, -1995, -2000)
        set_pixels(dataset, stored)
        dataset.add_new("PixelPaddingRangeLimit", "SS", -1990)

    write_series(tmp_path / "range", 2, change=pad_range)
    assert read_quietly(tmp_path / "range").facts["padding"] == [-3024.0, -3019.0, -3014.0]

    def undeclared(k, dataset):
        stored = stored_values(k)
        stored[0, 0] = -976
        set_pixels(dataset, stored)
        del dataset.PixelPaddingValue

    write_series(tmp_path / "undeclared", 2, change=undeclared)
    assert read_quietly(tmp_path / "undeclared").facts["padding"] == [-2000.0]


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


def test_folders_without_ct(tmp_path):
    assert "no DICOM images" in refused(tmp_path)
    (tmp_path / "notes.txt").write_text("not DICOM")
    assert "no DICOM images" in refused(tmp_path)
    for name in ("MR_small.dcm", "rtplan.dcm"):
        pydicom.dcmread(get_testdata_file(name, download=False)).save_as(tmp_path / name)
    assert "MR (1), RTPLAN (1)" in refused(tmp_path)
    assert "MR (1)" in refused(tmp_path / "MR_small.dcm")

    def scout(k, dataset):
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]

    write_series(tmp_path, 2, change=scout)
    assert "localizer" in refused(tmp_path)


def test_several_series_are_listed_and_chosen(tmp_path):
    def other(k, dataset):
        dataset.SeriesInstanceUID, dataset.SeriesDescription = OTHER_UID, "LUNG\n2.0  B70f"

    write_series(tmp_path / "a", 4)
    write_series(tmp_path / "b", 1, change=other)
    for options in ({}, {"series_uid": "1.2.3"}):
        message = refused(tmp_path, **options)
        assert f"{SERIES_UID} (4 slices, 'ABD 5.0 B30s'); {OTHER_UID} (1 slice, 'LUNG 2.0 B70f')" in message
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


def test_a_missing_scale_is_warned_of(tmp_path):
    def forget(k, dataset):
        if k == 1:
            del dataset.RescaleIntercept

    path = write_series(tmp_path, 3, change=forget)[1]
    volume, text = warned(tmp_path)
    assert "RescaleIntercept" in text and path.name in text
    np.testing.assert_array_equal(volume.array[1], stored_values(1))


@pytest.mark.parametrize("kept", (0.3, 0.9, 0.999))
def test_truncated_pixels_name_the_file(tmp_path, kept):
    path = write_series(tmp_path, 3)[2]
    whole = path.read_bytes()
    pixels = whole.index(stored_values(2).tobytes())
    path.write_bytes(whole[: pixels + int(kept * 2 * ROWS * COLUMNS)])
    message = refused(tmp_path)
    assert path.name in message and "truncated" in message


def test_a_file_cut_inside_its_header_is_not_passed_over(tmp_path):
    path = write_series(tmp_path, 3)[2]
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"ABD 5.0")])
    assert path.name in refused(tmp_path)
    path.write_bytes(b"")  # no header at all: a warning, for it may never have been a slice
    volume, text = warned(tmp_path)
    assert path.name in text and volume.array.shape[0] == 2


def test_a_missing_decoder_is_named(tmp_path):
    """Real JPEG-LS pixels; the machine that has a decoder must read them right instead."""
    plain = pydicom.dcmread(get_testdata_file("MR_small.dcm", download=False)).pixel_array
    dataset = pydicom.dcmread(get_testdata_file("MR_small_jpeg_ls_lossless.dcm", download=False))
    dataset.Modality, dataset.RescaleSlope, dataset.RescaleIntercept = "CT", "1", "-1024"
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    dataset.save_as(tmp_path / "ls.dcm")
    from pydicom.pixels import get_decoder

    if get_decoder(dataset.file_meta.TransferSyntaxUID).is_available:
        np.testing.assert_array_equal(read_quietly(tmp_path).array[0], plain.astype(int) - 1024)
        return
    with pytest.raises(MissingDependencyError) as caught:
        read_volume(tmp_path)
    message = str(caught.value)
    assert "JPEG-LS Lossless" in message and "pip install pyjpegls" in message and "ls.dcm" in message
    assert "\n" not in message


def test_compressed_pixels(tmp_path):
    write_series(tmp_path, 3, change=lambda k, dataset: dataset.compress(RLELossless))
    np.testing.assert_array_equal(read_quietly(tmp_path).array, expected_hu(range(3)))
    path = next(tmp_path.iterdir())
    whole = path.read_bytes()
    for lost in (8, 20, 500):  # the last 8 bytes are the mark behind the pixels
        path.write_bytes(whole[:-lost])
        assert path.name in refused(tmp_path)


def test_jpeg2000(tmp_path):
    plain = pydicom.dcmread(get_testdata_file("MR_small.dcm", download=False)).pixel_array
    dataset = pydicom.dcmread(get_testdata_file("MR_small_jp2klossless.dcm", download=False))
    from pydicom.pixels import get_decoder

    if not get_decoder(dataset.file_meta.TransferSyntaxUID).is_available:
        pytest.skip("no JPEG 2000 decoder")
    dataset.Modality, dataset.RescaleSlope, dataset.RescaleIntercept = "CT", "1", "-1024"
    dataset.save_as(tmp_path / "x.dcm")
    np.testing.assert_array_equal(read_quietly(tmp_path).array[0], plain.astype(int) - 1024)


@pytest.mark.parametrize("shared", (True, False))
def test_enhanced_multi_frame(tmp_path, shared):
    expected = write_enhanced(tmp_path / "multi.dcm", 4, 2.5, shared)
    for path in (tmp_path, tmp_path / "multi.dcm"):
        volume = read_quietly(path)
        np.testing.assert_array_equal(volume.array, expected)
        np.testing.assert_allclose(volume.geometry.spacing, (0.5, 0.7, 2.5))
        np.testing.assert_allclose(volume.geometry.origin, ORIGIN)
        assert volume.facts["files"] == [str(tmp_path / "multi.dcm")]


def test_a_multi_frame_without_places_is_refused(tmp_path):
    write_enhanced(tmp_path / "multi.dcm")
    dataset = pydicom.dcmread(tmp_path / "multi.dcm")
    del dataset.PerFrameFunctionalGroupsSequence
    dataset.save_as(tmp_path / "multi.dcm")
    message = refused(tmp_path)
    assert "multi.dcm" in message and "single-slice" in message
