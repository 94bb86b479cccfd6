"""What is not CT in HU is refused with its reason; what is CT, whole or cut, passes untouched."""

import os

import numpy as np
import pytest
from LDCTDenoiseLib.errors import GeometryError, InputError
from LDCTDenoiseLib.volumes import Geometry, Volume, check_ct, read_volume, require_same_grid


@pytest.fixture
def body() -> np.ndarray:
    """A noisy body of fat and soft tissue with bone and lung in air, int16 HU, shape (4, 96, 96)."""
    rng = np.random.default_rng(3)
    j, i = np.mgrid[-1:1:96j, -1:1:96j]
    slice_ = np.full((96, 96), -1000.0)
    slice_[i**2 + (1.4 * j) ** 2 < 0.8] = -100
    slice_[i**2 + (1.4 * j) ** 2 < 0.6] = 50
    slice_[(i - 0.3) ** 2 + j**2 < 0.03] = -850
    slice_[i**2 + (j - 0.35) ** 2 < 0.01] = 700
    return (slice_ + rng.normal(0, 25, (4, 96, 96))).clip(-1024, 3071).round().astype(np.int16)


def refused(array, **options) -> str:
    with pytest.raises(InputError) as caught:
        check_ct(Volume(np.asarray(array), name="scan.nrrd"), **options)
    message = str(caught.value)
    assert "\n" not in message and "'scan.nrrd'" in message and message.endswith(".")
    return message


@pytest.mark.parametrize("dtype", (np.int16, np.int32, np.float32, np.float64))
def test_ct_passes_as_the_same_object(body, dtype):
    volume = Volume(body.astype(dtype))
    assert check_ct(volume) is volume


@pytest.mark.filterwarnings("ignore:.*has no air in it")
def test_cuts_of_ct_pass(body):
    soft = body[:, 40:52, 20:32]
    assert -100 < soft.min() and soft.max() < 200  # no air in it, no fat
    for cut in (soft, np.abs(soft), body[:, 45:50, 60:66], body[:, 60:68, 44:52], body[:, :9, :9], body[:1, :1, :2]):
        assert check_ct(Volume(cut.copy())) is not None
    # Cut out along an organ: background 0, no negative value, at most 256 different ones.
    organ = np.zeros_like(body)
    organ[:, 40:52, 20:32] = soft.clip(1, 250)
    check_ct(Volume(organ))
    # Dense bone between muscle, with every density between them.
    rng = np.random.default_rng(0)
    bone = np.concatenate([rng.normal(50, 15, 6000), rng.uniform(100, 1250, 4000)]).clip(0).reshape(4, 50, 50)
    check_ct(Volume(bone.round().astype(np.int16)))


def test_padding_does_not_matter(body):
    body[:, :3] = -3024
    check_ct(Volume(body))
    stored = np.where(body > -1500, body + 1024, -2000)
    assert "--hu-offset -1024" in refused(stored)


def test_empty_and_odd_shapes():
    assert "no voxels" in refused(np.zeros((0, 4, 4), np.int16))
    assert "2 axes" in refused(np.arange(12).reshape(3, 4))
    assert "complex" in refused(np.zeros((2, 2, 2), complex))
    assert "not numbers" in refused(np.full((2, 2, 2), "x"))


def test_constant(body):
    assert "every voxel is -1024" in refused(np.full((3, 4, 5), -1024, np.int16))


def test_nan_and_infinity_are_counted_and_placed(body):
    array = body.astype(np.float32)
    array[2, 5, 7] = np.nan
    assert "1 voxel that is NaN" in refused(array)
    array[3, 0, 0] = -np.inf
    message = refused(array)
    assert "2 voxels" in message and "(i, j, k) = (7, 5, 2)" in message
    assert "NaN" in refused(array, hu_offset=-1024)


def labels(body) -> np.ndarray:
    return np.digitize(body, (-500, -50, 300)).astype(np.uint8)


