"""The numerical abdomen that ships: the HU and the lesions that it says, in any size; arrays as DICOM series."""

import numpy as np
import pydicom
import pytest
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.phantom import abdomen_phantom, write_series
from LDCTDenoiseLib.volumes import read_volume


@pytest.fixture(scope="module")
def phantom():
    return abdomen_phantom()


def around(volume, x, y, k, reach=3.0):
    """The voxels within `reach` mm of a place in mm."""
    i, j, _ = (np.array((x, y, 0)) - volume.geometry.origin) / volume.geometry.spacing
    half = reach / volume.geometry.spacing[0]
    return volume.array[k, int(j - half) : int(j + half) + 1, int(i - half) : int(i + half) + 1]


@pytest.mark.parametrize(
    ("tissue", "x", "y", "k", "expected", "tolerance"),
    [
        ("liver", -112, 8, 3, 110, 6),
        ("spleen", 118, 32, 3, 120, 6),
        ("aorta", 9.5, 2, 3, 160, 6),
        ("vena cava", -23, -1, 3, 146, 6),
        ("bile", -46, -47, 0, 8, 4),
        ("gastric fluid", 72, -50, 5, 18, 10),
        ("gastric gas", 75, -71, 3, -950, 5),
        ("straight muscle", -35, -95, 3, 58, 8),
        ("psoas", 29, 47, 0, 58, 8),
        ("subcutaneous fat", -45, -103.5, 3, -102, 12),
        ("kidney cortex", 86, 38, 3, 190, 12),
        ("cancellous bone", -10, 30, 3, 190, 35),
        ("cord", 0, 55.5, 3, 37, 5),
        ("air", -180, -180, 3, -1000, 0),
    ],
)
def test_tissues_have_their_hounsfield_units(phantom, tissue, x, y, k, expected, tolerance):
    assert abs(np.median(around(phantom, x, y, k, 1.5)) - expected) <= tolerance


def test_bone_table_and_body_are_there(phantom):
    middle = phantom.array[3]
    assert middle.max() > 500
    rows = np.flatnonzero((middle[:, 256 - 20 : 256 + 20] > 100).any(axis=1))
    assert rows[-1] > 440, "the table's lower shell lies below the patient"
    gap = around(phantom, 0, 120, 3, 5)
    assert (gap < -990).all(), "air between back and table"
    across = np.flatnonzero(middle[240] > -300) * 0.75
    assert 290 < np.ptp(across) < 340


def test_left_and_right_differ(phantom):
    middle = phantom.array[3]
    both = (middle > -300) & (middle[:, ::-1] > -300)
    assert np.abs(middle - middle[:, ::-1])[both].mean() > 40


def test_edges_are_soft_and_nothing_is_noisy(phantom):
    edge = phantom.array[3, 256, :60]
    assert edge[0] == -1000 and edge[:56].max() > -60
    assert 200 < np.abs(np.diff(edge)).max() < 600, "from air to skin in one pixel would be 1000 HU"
    low, high = np.percentile(around(phantom, -112, 8, 3, 5), (20, 70))
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
        assert abs(inside - liver - lesion["contrast_hu"]) < 4, lesion


def test_roi_frames_a_lesion_between_vessels(phantom):
    i0, i1, j0, j1, k = phantom.facts["roi"]
    assert 110 <= i1 - i0 <= 140 and 110 <= j1 - j0 <= 140 and k == 3
    inside = [x for x in phantom.facts["lesions"] if x["k"] == k and i0 < x["i"] < i1 and j0 < x["j"] < j1]
    assert any(-40 <= x["contrast_hu"] <= -8 and x["diameter_mm"] >= 10 for x in inside)
    region = phantom.array[k, j0:j1, i0:i1]
    assert ((region > 90) & (region < 130)).mean() > 0.4, "mostly liver"
    assert ((region > 140) & (region < 175)).mean() > 0.03, "vessels"


def test_fewer_slices_are_those_around_the_region(phantom):
    for slices in (1, 3, 5):
        volume = abdomen_phantom(slices)
        first = phantom.facts["roi"][4] - volume.facts["roi"][4]
        assert (volume.array == phantom.array[first : first + slices]).all()
        assert len(volume.facts["lesions"]) < len(phantom.facts["lesions"])
        assert all(0 <= lesion["k"] < slices for lesion in volume.facts["lesions"])


@pytest.mark.parametrize("size", [8, 64, 100, 640])
def test_another_size_holds_the_whole_body(size, phantom):
    volume = abdomen_phantom(1, size)
    assert volume.array.shape == (1, size, size) and volume.array.dtype == np.float32
    assert volume.geometry.spacing == pytest.approx((384 / size, 384 / size, 5))
    assert np.allclose(volume.geometry.origin, (384 / size / 2 - 192, 384 / size / 2 - 192, 0))
    # The mean of all is kept to what the edges of pixels that are cut round off.
    assert abs(volume.array.mean() - phantom.array[3].mean()) < 2
    if size >= 64:
        assert abs(around(volume, -112, 8, 0).mean() - 110) < 12
    i0, i1, j0, j1, k = volume.facts["roi"]
    assert 0 <= i0 < i1 <= size and 0 <= j0 < j1 <= size and k == 0


@pytest.mark.parametrize("arguments", [(0,), (7,), (2, 4), (1, -64)])
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
