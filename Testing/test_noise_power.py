"""The noise power spectrum of noise whose spectrum is known."""

import numpy as np
import pytest
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.metrics import flat_blocks, noise_power
from scipy import ndimage


@pytest.fixture(scope="module")
def white():
    return 40 + np.random.default_rng(1).normal(0, 12, (6, 256, 256)).astype(np.float32)


def test_white_noise_is_flat_and_as_strong_as_its_variance(white):
    blocks = flat_blocks(np.full_like(white, 40))
    spectrum = noise_power(white, blocks, pixel=0.7)
    assert spectrum.blocks == 6 * 64
    assert spectrum.sd == pytest.approx(12, rel=0.02)
    # Taking the trend away takes from the lowest frequencies.
    assert spectrum.power[2:] == pytest.approx(np.full(14, 144 * 0.49), rel=0.1)
    assert spectrum.frequency[-1] == pytest.approx(0.5 / 0.7)


def test_coarser_noise_has_lower_frequencies(white):
    blocks = flat_blocks(np.full_like(white, 40))
    fine, coarse = (noise_power(ndimage.gaussian_filter(white, (0, s, s)), blocks) for s in (0.8, 2.0))
    assert coarse.mean < fine.mean < noise_power(white, blocks).mean
    assert coarse.peak <= fine.peak


def test_a_wave_peaks_at_its_own_frequency(white):
    wave = white + 30 * np.sin(2 * np.pi * np.arange(256) / 4)
    assert noise_power(wave, flat_blocks(np.full_like(white, 40))).peak == pytest.approx(0.25)


def test_a_slope_is_not_noise():
    slope = np.tile(np.linspace(0, 100, 256, dtype=np.float32), (1, 256, 1))
    assert noise_power(slope, [(0, 0, 0), (0, 50, 60)]).sd < 1e-3


def test_blocks_lie_in_flat_soft_tissue_and_apart():
    image = np.full((1, 200, 200), -1000, np.float32)
    image[0, 20:120, 30:140] = 50
    image[0, 60:64] = 400
    blocks = flat_blocks(image, 32)
    assert blocks
    for k, j, i in blocks:
        inside = image[k, j : j + 32, i : i + 32]
        assert inside.min() == inside.max() == 50
    for n, (_, j, i) in enumerate(blocks):
        assert all(abs(j - b) >= 32 or abs(i - c) >= 32 for _, b, c in blocks[n + 1 :])


def test_no_flat_tissue_is_named():
    with pytest.raises(InputError, match="flat soft tissue"):
        noise_power(np.zeros((1, 64, 64)), [])