@pytest.mark.parametrize("dtype", (np.uint8, np.int16, np.uint16, np.float32))
def test_label_maps(body, dtype):
    assert "label map" in refused(labels(body).astype(dtype))
    assert "label map" in refused((labels(body) > 1).astype(dtype))
    large = np.zeros((4, 64, 64), dtype)
    large[:, 10:30, 10:30], large[:, 30:60, 30:60] = 57, 117
    assert "label map" in refused(large)


def test_masks_and_scattered_labels(body):
    assert "label map" in refused(body > -500)
    rng = np.random.default_rng(0)
    assert "label map" in refused(rng.integers(0, 5, (4, 20, 20)).astype(np.int16))


def test_pictures_and_scaled_values(body):
    window = (body.clip(-160, 240) + 160) / 400
    assert "grey levels" in refused((255 * window).round().astype(np.uint8))
    assert "grey levels" in refused((255 * window).round().astype(np.int16))
    assert "scaled" in refused(window)
    assert "scaled" in refused(2 * window.astype(np.float32) - 1)


@pytest.mark.parametrize("offset", (1024, 1000))
@pytest.mark.parametrize("dtype", (np.uint16, np.int16, np.float32))
def test_values_stored_with_an_offset(body, offset, dtype):
    stored = (body.astype(int) + offset).clip(0).astype(dtype)
    message = refused(stored)
    assert "offset of +1024 (or +1000)" in message and "--hu-offset -1024" in message
    # A cut without air, too.
    assert "--hu-offset" in refused(stored[:, 40:52, 20:32])
    fixed = check_ct(Volume(stored, Geometry(origin=(1, 2, 3)), "scan.nrrd", {"a": 1}), hu_offset=-offset)
    np.testing.assert_array_equal(fixed.array, np.maximum(body, -offset))
    assert fixed.array.dtype == (np.float32 if dtype == np.float32 else np.int16)
    assert fixed.geometry.origin == (1, 2, 3) and fixed.name == "scan.nrrd" and fixed.facts == {"a": 1}


def test_a_phantom_without_noise_stored_with_an_offset(body):
    clean = np.array([0, 924, 1074, 1724], np.uint16)[labels(body)]
    assert "--hu-offset" in refused(clean)
    check_ct(Volume(clean.astype(np.int16) - 1024))


def test_an_offset_in_a_type_that_holds_it(body):
    stored = (body.astype(int) + 1024).astype(np.uint16)
    half = check_ct(Volume(stored), hu_offset=-1023.5).array
    assert half.dtype == np.float32
    np.testing.assert_array_equal(half, body + 0.5)
    stored[0, 0, 0] = 65535
    wide = check_ct(Volume(stored), hu_offset=-1024).array
    assert wide.dtype == np.float32 and wide[0, 0, 0] == 65535 - 1024
    assert check_ct(Volume(stored.astype(np.float64)), hu_offset=-1024).array.dtype == np.float64
    assert stored[1, 0, 0] == body[1, 0, 0] + 1024  # the input is not written to


def test_offsets_that_cannot_be(body):
    stored = (body.astype(int) + 1024).astype(np.int64)
    for offset in (np.nan, np.inf, 1e9):
        with pytest.raises(InputError, match="offset"):
            check_ct(Volume(stored), hu_offset=offset)
    stored[0, 0, 0] = 10**12
    assert "too large" in refused(stored, hu_offset=-1024)
    assert "already" in refused(body, hu_offset=-1024)
    check_ct(Volume(body), hu_offset=0)


def test_pairs():
    one = Volume(np.zeros((2, 3, 4), np.int16), name="low")
    require_same_grid(one, Volume(np.ones((2, 3, 4), np.float32)))
    with pytest.raises(GeometryError, match="size 4×3×2 against 4×3×3"):
        require_same_grid(one, Volume(np.zeros((3, 3, 4), np.int16)))
    with pytest.raises(GeometryError, match="origin"):
        require_same_grid(one, Volume(np.zeros((2, 3, 4), np.int16), Geometry(origin=(0, 0, 1))))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes among files here")
def test_a_pipe_keeps_nobody_waiting(tmp_path):
    for name in ("pipe", "pipe.dcm", "pipe.nii.gz"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(InputError, match="no regular file"):
            read_volume(tmp_path / name)
