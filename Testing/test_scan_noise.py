"""A scan's own noise, measured: phantoms of known SD and spectrum, and what cannot be measured."""

import os
from pathlib import Path

import numpy as np
import pytest
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.scan import axial_planes, measure_noise, orientation
from LDCTDenoiseLib.scan.noise import noise_in, peakedness, ramp_excess, scan_windows
from LDCTDenoiseLib.volumes import Geometry, Volume

DATA = Path(os.environ.get("LDCT_DATA", "nowhere"))
NATIVE = sorted(DATA.glob("native/validation/*.nii.gz")) + sorted(DATA.glob("validation/*.nii.gz"))


def coloured(shape, pixel: float, cutoff: float, sd: float, seed: int):
    """Return noise of a ramp times a Hann window up to `cutoff` / mm, and its mean frequency."""
    rows, columns = (np.fft.fftfreq(n, pixel) for n in shape[1:])
    frequency = np.hypot(rows[:, None], columns)
    window = np.where(frequency < cutoff, 0.5 + 0.5 * np.cos(np.pi * frequency / cutoff), 0)
    power = frequency * window**2
    white = np.random.default_rng(seed).standard_normal(shape)
    noise = np.fft.ifft2(np.fft.fft2(white) * np.sqrt(power)).real
    return noise * (sd / noise.std()), float((power * frequency).sum() / power.sum())


def anatomy(shape) -> np.ndarray:
    """Return an ellipse of soft tissue in air, with fat, bone and vessels of contrast agent in it."""
    y, x = np.mgrid[-1 : 1 : shape[1] * 1j, -1 : 1 : shape[2] * 1j]
    image = np.where(np.hypot(x / 0.9, y / 0.7) < 1, -100.0, -1000.0)
    image[np.hypot(x / 0.82, y / 0.62) < 1] = 50
    image[np.hypot(x / 0.2, (y - 0.35) / 0.15) < 1] = 600
    for n in range(12):
        image[np.hypot(x - 0.6 * np.cos(n), y - 0.4 * np.sin(n)) < 0.03] = 180
    return np.broadcast_to(image, shape).copy()


@pytest.mark.slow
@pytest.mark.parametrize("pixel, cutoff", [(0.78, 0.5), (0.78, 0.9), (0.65, 0.65), (1.2, 0.5)])
def test_sd_and_mean_frequency_are_within_five_percent(pixel, cutoff):
    noise, mean = coloured((4, 320, 320), pixel, min(cutoff, 0.5 / pixel), 20.0, 1)
    found = measure_noise(anatomy(noise.shape) + noise, (pixel, pixel))
    assert found.sd == pytest.approx(20.0, rel=0.05)
    assert found.mean_frequency == pytest.approx(mean, rel=0.05)
    assert found.slice_correlation < 0.05 and found.windows > 300
    frequency, power = np.array(found.frequency), np.array(found.power)
    assert 2 * np.pi * (power * frequency).sum() * frequency[1] == pytest.approx(found.sd**2, rel=1e-6)


@pytest.mark.slow
def test_four_slices_averaged_have_half_the_noise():
    noise, _ = coloured((16, 256, 256), 0.8, 0.6, 24.0, 2)
    scan = anatomy(noise.shape) + noise
    one, four = (measure_noise(s, (0.8, 0.8)) for s in (scan, scan.reshape(4, 4, 256, 256).mean(1)))
    assert four.sd == pytest.approx(one.sd / 2, rel=0.05)


def test_overlapping_slices_are_seen():
    noise, _ = coloured((9, 256, 256), 0.8, 0.6, 24.0, 3)
    overlapping = (noise[:-1] + noise[1:]) / np.sqrt(2)
    found = measure_noise(anatomy(overlapping.shape) + overlapping, (0.8, 0.8))
    assert found.slice_correlation == pytest.approx(0.5, abs=0.05)


def test_power_at_low_frequencies_is_told_beside_a_ramps():
    noise, _ = coloured((3, 320, 320), 0.8, 0.6, 20.0, 4)
    flat = np.full_like(noise, 50.0)
    ndimage = pytest.importorskip("scipy.ndimage")
    white = ndimage.gaussian_filter(np.random.default_rng(5).standard_normal(noise.shape), (0, 0.7, 0.7))
    reconstructed, white = flat + noise, flat + white * (20 / white.std())
    excess = []
    for array in (reconstructed, white):
        windows = scan_windows(array, (0.8, 0.8))
        excess.append(ramp_excess(array, (0.8, 0.8), windows, noise_in(array, (0.8, 0.8), windows)))
        assert peakedness(array, windows) == pytest.approx(3, abs=0.15)
    assert excess[0] == pytest.approx(0.35, abs=0.08) and excess[1] > 0.56
    few = windows[:100]
    assert ramp_excess(white, (0.8, 0.8), few, noise_in(white, (0.8, 0.8), few)) is None


@pytest.mark.parametrize("array", [np.full((2, 64, 64), -1000), np.full((1, 12, 12), 40), np.full((3, 64, 64), 900)])
def test_without_soft_tissue_there_is_no_answer(array):
    assert measure_noise(array, (0.8, 0.8)) is None


def test_a_scan_without_noise_has_none():
    assert measure_noise(anatomy((2, 192, 192)), (0.8, 0.8)).sd < 0.5


@pytest.mark.slow
@pytest.mark.skipif(not NATIVE, reason="LDCT_DATA is not set")
@pytest.mark.parametrize("path", NATIVE, ids=lambda p: p.name)
def test_it_agrees_with_an_independent_measurement(path, independent):
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.ReadImage(str(path))
    array, pixel = sitk.GetArrayFromImage(image)[::2], image.GetSpacing()[0]
    sd, mean = independent.noise_of(array, independent.windows(array, pixel), pixel)
    found = measure_noise(array, (pixel, pixel))
    assert found.sd == pytest.approx(sd, rel=0.15) and found.mean_frequency == pytest.approx(mean, rel=0.15)


def turned(direction) -> Volume:
    return Volume(np.zeros((20, 30, 40), np.int16), Geometry((1.0, 2.0, 3.0), (0, 0, 0), direction))


def test_planes_are_axial_however_they_are_stored():
    axial = turned((1, 0, 0, 0, 1, 0, 0, 0, 1))
    sagittal = turned((0, 0, 1, 1, 0, 0, 0, 1, 0))  # columns to the back, rows to the head, slices to the left
    tilted = turned((1, 0, 0, 0, 0.9, -0.436, 0, 0.436, 0.9))
    assert [orientation(v.geometry) for v in (axial, sagittal, tilted)] == ["axial", "sagittal", "axial"]
    planes, pixels, spacing = axial_planes(axial)
    assert planes.shape == (20, 30, 40) and pixels == (1.0, 2.0) and spacing == 3.0
    planes, pixels, spacing = axial_planes(sagittal)
    assert planes.shape == (30, 20, 40) and pixels == (1.0, 3.0) and spacing == 2.0
    planes[3] = 7
    assert (sagittal.array[:, 3] == 7).all()


def test_oblique_and_too_few_planes_are_refused():
    half = np.sqrt(0.5)
    with pytest.raises(InputError, match="oblique"):
        axial_planes(turned((1, 0, 0, 0, half, -half, 0, half, half)))
    few = Volume(np.zeros((4, 30, 40), np.int16), Geometry((1.0, 1.0, 1.0), (0, 0, 0), (0, 0, 1, 1, 0, 0, 0, 1, 0)))
    with pytest.raises(InputError, match="4 sagittal slices"):
        axial_planes(few)
