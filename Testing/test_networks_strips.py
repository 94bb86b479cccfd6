"""The generators in strips, as the CPU computes them, compiled or with torch, against their definitions in float64."""

import os
import platform
import subprocess
import sys
import threading
from functools import cache

import numpy as np
import pytest
import torch
from LDCTDenoiseLib.compiled.host import is_supported
from LDCTDenoiseLib.compiled.rows import compiled_rows
from LDCTDenoiseLib.engine import DenoiseRun, denoise_array
from LDCTDenoiseLib.hounsfield import WIDE
from LDCTDenoiseLib.methods import NetworkDenoiser, architecture_of_method, build_generator, make_denoiser
from LDCTDenoiseLib.networks.strips import strips_of
from LDCTDenoiseLib.volumes import read_volume
from model_maker import make_generator
from plain_networks import assert_exact, exact_correction, exact_hounsfield


def trained(architecture, seed=0):
    """Return a generator with slopes and biases as a training leaves them: all different, of either sign."""
    torch.manual_seed(seed)
    generator = build_generator(architecture)
    with torch.no_grad():
        for parameter in generator.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter) * 0.3)
    return generator


@pytest.fixture(params=["compiled", "torch"])
def strips(request, monkeypatch):
    """What makes strips of a generator; the engine makes them so too."""
    if request.param == "torch":
        monkeypatch.setattr("LDCTDenoiseLib.compiled.rows.compiled_rows", lambda _generator: None)
        return strips_of
    if not is_supported():
        pytest.skip("nothing is compiled on this computer")
    return compiled_rows


ARCHITECTURES = {
    "paper": architecture_of_method("DCSCN"),
    "odd": {"name": "dcscn", "filters": [5, 9, 8], "a1": 7, "b1": 3, "b2": 11},
    "one": {"name": "dcscn", "filters": [1], "a1": 1, "b1": 1, "b2": 1},
    "deep": {"name": "dcscn", "filters": [2] * 12, "a1": 13, "b1": 2, "b2": 2},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("size", [(1, 1), (2, 30), (19, 1), (33, 47), (70, 20)])
def test_dcscn_in_one_strip_is_the_papers_network(strips, name, size):
    generator = trained(ARCHITECTURES[name])
    image = torch.rand(size)
    expected = exact_correction(generator, image[None, None])
    with torch.inference_mode():
        assert_exact(generator.correction(image[None, None]), expected, image)
        assert_exact(strips(generator)(image[None], False, False), expected[0, 0], image)


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("size", [(1, 1), (2, 30), (40, 23)])
def test_the_stack_in_one_strip_is_the_stack(strips, residual, size):
    generator = trained({"name": architecture_of_method("CNN-L1")["name"], "layers": 5, "filters": 13,
                         "residual": residual})
    image = torch.rand(size)
    with torch.inference_mode():
        strip = strips(generator)(image[None], False, False)
    assert_exact(strip, exact_correction(generator, image[None, None])[0, 0], image)


@pytest.mark.parametrize("method", ["DCSCN", "CNN-L1"])
@pytest.mark.parametrize("cut", [(0, 25), (25, 60), (60, 90), (8, 82)])
def test_strips_meet_without_seams(strips, method, cut):
    generator, image = trained(method), torch.rand(90, 31)
    first, last = max(0, cut[0] - 8), min(90, cut[1] + 8)
    above, below = first > 0, last < 90
    with torch.inference_mode():
        rows = strips(generator)(image[None, first:last], above, below)
    expected = exact_correction(generator, image[None, None])[0, 0]
    assert_exact(rows, expected[first + 8 * above : last - 8 * below], image)


@cache
def volume_and_result(method):
    """Return HU and what a network makes of them, in float64; the reference costs more than all that is tried."""
    volume = np.random.default_rng(1).normal(0, 300, (2, 150, 145)).clip(-1400, 3000).astype(np.float32)
    return volume, volume + exact_hounsfield(make_generator(method), WIDE, volume).numpy()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["DCSCN", "CNN-L1"])
@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_any_number_of_threads_gives_the_plain_result(strips, method, threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        volume, expected = volume_and_result(method)
        output = denoise_array(volume, NetworkDenoiser(make_generator(method), WIDE, method), batch=2)
        # The threads of the engine are its own: the number elsewhere is what it was, also in threads that begin now.
        seen = []
        thread = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        assert seen == [threads] and torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert np.abs(expected - volume).max() > 5
    np.testing.assert_allclose(output, expected, atol=0.01)


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="about the C library of most Linux systems")
def test_memory_of_planes_is_not_cleared_anew_for_each_layer():
    code = (
        "import resource, numpy as np, torch\n"
        "from LDCTDenoiseLib.hounsfield import WIDE\n"
        "from LDCTDenoiseLib.methods.cpu import CPUNetwork\n"
        "from LDCTDenoiseLib.methods import build_generator\n"
        "from LDCTDenoiseLib.networks.strips import strips_of\n"
        "torch.set_num_threads(1)\n"
        "work = CPUNetwork(strips_of(build_generator('DCSCN')), WIDE)\n"
        "image = np.zeros((1, 256, 512), np.float32)\n"
        "faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "work.start(image)(); before = faults(); work.start(image)(); print(faults() - before)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=300)
    # Three strips of which each has 40 MB of planes to write, 10,000 pages.
    assert int(done.stdout) < 5000, done.stderr


def test_weights_that_change_between_two_runs_are_those_of_the_second(strips):
    generator = make_generator()
    denoiser, volume = NetworkDenoiser(generator, WIDE, "DCSCN"), np.zeros((1, 20, 20), np.float32)
    first = denoise_array(volume, denoiser)
    with torch.no_grad():
        generator.get_parameter("last.weight").zero_()
    assert (denoise_array(volume, denoiser) == volume).all() and not (first == volume).all()


def test_a_generator_of_another_kind_is_computed_as_it_is():
    class Half(torch.nn.Module):
        def correction(self, image):
            return -image / 2

    volume = np.full((1, 4, 5), 976.0, np.float32)
    assert denoise_array(volume, NetworkDenoiser(Half(), WIDE, "half")) == pytest.approx(-24.0)


@pytest.mark.slow
@pytest.mark.skipif("LDCT_DATA" not in os.environ, reason="needs the folder of real volumes in LDCT_DATA")
@pytest.mark.parametrize("method", ["DCSCN", "CNN-L1"])
def test_real_slices_with_the_weights_that_ship(strips, method):
    from LDCTDenoiseLib.models import find_model, load_model

    volume = read_volume(os.path.join(os.environ["LDCT_DATA"], "validation", "chest_LIDC_0009.nii.gz"))
    slices = volume.array[::16, 150:350, 200:400].astype(np.float32)
    denoiser = make_denoiser(method)
    run = DenoiseRun(slices, denoiser, "cpu")
    list(run)
    generator = load_model(find_model(method)).generator
    if run.denoiser.noise_level is not None:
        generator = generator.at_noise_level(run.denoiser.noise_level)
    expected = slices + exact_hounsfield(generator, denoiser.hu_range, slices).numpy()
    touched = (slices >= -1500) & (slices <= 3071)
    assert np.abs(run.output - expected)[touched].max() <= 0.01
