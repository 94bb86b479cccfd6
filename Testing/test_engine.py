"""The engine: exact where it must be, bounded, stoppable, and honest about its device."""

import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import torch
from engine_helpers import Adding, ct
from LDCTDenoiseLib.engine import DenoiseRun, choose_device, denoise_array
from LDCTDenoiseLib.errors import DeviceError, InputError, MethodError
from LDCTDenoiseLib.hounsfield import WIDE, HURange
from LDCTDenoiseLib.methods import NetworkDenoiser
from model_maker import make_generator
from plain_networks import exact_hounsfield

#: One of each network.
METHODS = ("CNN-L1", "DCSCN")


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("hu_range", [WIDE, HURange(-300, 300)])
@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.int32, np.uint8, np.float16, np.float32, np.float64])
def test_zero_weights_return_the_input_bit_for_bit(method, hu_range, dtype):
    volume = np.random.default_rng(0).normal(0, 3000, (2, 18, 19)).clip(0, 250).astype(dtype)
    if np.dtype(dtype).kind != "u":
        volume[0, :4] = np.array(np.linspace(-3024, 30000, 19)).astype(dtype)
    output = denoise_array(volume, NetworkDenoiser(make_generator(method, "zero"), hu_range, method))
    assert output.dtype == volume.dtype and output.tobytes() == volume.tobytes()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("hu_range", [WIDE, HURange(-300, 300)])
def test_the_result_is_the_pass_through_rule(method, hu_range):
    generator = make_generator(method)
    volume = ct(dtype=np.float32)
    expected = volume + exact_hounsfield(generator, hu_range, volume).numpy()
    output = denoise_array(volume, NetworkDenoiser(generator, hu_range, method))
    assert np.abs(expected - volume).max() > 5
    np.testing.assert_allclose(output, expected, atol=0.02)


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_values_outside_ct_stay_as_they_are(dtype):
    volume = ct(dtype=dtype)
    volume[:, 3:6, 3:6], volume[:, 9, 9], volume[:, 12, 12] = -3024, -2000, 20000
    output = denoise_array(volume, NetworkDenoiser(make_generator(), WIDE, "DCSCN"))
    outside = (volume < -1500) | (volume > 3071)
    assert (output[outside] == volume[outside]).all() and (output[~outside] != volume[~outside]).any()


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 7), (1, 3, 2), (1, 17, 1), (5, 5), (1, 1)])
@pytest.mark.parametrize("method", ["DCSCN", "CNN-L1"])
def test_any_slice_size(shape, method):
    output = denoise_array(ct(shape), NetworkDenoiser(make_generator(method), WIDE, method))
    assert output.shape == shape


@pytest.mark.parametrize("batch", [1, 2, 4, 99])
def test_batches_do_not_change_the_result(batch):
    volume = ct((5, 30, 31), np.float32)
    denoiser = NetworkDenoiser(make_generator(), WIDE, "DCSCN")
    np.testing.assert_allclose(
        denoise_array(volume, denoiser, batch=batch), denoise_array(volume, denoiser, batch=1), atol=0.01
    )


def test_integers_are_rounded_to_nearest_and_kept_in_range():
    volume = np.array([[[-5, 0, 7, 250]]], np.int16)
    assert denoise_array(volume, Adding(0.6)).tolist() == [[[-4, 1, 8, 251]]]
    assert denoise_array(volume, Adding(-0.6)).tolist() == [[[-6, -1, 6, 249]]]
    assert denoise_array(np.array([[[0, 250]]], np.uint8), Adding(100)).tolist() == [[[100, 255]]]
    assert denoise_array(np.array([[[0, 250]]], np.uint16), Adding(-100)).tolist() == [[[0, 150]]]


def test_strength_blends():
    volume = ct(dtype=np.float32)
    np.testing.assert_allclose(denoise_array(volume, Adding(10), strength=0.25), volume + 2.5, atol=1e-3)
    assert (denoise_array(volume, Adding(10), strength=0) == volume).all()


def test_float64_keeps_its_precision():
    volume = np.full((1, 2, 2), 1 / 3, np.float64)
    assert (denoise_array(volume, Adding(0)) == volume).all()


def test_read_only_foreign_endian_and_strided_arrays():
    volume = ct((4, 20, 20))
    expected = denoise_array(volume, Adding(3))
    volume.flags.writeable = False
    assert (denoise_array(volume, Adding(3)) == expected).all()
    assert (denoise_array(volume.astype(">i2"), Adding(3)) == expected).all()
    assert (denoise_array(np.asfortranarray(volume), Adding(3)) == expected).all()
    assert (denoise_array(volume[::2, ::-1], Adding(3)) == expected[::2, ::-1]).all()


def test_tensors_come_back_as_tensors():
    tensor = torch.from_numpy(ct(dtype=np.float32))
    output = denoise_array(tensor, Adding(1))
    assert isinstance(output, torch.Tensor) and torch.equal(output, tensor + 1)


