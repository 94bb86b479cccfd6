"""The inserted noise against a full simulation of the scan, against another implementation, and on real CT."""

import functools
import os
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from LDCTDenoiseLib.simulation import ScanSettings, low_dose_noise  # noqa: E402
from poisson_scan import PoissonScan, mean_frequency, one_thread  # noqa: E402, F401

SPACING, SIZE, PHOTONS = 2.0, 192, 350.0
DATA = Path(os.environ.get("LDCT_DATA", "/nowhere"))
REFERENCE = Path(os.environ.get("LDCT_REFERENCE", "/nowhere"))


def torso() -> np.ndarray:
    """Return an oval body with a lung, a spine and a rib, HU; wide enough for few photons along its length."""
    y, x = (np.indices((SIZE, SIZE)) - (SIZE - 1) / 2) * SPACING
    image = np.where((x / 165) ** 2 + (y / 115) ** 2 < 1, 40.0, -1000.0)
    image[((x + 85) / 40) ** 2 + (y / 55) ** 2 < 1] = -850
    image[np.hypot(x, y - 80) < 18] = 500
    image[np.hypot(x - 140, y) < 8] = 900
    return image


#: Centre (x, y) in mm of the discs of 20 mm in which the noise is measured.
PLACES = {"centre": (0, 0), "right": (95, 0), "lung": (-85, 0), "front": (0, -85), "off both axes": (70, 60)}


def place(name: str) -> np.ndarray:
    y, x = (np.indices((SIZE, SIZE)) - (SIZE - 1) / 2) * SPACING
    return np.hypot(x - PLACES[name][0], y - PLACES[name][1]) < 20


@pytest.fixture(scope="module")
def scanned():
    """Return full simulations by dose; those of one number share their photons."""
    return PoissonScan(torso(), SPACING, PHOTONS).images((0.5, 0.25, 0.1), 10, seed=3)


@functools.cache
def inserted(dose: float, noise_free: bool) -> np.ndarray:
    array = torso()[None].repeat(16, axis=0).astype(np.float32)
    settings = ScanSettings(dose=dose, photons=PHOTONS, kernel_cutoff=1.0, seed=11, views=288)
    return np.stack([noise for _, noise in low_dose_noise(array, (SPACING, SPACING), settings, noise_free=noise_free)])


def spread(images: np.ndarray, where: np.ndarray) -> float:
    """Return the SD from image to image: structure, bias and streaks that repeat do not count."""
    return float(np.sqrt(images.var(axis=0, ddof=1)[where].mean()))


@pytest.mark.slow
@pytest.mark.parametrize("dose", [1.0, 0.25])
def test_noise_of_a_scan_is_that_of_the_full_simulation(scanned, dose):
    noise = inserted(dose, noise_free=True)
    for name in PLACES:
        assert spread(noise, place(name)) == pytest.approx(spread(scanned[dose], place(name)), rel=0.05), name


@pytest.mark.slow
@pytest.mark.parametrize("dose", [0.5, 0.25, 0.1])
def test_added_noise_is_what_the_lower_dose_adds_in_the_full_simulation(scanned, dose):
    noise, added = inserted(dose, noise_free=False), scanned[dose] - scanned[1.0]
    for name in PLACES:
        assert spread(noise, place(name)) == pytest.approx(spread(added, place(name)), rel=0.05), name
    body = torso() > -900
    assert spread(noise, body) == pytest.approx(spread(added, body), rel=0.02)


@pytest.mark.slow
def test_noise_has_the_texture_of_the_full_simulation(scanned):
    middle = slice(SIZE // 2 - 32, SIZE // 2 + 32)
    drawn = scanned[0.25] - scanned[1.0]
    patches = [n[:, middle, middle] - n[:, middle, middle].mean(axis=0) for n in (inserted(0.25, False), drawn)]
    found, expected = (mean_frequency(n, SPACING) for n in patches)
    assert found == pytest.approx(expected, rel=0.03)
    # Along the body's length photons are few, so the noise forms streaks: neighbours differ less along a row.
    for axis in (1, 2):
        found, expected = ((n * np.roll(n, 1, axis)).mean() / (n**2).mean() for n in patches)
        assert found == pytest.approx(expected, abs=0.03)


@pytest.mark.slow
def test_noise_has_no_mean():
    noise = inserted(0.25, noise_free=False)
    for name in PLACES:
        values = noise[:, place(name)]
        assert abs(values.mean()) < 0.02 * values.std(), name


def read(path: Path):
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.ReadImage(str(path))
    return sitk.GetArrayFromImage(image), image.GetSpacing()[:2]


ABDOMEN = DATA / "validation" / "abdomen_CRLM_1004.nii.gz"


@pytest.mark.slow
@pytest.mark.skipif(not ABDOMEN.is_file(), reason="LDCT_DATA does not name the development data")
def test_quarter_dose_of_an_abdomen_is_as_noisy_as_published():
    array, spacing = read(ABDOMEN)
    array = array[8:-8:5].astype(np.float32)
    noise = np.stack([n for _, n in low_dose_noise(array, spacing, ScanSettings(photons=340.0, kernel_cutoff=1.0))])
    unit = np.clip((np.stack([array, array + noise]) + 160) / 400, 0, 1)
    errors = np.sqrt(((unit[0] - unit[1]) ** 2).mean(axis=(1, 2)))
    # A slim patient: a little above the 22.8 dB of the average one.
    assert 22 < -20 * np.log10(errors).mean() < 26
    tissue = (array > 0) & (array < 150)
    assert abs(noise[tissue].mean()) < 0.5 and 35 < noise[tissue].std() < 65


@pytest.mark.skipif(not (ABDOMEN.is_file() and REFERENCE.is_dir()), reason="LDCT_DATA and LDCT_REFERENCE are not set")
def test_noise_agrees_with_another_implementation():
    pytest.importorskip("numba")
    sys.path.insert(0, str(REFERENCE))
    try:
        import ldct_sim
    finally:
        sys.path.remove(str(REFERENCE))
    array, spacing = read(ABDOMEN)
    image = array[len(array) // 2].astype(np.float32)
    settings = ScanSettings(dose=0.25, photons=700.0, kernel_cutoff=1.0)
    noise = np.stack([n for _, n in low_dose_noise(image[None].repeat(2, axis=0), spacing, settings)])
    geometry = ldct_sim.Geo(len(image), spacing[0])
    p = ldct_sim.line_integrals(image, geometry)
    variance = ldct_sim.added_variance(p, geometry, ldct_sim.exposure(p, geometry, 700.0), 0.25)
    drawn = np.random.default_rng(1).standard_normal((2, *p.shape)) * np.sqrt(variance)
    other = np.stack([ldct_sim.fbp(d.astype(np.float32), geometry) for d in drawn]) * 1000 / ldct_sim.MU_WATER
    tissue = image > -200
    assert noise[:, tissue].std() == pytest.approx(other[:, tissue].std(), rel=0.05)
    centre = slice(200, 312)
    assert noise[:, centre, centre].std() == pytest.approx(other[:, centre, centre].std(), rel=0.05)
