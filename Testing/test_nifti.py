"""NIfTI files written byte by byte, so that a header says just what a test wants of place and values."""

import gzip
import math
import struct

import numpy as np
import pytest
import SimpleITK as sitk
from LDCTDenoiseLib.volumes import read_volume
from volume_reading import read_quietly, refused_file, warned

ARRAY = np.random.default_rng(0).integers(-1000, 1000, (4, 5, 6)).astype("<i2")
STRAIGHT = [[-0.8, 0, 0, 40], [0, -0.9, 0, 30], [0, 0, 2.5, 100]]
QUATERNION = (0, 0, 1, 40, 30, 100)  # a half turn about z: the same place


def nifti(path, array=ARRAY, sform=STRAIGHT, qform=None, pixdim=(0.8, 0.9, 2.5), scale=(1.0, 0.0), axes=3, **more):
    """Write version 1; `array` is (k, j, i), `more` packs other fields: name=(letters, place, values)."""
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, axes, *array.shape[::-1], *[1] * (7 - array.ndim))
    struct.pack_into("<2h", head, 70, {"i": 4, "u": 512, "f": 16}[array.dtype.kind], 8 * array.dtype.itemsize)
    struct.pack_into("<8f", head, 76, 1, *pixdim, 1, 1, 1, 1)
    struct.pack_into("<3f", head, 108, 352, *scale)
    head[123] = 2
    struct.pack_into("<2h", head, 252, int(qform is not None), int(sform is not None))
    struct.pack_into("<6f", head, 256, *(qform or [0] * 6))
    struct.pack_into("<12f", head, 280, *np.ravel(sform if sform is not None else np.zeros(12)))
    head[344:348] = b"n+1\0"
    for letters, place, *values in more.values():
        struct.pack_into(letters, head, place, *values)
    (gzip.open if path.suffix == ".gz" else open)(path, "wb").write(bytes(head) + array.tobytes())
    return path


def placed(volume, spacing=(0.8, 0.9, 2.5), origin=(-40, -30, 100)):
    np.testing.assert_allclose(volume.geometry.spacing, spacing, rtol=1e-6)
    np.testing.assert_allclose(volume.geometry.origin, origin, rtol=1e-6)
    np.testing.assert_allclose(np.reshape(volume.geometry.direction, (3, 3)), np.eye(3), atol=1e-6)


