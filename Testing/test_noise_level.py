"""The noise level of a scan, and networks that are told it."""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from LDCTDenoiseLib.derived.series_options import Provenance
from LDCTDenoiseLib.engine.run import DenoiseRun
from LDCTDenoiseLib.errors import MethodError, ModelFileError
from LDCTDenoiseLib.hounsfield import WIDE
from LDCTDenoiseLib.methods import NetworkDenoiser, architecture_of_method, build_generator
from LDCTDenoiseLib.methods.registry import make_denoiser
from LDCTDenoiseLib.models import ModelCard, read_card, save_model
from LDCTDenoiseLib.scan import measure_noise
from LDCTDenoiseLib.scan.level import EXPECTED, level_of_noise, measure_level, told_level
from LDCTDenoiseLib.scan.noise import OwnNoise
from LDCTDenoiseLib.volumes import Geometry, Volume, write_volume
from LDCTDenoiseTrainingLib.data import NoiseCache, PatchSource, Variety, cache_scans
from LDCTDenoiseTrainingLib.data.patches import transfer
from LDCTDenoiseTrainingLib.patients import PatientSet, Scan, SimulationRanges
from LDCTDenoiseTrainingLib.training import Training, TrainingConfig
from LDCTDenoiseTrainingLib.training.state import State
from scipy import ndimage
from training_maker import body, save_scan

LEVEL = {"channels": 2, "noise_level": True}
QUICK = {
    "patch": 16, "batch": 2, "steps": 2, "log_every": 1, "checkpoint_every": 2, "validate_every": 2,
    "validation_slices": 1, "validation_pairs": 4, "warmup_steps": 0, "noise_slices": 1, "noise_generations": 1,
}


def scan_of(sd: float, slices: int = 4, size: int = 160, slice_mm: float = 2.5) -> Volume:
    """Return flat soft tissue with the noise of a standard kernel."""
    rng = np.random.default_rng(5)
    white = rng.normal(0, 1, (slices, size, size))
    # The ramp of a reconstruction and a Gaussian apodisation, so that frequencies are those of CT.
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(size, 0.75), np.fft.fftfreq(size, 0.75)))
    noise = np.fft.ifft2(np.fft.fft2(white) * np.sqrt(frequency) * np.exp(-((frequency / 0.45) ** 2))).real
    array = (60 + sd * noise / noise.std()).astype(np.float32)
    return Volume(array, Geometry((0.75, 0.75, slice_mm)), "flat")


def test_twice_the_noise_is_a_level_higher_by_the_logarithm_of_two():
    assert level_of_noise(30, 0.36, 2.5) - level_of_noise(15, 0.36, 2.5) == pytest.approx(math.log(2))
    assert level_of_noise(15, 0.36) == level_of_noise(15, 0.36, 2.5)
    # Thicker slices and softer kernels have less noise at the same dose.
    assert level_of_noise(15, 0.36, 5.0) > level_of_noise(15, 0.36, 2.5) > level_of_noise(15, 0.5, 2.5)
    assert told_level(None) == EXPECTED and level_of_noise(0, 0) < -1 and level_of_noise(1e9, 0.3) < 3


def test_a_scans_level_follows_its_noise_and_its_slices():
    lowest, low, full, clean, thin = (
        measure_level(scan_of(*a)) for a in ((80,), (40,), (20,), (10,), (20, 4, 160, 1.25)))
    # Half of it is believed, and more than all of it beyond what a quarter dose has.
    assert full - clean == pytest.approx(0.5 * math.log(2), abs=0.02)
    assert lowest - low == pytest.approx(1.25 * math.log(2), abs=0.02)
    assert full < low < lowest
    assert thin < full  # thin slices are noisier at the same dose
    assert measure_level(Volume(np.full((2, 64, 64), -1000, np.int16), Geometry((1, 1, 1)), "air")) == EXPECTED
    assert measure_level(scan_of(20).array) == pytest.approx(full, abs=0.02)


def test_what_is_told_has_no_steps_and_rises():
    def told(level, frequency):
        usual = math.log(30) - level_of_noise(30, frequency, 2.5)  # ln of the SD of level 0
        return told_level(OwnNoise(math.exp(usual + level), frequency, (), (), 0.0, 1), 2.5)

    grid = np.array([[told(level, f) for f in np.arange(0.3, 0.6, 0.002)] for level in np.arange(-1, 2.3, 0.02)])
    assert (np.diff(grid, axis=0) > 0).all() and np.abs(np.diff(grid, axis=1)).max() < 0.06
    assert told(0.69, 0.36) == pytest.approx(0.925)  # a quarter of a usual full dose
    # Sharp kernels are told less, till there is too much noise for a full dose.
    assert told(1.2, 0.47) == pytest.approx(0.33) and told(1.9, 0.47) == pytest.approx(1.03)


@pytest.mark.parametrize("method", ["DCSCN", "CNN-L1", "RED-CNN"])
def test_a_level_becomes_biases(method):
    generator = build_generator({**architecture_of_method(method), **LEVEL}).double()
    image = torch.rand(1, 1, 2 * generator.radius + 8, 2 * generator.radius + 6, dtype=torch.float64)
    told = generator.at_noise_level(0.7)
    assert told.network.channels == 1 and not told.network.noise_level
    r = generator.radius
    with torch.no_grad():
        inner = np.s_[..., r:-r, r:-r]
        both = generator.correction(torch.cat((image, torch.full_like(image, 0.7)), 1))[inner]
        torch.testing.assert_close(told.correction(image)[inner], both, rtol=0, atol=1e-12)
        other = generator.at_noise_level(0.2).correction(image)[inner]
    assert (other - both).abs().max() > 1e-3


