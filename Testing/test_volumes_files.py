"""Image files: what is written comes back the same, what is broken is refused in one line."""

import gzip
import os
import stat
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest

sitk = pytest.importorskip("SimpleITK")

from LDCTDenoiseLib.errors import InputError, OutputError  # noqa: E402
from LDCTDenoiseLib.volumes import Geometry, Volume, read_volume, write_volume  # noqa: E402

SUFFIXES = (".nrrd", ".nii.gz", ".nii", ".mha")
READ_SUFFIXES = (*SUFFIXES, ".nhdr", ".mhd")


def turned(degrees_z: float, degrees_x: float, flip: bool) -> tuple[float, ...]:
    """Direction cosines turned about two axes, with the third axis flipped (left-handed) on request."""
    z, x = np.radians([degrees_z, degrees_x])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    return tuple((about_z @ about_x @ np.diag([1, 1, -1 if flip else 1])).ravel().tolist())


GEOMETRIES = {
    "plain": Geometry((0.7, 0.8, 2.5), (-170.25, -160.5, 33.125)),
    "oblique": Geometry((0.7, 0.8, 2.5), (-170.25, -160.5, 33.125), turned(20, -35, False)),
    "flipped": Geometry((0.9, 0.9, 5.0), (12.0, -3.0, -1000.0), (-1.0, 0, 0, 0, -1.0, 0, 0, 0, 1.0)),
    "left-handed": Geometry((0.9, 0.6, 1.25), (1.0, 2.0, 3.0), turned(-70, 10, True)),
}


@pytest.fixture
def volume() -> Volume:
    rng = np.random.default_rng(0)
    array = rng.normal(0, 400, (5, 12, 17)).round().astype(np.int16)
    return Volume(array, GEOMETRIES["plain"], "made")


def refused(path) -> str:
    """Read a path that must be refused and return the message, checked for being one line about that file."""
    with pytest.raises(InputError) as caught:
        read_volume(path)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 400 and "itk" not in message.lower()
    assert os.path.basename(path) in message
    return message


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_round_trip_keeps_geometry_and_values(tmp_path, volume, suffix, geometry):
    volume = replace(volume, geometry=GEOMETRIES[geometry])
    path = tmp_path / f"x{suffix}"
    write_volume(volume, path)
    back = read_volume(path)
    np.testing.assert_array_equal(back.array, volume.array)
    for name in ("spacing", "origin", "direction"):
        # NIfTI stores float32; 1e-5 of the value, or of a millimetre, is what that keeps.
        np.testing.assert_allclose(getattr(back.geometry, name), getattr(volume.geometry, name), rtol=1e-5, atol=1e-5)
    assert back.name == path.name
    # A second trip starts from what the format can hold and must lose nothing more.
    write_volume(back, tmp_path / f"y{suffix}")
    again = read_volume(tmp_path / f"y{suffix}")
    np.testing.assert_allclose(again.geometry.origin, back.geometry.origin, rtol=0, atol=1e-5)
    np.testing.assert_allclose(again.geometry.direction, back.geometry.direction, rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", ("int8", "uint8", "int16", "uint16", "int32", "float32", "float64"))
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_round_trip_keeps_the_type_of_number(tmp_path, volume, suffix, dtype):
    array = (volume.array % 100 / (3 if dtype.startswith("float") else 1)).astype(dtype)
    write_volume(volume.with_array(array), tmp_path / f"x{suffix}")
    back = read_volume(tmp_path / f"x{suffix}").array
    assert back.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(back, array)


def test_axes_are_slices_rows_columns_in_lps(tmp_path):
    """Against SimpleITK itself, not against our own writer."""
    image = sitk.Image((7, 5, 3), sitk.sitkInt16)
    image[6, 4, 2] = 1234
    image.SetSpacing((0.5, 0.6, 3.0))
    image.SetOrigin((-10, 20, 30))
    sitk.WriteImage(image, str(tmp_path / "x.nrrd"))
    volume = read_volume(tmp_path / "x.nrrd")
    assert volume.array.shape == (3, 5, 7) and volume.array[2, 4, 6] == 1234
    assert volume.geometry.spacing == (0.5, 0.6, 3.0) and volume.geometry.origin == (-10, 20, 30)


def test_big_endian_and_strided_arrays_are_written(tmp_path, volume):
    strided = volume.array[:, ::-1, ::2]
    write_volume(volume.with_array(strided.astype(">i2")), tmp_path / "x.nrrd")
    np.testing.assert_array_equal(read_volume(tmp_path / "x.nrrd").array, strided)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_odd_characters_in_the_path(tmp_path, volume, suffix):
    folder = tmp_path / "Bauch (nativ) é 腹部 100%"
    folder.mkdir()
    path = folder / f"a b.c'd ü{suffix}"
    write_volume(volume, path)
    np.testing.assert_array_equal(read_volume(str(path)).array, volume.array)
    assert [p.name for p in folder.iterdir()] == [path.name]


def test_compressed_formats_are_smaller(tmp_path, volume):
    smooth = volume.with_array(np.zeros((20, 64, 64), np.int16) + np.arange(64, dtype=np.int16))
    for suffix in (".nrrd", ".nii.gz", ".mha"):
        write_volume(smooth, tmp_path / f"x{suffix}")
        assert (tmp_path / f"x{suffix}").stat().st_size < smooth.array.nbytes / 10


@pytest.mark.parametrize("suffix", (".nrrd", ".nii.gz", ".mha"))
def test_a_2d_image_is_one_slice(tmp_path, suffix):
    image = sitk.GetImageFromArray(np.arange(30, dtype=np.int16).reshape(5, 6))
    image.SetSpacing((0.5, 0.25))
    sitk.WriteImage(image, str(tmp_path / f"x{suffix}"))
    volume = read_volume(tmp_path / f"x{suffix}")
    assert volume.array.shape == (1, 5, 6)
    assert volume.geometry.spacing == (0.5, 0.25, 1.0)


@pytest.mark.parametrize("suffix", (".nrrd", ".nii.gz", ".mha"))
def test_4d_is_taken_only_when_it_is_one_volume(tmp_path, suffix):
    image = sitk.GetImageFromArray(np.arange(120, dtype=np.int16).reshape(4, 5, 6))
    image.SetOrigin((1, 2, 3))
    sitk.WriteImage(sitk.JoinSeries([image]), str(tmp_path / f"one{suffix}"))
    volume = read_volume(tmp_path / f"one{suffix}")
    assert volume.array.shape == (4, 5, 6) and volume.geometry.origin == (1, 2, 3)
    sitk.WriteImage(sitk.JoinSeries([image] * 3), str(tmp_path / f"many{suffix}"))
    assert "sequence of 3 volumes" in refused(tmp_path / f"many{suffix}")


@pytest.mark.parametrize("suffix", (".nrrd", ".nii.gz", ".mha"))
def test_colour_and_complex_are_refused(tmp_path, suffix):
    array = np.zeros((3, 4, 5, 3), np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=True), str(tmp_path / f"rgb{suffix}"))
    assert "3 values per voxel" in refused(tmp_path / f"rgb{suffix}")
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((3, 4, 5), np.complex64)), str(tmp_path / f"c{suffix}"))
    # MetaImage knows complex numbers only as pairs.
    assert ("2 values per voxel" if suffix == ".mha" else "complex") in refused(tmp_path / f"c{suffix}")


