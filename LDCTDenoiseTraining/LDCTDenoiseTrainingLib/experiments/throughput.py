"""How many patches a second the engine trains, beside a plain loop that does the same sums."""

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from LDCTDenoiseLib.engine.device import synchronize
from LDCTDenoiseLib.hounsfield import HURange
from LDCTDenoiseLib.methods import build_generator
from torch.utils.data import DataLoader, Dataset

from ..data import CachedScan, PatchSource
from ..data.batches import batches_of_steps
from ..training.config import TrainingConfig
from ..training.source import make_source
from ..training.state import State
from ..training.train import Training

#: Steps before the clock starts.
_WARM_UP = 3

#: Batches after which noise is made anew: none of a timing.
_NEVER = 10**9


class _PatchFiles(Dataset):
    """Pairs of patches as files, one each: what the plain loop reads."""

    def __init__(self, folder: Path):
        self._files = sorted(folder.glob("*.npy"))

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, number: int) -> np.ndarray:
        return np.load(self._files[number])


def plain_loop(folder: Path, config: TrainingConfig, device: str, steps: int) -> float:
    """Return patches a second of an L1 loop in float32 and NCHW with one worker that reads patches from files.

    In a process of its own, so that nothing of what makes the engine fast is at work there.
    """
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(_plain_loop, folder, config, device, steps).result()


def _plain_loop(folder: Path, config: TrainingConfig, device: str, steps: int) -> float:
    generator = build_generator(config.method).to(device)
    optimiser = torch.optim.Adam(generator.parameters(), config.learning_rate)
    scale = HURange(*config.hu_range)
    loader = DataLoader(_PatchFiles(folder), config.batch, shuffle=True, num_workers=1, drop_last=True)
    done, started = 0, 0.0
    while done < steps + _WARM_UP:
        for pairs in loader:
            if done == _WARM_UP:
                synchronize(device)
                started = time.monotonic()
            low, full = (scale.to_unit(pairs[:, n : n + 1].float().to(device)) for n in (0, 1))
            optimiser.zero_grad()
            torch.nn.functional.l1_loss(generator(low), full).backward()
            optimiser.step()
            done += 1
            if done == steps + _WARM_UP:
                break
    synchronize(device)
    return steps * config.batch / (time.monotonic() - started)


def engine_loop(training: Training, source: PatchSource, steps: int) -> float:
    """Return patches a second of the engine's own step, its drawing included."""
    config, device = training.config, training.device
    state = State(config, device.name)
    workers = config.workers if config.workers >= 0 else (0 if device.is_cpu else 8)
    drawn = batches_of_steps(
        source, range(steps + _WARM_UP), 1, config.batch, slice(None), workers, device.name.startswith("cuda")
    )
    started = 0.0
    for done, batches in enumerate(drawn):
        if done == _WARM_UP:
            synchronize(device.name)
            started = time.monotonic()
        training.step(state, batches)
        state.step += 1
    synchronize(device.name)
    return steps * config.batch / (time.monotonic() - started)


def write_patches(source: PatchSource, folder: Path, count: int) -> None:
    """Write pairs of patches as the plain loop reads them, int16 of shape (2, patch, patch)."""
    folder.mkdir(parents=True, exist_ok=True)
    batch = source.batch(0, 0, count)
    for number, (low, full) in enumerate(zip(batch.low, batch.full, strict=True)):
        np.save(folder / f"{number:06}.npy", np.stack([low[len(low) // 2], full]))


def source_of(training: Training, scans: list[CachedScan]) -> PatchSource:
    """Return the patches of a training with the first generation of noise made."""
    source = make_source(training.config, scans, training.simulation_device, refresh=_NEVER)
    source.noise.wait(0)
    return source
