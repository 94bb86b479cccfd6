"""Windows, ranges and the pass-through rule."""

import numpy as np
import pytest
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.hounsfield import PAPER, WIDE, HURange, Window, add_correction


def test_window_maps_hu_to_unit():
    assert PAPER.to_unit(np.array([-3000, -160, 40, 240, 3000])).tolist() == [0, 0, 0.5, 1, 1]
    assert str(PAPER) == "[-160, 240] HU"
    assert (WIDE.lower, WIDE.upper) == (-1024, 3071)


@pytest.mark.parametrize("bounds", [(1, 1), (5, 2), (float("nan"), 1), (0, float("inf"))])
def test_bad_windows_are_refused(bounds):
    with pytest.raises(InputError):
        Window(*bounds)


def test_range_clips_and_scales():
    assert HURange(-100, 300).to_unit(np.array([-1000.0, -100, 100, 300, 900])).tolist() == [0, 0, 0.5, 1, 1]


def test_correction_is_added_with_strength():
    x = np.array([0, 100], np.float32)
    assert add_correction(x, np.array([-10, 20], np.float32), 0.5).tolist() == [-5, 110]
    assert add_correction(x, np.array([-10, 20], np.float32), 0.5).dtype == np.float32


def test_padding_and_metal_are_never_touched():
    x = np.array([-3024, -2000, -1500, 3071, 3072, 12000], np.float32)
    assert add_correction(x, np.full(6, 7, np.float32)).tolist() == [-3024, -2000, -1493, 3078, 3072, 12000]


@pytest.mark.parametrize("ends", ((300, -300), (0, 0), (0, 1e-30), (-1e30, 1e30), (0, np.inf), (np.nan, 1)))
def test_ranges_that_cannot_be(ends):
    with pytest.raises(InputError, match="HU range"):
        HURange(*ends)