@pytest.mark.parametrize("part", (0.0, 0.002, 0.01, 0.5, 0.9, 0.999))
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_truncated_file_is_refused(tmp_path, suffix, part, capfd):
    rng = np.random.default_rng(1)
    path = tmp_path / f"cut{suffix}"
    write_volume(Volume(rng.normal(0, 300, (8, 40, 40)).astype(np.int16)), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(part * len(whole))])
    refused(path)
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
    refused(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("suffix", READ_SUFFIXES)
def test_a_file_of_something_else_is_refused(tmp_path, suffix, capfd):
    path = tmp_path / f"text{suffix}"
    path.write_text("this is not an image\n" * 50)
    refused(path)
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
    np.testing.assert_array_equal(read_volume(tmp_path / "be.nii").array, volume.array)
    (tmp_path / "be-cut.nii").write_bytes(big[:-1])
    assert "bytes" in refused(tmp_path / "be-cut.nii")
    # The second version of the format is not read by ITK; its header starts with its own length, too.
    (tmp_path / "v2.nii").write_bytes(struct.pack("<i", 540) + bytes(2000))
    assert "NIfTI-1" in refused(tmp_path / "v2.nii")
    # The length is that of the unpacked bytes.
    (tmp_path / "cut.nii.gz").write_bytes(gzip.compress(little[:-1]))
    assert "bytes" in refused(tmp_path / "cut.nii.gz")


def test_detached_headers(tmp_path, volume):
    for suffix, data in ((".nhdr", "x.raw.gz"), (".mhd", "x.zraw")):
        image = sitk.GetImageFromArray(volume.array)
        path = tmp_path / f"x{suffix}"
        sitk.WriteImage(image, str(path), True)
        np.testing.assert_array_equal(read_volume(path).array, volume.array)
        (tmp_path / data).write_bytes((tmp_path / data).read_bytes()[:-100])
        refused(path)
        (tmp_path / data).unlink()
        refused(path)


def test_no_voxels(tmp_path):
    head = "ObjectType = Image\nNDims = 3\nDimSize = 0 5 6\nElementType = MET_SHORT\nElementDataFile = LOCAL\n"
    (tmp_path / "none.mha").write_text(head)
    assert "no voxels" in refused(tmp_path / "none.mha")
    head = "NRRD0004\ntype: short\ndimension: 3\nsizes: 0 5 6\nencoding: raw\nendian: little\n\n"
    (tmp_path / "none.nrrd").write_text(head)
    assert "no voxels" in refused(tmp_path / "none.nrrd")


def test_a_sheared_nifti_is_refused(tmp_path, volume, capfd):
    write_volume(volume, tmp_path / "x.nii")
    head = bytearray((tmp_path / "x.nii").read_bytes())
    struct.pack_into("<h", head, 252, 0)  # no qform
    struct.pack_into("<4f", head, 280, -0.7, 0.4, 0, 0)  # a first row of the sform that leans
    (tmp_path / "x.nii").write_bytes(head)
    assert "sheared" in refused(tmp_path / "x.nii")
    assert capfd.readouterr() == ("", "")


def test_a_header_that_asks_for_too_much(tmp_path):
    head = "NRRD0004\ntype: short\ndimension: 3\nsizes: 90000 90000 90000\nencoding: raw\nendian: little\n\nabc"
    (tmp_path / "huge.nrrd").write_text(head)
    refused(tmp_path / "huge.nrrd")


def test_paths_that_are_not_there_or_not_known(tmp_path):
    assert "no file or folder" in refused(tmp_path / "gone.nrrd")
    assert "no file or folder" in refused(tmp_path / "gone")
    (tmp_path / "notes.txt").write_text("hello")
    message = refused(tmp_path / "notes.txt")
    assert ".nii.gz" in message and ".nrrd" in message
    (tmp_path / "X.NII.GZ").write_bytes(b"x")
    assert "lower case" in refused(tmp_path / "X.NII.GZ")
    (tmp_path / "fake.dcm").write_bytes(bytes(500))
    refused(tmp_path / "fake.dcm")


def test_a_nifti_scale_is_applied(tmp_path, volume):
    write_volume(volume, tmp_path / "x.nii")
    head = bytearray((tmp_path / "x.nii").read_bytes())
    struct.pack_into("<2f", head, 112, 2.0, -1024.0)
    (tmp_path / "x.nii").write_bytes(head)
    np.testing.assert_array_equal(read_volume(tmp_path / "x.nii").array, volume.array * 2.0 - 1024)


def cannot_write(volume, path) -> str:
    with pytest.raises(OutputError) as caught:
        write_volume(volume, path)
    message = str(caught.value)
    assert "\n" not in message and os.path.basename(path) in message
    return message


def test_unknown_formats_are_named(tmp_path, volume):
    for name in ("x.png", "x.nhdr", "x.mhd", "x.hdr"):
        message = cannot_write(volume, tmp_path / name)
        assert all(suffix in message for suffix in SUFFIXES)
    for name in ("x.dcm", "x"):
        message = cannot_write(volume, tmp_path / name)
        assert "DICOM is not in this version" in message and ".nrrd" in message
    (tmp_path / "folder.d").mkdir()
    assert "DICOM is not in this version" in cannot_write(volume, tmp_path / "folder.d")
    (tmp_path / "folder.nrrd").mkdir()
    assert "folder" in cannot_write(volume, tmp_path / "folder.nrrd")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder.d", "folder.nrrd"]


def test_a_missing_folder(tmp_path, volume):
    cannot_write(volume, tmp_path / "gone" / "x.nrrd")
    (tmp_path / "file").write_text("")
    cannot_write(volume, tmp_path / "file" / "x.nrrd")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="this user may write and read anywhere")
