"""Training of a network that reads neighbouring slices: what it is shown, at ends and of averages, too."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from LDCTDenoiseLib.engine.run import DenoiseRun
from LDCTDenoiseLib.methods.denoiser import numbers_read
from LDCTDenoiseLib.methods.registry import make_denoiser
from LDCTDenoiseLib.models import ModelCard, read_card, save_model
from LDCTDenoiseLib.simulation import ScanSettings, low_dose_noise
from LDCTDenoiseLib.volumes import Geometry, Volume
from LDCTDenoiseTrainingLib.data import NoiseCache, PatchSource, Variety, cache_scans
from LDCTDenoiseTrainingLib.data.cache import with_neighbours
from LDCTDenoiseTrainingLib.data.noise_cache import lesions, simulate_slices
from LDCTDenoiseTrainingLib.patients import PatientSet, Scan, SimulationRanges
from LDCTDenoiseTrainingLib.training import Training, TrainingConfig
from LDCTDenoiseTrainingLib.training.state import State
from LDCTDenoiseTrainingLib.training.validate import validation_slices
from training_maker import body, save_scan

QUICK = {"patch": 16, "batch": 2, "steps": 2, "warmup_steps": 0, "noise_generations": 1, "validation_pairs": 2,
         "validation_slices": 2, "noise_slices": 2}


@pytest.fixture(scope="module")
def stairs(tmp_path_factory):
    """Two scans of six slices, each 100 HU above the one before it: one simulated, one a real pair."""
    folder = tmp_path_factory.mktemp("stairs")
    array = body(0, 1).repeat(6, 0) + 100 * np.arange(6, dtype=np.int16)[:, None, None]
    paths = [save_scan(folder / f"{name}.nii.gz", array + n) for n, name in enumerate(("p0", "p1", "p1_low"))]
    ranges = SimulationRanges((0.25, 0.25), (900, 900), (1.0, 1.0))
    scans = Scan("p0", "train", paths[0], simulation=ranges), Scan("p1", "train", paths[1], low=paths[2])
    return cache_scans(PatientSet(scans), folder / "cache", 16)


def stacks_of(*arguments):
    numbers, places = with_neighbours(*arguments)
    return numbers[places]


@pytest.mark.parametrize("neighbours", [1, 2])
def test_neighbours_are_those_that_the_engine_reads(neighbours):
    stacks = stacks_of(range(5), 5, neighbours)
    assert [list(stack) for stack in stacks] == [list(numbers_read(k, k + 1, 5, neighbours)) for k in range(5)]
    assert stacks_of([0], 1, neighbours).tolist() == [[0] * (2 * neighbours + 1)]


def test_averages_stand_next_to_averages():
    assert stacks_of([0, 2, 3], 8, 1, 3).tolist() == [[0, 0, 3], [2, 2, 5], [0, 3, 3]]


def test_noise_of_chosen_slices_is_that_of_their_numbers():
    volume = body(0, 4).astype(np.float32)
    settings = ScanSettings(photons=900, kernel_cutoff=1.0, slice_correlation=0.4)
    whole = dict(low_dose_noise(volume, (10, 10), settings))
    chosen = dict(low_dose_noise(volume[[1, 3]], (10, 10), settings, first_slice=[1, 3]))
    for k, number in enumerate((1, 3)):
        np.testing.assert_allclose(chosen[k], whole[number], atol=1e-3)


def test_a_lesion_reaches_near_slices_and_seldom_far_ones():
    image = np.full((64, 64), 50.0, np.float32)
    added = [lesions(image, (0.8, 0.8), 1, np.random.default_rng(n), (1.0, 0.0, 8.0)) for n in range(40)]
    near, own, far = (sum(bool(np.abs(stack[n]).max() > 1) for stack in added) for n in range(3))
    assert own == 40 and 25 < near < 40 and far < 12
    assert all(not stack[0].any() or np.array_equal(stack[0], stack[1]) for stack in added)


@pytest.mark.slow
def test_what_a_generation_holds_of_neighbours(stairs):
    cache = NoiseCache(stairs[:1], 1, 1, 1, variety=Variety(slices=2, thickness=10.0), neighbours=1)
    drawn = replace(cache.draw(stairs[0], 0), slices=(0, 3), averaged=2)
    made = simulate_slices(stairs[0], drawn)
    # Averages of two are two slices apart; slice 0 has none before it, and slice 3 none after it.
    assert made.stacks.tolist() == [[0, 0, 2], [1, 3, 3]] and made.full.shape == made.noise.shape
    assert all(np.array_equal(made.full[n], np.rint(stairs[0].full[n : n + 2].mean(0))) for n in range(4))
    assert len(made.body) == 2 and set(made.bone[:, 0]) <= {0, 1}
    assert cache.file(stairs[0], 0) != replace(cache, neighbours=0).file(stairs[0], 0)


@pytest.mark.slow
@pytest.mark.parametrize("real", [False, True])
def test_patches_stand_between_their_neighbours(stairs, real):
    scans = stairs[1:] if real else stairs[:1]
    noise = NoiseCache([] if real else scans, 1, 1, 1, neighbours=1)
    noise.wait(0)
    batch = PatchSource(scans, noise, 1, 16, 10, full_dose=1.0).batch(0, 0, 60)
    low, full = batch.low.numpy().astype(int), batch.full.numpy().astype(int)
    assert low.shape == (60, 3, 16, 16) and full.shape == (60, 16, 16)
    assert (low[:, 1] - full == real).all()
    apart = low[:, 1:] - low[:, :-1]
    assert (apart == apart[..., :1, :1]).all()
    steps = {tuple(pair) for pair in apart[..., 0, 0].tolist()}
    # Either way up, and at the ends the slice itself.
    assert steps == {(100, 100), (-100, -100), (0, 100), (100, 0), (0, -100), (-100, 0)}


@pytest.mark.slow
def test_validation_shows_neighbours(stairs):
    config = TrainingConfig.of_method("DCSCN-3S").changed({"validation_photons": 900, "validation_kernel": 1.0})
    for scan in stairs:
        part = validation_slices(scan, config, 0)
        assert part.stacks.shape == (6, 3, *scan.shape[1:])
        assert np.array_equal(part.stacks[2:, 0], part.low[1:-1]) and np.array_equal(part.stacks[0, 0], part.low[0])
        assert np.array_equal(part.low, validation_slices(scan, config, 0).low)


@pytest.mark.slow
def test_a_network_of_three_slices_is_trained_saved_and_run(tmp_path):
    patients = PatientSet(tuple(
        Scan(name, role, save_scan(tmp_path / f"{name}.nii.gz", body(n)))
        for n, (name, role) in enumerate((("p0", "train"), ("p1", "validation")))
    ))
    config = TrainingConfig.of_method("DCSCN-3S").changed({**QUICK, "noise_level": True, "kernel_boost": 1.0})
    model = Training(patients, config, tmp_path / "run").run()
    card = read_card(model)
    assert (card.method, card.architecture["channels"], card.architecture["image"]) == ("DCSCN-3S", 4, 1)
    run = DenoiseRun(Volume(body(3), Geometry((10.0, 10.0, 5.0))), make_denoiser(model=model), "cpu")
    for _ in run:
        pass
    assert run.output.shape == body(3).shape and (run.output != body(3)).any()


@pytest.mark.parametrize("level", [False, True])
def test_a_network_of_one_slice_is_where_one_of_three_may_begin(tmp_path, level):
    config = TrainingConfig.of_method("DCSCN").changed({"noise_level": level})
    one = State(config, "cpu")
    save_model(tmp_path / "one.safetensors", one.generator,
               ModelCard("DCSCN", config.architecture, (-1024, 3071), {}, [], {}, {}, "test", 1))
    settings = {"noise_level": True, "start_from": str(tmp_path / "one.safetensors")}
    three = State(TrainingConfig.of_method("DCSCN-3S").changed(settings), "cpu")
    image = torch.rand(1, 4, 40, 40)
    with torch.no_grad():
        torch.testing.assert_close(
            three.generator.correction(image), one.generator.correction(image[:, [1, 3] if level else [1]]),
            rtol=0, atol=1e-6)
