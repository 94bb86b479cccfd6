"""The numerical abdomen: the same for the same arguments, with the HU and the lesions that it says."""

import time

import numpy as np
import pydicom
import pytest
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.phantom import abdomen_phantom
from LDCTDenoiseLib.phantom.series import write_series
from LDCTDenoiseLib.volumes import read_volume


@pytest.fixture(scope="module")
def phantom():
    return abdomen_phantom(slices=3, slice_spacing=10)


def around(volume, x, y, k, reach=3.0):
    """The voxels within `reach` mm of a place in mm."""
    i, j, _ = (np.array((x, y, 0)) - volume.geometry.origin) / volume.geometry.spacing
    half = reach / volume.geometry.spacing[0]
    return volume.array[k, int(j - half) : int(j + half) + 1, int(i - half) : int(i + half) + 1]


@pytest.mark.parametrize(
    ("tissue", "x", "y", "k", "expected", "tolerance"),
    [
        ("liver", -112, 8, 1, 110, 6),
        ("spleen", 118, 32, 1, 120, 6),
        ("aorta", 9.5, 2, 1, 160, 6),
        ("vena cava", -23, -1, 1, 146, 6),
        ("bile", -46, -47, 0, 8, 4),
        ("gastric fluid", 72, -50, 2, 18, 10),
        ("gastric gas", 75, -71, 1, -950, 5),
        ("straight muscle", -35, -95, 1, 58, 8),
        ("psoas", 29, 47, 0, 58, 8),
        ("subcutaneous fat", -45, -103.5, 1, -102, 12),
        ("kidney cortex", 86, 38, 1, 190, 12),
        ("cancellous bone", -10, 30, 1, 190, 35),
        ("cord", 0, 55.5, 1, 37, 5),
        ("air", -180, -180, 1, -1000, 0),
    ],
)
def test_tissues_have_their_hounsfield_units(phantom, tissue, x, y, k, expected, tolerance):
    assert abs(np.median(around(phantom, x, y, k, 1.5)) - expected) <= tolerance


def test_bone_table_and_body_are_there(phantom):
    middle = phantom.array[1]
    assert middle.max() > 500
    rows = np.flatnonzero((middle[:, 256 - 20 : 256 + 20] > 100).any(axis=1))
    assert rows[-1] > 440, "the table's lower shell lies below the patient"
    gap = around(phantom, 0, 120, 1, 5)
    assert (gap < -990).all(), "air between back and table"
    across = np.flatnonzero(middle[240] > -300) * 0.75
    assert 290 < np.ptp(across) < 340


def test_left_and_right_differ(phantom):
    middle = phantom.array[1]
    both = (middle > -300) & (middle[:, ::-1] > -300)
    assert np.abs(middle - middle[:, ::-1])[both].mean() > 40


def test_edges_are_soft_and_nothing_is_noisy(phantom):
    edge = phantom.array[1, 256, :60]
    assert edge[0] == -1000 and edge[:56].max() > -60
    assert 200 < np.abs(np.diff(edge)).max() < 600, "from air to skin in one pixel would be 1000 HU"
    low, high = np.percentile(around(phantom, -112, 8, 1, 5), (20, 70))
    assert 0.5 < high - low < 6, "texture, but no noise; veins are the upper tenth"


def test_lesions_have_the_contrast_they_say(phantom):
    lesions = phantom.facts["lesions"]
    assert len(lesions) >= 6
    assert min(x["contrast_hu"] for x in lesions) < -30 and max(x["contrast_hu"] for x in lesions) > 8
    j, i = np.mgrid[:512, :512]
    for lesion in lesions:
        assert 4 <= lesion["diameter_mm"] <= 15 and 8 <= abs(lesion["contrast_hu"]) <= 40
        distance = 0.75 * np.hypot(i - lesion["i"], j - lesion["j"])
        radius = lesion["diameter_mm"] / 2
        image = phantom.array[lesion["k"]]
        # The middle only: a small lesion's rim is blurred, and the recorded centre is rounded to a voxel.
        inside = image[distance <= max(0.55, 0.3 * radius)].mean()
        liver = np.median(image[(distance > radius + 2) & (distance < radius + 6)])
        assert abs(inside - liver - lesion["contrast_hu"]) < 2, lesion


