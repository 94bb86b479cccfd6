"""How long a training will take on this machine and how much memory it needs, from a few steps on made-up patches."""

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from LDCTDenoiseLib.engine import choose_device
from LDCTDenoiseLib.engine.device import is_out_of_memory, release_memory, synchronize
from LDCTDenoiseLib.errors import DeviceError
from LDCTDenoiseLib.hounsfield import HURange
from LDCTDenoiseLib.methods import NetworkDenoiser
from LDCTDenoiseLib.volumes.packed import memory_there

from ..data.patches import Batch
from ..patients import PatientSet
from ..training.config import TrainingConfig
from ..training.state import State
from ..training.train import Training
from ..training.validate import denoise_slice, measure_pair

#: Pairs of the batch that is measured where there is no GPU; time grows in proportion, and a whole one takes too long.
_CPU_BATCH = 16
#: Side of a slice that the validation is measured on, and that of a usual one.
_SIDE, _USUAL_SIDE = 256, 512
#: Steps are measured until there are so many and so many seconds have gone.
_LEAST_STEPS, _LEAST_SECONDS = 2, 2.0


def estimate(config: TrainingConfig, device: str = "auto") -> dict:
    """Measure a few steps.

    Returns
    -------
    dict
        `device`, in words; `batch`; `fits`: the largest batch among it, its half, its quarter, … that fits into the
        memory; `seconds_per_step` and `memory` (bytes: of a GPU what torch reserves, else the process's peak) of a
        batch of `fits`; `memory_there`: bytes of the device; `steps`, and `seconds` for all of them; and
        `seconds_per_validation_slice` (512×512). Reading the scans and simulating come on top.

    Raises
    ------
    DeviceError
        If not even one pair fits.
    """
    chosen = choose_device(device)
    fits = config.batch
    while True:
        tried = min(fits, _CPU_BATCH) if chosen.is_cpu else fits
        before = _memory_used(chosen.name) if chosen.is_cpu else 0  # Python and torch, whatever the batch
        try:
            seconds, memory = _measure(replace(config, batch=tried), chosen.name)
        except RuntimeError as error:
            # The allocator of the CPU has words of its own.
            if not is_out_of_memory(error) and "can't allocate memory" not in str(error):
                raise
            if tried == 1:
                raise DeviceError(f"{chosen} has too little memory for a single pair of patches.") from error
            fits = tried // 2
            release_memory(chosen)
            continue
        cuda = chosen.name.startswith("cuda")
        there = torch.cuda.get_device_properties(chosen.name).total_memory if cuda else memory_there()
        needed = before + (memory - before) * fits / tried
        if chosen.is_cpu and there and needed > there and fits > 1:
            fits //= 2
            continue
        break
    per_step = seconds * fits / tried
    return {
        "device": str(chosen), "batch": config.batch, "fits": fits, "seconds_per_step": per_step,
        "memory": round(needed), "memory_there": there, "steps": config.total_steps,
        "seconds": per_step * config.total_steps, "seconds_per_validation_slice": _validation_seconds(config, chosen),
    }


def _measure(config: TrainingConfig, device: str) -> tuple[float, float]:
    """Return the seconds of a step, and the bytes it needs."""
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()
    with tempfile.TemporaryDirectory() as folder:
        training = Training(PatientSet(()), config, Path(folder), device=device)
        state = State(config, device)
        state.step = config.critic_alone  # the first step that is the generator's, too
        batches = [_batch(config) for _ in range(config.step_batches)]
        training.step(state, batches)
        synchronize(device)
        done, started = 0, time.monotonic()
        while done < _LEAST_STEPS or time.monotonic() - started < _LEAST_SECONDS:
            training.step(state, batches)
            synchronize(device)
            done += 1
        return (time.monotonic() - started) / done, _memory_used(device)


def _batch(config: TrainingConfig) -> Batch:
    rng = np.random.default_rng(0)
    shapes = ((config.batch, *slices, config.patch, config.patch) for slices in ((2 * config.neighbours + 1,), ()))
    low, full = (torch.from_numpy(rng.integers(-200, 300, shape, np.int16)) for shape in shapes)
    return Batch(low, full, torch.rand(config.batch), torch.zeros(config.batch) if config.noise_level else None)


def _validation_seconds(config: TrainingConfig, device) -> float:
    state = State(config, device.name)
    denoiser = NetworkDenoiser(state.generator, HURange(*config.hu_range), config.method)
    denoiser.prepare(device.name)
    stack = np.random.default_rng(0).integers(-200, 300, (2 * config.neighbours + 1, _SIDE, _SIDE), np.int16)
    started = time.monotonic()
    measure_pair(stack[0], denoise_slice(denoiser, stack))
    return (time.monotonic() - started) * (_USUAL_SIDE / _SIDE) ** 2


def _memory_used(device: str) -> float:
    if device.startswith("cuda"):
        return torch.cuda.max_memory_reserved()
    if device == "mps":
        return torch.mps.driver_allocated_memory()
    if sys.platform == "win32":
        return 0.0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024)