def test_progress_counts_slices_and_the_caller_may_stop():
    denoiser = Adding()
    run = DenoiseRun(ct((5, 4, 4)), denoiser, batch=2)
    steps = []
    for progress in run:
        steps.append((progress.done, progress.of))
        assert progress.seconds >= 0 and progress.seconds_left >= 0 and progress.device.is_cpu or not run.device.is_cpu
    assert steps == [(2, 5), (4, 5), (5, 5)]

    stopped = DenoiseRun(ct((5, 4, 4)), Adding(), batch=2)
    for _ in stopped:
        break
    assert stopped.denoiser.sizes == [2]


@pytest.mark.slow
def test_methods_that_know_no_device_need_no_torch():
    from LDCTDenoiseLib.methods import make_denoiser

    code = (
        "import sys, numpy as np\n"
        "from LDCTDenoiseLib.engine import denoise_array\n"
        "from LDCTDenoiseLib.methods import make_denoiser\n"
        "denoise_array(np.random.default_rng(0).normal(0, 40, (1, 32, 32)), make_denoiser('TV'))\n"
        "print('torch' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == "False", done.stderr
    with pytest.raises(DeviceError, match="unknown"):
        DenoiseRun(ct(), make_denoiser("TV"), "tpu")


def test_other_errors_are_not_taken_for_memory():
    class Broken(Adding):
        def correction(self, hounsfield):
            raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        denoise_array(ct(), Broken())


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_named(bad):
    volume = ct(dtype=np.float32)
    volume[1, 2, 3] = bad
    with pytest.raises(InputError, match="slice 1"):
        denoise_array(volume, Adding())


@pytest.mark.parametrize(
    ("volume", "words"),
    [
        (np.zeros((2, 3, 4, 5)), "axes"),
        (np.zeros(5), "axes"),
        (np.zeros((0, 4, 4)), "empty"),
        (np.zeros((2, 0, 4)), "empty"),
        (np.zeros((2, 2), bool), "bool"),
        (np.zeros((2, 2), complex), "complex"),
        (np.array([["a"]]), "<U1"),
    ],
)
def test_what_is_no_volume_is_refused(volume, words):
    with pytest.raises(InputError, match=words):
        denoise_array(volume, Adding())


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_bad_strength(strength):
    with pytest.raises(InputError, match="strength"):
        denoise_array(ct(), Adding(), strength=strength)


def test_devices():
    assert choose_device("cpu").words.startswith("CPU, ")
    assert choose_device("auto").name in ("cpu", "mps", "cuda:0")
    with pytest.raises(DeviceError, match="unknown; choose from"):
        choose_device("tpu")
    with pytest.raises(DeviceError, match="unknown"):
        choose_device("cuda:x")
    if not torch.cuda.is_available():
        with pytest.raises(DeviceError, match="'cuda' was asked for"):
            choose_device("cuda")


@pytest.mark.skipif(os.name == "nt", reason="numpy's allocations are traced alike everywhere; once is enough")
def test_memory_is_input_output_and_one_batch():
    volume = ct((60, 128, 128))
    denoiser = Adding()
    denoise_array(volume[:1], denoiser, device="cpu")  # what is imported and kept once is not the run's
    tracemalloc.start()
    denoise_array(volume, denoiser, device="cpu")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    batch = 128 * 128 * 4
    assert peak < volume.nbytes + 16 * batch  # masks of padding and metal among them


@pytest.mark.parametrize("name", ["TV", "NLM"])
def test_reference_methods_reduce_noise_and_keep_the_mean(name):
    from LDCTDenoiseLib.methods import make_denoiser

    rng = np.random.default_rng(3)
    truth = np.full((1, 96, 96), 50.0, np.float32)
    truth[:, 30:60, 30:60] = 120
    noisy = truth + rng.normal(0, 30, truth.shape).astype(np.float32)
    output = denoise_array(noisy, make_denoiser(name))
    assert np.sqrt(np.mean((output - truth) ** 2)) < 15
    assert abs(output.mean() - truth.mean()) < 1.5
    assert (denoise_array(truth * 0 + 7, make_denoiser(name)) == 7).all()
    assert denoise_array(np.ones((1, 1, 1), np.int16), make_denoiser(name)).tolist() == [[[1]]]


@pytest.mark.parametrize("value", (np.nan, np.inf, -1e10, 2e4))
def test_what_no_method_gives_is_refused(value):
    """Absurd weights: without this NaN and 1e10 HU were written, with exit code 0."""
    with pytest.raises(MethodError, match="weights or its HU range are damaged"):
        denoise_array(ct(), Adding(value), "cpu")
    metal = np.full((1, 8, 8), 30000, np.int16)
    assert (denoise_array(metal, Adding(-2e4), "cpu") == metal).all()  # outside every range: passes as it is