@pytest.mark.parametrize("seed", range(24))
def test_lies_where_itk_puts_it(tmp_path, seed):
    """Any turn, either hand, every unit, by sform, qform or both."""
    rng = np.random.default_rng(seed)
    a, b, c, d = turn = rng.normal(size=4)
    turn /= np.linalg.norm(turn) * np.sign(a)
    a, b, c, d = turn
    handed, spacing, offset = (-1, 1)[seed % 2], rng.uniform(0.4, 3, 3), rng.uniform(-200, 200, 3)
    matrix = np.array([
        [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
        [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
        [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
    ]) * (1, 1, handed)  # fmt: skip
    nifti(
        tmp_path / "x.nii", sform=np.column_stack([matrix * spacing, offset]) if seed % 3 else None,
        qform=(b, c, d, *offset) if seed % 3 != 1 else None, pixdim=spacing, handed=("<f", 76, handed),
        units=("<B", 123, (0, 1, 2, 3)[seed % 4]),
    )  # fmt: skip
    volume, image = read_quietly(tmp_path / "x.nii"), sitk.ReadImage(str(tmp_path / "x.nii"))
    np.testing.assert_array_equal(volume.array, sitk.GetArrayFromImage(image))
    step = min(volume.geometry.spacing)
    np.testing.assert_allclose(volume.geometry.spacing, image.GetSpacing(), rtol=1e-5)
    np.testing.assert_allclose(volume.geometry.origin, image.GetOrigin(), rtol=1e-5, atol=1e-4 * step)
    np.testing.assert_allclose(volume.geometry.direction, image.GetDirection(), atol=1e-4)


def test_a_shear_is_named_and_the_straight_qform_taken(tmp_path):
    sheared = [[-0.8, 0, 0, 40], [0, -0.9, 0.7, 30], [0, 0, 2.5, 100]]
    volume, text = warned(nifti(tmp_path / "x.nii", sform=sheared, qform=QUATERNION))
    placed(volume)
    assert "sform" in text and "qform" in text and "0.7 mm" in text
    assert "sheared" in refused_file(nifti(tmp_path / "y.nii", sform=sheared))


def test_zeros_among_voxel_sizes(tmp_path):
    placed(read_quietly(nifti(tmp_path / "a.nii", pixdim=(0.8, 0.9, 0))))
    placed(read_quietly(nifti(tmp_path / "b.nii", pixdim=(0, 0, 0))))
    volume, text = warned(nifti(tmp_path / "c.nii", sform=None, qform=QUATERNION, pixdim=(0.8, 0.9, 0)))
    assert "along k" in text and volume.geometry.spacing[2] == 1


def test_one_slice_of_two_axes_keeps_its_place(tmp_path):
    placed(read_quietly(nifti(tmp_path / "a.nii", ARRAY[:1], axes=2)))
    flat = [[-0.8, 0, 0, 40], [0, -0.9, 0, 30], [0, 0, 0, 100]]
    placed(read_quietly(nifti(tmp_path / "b.nii", ARRAY[:1], sform=flat, axes=2)))
    placed(read_quietly(nifti(tmp_path / "c.nii", ARRAY[:1], sform=None, qform=QUATERNION, axes=2)))


def test_statements_that_disagree(tmp_path):
    other = [[-1, 0, 0, 40], [0, -1, 0, 30], [0, 0, 5, 100]]
    volume, text = warned(nifti(tmp_path / "a.nii", sform=other))
    placed(volume, (1, 1, 5))
    assert "1 × 1 × 5" in text and "0.8 × 0.9 × 2.5" in text
    volume, text = warned(nifti(tmp_path / "b.nii", qform=(0, 0, 1, 40, 30, 160)))
    placed(volume)
    assert "60 mm apart" in text
    volume, text = warned(nifti(tmp_path / "c.nii", sform=np.zeros((3, 4)), qform=QUATERNION))
    placed(volume)
    assert "sform is no placement" in text
    volume, text = warned(nifti(tmp_path / "d.nii", sform=None))
    assert "does not say where" in text and volume.geometry.origin == (0, 0, 0)
    assert "no placement" in refused_file(nifti(tmp_path / "e.nii", sform=np.full((3, 4), np.nan)))


@pytest.mark.parametrize(
    ("scale", "change"),
    (
        ((0, -1024), lambda a: a),  # a slope of 0: there is no scale
        ((math.nan, -1024), lambda a: a),
        ((1, 0), lambda a: a),
        ((1, -1024), lambda a: a - 1024.0),
        ((2, -1024), lambda a: a * 2.0 - 1024),
        ((0.5, 0.25), lambda a: a * 0.5 + 0.25),
        ((-1, 0), lambda a: -a.astype(float)),
    ),
)
def test_the_scale(tmp_path, scale, change):
    volume = read_quietly(nifti(tmp_path / "x.nii.gz", scale=scale))
    np.testing.assert_array_equal(volume.array, change(ARRAY))
    assert volume.array.dtype == (np.int16 if change(ARRAY).dtype == ARRAY.dtype else np.float32)


def test_version_2(tmp_path):
    for order, name in (("<", "a.nii"), (">", "b.nii.gz")):
        head = bytearray(544)
        struct.pack_into(order + "i8s", head, 0, 540, b"n+2\0\r\n\x1a\n")
        struct.pack_into(order + "2h", head, 12, 4, 16)
        struct.pack_into(order + "8q", head, 16, 3, 6, 5, 4, 1, 1, 1, 1)
        struct.pack_into(order + "8d", head, 104, 1, 0.8, 0.9, 2.5, 1, 1, 1, 1)
        struct.pack_into(order + "q2d", head, 168, 544, 1, 0)
        struct.pack_into(order + "2i", head, 344, 1, 1)
        struct.pack_into(order + "6d", head, 352, *QUATERNION)
        struct.pack_into(order + "12d", head, 400, *np.ravel(STRAIGHT))
        struct.pack_into(order + "i", head, 500, 2)
        data = bytes(head) + ARRAY.astype(order + "i2").tobytes()
        (gzip.open if name.endswith("gz") else open)(tmp_path / name, "wb").write(data)
        volume = read_quietly(tmp_path / name)
        placed(volume)
        np.testing.assert_array_equal(volume.array, ARRAY)
        assert volume.array.dtype.isnative
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-10])
        refused_file(tmp_path / name)


@pytest.mark.parametrize(
    "field",
    (
        ("<f", 108, math.nan), ("<f", 108, math.inf), ("<f", 108, -8), ("<f", 108, 1e30), ("<h", 40, 0), ("<h", 40, 9),
        ("<h", 40, -3), ("<h", 42, -6), ("<h", 42, 32767), ("<h", 46, 400), ("<h", 70, 999), ("<h", 70, 64),
        ("<f", 116, math.nan), ("<4s", 344, b"abc\0"), ("<4s", 344, b"ni1\0"), ("<i", 0, 349), ("<h", 42, 3),
        ("<h", 46, 3),
    ),
)  # fmt: skip
def test_senseless_headers(tmp_path, field):
    refused_file(nifti(tmp_path / "x.nii", field=field))
    refused_file(nifti(tmp_path / "x.nii.gz", field=field))


def test_bytes_that_follow(tmp_path):
    """Less than a slice: what some programs put behind the data. More: the header has lost a size."""
    path = nifti(tmp_path / "x.nii")
    whole = path.read_bytes()
    path.write_bytes(whole + bytes(12))
    np.testing.assert_array_equal(read_volume(path).array, ARRAY)
    path.write_bytes(whole + bytes(60))
    assert "more data" in refused_file(path)


def test_what_made_a_file_is_read_from_its_note(tmp_path):
    path = nifti(tmp_path / "x.nii", note=("80s", 148, b"LDCTDenoise 1.0; method DCSCN\0\xff\xffrest"))
    assert read_quietly(path).facts == {"derivation": "LDCTDenoise 1.0; method DCSCN"}
    assert read_quietly(nifti(tmp_path / "y.nii")).facts == {}