def test_the_engine_tells_a_network_the_level_of_the_whole_scan():
    generator = build_generator({**architecture_of_method("DCSCN"), **LEVEL})
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.mul_(0.3)
    network, scan = NetworkDenoiser(generator, WIDE, "mine"), scan_of(25)
    # Who asks it alone, without a scan, gets the usual level.
    usual = network.at_noise_level(2).at_noise_level(EXPECTED)
    assert np.array_equal(network.correction(scan.array), usual.correction(scan.array))
    with pytest.raises(MethodError, match="reads no noise level"):
        NetworkDenoiser(build_generator("DCSCN"), WIDE, "blind").at_noise_level(0.5)
    run = DenoiseRun(scan, network, "cpu")
    for _ in run:
        pass
    told = DenoiseRun(scan, network.at_noise_level(measure_level(scan)), "cpu")
    other = DenoiseRun(scan, network.at_noise_level(measure_level(scan) + 1), "cpu")
    for each in (told, other):
        for _ in each:
            pass
    assert np.array_equal(run.output, told.output) and np.abs(run.output - other.output).max() > 0.01


@pytest.mark.parametrize(
    "architecture",
    [
        {**architecture_of_method("DCSCN"), "noise_level": True},
        {**architecture_of_method("DCSCN"), "channels": 2, "image": 1, "noise_level": True},
        {**architecture_of_method("DCSCN"), "channels": 2, "noise_level": 1},
    ],
)
def test_networks_that_cannot_read_a_level_are_refused(architecture):
    with pytest.raises(ModelFileError, match="noise_level"):
        build_generator(architecture)


@pytest.mark.slow
def test_a_patchs_level_is_that_of_its_low_dose(tmp_path):
    scan = scan_of(15, 6, 200)
    write_volume(scan, tmp_path / "p0.nii.gz")
    patients = PatientSet((Scan("p0", "train", tmp_path / "p0.nii.gz", simulation=SimulationRanges((0.25, 0.25))),))
    cached = cache_scans(patients, tmp_path, 32)
    cache = NoiseCache(cached, seed=1, generations=1, workers=1, variety=Variety(slices=4), levels=True)
    cache.wait(0)
    slices = cache.open(cached[0], 0)
    assert slices.slice_mm == pytest.approx(2.5) and slices.pixel == pytest.approx((0.75, 0.75))

    def measured(boost: float, factor: float) -> float:
        low = slices.full + factor * slices.noise.astype(np.float32)
        low = low + boost * (low - np.stack([ndimage.gaussian_filter(image, 0.7) for image in low]))
        noise = measure_noise(low, (0.75, 0.75))
        return level_of_noise(noise.sd, noise.mean_frequency, 2.5)

    assert slices.level(0.0) == pytest.approx(measured(0, 0), abs=0.05)
    assert slices.level(1.0) - slices.level(0.0) == pytest.approx(math.log(2), abs=0.1)  # a quarter: twice the noise
    assert slices.level(1.0) == pytest.approx(measured(0, 1.0), abs=0.05)
    sharper = slices.level(0.5, partial(transfer, 2.0, 0.75))
    assert sharper == pytest.approx(measured(2.0, 0.5), abs=0.08) and abs(sharper - slices.level(0.5)) > 0.15

    source = PatchSource(cached, cache, seed=1, patch=32, refresh=10, full_dose=0.5)
    batch = source.batch(0, 0, 60)
    doses = [slices.level(0.0), slices.level(1.0)]
    off = np.abs(batch.level.numpy()[:, None] - doses).min(1)
    assert off.std() > 0.02 and np.abs(off).mean() < 0.25
    alike = np.array([low[0].equal(full) for low, full in zip(batch.low, batch.full, strict=True)])
    assert 10 < alike.sum() < 50 and batch.level[alike].mean() < batch.level[~alike].mean() - 0.4
    assert replace(source, noise=replace(cache, levels=False)).batch(0, 0, 2).level is None


@pytest.mark.slow
def test_a_network_that_reads_the_level_is_trained_saved_and_run(tmp_path):
    patients = PatientSet(tuple(
        Scan(name, role, save_scan(tmp_path / f"{name}.nii.gz", body(n)))
        for n, (name, role) in enumerate((("p0", "train"), ("p1", "validation")))
    ))
    settings = {**QUICK, "noise_level": True, "kernel_boost": 1.0}
    model = Training(patients, TrainingConfig.of_method("DCSCN").changed(settings), tmp_path / "run").run()
    card = read_card(model)
    assert card.architecture["noise_level"] is True and card.architecture["channels"] == 2
    denoiser = make_denoiser(model=model)
    run = DenoiseRun(scan_of(25), denoiser, "cpu")
    for _ in run:
        pass
    assert np.isfinite(run.output).all() and "; noise level " in Provenance.of_run(run).words


@pytest.mark.slow
def test_a_network_without_a_level_is_where_one_with_it_may_begin(tmp_path):
    config = TrainingConfig.of_method("DCSCN")
    blind = State(config, "cpu")
    card = ModelCard("DCSCN", config.architecture, (-1024, 3071), {}, [], {}, {}, "test", 1)
    save_model(tmp_path / "blind.safetensors", blind.generator, card)
    begun = State(config.changed({"noise_level": True, "start_from": str(tmp_path / "blind.safetensors")}), "cpu")
    image = torch.rand(1, 1, 40, 40)
    with torch.no_grad():
        both = begun.generator.correction(torch.cat((image, torch.full_like(image, 0.8)), 1))
        torch.testing.assert_close(both, blind.generator.correction(image), rtol=0, atol=1e-6)
