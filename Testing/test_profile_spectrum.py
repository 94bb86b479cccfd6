"""Profiles and noise spectra against edges and noise whose width, slope, SD and frequency are known."""

import math

import numpy as np
import pytest
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.metrics import line_samples, measure_edge, noise_spectrum, sample_line
from scipy import special

LINE = np.linspace(0, 30, 121)


@pytest.mark.parametrize(("sigma", "step"), [(0.6, 100), (1.5, -250)])
def test_a_blurred_step_has_the_width_and_slope_it_was_made_with(sigma, step):
    values = 60 + step * special.ndtr((LINE - 14.2) / sigma)
    edge = measure_edge(LINE, values)
    # From the curve itself, by where it crosses.
    crossings = [LINE[0] + np.interp(share, (values - 60) / step, LINE) for share in (0.1, 0.9)]
    assert edge.width == pytest.approx(crossings[1] - crossings[0], rel=0.02)
    assert edge.slope == pytest.approx(step / (sigma * math.sqrt(2 * math.pi)), rel=1e-3)
    assert (edge.step, edge.place) == pytest.approx((step, 14.2), rel=1e-3)


def test_noise_moves_an_edge_little_and_is_none_itself():
    rng = np.random.default_rng(0)
    widths = [measure_edge(LINE, 100 * special.ndtr((LINE - 15) / 1.5) + rng.normal(0, 20, LINE.size)).width
              for _ in range(20)]
    assert np.mean(widths) == pytest.approx(2.563 * 1.5, rel=0.08)
    assert measure_edge(LINE, rng.normal(60, 20, LINE.size)) is None
    assert measure_edge(LINE, np.full(LINE.size, 60.0)) is None
    assert measure_edge(LINE[:5], LINE[:5]) is None


def test_a_line_is_sampled_between_voxels():
    k, j, i = np.mgrid[:5, :20, :30].astype(float)
    ramp = 100 * k + 3 * j - 2 * i
    found = sample_line(ramp, (1, 2, 3), (3.5, 18, 3), 11)
    assert found == pytest.approx(100 * np.linspace(1, 3.5, 11) + 3 * np.linspace(2, 18, 11) - 6)
    # The mean of parallel lines, of which the middle one is the line.
    curved = sample_line(i**2, (2, 10, 5), (2, 10, 25), 21, (0, 4, 0), 5)
    assert curved == pytest.approx(np.arange(5, 26) ** 2)
    assert sample_line(j**2, (2, 10, 5), (2, 10, 25), 3, (0, 4, 0), 5) == pytest.approx([102, 102, 102])
    outside = sample_line(ramp, (1, 2, -2), (1, 2, 2), 5)
    assert np.isnan(outside[:2]).all() and outside[2:] == pytest.approx([106, 104, 102])
    assert np.isnan(sample_line(ramp, (9, 2, 3), (9, 8, 3), 4)).all()
    assert line_samples(7.9, 0.8) == 41
    with pytest.raises(InputError, match="2.0 mm long"):
        line_samples(2.0, 0.8)


def colored(shape, pixel, peak, sd, seed=0):
    """Noise of the spectrum f exp(-(f / peak)²), and its mean frequency."""
    frequency = np.hypot(*np.meshgrid(*(np.fft.fftfreq(n, d) for n, d in zip(shape[1:], pixel, strict=True)),
                                      indexing="ij"))
    power = frequency * np.exp(-((frequency / peak) ** 2))
    white = np.random.default_rng(seed).normal(size=shape)
    noise = np.fft.ifft2(np.fft.fft2(white) * np.sqrt(power)).real
    return noise * (sd / noise.std()), float((frequency * power).sum() / power.sum())


@pytest.mark.parametrize(("pixel", "peak"), [((0.8, 0.8), 0.25), ((0.8, 0.8), 0.12), ((2.0, 0.7), 0.15)])
def test_noise_has_the_sd_and_mean_frequency_it_was_made_with(pixel, peak):
    noise, mean = colored((8, 128, 128), pixel, peak, 20)
    k, j, i = np.mgrid[:8, :128, :128]
    found = noise_spectrum((60 + noise + 0.01 * (i - 60) ** 2 - 0.2 * j)[:, 30:80, 40:100], None, pixel)
    assert found.sd == pytest.approx(20, rel=0.04) and found.mean_frequency == pytest.approx(mean, rel=0.04)
    if pixel[0] == pixel[1]:  # else there is power beyond the Nyquist frequency of one of the two
        whole = (found.power * 2 * np.pi * found.frequency)[1:].sum() * np.diff(found.frequency).mean()
        assert whole == pytest.approx(found.sd**2, rel=0.08)


def test_other_shapes_and_single_slices():
    noise, mean = colored((6, 64, 64), (0.8, 0.8), 0.2, 15)
    j, i = np.mgrid[:64, :64]
    disk = np.broadcast_to(np.hypot(j - 31.5, i - 31.5) < 28, noise.shape)
    found = noise_spectrum(noise, disk, (0.8, 0.8))
    assert found.sd == pytest.approx(15, rel=0.05) and found.mean_frequency == pytest.approx(mean, rel=0.05)
    one = noise_spectrum(noise[:1, :24, :24], None, (0.8, 0.8))
    assert one.mean_frequency == pytest.approx(mean, rel=0.12)


def test_smoothing_lowers_the_frequency_and_nothing_has_none():
    from scipy import ndimage

    noise, mean = colored((4, 64, 64), (0.8, 0.8), 0.25, 20)
    smooth = noise_spectrum(ndimage.gaussian_filter(noise, (0, 1.5, 1.5)), None, (0.8, 0.8))
    assert smooth.mean_frequency < 0.6 * mean
    flat = noise_spectrum(np.zeros((2, 20, 20)), None, (0.8, 0.8))
    assert flat.sd == 0 and math.isnan(flat.mean_frequency)
    with pytest.raises(InputError, match="8×8 pixels or more, not 20×7"):
        noise_spectrum(np.zeros((2, 7, 20)), None, (0.8, 0.8))
    with pytest.raises(InputError, match="not finite"):
        noise_spectrum(np.full((1, 20, 20), np.nan), None, (0.8, 0.8))