def test_roi_frames_a_lesion_between_vessels(phantom):
    i0, i1, j0, j1, k = phantom.facts["roi"]
    assert 110 <= i1 - i0 <= 140 and 110 <= j1 - j0 <= 140 and 0 <= k < 3
    inside = [x for x in phantom.facts["lesions"] if x["k"] == k and i0 < x["i"] < i1 and j0 < x["j"] < j1]
    assert any(-40 <= x["contrast_hu"] <= -8 and x["diameter_mm"] >= 10 for x in inside)
    region = phantom.array[k, j0:j1, i0:i1]
    assert ((region > 90) & (region < 130)).mean() > 0.4, "mostly liver"
    assert ((region > 140) & (region < 175)).mean() > 0.03, "vessels"


def test_same_arguments_same_voxels_whatever_ran_before():
    first = abdomen_phantom(1, 64)
    np.random.default_rng(0).normal(size=9)
    np.random.seed(5)
    again = abdomen_phantom(1, 64)
    assert np.array_equal(first.array, again.array) and first.facts == again.facts
    other = abdomen_phantom(1, 64, seed=2)
    assert np.abs(other.array - first.array).mean() > 5


def test_slices_change_smoothly(phantom):
    low, middle, high = phantom.array
    body = middle > -300
    near, far = np.abs(middle - low)[body].mean(), np.abs(high - low)[body].mean()
    assert 1 < near < 0.85 * far < 60


def test_a_small_one_holds_the_whole_body():
    volume = abdomen_phantom(1, 64)
    assert volume.array.shape == (1, 64, 64) and volume.array.dtype == np.float32
    assert volume.geometry.spacing == (6, 6, 5)
    assert np.allclose(volume.geometry.origin, (-189, -189, 0))
    assert (volume.array[0, :, [0, -1]] < -990).all()
    assert abs(around(volume, -112, 8, 0).mean() - 110) < 12
    assert volume.array.min() >= -1000


def test_pixel_spacing_is_kept_and_centred():
    volume = abdomen_phantom(1, 96, pixel=1.5, slice_spacing=4)
    assert volume.geometry.spacing == (1.5, 1.5, 4)
    assert np.allclose(volume.geometry.origin, (-71.25, -71.25, 0))
    assert abs(around(volume, 9.5, 2, 0, 1).mean() - 160) < 10


@pytest.mark.parametrize("arguments", [(0,), (2, 4), (1, 64, -1.0), (1, 64, 1.0, 0.0), (40, 64)])
def test_impossible_sizes_are_refused_in_one_line(arguments):
    with pytest.raises(InputError) as caught:
        abdomen_phantom(*arguments)
    assert "\n" not in str(caught.value)


def test_an_array_as_a_dicom_series_keeps_values_place_and_name(tmp_path):
    hounsfield = np.random.default_rng(1).integers(-1024, 3072, (3, 20, 24)).astype(np.int16)
    uid = write_series(hounsfield, tmp_path / "series", (0.7, 0.8, 2.5), (-9, 4, 31), SeriesDescription="Any")
    other = write_series(hounsfield[:2], tmp_path / "series", prefix="other-")
    volume = read_volume(tmp_path / "series", uid)
    assert uid != other and (volume.array == hounsfield).all()
    assert volume.geometry.spacing == pytest.approx((0.7, 0.8, 2.5))
    assert volume.geometry.origin == pytest.approx((-9, 4, 31))
    assert pydicom.dcmread(tmp_path / "series" / "0000.dcm").SeriesDescription == "Any"


def test_a_slice_takes_about_a_second():
    started = time.process_time()
    abdomen_phantom(1, 512)
    # Eight slices are to take 15 s; a slice and what is done once take less than 4, with slack for a loaded machine.
    assert time.process_time() - started < 6
