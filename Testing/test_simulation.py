"""What a simulated lower dose promises: the dose's noise, the same every time, and nothing else changed."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib import simulation  # noqa: E402
from LDCTDenoiseLib.engine import Device  # noqa: E402
from LDCTDenoiseLib.errors import DeviceError, InputError  # noqa: E402
from LDCTDenoiseLib.simulation import LowDoseRun, ScanSettings, low_dose_noise, simulate_low_dose  # noqa: E402
from LDCTDenoiseLib.volumes import Geometry, Volume  # noqa: E402
from poisson_scan import mean_frequency, one_thread  # noqa: E402, F401

#: Exposure and kernel that are given, so that nothing is measured.
SCAN = {"photons": 340.0, "kernel_cutoff": 1.0}


def body(rows=96, columns=96, spacing=3.0, slices=3) -> Volume:
    """Return ellipses of water in air, a little larger from slice to slice, as int16 HU."""
    y, x = np.ogrid[:rows, :columns]
    radius = np.hypot((x - (columns - 1) / 2) * spacing / 130, (y - (rows - 1) / 2) * spacing / 100)
    array = np.stack([np.where(radius < 0.9 + 0.05 * k, 40, -1000) for k in range(slices)]).astype(np.int16)
    return Volume(array, Geometry(spacing=(spacing, spacing, 5.0)), "body")


def noise_of(volume, *, noise_free=False, first_slice=0, **scan):
    spacing = volume.geometry.spacing[:2]
    settings = ScanSettings(**{"views": 96, "photons": 340.0, "kernel_cutoff": 1.0, **scan})
    found = low_dose_noise(volume.array, spacing, settings, noise_free=noise_free, first_slice=first_slice)
    return np.stack([noise for _, noise in found])


def test_noise_has_no_mean_and_grows_as_photons_become_fewer():
    volume = body(slices=2)
    tissue = volume.array == 40
    spread = {}
    for dose in (0.5, 0.25, 0.1, 0.05):
        # Photons abound: the read-out noise hides.
        noise = noise_of(volume, dose=dose, photons=1e5)
        spread[dose] = noise[tissue].std()
        assert abs(noise[tissue].mean()) < 0.02 * spread[dose]
    for dose, found in spread.items():
        expected = spread[0.5] * np.sqrt((1 - dose) / dose)
        # The same draws, so nothing but the scale differs.
        assert found == pytest.approx(expected, rel=0.01), dose


def test_noise_is_greatest_behind_the_most_tissue():
    noise = noise_of(body(slices=12), seed=4)
    centre, rim = noise[:, 40:56, 40:56].std(), noise[:, 40:56, 2:8].std()
    assert centre > 1.15 * rim > 0


def test_read_out_noise_adds_to_that_of_the_photons():
    volume = body(slices=1)
    few, many = (noise_of(volume, dose=0.25, photons=photons).std() for photons in (100.0, 10000.0))
    assert few > 1.05 * 10 * many


def test_a_phantom_gets_all_the_noise_of_its_scan():
    volume = body(slices=2)
    full, added, low = (
        noise_of(volume, dose=dose, noise_free=free, photons=2000.0)
        for dose, free in ((1.0, True), (0.25, False), (0.25, True))
    )
    assert full.std() > 0
    # What a phantom's low-dose scan shows is the noise of the full dose and what the lower dose adds to it.
    assert low.std() == pytest.approx(np.hypot(full.std(), added.std()), rel=0.01)
    assert low.std() == pytest.approx(2 * full.std(), rel=0.05)


@pytest.mark.slow
def test_a_sharper_kernel_makes_finer_and_stronger_noise():
    volume = body(128, 128, 0.8, slices=4)
    volume.array[:] = 40
    found = {cutoff: noise_of(volume, kernel_cutoff=cutoff, views=288) for cutoff in (0.8, 1.0, 1.3)}
    frequency = {cutoff: mean_frequency(noise[:, 32:96, 32:96], 0.8) for cutoff, noise in found.items()}
    # The radial spectrum of white noise behind a ramp is |f| · response², up to the detector's Nyquist frequency.
    f = np.linspace(0, 1, 1000)
    for cutoff, value in frequency.items():
        hann = np.where(f < cutoff, 0.5 + 0.5 * np.cos(np.pi * f / cutoff), 0)
        power = f * hann**2 * (2 + np.cos(np.pi / 2 * f)) / 3
        expected = (f * power).sum() / power.sum() * 1085.6 / 595 / 1.2858 / 2
        assert value == pytest.approx(expected, rel=0.05), cutoff
    assert frequency[0.8] < 0.9 * frequency[1.0] < 0.9**2 * frequency[1.3]
    assert found[0.8].std() < found[1.0].std() < found[1.3].std()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_noise_whatever_the_batch(monkeypatch):
    volume = body(slices=5)
    expected = noise_of(volume, seed=7)
    for most in (1, 2, 3):
        monkeypatch.setattr(simulation.lowdose, "MOST_SLICES", most)
        np.testing.assert_array_equal(noise_of(volume, seed=7), expected)
    part = volume.with_array(volume.array[3:])
    np.testing.assert_array_equal(noise_of(part, seed=7, first_slice=3), expected[3:])
    assert not np.array_equal(noise_of(volume, seed=8), expected)
    # Neighbouring slices have nothing to do with each other.
    assert abs(np.corrcoef(expected[0].ravel(), expected[1].ravel())[0, 1]) < 0.05


@pytest.mark.slow
def test_the_same_seed_gives_the_same_noise_whatever_the_threads():
    volume = body(200, 200, 1.7, slices=2)
    threads = torch.get_num_threads()
    try:
        found = []
        for number in (1, 2, 3):
            torch.set_num_threads(number)
            found.append(noise_of(volume, seed=7))
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_the_low_dose_is_the_full_dose_plus_noise_and_nothing_else():
    volume = body()
    noise = noise_of(volume)
    kept = volume.array.copy()
    low = simulate_low_dose(volume, **SCAN, views=96)
    assert low.array.dtype == np.int16 and low.geometry == volume.geometry
    np.testing.assert_array_equal(low.array - np.rint(noise).astype(np.int16), volume.array)
    np.testing.assert_array_equal(volume.array, kept)
    real = volume.with_array(volume.array.astype(np.float32))
    low = simulate_low_dose(real, **SCAN, views=96)
    assert low.array.dtype == np.float32
    np.testing.assert_array_equal(low.array, real.array + noise)


def test_full_dose_is_the_input():
    volume = body()
    for dtype in (np.int16, np.float32, np.float64):
        same = volume.with_array(volume.array.astype(dtype) + dtype(3.7))
        low = simulate_low_dose(same, dose=1.0)
        np.testing.assert_array_equal(low.array, same.array)
        assert low.array.dtype == dtype


def test_padding_is_air_to_the_rays_and_is_left_alone():
    volume = body()
    outside = np.hypot(*(np.indices((96, 96)) - 47.5)) > 47.5
    padded, air = volume.array.copy(), volume.array.copy()
    padded[:, outside], air[:, outside] = -3024, -1000
    padded[1][outside] = -2000
    low, in_air = (simulate_low_dose(volume.with_array(a), **SCAN, views=96).array for a in (padded, air))
    np.testing.assert_array_equal(low[:, outside], padded[:, outside])
    np.testing.assert_array_equal(low[:, ~outside], in_air[:, ~outside])
    assert (low[:, ~outside] != padded[:, ~outside]).mean() > 0.9


def test_noise_never_makes_padding_of_air():
    volume = body(slices=1)
    low = simulate_low_dose(volume, dose=0.01, photons=20, kernel_cutoff=1.0, views=96).array
    assert low.min() == -1500


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 7), (1, 5, 1), (1, 33, 70), (1, 2, 2)])
@pytest.mark.parametrize("spacing", [(0.5, 0.5), (1.0, 3.0), (20.0, 4.0)])
def test_any_shape_and_spacing_works(shape, spacing):
    volume = Volume(np.zeros(shape, np.int16), Geometry(spacing=(*spacing, 1.0)))
    low = simulate_low_dose(volume, **SCAN, views=64)
    assert low.array.shape == shape
    assert np.isfinite(noise_of(volume, views=64)).all()


def test_anisotropic_pixels_get_the_noise_of_their_place():
    # The same body on twice as many rows: the noise there is the noise at the same places.
    coarse, fine = body(64, 64, 4.0, slices=4), body(128, 64, 4.0, slices=4)
    y, x = np.ogrid[:128, :64]
    radius = np.hypot((x - 31.5) * 4 / 130, (y - 63.5) * 2 / 100)
    array = np.where(radius < 0.95, 40, -1000).astype(np.int16)[None].repeat(4, axis=0)
    fine = Volume(array, Geometry(spacing=(4.0, 2.0, 5.0)))
    coarse = coarse.with_array(array[:, ::2])
    a, b = noise_of(coarse, views=192), noise_of(fine, views=192)
    assert b.std() == pytest.approx(a.std(), rel=0.03)
    assert b[:, 56:72, 24:40].std() == pytest.approx(a[:, 28:36, 24:40].std(), rel=0.1)


def test_a_patient_larger_than_the_scan_field_gets_noise_inside_it_only():
    volume = Volume(np.full((1, 100, 100), -700, np.int16), Geometry(spacing=(8.0, 8.0, 5.0)))
    noise = noise_of(volume)[0]
    radius = np.hypot(*(np.indices((100, 100)) - 49.5)) * 8
    assert (noise[radius > 252] == 0).all() and (noise[radius < 240] != 0).all() and np.isfinite(noise).all()


def test_a_run_tells_its_progress_and_can_be_stopped():
    volume = body(slices=4)
    run = LowDoseRun(volume, ScanSettings(**SCAN, views=96))
    told = [(step.done, step.of) for step in run]
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    stopped = LowDoseRun(volume, ScanSettings(**SCAN, views=96))
    for step in stopped:
        if step.done == 2:
            break
    np.testing.assert_array_equal(stopped.output.array[:2], run.output.array[:2])
    np.testing.assert_array_equal(stopped.output.array[2:], volume.array[2:])
    told.clear()
    simulate_low_dose(volume, **SCAN, views=96, progress=lambda step: told.append(step.done))
    assert told == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"dose": 0}, "dose"),
        ({"dose": -0.1}, "dose"),
        ({"dose": 1.01}, "dose"),
        ({"dose": float("nan")}, "dose"),
        ({"photons": 0}, "photons"),
        ({"photons": float("inf")}, "photons"),
        ({"kernel_cutoff": 0.29}, "cut-off"),
        ({"kernel_cutoff": 2.1}, "cut-off"),
        ({"seed": -1}, "seed"),
        ({"seed": 0.5}, "seed"),
        ({"views": 90}, "views"),
        ({"views": 0}, "views"),
    ],
)
def test_settings_out_of_range_are_refused_in_one_line(wrong, words):
    with pytest.raises(InputError, match=words) as error:
        ScanSettings(**wrong)
    assert "\n" not in str(error.value)


def test_what_is_no_volume_is_refused_before_any_work():
    array = np.zeros((2, 8, 8), np.float32)
    holed = array.copy()
    holed[1, 2, 3] = np.nan
    for wrong, spacing, first, words in (
        (array[0], (1.0, 1.0), 0, "shape"),
        (array[:0], (1.0, 1.0), 0, "shape"),
        (array.astype(bool), (1.0, 1.0), 0, "bool"),
        (array.astype(complex), (1.0, 1.0), 0, "complex"),
        (holed, (1.0, 1.0), 0, "NaN"),
        (array - np.inf, (1.0, 1.0), 0, "infinite"),
        (array, (0.0, 1.0), 0, "spacing"),
        (array, (1.0, float("nan")), 0, "spacing"),
        (array, (1.0,), 0, "spacing"),
        (array, (1.0, 1.0), -1, "first slice"),
    ):
        with pytest.raises(InputError, match=words):
            low_dose_noise(wrong, spacing, first_slice=first)
    with pytest.raises(DeviceError):
        low_dose_noise(array, (1.0, 1.0), device="abacus")


def test_importing_the_simulation_does_not_import_torch():
    code = "import sys, LDCTDenoiseLib.simulation; assert 'torch' not in sys.modules"
    library = Path(simulation.__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": str(library)})


def test_the_cpu_works_in_place_of_an_apple_gpu(monkeypatch):
    choose = simulation.lowdose.choose_device
    monkeypatch.setattr(
        simulation.lowdose, "choose_device", lambda choice: choose("cpu") if choice == "cpu" else Device("mps", "GPU")
    )
    assert {step.device.name for step in LowDoseRun(body(slices=1), ScanSettings(**SCAN, views=64))} == {"cpu"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_draws_the_same_noise():
    volume = body()
    on_cpu = noise_of(volume)
    settings = ScanSettings(**SCAN, views=96)
    on_cuda = np.stack([n for _, n in low_dose_noise(volume.array, (3.0, 3.0), settings, device="cuda")])
    # The draws are the same; sums of another order and a sample rounded the other way are all that differs.
    assert np.abs(on_cuda - on_cpu).max() < 0.05 * on_cpu.std()