def test_what_the_user_has_no_right_to(tmp_path, volume):
    write_volume(volume, tmp_path / "secret.nii.gz")
    (tmp_path / "secret.nii.gz").chmod(0)
    assert "ermission" in refused(tmp_path / "secret.nii.gz")
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert "ermission" in cannot_write(volume, tmp_path / "x.nrrd")
    finally:
        tmp_path.chmod(stat.S_IRWXU)


def test_what_a_format_cannot_hold_is_refused_and_the_old_file_stays(tmp_path, volume):
    path = tmp_path / "x.nii.gz"
    write_volume(volume, path)
    before = path.read_bytes()
    sheared = Geometry(direction=(1.0, 0.2, 0, 0, np.sqrt(1 - 0.04), 0, 0, 0, 1.0))
    assert "sheared" in cannot_write(replace(volume, geometry=sheared), path)
    assert "float16" in cannot_write(volume.with_array(volume.array.astype(np.float16)), path)
    assert "bool" in cannot_write(volume.with_array(volume.array > 0), path)
    cannot_write(volume.with_array(np.zeros((0, 3, 3), np.int16)), path)
    cannot_write(volume.with_array(np.zeros((3, 3), np.int16)), path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_a_failing_writer_leaves_nothing(tmp_path, volume, monkeypatch):
    def fail(self, image):
        raise RuntimeError("Exception thrown in SimpleITK\nsitk::ERROR: no space left")

    monkeypatch.setattr(sitk.ImageFileWriter, "Execute", fail)
    message = cannot_write(volume, tmp_path / "x.nrrd")
    assert "sitk" not in message and not list(tmp_path.iterdir())


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
