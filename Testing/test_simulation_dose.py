"""A dose is a fraction of the scan's own: what a lower dose adds follows from the noise that the scan has."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from LDCTDenoiseLib.errors import InputError, LDCTWarning  # noqa: E402
from LDCTDenoiseLib.scan import measure_noise  # noqa: E402
from LDCTDenoiseLib.simulation import (  # noqa: E402
    ScanSettings,
    calibrate,
    low_dose_noise,
    simulate_low_dose,
)
from LDCTDenoiseLib.simulation.calibration import _full_slices
from LDCTDenoiseLib.volumes import Geometry, Volume  # noqa: E402

DATA = Path(os.environ.get("LDCT_DATA", "nowhere"))
PIXEL, FULL = (1.2, 1.2), ScanSettings(1.0, 900.0, 1.1, seed=5, views=192)


def phantom(size=224, slices=3) -> np.ndarray:
    """Return a body of soft tissue in air, HU, without noise."""
    y, x = (np.mgrid[:size, :size] - (size - 1) / 2) * PIXEL[0]
    return np.where(np.hypot(x / 125, y / 95) < 1, 45, -1000).astype(np.float32)[None].repeat(slices, axis=0)


@pytest.fixture(scope="module")
def scan():
    """Return the full-dose scan of the phantom, and its calibration."""
    array = phantom()
    noise = np.stack([n for _, n in low_dose_noise(array, PIXEL, FULL, noise_free=True, device="cpu")])
    return array + noise, calibrate(array + noise, PIXEL)


def added(array, settings, dose) -> np.ndarray:
    settings = replace(settings, dose=dose, seed=9, views=192)
    return np.stack([n for _, n in low_dose_noise(array, PIXEL, settings, device="cpu")])


def test_the_kernel_of_a_scan_is_found_in_its_noise(scan):
    _, found = scan
    kernel, wanted = np.array(found.kernel), FULL.window(np.linspace(0, 1, len(found.kernel)))
    # The lowest frequencies are set; the highest hold next to nothing. How high the whole lies is the photons' matter.
    ratio = (kernel / wanted)[5:20]
    assert np.abs(ratio / ratio.mean() - 1).max() < 0.25
    assert found.slice_correlation < 0.1


def test_the_photons_of_a_scan_are_found_in_its_noise(scan):
    array, _ = scan
    found = calibrate(array, PIXEL, ScanSettings(kernel_cutoff=1.1))
    assert found.kernel is None and found.photons == pytest.approx(FULL.photons, rel=0.1)


@pytest.mark.parametrize("dose, tolerance", [(0.5, 0.08), (0.25, 0.08), (0.1, 0.15)])
def test_a_dose_adds_what_it_must(scan, dose, tolerance):
    array, found = scan
    own, more = (measure_noise(a, PIXEL) for a in (array, added(array, found, dose) + phantom()))
    assert more.sd / own.sd == pytest.approx(np.sqrt(1 / dose - 1), rel=tolerance)
    assert more.mean_frequency == pytest.approx(own.mean_frequency, rel=0.06)


@pytest.mark.slow
def test_what_is_given_stays_and_needs_no_measurement(scan):
    array, _ = scan
    assert calibrate(np.zeros((1, 8, 8)), PIXEL, ScanSettings(photons=500.0, kernel_cutoff=0.9)).photons == 500
    explicit = calibrate(array, PIXEL, ScanSettings(photons=500.0))
    assert explicit.photons == 500 and explicit.kernel


def test_noise_that_cannot_be_measured_is_a_default_with_notice():
    with pytest.warns(LDCTWarning, match="cannot be measured.*700 photons"):
        found = calibrate(np.full((1, 64, 64), -1000.0), PIXEL)
    assert (found.photons, found.kernel_cutoff) == (700.0, 1.1)


def test_slices_of_the_chest_count_for_the_noise_and_not_for_its_spectrum():
    counts = {**dict.fromkeys(range(8), 100), **dict.fromkeys(range(8, 12), 30), 12: 10}
    windows = [(k, 20 + n, 30) for k, count in counts.items() for n in range(count)]
    array = np.arange(13, dtype=np.float32)[:, None, None] * np.ones((1, 40, 40), np.float32)
    part, places, fullest = _full_slices(array, windows)
    assert part[:, 0, 0].tolist() == [0, 1, 2, 4, 5, 7, 8, 11]
    assert len(places) == 6 * 100 + 2 * 30 and {k for k, _, _ in fullest} == set(range(6))
    part, places, fullest = _full_slices(array, windows[:300])
    assert part[:, 0, 0].tolist() == [0, 1, 2] and fullest == places


def test_overlapping_slices_get_correlated_noise():
    settings = ScanSettings(0.25, 900.0, 1.0, seed=1, views=96, slice_correlation=0.5)
    noise = np.stack([n for _, n in low_dose_noise(phantom(slices=6), PIXEL, settings, device="cpu")])
    body = noise[:, 90:134, 70:154].reshape(6, -1)
    correlation = np.corrcoef(body)
    assert np.diag(correlation, 1).mean() == pytest.approx(0.5, abs=0.05)
    assert abs(np.diag(correlation, 2).mean()) < 0.05
    alone = np.stack([n for _, n in low_dose_noise(phantom(slices=2), PIXEL, replace(settings, slice_correlation=0.0),
                                                   device="cpu")])  # fmt: skip
    assert noise[:, body.shape[0]].std() == pytest.approx(alone[:, body.shape[0]].std(), rel=0.1)


@pytest.mark.parametrize("rho", [0.1, 0.3, 0.5, 0.6, 0.7])
def test_weights_of_slices_have_the_correlation(rho):
    weights = ScanSettings(slice_correlation=rho).slice_weights()
    assert np.dot(weights, weights) == pytest.approx(1)
    assert np.dot(weights[1:], weights[:-1]) == pytest.approx(rho, abs=1e-6)


def test_a_sagittal_volume_is_simulated_in_its_axial_planes():
    array = phantom(96, 24).astype(np.int16)
    axial = Volume(array, Geometry((1.2, 1.2, 3.0)), "axial")
    # The same voxels in slices to the left: columns to the back, rows to the head.
    turned = Geometry((1.2, 3.0, 1.2), (0, 0, 0), (0, 0, 1, 1, 0, 0, 0, 1, 0))
    sagittal = Volume(array.transpose(2, 0, 1).copy(), turned)
    scanned = {"photons": 900.0, "kernel_cutoff": 1.0, "views": 96, "device": "cpu"}
    tissue = array > 0
    spread = [(simulate_low_dose(v, **scanned).array - v.array) for v in (axial, sagittal)]
    assert spread[1].transpose(1, 2, 0)[tissue].std() == pytest.approx(spread[0][tissue].std(), rel=0.05)
    half = np.sqrt(0.5)
    oblique = replace(axial, geometry=Geometry((1.2, 1.2, 3.0), (0, 0, 0), (1, 0, 0, 0, half, -half, 0, half, half)))
    with pytest.raises(InputError, match="oblique"):
        simulate_low_dose(oblique, **scanned)


NATIVE = [DATA / "native" / name for name in (
    "validation/chest_LungDx_A0001_L.nii.gz", "validation/upper_abdomen_LIDC_0009.nii.gz",
    "train/abdomen_C3L_00189.nii.gz",
)]  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(not NATIVE[0].is_file(), reason="LDCT_DATA is not set")
@pytest.mark.parametrize("path", NATIVE, ids=lambda p: p.name)
def test_real_scans_get_what_an_independent_measurement_asks_for(path, independent):
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.ReadImage(str(path))
    spacing = image.GetSpacing()[:2]
    array = sitk.GetArrayFromImage(image)
    settings = calibrate(array, spacing)
    part = array[:: max(1, len(array) // 4)]
    windows = independent.windows(part.astype(float), spacing[0])
    own = independent.noise_of(part, windows, spacing[0])
    more = [n for _, n in low_dose_noise(part, spacing, replace(settings, dose=0.25, seed=3, views=288), device="cpu")]
    sd, frequency = independent.noise_of(np.stack(more), windows, spacing[0])
    assert sd / own[0] == pytest.approx(np.sqrt(3), rel=0.08) and frequency == pytest.approx(own[1], rel=0.06)


LCD = DATA / "lcd" / "mita_lcd_crop128_fbp.npz"


@pytest.mark.skipif(not LCD.is_file(), reason="LDCT_DATA does not name the development data")
def test_doses_of_a_phantom_are_predicted_from_its_full_dose():
    stored = np.load(LCD)
    doses = dict(zip(stored["dose"].tolist(), stored["fbp_absent"].astype(np.float64), strict=True))
    middle, spacing = np.s_[:, 40:88, 40:88], (float(stored["pixel_mm"]),) * 2

    def sd(images):
        return np.sqrt(images[middle].var(axis=0, ddof=1).mean())

    full = doses[100] + 40  # water is at the edge of what counts as soft tissue
    settings = calibrate(full, spacing)
    for percent in (55, 10):
        more = np.stack([n for _, n in low_dose_noise(full, spacing, replace(settings, dose=percent / 100, seed=2))])
        assert sd(full + more) == pytest.approx(sd(doses[percent]), rel=0.10)
