"""The values of DICOM slices: HU by each slice's own scale, padding, compression, damage."""

import struct

import numpy as np
import pydicom
import pytest
from dicom_series_maker import (
    COLUMNS,
    ROWS,
    expected_hu,
    set_pixels,
    stored_values,
    write_series,
)
from LDCTDenoiseLib.errors import MissingDependencyError
from LDCTDenoiseLib.volumes import read_volume
from LDCTDenoiseLib.volumes.dicom_streams import stream_size
from pydicom.data import get_testdata_file
from pydicom.encaps import generate_frames
from pydicom.pixels import get_decoder
from pydicom.uid import RLELossless
from volume_reading import read_quietly, refused, warned


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
    volume, text = warned(tmp_path / "short")
    assert (volume.array == -100 - 1024).all() and "12 bits" in text and "'0000.dcm' and 1 more" in text

    def with_its_overlay(k, dataset):
        twelve_bits(k, dataset)
        dataset.add_new((0x6000, 0x0010), "US", ROWS)
        dataset.add_new((0x6000, 0x0102), "US", 12)

    write_series(tmp_path / "overlay", 2, change=with_its_overlay)
    assert (read_quietly(tmp_path / "overlay").array == -100 - 1024).all()

    def signs(k, dataset):
        stored = np.full((ROWS, COLUMNS), -100, np.int16)
        stored[0] = -100 & 0x0FFF  # some write the sign into the upper bits, some do not
        set_pixels(dataset, stored)
        dataset.BitsStored, dataset.HighBit = 12, 11

    write_series(tmp_path / "signs", 2, change=signs)
    assert (read_quietly(tmp_path / "signs").array == -100 - 1024).all()


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


def test_a_missing_decoder_is_named(tmp_path):
    """Real JPEG-LS pixels; the machine that has a decoder must read them right instead."""
    plain = pydicom.dcmread(get_testdata_file("MR_small.dcm", download=False)).pixel_array
    dataset = pydicom.dcmread(get_testdata_file("MR_small_jpeg_ls_lossless.dcm", download=False))
    dataset.Modality, dataset.RescaleSlope, dataset.RescaleIntercept = "CT", "1", "-1024"
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    dataset.save_as(tmp_path / "ls.dcm")
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
    if not get_decoder(dataset.file_meta.TransferSyntaxUID).is_available:
        pytest.skip("no JPEG 2000 decoder")
    dataset.Modality, dataset.RescaleSlope, dataset.RescaleIntercept = "CT", "1", "-1024"
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    dataset.save_as(tmp_path / "x.dcm")
    np.testing.assert_array_equal(read_quietly(tmp_path).array[0], plain.astype(int) - 1024)


@pytest.mark.parametrize("lost", (1, 7, ROWS // 2))
@pytest.mark.parametrize("compress", (False, True))
def test_rows_that_the_header_has_lost(tmp_path, lost, compress):
    def change(k, dataset):
        if compress:
            dataset.compress(RLELossless)
        dataset.Rows = ROWS - lost

    write_series(tmp_path, 2, change=change)
    assert "more" in refused(tmp_path) and ".dcm" in refused(tmp_path)


@pytest.mark.parametrize("name", ("MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm", "JPEG-lossy.dcm"))
@pytest.mark.parametrize("size", ((65535, 65535), (63, 64), (0, 0)))
def test_a_stream_of_another_size_is_refused_before_it_is_decoded(tmp_path, name, size):
    """A JPEG-LS stream of 65535 x 65535 pixels made GDCM end the process, one of JPEG 2000 take 8 GB."""
    dataset = pydicom.dcmread(get_testdata_file(name, download=False))
    dataset.Modality, dataset.RescaleSlope, dataset.RescaleIntercept = "CT", "1", "-1024"
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing = [1, 1]
    pixels = bytearray(dataset.PixelData)
    rows, columns = dataset.Rows, dataset.Columns
    assert stream_size(next(generate_frames(bytes(pixels), number_of_frames=1))) == (rows, columns)
    frame = pixels.find(b"\xff\x51")  # where the streams keep their size
    if frame >= 0:
        struct.pack_into(">2I", pixels, frame + 6, size[1], size[0])
    else:
        frame = max(pixels.find(mark) for mark in (b"\xff\xf7", b"\xff\xc1", b"\xff\xc3"))
        struct.pack_into(">2H", pixels, frame + 5, *size)
    dataset.PixelData = bytes(pixels)
    dataset.save_as(tmp_path / "x.dcm")
    assert f"{size[0]} rows" in refused(tmp_path)
    dataset.Rows, dataset.Columns = size  # and when the header says the same
    dataset.save_as(tmp_path / "x.dcm")
    if size != (63, 64):
        assert "damaged" in refused(tmp_path)
