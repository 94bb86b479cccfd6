"""The model observers against an independent implementation and against what can be written down."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from LDCTDenoiseLib.evidence import observers
from scipy import ndimage
from scipy.special import eval_laguerre
from scipy.stats import norm

_LCD = Path(os.environ.get("LDCT_DATA", "/nowhere")) / "lcd"
needs_phantom = pytest.mark.skipif(not _LCD.is_dir(), reason="LDCT_DATA is not set")
SIDE = 29


def as_rows(patches):
    """Patches (patches, side, side) as rows less their mean, float64."""
    rows = np.asarray(patches, np.float64).reshape(len(patches), -1)
    return rows - rows.mean(axis=1, keepdims=True)


def answers(observer, train, test, diameter):
    """Answers of one observer to test patches with and without the lesion; each argument is (present, absent)."""
    if observer.startswith("NPW"):
        signal = (train[0].mean(0) - train[1].mean(0)).reshape(SIDE, SIDE)
        template = observers.eye_template(signal) if observer == "NPWE_eye" else signal.ravel()
        return [rows @ template for rows in test]
    channels = {
        "LG_CHO": lambda: observers.laguerre_gauss(SIDE, diameter),
        "DOG_CHO_dense": lambda: observers.difference_of_gaussians(SIDE),
        "DOG_CHO_sparse": lambda: observers.difference_of_gaussians(SIDE, 0.015, 2.0, 2.0, 3),
        "Gabor_CHO": lambda: observers.gabor(SIDE),
    }[observer]()
    weights = observers.hotelling_template(*(rows @ channels for rows in train))
    return [rows @ channels @ weights for rows in test]


@pytest.mark.slow
@needs_phantom
@pytest.mark.parametrize("observer", ["LG_CHO", "DOG_CHO_dense", "DOG_CHO_sparse", "Gabor_CHO", "NPW", "NPWE_eye"])
def test_an_independent_implementation_agrees(observer):
    data = np.load(_LCD / "mita_lcd_crop128_fbp.npz")
    reference = json.loads((_LCD / "reference_fbp.json").read_text())
    splits, half = reference["parameters"]["splits"], int(data["roi_half"])
    compared = 0
    for expected in (r for r in reference["results"] if r["observer"] == observer):
        n = [int(hu) for hu in data["insert_hu"]].index(expected["insert_HU"])
        dose = list(data["dose"]).index(expected["dose"])
        j, i = data["roi_centre_yx"][n]
        both = [
            as_rows(data[f"fbp_{kind}"][dose, :, j - half : j + half + 1, i - half : i + half + 1])
            for kind in ("present", "absent")
        ]
        diameter = reference["inserts"][n]["bbox_diameter_pix"]
        for split, auc, snr in zip(splits, expected["auc_per_reader"], expected["snr_per_reader"], strict=True):
            train, test = ([rows[split[part]] for rows in both] for part in ("train", "test"))
            found = answers(observer, train, test, diameter)
            assert observers.auc(*found) == pytest.approx(auc, abs=1e-12)
            assert observers.detectability(*found) == pytest.approx(snr, abs=1e-6)
            compared += 1
    assert compared == 120


def test_laguerre_polynomials_are_those_of_scipy():
    y, x = np.mgrid[:SIDE, :SIDE] - 14
    r2, a = x**2 + y**2, 2 * 9 / 3
    for n, channel in enumerate(observers.laguerre_gauss(SIDE, 9.0).T):
        expected = np.sqrt(2) / a * np.exp(-np.pi * r2 / a**2) * eval_laguerre(n, 2 * np.pi * r2 / a**2)
        assert channel.reshape(SIDE, SIDE) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("smoothing", [0.0, 1.2])
def test_detectability_in_noise_of_known_spectrum(smoothing):
    """d' of a template t for a signal s in stationary noise of covariance K is s·t over the root of t·K·t."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:SIDE, :SIDE] - 14
    signal = 8.0 * np.clip(4.5 - np.hypot(x, y), 0, 1)
    noise = ndimage.gaussian_filter(rng.normal(0, 40, (3000, SIDE, SIDE)), (0, smoothing, smoothing), mode="wrap")
    response = np.fft.fft2(ndimage.gaussian_filter(_impulse(), smoothing, mode="wrap"))
    power = 40.0**2 * np.abs(response) ** 2
    for eye in (False, True):
        template = observers.eye_template(signal) if eye else signal.ravel()
        spectrum = np.abs(np.fft.fft2(template.reshape(SIDE, SIDE))) ** 2
        spectrum[0, 0] = 0  # each patch is taken less its mean
        centred = template - template.mean()
        expected = (signal.ravel() @ centred) / np.sqrt((spectrum * power).sum() / SIDE**2)
        found = [as_rows(noise[:1500] + signal) @ template, as_rows(noise[1500:]) @ template]
        assert observers.detectability(*found) == pytest.approx(expected, rel=0.05)
        # Answers to Gaussian noise are Gaussian: the area under the curve follows from d'.
        assert observers.auc(*found) == pytest.approx(norm.cdf(expected / np.sqrt(2)), abs=0.02)


def _impulse():
    image = np.zeros((SIDE, SIDE))
    image[0, 0] = 1
    return image


def test_the_hotelling_observer_reaches_what_its_channels_allow():
    rng = np.random.default_rng(6)
    mixing = rng.normal(size=(4, 4))
    signal = rng.normal(size=4)
    absent = rng.normal(size=(4000, 4)) @ mixing
    present = absent + signal
    best = np.sqrt(signal @ np.linalg.inv(mixing.T @ mixing) @ signal)
    assert observers.detectability(*observers.cross_fitted(present, absent)) == pytest.approx(best, rel=0.05)


def test_what_was_trained_on_noise_alone_detects_nothing():
    """With the answers to its own training patches the observer would seem to see what is not there."""
    rng = np.random.default_rng(7)
    found = [observers.detectability(*observers.cross_fitted(*rng.normal(size=(2, 60, 16)))) for _ in range(30)]
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(30)
    weights = observers.hotelling_template(*(patches := rng.normal(size=(2, 60, 16))))
    assert observers.detectability(patches[0] @ weights, patches[1] @ weights) > 0.7


def test_the_bootstrap_covers_as_often_as_it_says():
    rng = np.random.default_rng(8)
    truth, covered = 1.0, 0
    for trial in range(200):
        present, absent = rng.normal(truth, 1, 80), rng.normal(0, 1, 80)
        bootstrap = observers.Bootstrap(80, 400, seed=trial)
        found = observers.interval(
            observers.detectability(present, absent), bootstrap.detectability(present, absent)
        )
        covered += found["lower"] <= truth <= found["upper"]
    # Of 200 trials at 95 %, three standard deviations are 9.
    assert 190 - 12 <= covered <= 200


def test_a_resample_counts_each_place_as_often_as_it_was_drawn():
    bootstrap = observers.Bootstrap(5, 300, seed=1)
    rng = np.random.default_rng(1)
    present, absent = rng.normal(1, 1, 5), rng.normal(0, 1, 5)
    draws = np.random.default_rng(1).integers(0, 5, (300, 5))
    # Duplicates of a place are ties with themselves and count like the pairs they are.
    expected = [observers.auc(present[d], absent[d]) for d in draws]
    assert bootstrap.auc(present, absent) == pytest.approx(expected)
    assert bootstrap.mean(present) == pytest.approx(present[draws].mean(1))
