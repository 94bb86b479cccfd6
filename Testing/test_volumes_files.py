"""Image files: what is written comes back the same, and what is not one volume is refused."""

import struct
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from LDCTDenoiseLib.volumes import Geometry, Volume, read_volume, write_volume
from volume_reading import refused_file

SUFFIXES = (".nrrd", ".nii.gz", ".nii", ".mha")


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


def test_other_conventions_become_lps(tmp_path):
    head = (
        "NRRD0004\ntype: short\ndimension: 3\nspace: right-anterior-superior\nsizes: 2 2 2\n"
        "space directions: (0.5,0,0) (0,0.6,0) (0,0,3)\nspace origin: (10,20,30)\nencoding: raw\nendian: little\n\n"
    )
    (tmp_path / "ras.nrrd").write_bytes(head.encode() + bytes(range(16)))
    geometry = read_volume(tmp_path / "ras.nrrd").geometry
    np.testing.assert_allclose(geometry.origin, (-10, -20, 30))
    np.testing.assert_allclose(np.reshape(geometry.direction, (3, 3)), np.diag([-1, -1, 1]))
    np.testing.assert_allclose(geometry.spacing, (0.5, 0.6, 3))


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
    assert "sequence of 3 volumes" in refused_file(tmp_path / f"many{suffix}")


@pytest.mark.parametrize("suffix", (".nrrd", ".nii.gz", ".mha"))
def test_colour_and_complex_are_refused_file(tmp_path, suffix):
    array = np.zeros((3, 4, 5, 3), np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=True), str(tmp_path / f"rgb{suffix}"))
    assert "3 values per voxel" in refused_file(tmp_path / f"rgb{suffix}")
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((3, 4, 5), np.complex64)), str(tmp_path / f"c{suffix}"))
    # MetaImage knows complex numbers only as pairs.
    assert ("2 values per voxel" if suffix == ".mha" else "complex") in refused_file(tmp_path / f"c{suffix}")


def test_paths_that_are_not_there_or_not_known(tmp_path):
    assert "no file or folder" in refused_file(tmp_path / "gone.nrrd")
    assert "no file or folder" in refused_file(tmp_path / "gone")
    (tmp_path / "notes.txt").write_text("hello")
    message = refused_file(tmp_path / "notes.txt")
    assert ".nii.gz" in message and ".nrrd" in message
    (tmp_path / "X.NII.GZ").write_bytes(b"x")
    assert "lower case" in refused_file(tmp_path / "X.NII.GZ")
    (tmp_path / "fake.dcm").write_bytes(bytes(500))
    refused_file(tmp_path / "fake.dcm")


def test_a_nifti_scale_is_applied(tmp_path, volume):
    write_volume(volume, tmp_path / "x.nii")
    head = bytearray((tmp_path / "x.nii").read_bytes())
    struct.pack_into("<2f", head, 112, 2.0, -1024.0)
    (tmp_path / "x.nii").write_bytes(head)
    np.testing.assert_array_equal(read_volume(tmp_path / "x.nii").array, volume.array * 2.0 - 1024)
