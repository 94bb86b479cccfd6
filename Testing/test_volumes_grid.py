"""Slices that do not lie on an even grid: what is a warning, what is an error, and that rounding is neither."""

import numpy as np
import pytest
from dicom_series_maker import ORIGIN, set_pixels, stored_values, write_series
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.volumes import read_volume
from volume_reading import read_quietly, warned


def at(*heights):
    """Make a `change` that puts slice k at heights[k] mm."""

    def change(k, dataset):
        dataset.ImagePositionPatient = [f"{ORIGIN[0]:.3f}", f"{ORIGIN[1]:.3f}", f"{heights[k]:.4f}"]

    return change


def test_missing_slices_are_counted_and_placed(tmp_path):
    write_series(tmp_path, 10, skip=(3, 6, 7))
    volume, text = warned(tmp_path)
    assert "1 missing between slices 2 (35.0 mm) and 3 (40.0 mm)" in text
    assert "2 missing between slices 4 (42.5 mm) and 5 (50.0 mm)" in text
    assert "uneven" not in text
    assert volume.geometry.spacing[2] == pytest.approx(2.5) and volume.geometry.gaps == (2, 4)
    np.testing.assert_array_equal(volume.array, [stored_values(k) - 1024 for k in (0, 1, 2, 4, 5, 8, 9)])


@pytest.mark.parametrize("lost", (1, 28))
def test_one_slice_lost_near_an_end_of_many(tmp_path, lost):
    write_series(tmp_path, 30, skip=(lost,))
    volume, text = warned(tmp_path)
    assert "1 missing" in text and volume.geometry.spacing[2] == pytest.approx(2.5)


def test_uneven_spacing(tmp_path):
    write_series(tmp_path, 6, change=at(0, 5, 10, 16, 21, 26))
    volume, text = warned(tmp_path)
    assert "uneven" in text and "6.00 mm between slices 2 (10.0 mm) and 3 (16.0 mm)" in text
    assert "missing" not in text and volume.geometry.spacing[2] == pytest.approx(5)
    assert volume.geometry.gaps == (2,)


def test_three_slices_with_a_gap_have_the_smaller_spacing(tmp_path):
    write_series(tmp_path, 3, change=at(0, 5, 15))
    volume, text = warned(tmp_path)
    assert "1 missing" in text and volume.geometry.spacing[2] == pytest.approx(5)


def test_long_lists_are_cut(tmp_path):
    write_series(tmp_path, 30, skip=tuple(range(1, 30, 3)), step=(0, 0, 1.0))
    assert "more" in warned(tmp_path)[1] and len(warned(tmp_path)[1]) < 700


def test_positions_rounded_to_a_tenth_are_even(tmp_path):
    """1.25 mm written as 1.2 and 1.3 by turns is 1.25 mm, not an uneven 1.2 or 1.3."""
    write_series(tmp_path, 9, change=at(*(round(1.25 * k + 1e-6, 1) for k in range(9))))
    volume = read_quietly(tmp_path)
    assert volume.geometry.spacing[2] == pytest.approx(1.25) and volume.geometry.gaps == ()


def test_rounded_positions_are_no_gaps_beside_a_real_one(tmp_path):
    heights = [round(1.25 * k + 1e-6, 1) for k in (0, 1, 2, 3, 4, 7, 8, 9)]
    write_series(tmp_path, 8, change=at(*heights))
    assert warned(tmp_path)[0].geometry.gaps == (4,)


def test_two_slices_at_one_position(tmp_path):
    write_series(tmp_path, 5, change=at(0, 5, 5, 10, 400))
    with pytest.raises(InputError, match=r"more than one slice at 5\.0 mm") as caught:
        read_volume(tmp_path)
    assert "0014.dcm" not in str(caught.value) and "\n" not in str(caught.value)
    write_series(tmp_path / "all", 4, change=at(7, 7, 7, 7))
    with pytest.raises(InputError, match=r"7\.0 mm"):
        read_volume(tmp_path / "all")


@pytest.mark.parametrize(
    ("what", "tag", "value"),
    (
        ("orientation", "ImageOrientationPatient", ["0.999", "0.0447", "0", "-0.0447", "0.999", "0"]),
        ("pixel spacing", "PixelSpacing", ["0.7", "0.6"]),
        ("size", None, None),
    ),
)
def test_mixed_slices(tmp_path, what, tag, value):
    def change(k, dataset):
        if k == 2 and tag:
            setattr(dataset, tag, value)
        elif k == 2:
            set_pixels(dataset, np.zeros((10, 10), np.int16))

    odd = write_series(tmp_path, 4, change=change)[2]
    with pytest.raises(InputError, match=f"differ in {what}") as caught:
        read_volume(tmp_path)
    assert odd.name in str(caught.value) and "\n" not in str(caught.value)


def test_a_tilted_gantry_is_warned_of_and_kept(tmp_path):
    angle = np.radians(15)
    write_series(tmp_path, 6, (0, 5 * np.sin(angle), 5 * np.cos(angle)))
    volume, text = warned(tmp_path)
    assert "15.0°" in text and "sheared" in text
    np.testing.assert_array_equal(volume.array, [stored_values(k) - 1024 for k in range(6)])
    assert volume.geometry.spacing[2] == pytest.approx(5 * np.cos(angle), abs=1e-5)
    np.testing.assert_allclose(np.reshape(volume.geometry.direction, (3, 3)), np.eye(3), atol=1e-12)
