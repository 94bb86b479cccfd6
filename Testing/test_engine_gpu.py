"""The engine's path on a GPU, as far as it can be tried without one, and beside the CPU where there is one."""

import numpy as np
import pytest
import torch
from engine_helpers import Adding, ct
from LDCTDenoiseLib.engine import DenoiseRun, denoise_array
from LDCTDenoiseLib.engine.device import Device
from LDCTDenoiseLib.errors import LDCTWarning
from LDCTDenoiseLib.hounsfield import WIDE
from LDCTDenoiseLib.methods import NetworkDenoiser
from LDCTDenoiseLib.methods.whole_slices import WholeSlices
from model_maker import make_generator
from plain_networks import exact_correction, exact_hounsfield


class Beginning(Adding):
    """Adds one HU, and notes what was begun and what was waited for."""

    def __init__(self, fails=()):
        super().__init__()
        self.events, self.fails = [], list(fails)

    def start(self, hounsfield):
        number = len([e for e in self.events if e[0] == "begun"])
        self.events.append(("begun", len(hounsfield)))

        def finish():
            self.events.append(("waited", len(hounsfield)))
            if number in self.fails:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return self.correction(hounsfield)

        return finish


def test_the_next_batch_is_begun_before_this_one_is_waited_for():
    volume, denoiser = ct((5, 4, 4)), Beginning()
    run = DenoiseRun(volume, denoiser, "cpu", batch=2)
    first = next(iter(run))
    assert first.done == 2 and denoiser.events == [("begun", 2), ("begun", 2), ("waited", 2)]
    assert (run.output[:2] == volume[:2] + 1).all()

    denoiser = Beginning()
    assert (denoise_array(volume, denoiser, batch=2) == volume + 1).all()
    assert denoiser.events == [("begun", 2), ("begun", 2), ("waited", 2), ("begun", 1), ("waited", 2), ("waited", 1)]


def test_what_was_begun_on_a_full_gpu_is_begun_anew_in_smaller_batches():
    volume, denoiser = ct((7, 4, 4)), Beginning(fails=[1])
    run = DenoiseRun(volume, denoiser, Device("gpu-of-a-test", "Test GPU"), batch=4)
    with pytest.warns(LDCTWarning, match="going on with 2"):
        steps = [progress.done for progress in run]
    assert steps == [4, 6, 7] and (run.output == volume + 1).all()


@pytest.mark.parametrize("method", ["DCSCN", "CNN-L1"])
def test_whole_slices_on_a_device_of_torch_give_the_plain_result(method):
    # The path of a GPU, without one: torch's CPU stands in for the device, so pinned memory is not tried.
    generator, volume = make_generator(method).eval(), ct((3, 21, 34), np.float32)
    network = WholeSlices(generator, WIDE, "cpu")
    finishes = [network.start(volume[:2]), network.start(volume[2:])]
    unit = WIDE.to_unit(torch.from_numpy(volume).double())[:, None]
    expected = exact_correction(generator, unit)[:, 0].numpy() * WIDE.width
    np.testing.assert_allclose(np.concatenate([finish() for finish in finishes]), expected, atol=0.01)


def test_convolutions_on_a_gpu_keep_float32_and_the_setting_outside():
    class Noting(torch.nn.Module):
        def correction(self, unit):
            seen.append(torch.backends.cudnn.allow_tf32)
            return unit

    seen, before = [], torch.backends.cudnn.allow_tf32
    WholeSlices(Noting(), WIDE, "cpu").start(ct((1, 4, 4), np.float32))()
    assert seen == [False] and torch.backends.cudnn.allow_tf32 == before


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("method", ["DCSCN", "CNN-L1"])
def test_a_cuda_device_gives_the_exact_result(method):
    volume, denoiser = ct((20, 64, 70), np.float32), NetworkDenoiser(make_generator(method), WIDE, method)
    expected = volume + exact_hounsfield(denoiser.generator, WIDE, volume).numpy()
    np.testing.assert_allclose(denoise_array(volume, denoiser, "cuda", batch=3), expected, atol=0.05)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"),
                                   RuntimeError("MPS backend out of memory (…)")])
def test_gpu_memory_running_out_halves_the_batch_then_falls_back(error):
    class Small(Adding):
        largest = 2

        def correction(self, hounsfield):
            if self.devices[-1] != "cpu" and len(hounsfield) > self.largest:
                raise error
            return super().correction(hounsfield)

    gpu = Device("gpu-of-a-test", "Test GPU")
    volume = ct((9, 4, 4))
    run = DenoiseRun(volume, Small(), gpu, batch=8)
    with pytest.warns(LDCTWarning, match="going on with 4"):
        for _ in run:
            pass
    assert run.denoiser.sizes == [2, 2, 2, 2, 1] and run.device == gpu and len(run.notices) == 2
    assert (run.output == volume + 1).all()

    none_fits = Small()
    none_fits.largest = 0
    run = DenoiseRun(volume, none_fits, gpu, batch=2)
    with pytest.warns(LDCTWarning, match="going on with the CPU"):
        for _ in run:
            pass
    assert run.device.is_cpu and none_fits.devices[-1] == "cpu" and (run.output == volume + 1).all()
