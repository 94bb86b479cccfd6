"""Damaged image files are refused in one line, without a word of ITK's on the terminal."""

import gzip
import os
import struct
import zlib

import numpy as np
import pytest
import SimpleITK as sitk
from LDCTDenoiseLib.volumes import Volume, read_volume, write_volume
from volume_reading import refused_file, warned

SUFFIXES = (".nrrd", ".nii.gz", ".nii", ".mha")
READ_SUFFIXES = (*SUFFIXES, ".nhdr", ".mhd")


@pytest.mark.parametrize("part", (0.0, 0.002, 0.01, 0.5, 0.9, 0.999))
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_truncated_file_is_refused_file(tmp_path, suffix, part, capfd):
    rng = np.random.default_rng(1)
    path = tmp_path / f"cut{suffix}"
    write_volume(Volume(rng.normal(0, 300, (8, 40, 40)).astype(np.int16)), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(part * len(whole))])
    refused_file(path)
    assert capfd.readouterr() == ("", "")  # ITK's own complaints stay out of the terminal


@pytest.mark.parametrize("suffix", (".nrrd", ".nii.gz", ".mha"))
def test_damage_inside_compressed_data_is_found(tmp_path, suffix, capfd):
    rng = np.random.default_rng(1)
    path = tmp_path / f"bad{suffix}"
    write_volume(Volume(rng.normal(0, 300, (8, 40, 40)).astype(np.int16)), path)
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 20] = bytes(255 - byte for byte in whole[middle : middle + 20])
    path.write_bytes(whole)
    refused_file(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("suffix", READ_SUFFIXES)
def test_a_file_of_something_else_is_refused_file(tmp_path, suffix, capfd):
    path = tmp_path / f"text{suffix}"
    path.write_text("this is not an image\n" * 50)
    refused_file(path)
    assert capfd.readouterr() == ("", "")


def test_the_length_of_a_nifti_is_measured_right(tmp_path, volume):
    """A length check that misreads the header would refuse whole files or pass cut ones."""
    write_volume(volume, tmp_path / "le.nii")
    little = (tmp_path / "le.nii").read_bytes()
    dims = struct.unpack_from("<8h", little, 40)
    big = bytearray(352 + volume.array.size * 2)
    struct.pack_into(">i", big, 0, 348)
    struct.pack_into(">8h", big, 40, *dims)
    struct.pack_into(">hh", big, 70, 4, 16)
    struct.pack_into(">8f", big, 76, *struct.unpack_from("<8f", little, 76))
    struct.pack_into(">f", big, 108, 352)
    big[344:348] = b"n+1\0"
    big[352:] = volume.array.astype(">i2").tobytes()
    (tmp_path / "be.nii").write_bytes(big)
    read, text = warned(tmp_path / "be.nii")
    np.testing.assert_array_equal(read.array, volume.array)
    assert "does not say where it lies" in text
    (tmp_path / "be-cut.nii").write_bytes(big[:-1])
    assert "bytes" in refused_file(tmp_path / "be-cut.nii")
    # A header of the second version is longer and has a mark of its own.
    (tmp_path / "v2.nii").write_bytes(struct.pack("<i", 540) + bytes(2000))
    assert "no NIfTI header" in refused_file(tmp_path / "v2.nii")
    # The length is that of the unpacked bytes.
    (tmp_path / "cut.nii.gz").write_bytes(gzip.compress(little[:-1]))
    assert "bytes" in refused_file(tmp_path / "cut.nii.gz")


def test_detached_headers(tmp_path, volume):
    for suffix, data in ((".nhdr", "x.raw.gz"), (".mhd", "x.zraw")):
        image = sitk.GetImageFromArray(volume.array)
        path = tmp_path / f"x{suffix}"
        sitk.WriteImage(image, str(path), True)
        np.testing.assert_array_equal(read_volume(path).array, volume.array)
        (tmp_path / data).write_bytes((tmp_path / data).read_bytes()[:-100])
        refused_file(path)
        (tmp_path / data).unlink()
        refused_file(path)


def test_an_uncompressed_meta_image_cut_short(tmp_path, capfd):
    """ITK finds this one, and MetaIO says so on the terminal, past every switch, unless it is silenced."""
    path = tmp_path / "cut.mha"
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((5, 6, 7), np.int16)), str(path), False)
    path.write_bytes(path.read_bytes()[:-1])
    refused_file(path)
    assert capfd.readouterr() == ("", "")
    os.write(2, b"still there")  # and the terminal is given back
    assert capfd.readouterr().err == "still there"


def test_no_voxels(tmp_path):
    head = "ObjectType = Image\nNDims = 3\nDimSize = 0 5 6\nElementType = MET_SHORT\nElementDataFile = LOCAL\n"
    (tmp_path / "none.mha").write_text(head)
    assert "no voxels" in refused_file(tmp_path / "none.mha")
    head = "NRRD0004\ntype: short\ndimension: 3\nsizes: 0 5 6\nencoding: raw\nendian: little\n\n"
    (tmp_path / "none.nrrd").write_text(head)
    assert "no voxels" in refused_file(tmp_path / "none.nrrd")


def test_a_sheared_nifti_is_refused_file(tmp_path, volume, capfd):
    write_volume(volume, tmp_path / "x.nii")
    head = bytearray((tmp_path / "x.nii").read_bytes())
    struct.pack_into("<h", head, 252, 0)  # no qform
    struct.pack_into("<4f", head, 280, -0.7, 0.4, 0, 0)  # a first row of the sform that leans
    (tmp_path / "x.nii").write_bytes(head)
    assert "sheared" in refused_file(tmp_path / "x.nii")
    assert capfd.readouterr() == ("", "")


def test_a_header_that_asks_for_too_much(tmp_path):
    head = "NRRD0004\ntype: short\ndimension: 3\nsizes: 90000 90000 90000\nencoding: raw\nendian: little\n\nabc"
    (tmp_path / "huge.nrrd").write_text(head)
    refused_file(tmp_path / "huge.nrrd")


def test_a_meta_header_with_gzip_data_is_whole(tmp_path):
    """Written byte by byte, not by ITK: zlib behind the header, and gzip, which ITK takes as well."""
    array = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    for packed in (zlib.compress(array.tobytes()), gzip.compress(array.tobytes())):
        head = (
            "ObjectType = Image\nNDims = 3\nBinaryData = True\nCompressedData = True\n"
            f"CompressedDataSize = {len(packed)}\nDimSize = 5 4 3\nElementType = MET_SHORT\nElementDataFile = LOCAL\n"
        )
        (tmp_path / "x.mha").write_bytes(head.encode() + packed)
        np.testing.assert_array_equal(read_volume(tmp_path / "x.mha").array, array)
