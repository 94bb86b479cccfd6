"""A bank of simulated noise: what a lower dose adds to each slice, made ahead by other processes.

The simulator needs about a second a slice, a patch microseconds. So whole slices of noise lie on disk in generations.
Generation g serves the steps from g * refresh on, and its noise is a function of the seed, the patient and g alone:
a resumed run finds, or makes again, the very same noise.
"""

import hashlib
import json
import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from LDCTDenoiseLib.errors import LDCTError
from LDCTDenoiseLib.files import write_atomic
from LDCTDenoiseLib.simulation import ScanSettings, low_dose_noise

from ..patients.patient import SimulationRanges
from .cache import CachedScan, is_whole

#: Neighbouring slices that share a simulated scan's settings: the simulator shares most of its work among them.
SLICES_ALIKE = 8


def draw_settings(ranges: SimulationRanges, seed: int, key: str, generation: int, block: int) -> ScanSettings:
    """Draw the scan of one block of slices: a function of its arguments and nothing else."""
    rng = np.random.default_rng([seed, int(key[:12], 16), generation, block])
    dose, photons = (float(np.exp(rng.uniform(*np.log(r)))) for r in (ranges.dose, ranges.photons))
    return ScanSettings(dose, photons, float(rng.uniform(*ranges.kernel)), int(rng.integers(2**31)))


def dose_factor(simulated: float, wanted: float) -> float:
    """Return what to multiply noise with that a dose of `simulated` adds, for that of `wanted`.

    The variance that a dose a adds is (1 - a) / a times that of the photons at full dose; electronic noise grows
    faster, which is why only a narrow range around the simulated dose is reached in this way.
    """
    return float(np.sqrt((1 / wanted - 1) / (1 / simulated - 1)))


@dataclass
class NoiseBank:
    """Noise of the simulated scans of a training.

    Parameters
    ----------
    scans : list of CachedScan
        Those with a simulation.
    seed : int
    generations : int
        How many differ; then the first comes again (mirrored, turned and with its sign changed at random anyway).
    workers : int
        Processes that simulate.
    device : str
        Where they do, by torch's name.
    """

    scans: list[CachedScan]
    seed: int
    generations: int
    workers: int
    device: str = "cpu"

    def __post_init__(self):
        self._processes: list = []

    def __getstate__(self):
        # Processes that draw patches only read; those that simulate stay where they were started.
        return {**self.__dict__, "_processes": []}

    def file(self, scan: CachedScan, generation: int) -> Path:
        """Where the noise of a scan lies: int16 HU, of the scan's shape."""
        ranges = scan.scan.simulation
        facts = json.dumps([scan.key, self.seed, ranges.dose, ranges.photons, ranges.kernel])
        name = hashlib.sha256(facts.encode()).hexdigest()[:20]
        return scan.folder / f"{name}-noise{generation % self.generations:03}.npy"

    def settings(self, scan: CachedScan, generation: int) -> list[ScanSettings]:
        """Return the simulated scan of each block of `SLICES_ALIKE` slices."""
        blocks = -(-scan.shape[0] // SLICES_ALIKE)
        generation %= self.generations
        return [draw_settings(scan.scan.simulation, self.seed, scan.key, generation, b) for b in range(blocks)]

    def missing(self, generation: int) -> list[CachedScan]:
        """Return the scans whose noise of this generation is not there yet."""
        return [scan for scan in self.scans if not is_whole(self.file(scan, generation), scan.shape)]

    def start(self, generation: int) -> None:
        """Begin to make a generation in other processes, unless it is there or others are at work."""
        self._processes = [p for p in self._processes if p.is_alive()]
        missing = self.missing(generation)
        if self._processes or not missing:
            return
        context = multiprocessing.get_context("spawn")
        tasks = [(scan, self.settings(scan, generation), self.file(scan, generation)) for scan in missing]
        for worker in range(min(self.workers, len(tasks))):
            process = context.Process(target=_simulate, args=(tasks[worker :: self.workers], self.device), daemon=True)
            process.start()
            self._processes.append(process)

    def wait(self, generation: int, make: bool = True, progress: Callable[[int, int], None] | None = None) -> None:
        """Return when a generation is whole; with `make` False another process makes it.

        Raises
        ------
        LDCTError
            If the processes end without it.
        """
        while missing := self.missing(generation):
            if make:
                failed = [p.exitcode for p in self._processes if p.exitcode]
                if failed:
                    raise LDCTError(
                        f"the simulation of low dose stopped (exit code {failed[0]}) before '{missing[0].scan.label}' "
                        "was done; the lines above say why. Is the disk full?"
                    )
                self.start(generation)
            if progress:
                progress(len(self.scans) - len(missing), len(self.scans))
            time.sleep(0.05)

    def close(self) -> None:
        """End the processes; what they had finished stays."""
        for process in self._processes:
            process.terminate()
            process.join()


def _simulate(tasks, device: str) -> None:
    """Make the noise of several scans, each file whole or not at all."""
    import torch

    # One thread: the result must not depend on how sums are split among threads.
    torch.set_num_threads(1)
    if hasattr(os, "nice"):
        os.nice(5)
    parent = multiprocessing.parent_process()
    threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()
    for scan, settings, path in tasks:
        noise = np.empty(scan.shape, np.int16)
        for block, scan_settings in enumerate(settings):
            first = block * SLICES_ALIKE
            simulate_slices(scan, slice(first, first + SLICES_ALIKE), scan_settings, noise[first:], device)
        with write_atomic(path) as part:
            np.save(part, noise)


def simulate_slices(scan: CachedScan, part: slice, settings: ScanSettings, noise: np.ndarray, device: str) -> None:
    """Write the noise of some slices, whole HU, into the first places of `noise`."""
    made = low_dose_noise(scan.full[part], scan.spacing, settings, first_slice=part.start, device=device)
    for k, image in made:
        noise[k] = np.rint(image.clip(-32768, 32767))
