"""Patches by number: the pairs of a batch follow from the seed and the batch's number, and from nothing else."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from .bank import SLICES_ALIKE, NoiseBank, dose_factor
from .cache import BLOCK, LOWER, UPPER, CachedScan

#: Places that are tried for a patch before one with little body in it is taken.
_TRIES = 20

#: Pixels between a patch's edge and the middle of the bone that it is to show.
_EDGE = 12


class Batch(NamedTuple):
    """Pairs of patches on their way to the network.

    Attributes
    ----------
    low, full : torch.Tensor
        HU, int16, shape (pairs, patch, patch).
    mix : torch.Tensor
        One number from 0 to 1 per pair, float32: where between the two images the gradient penalty looks.
    """

    low: torch.Tensor
    full: torch.Tensor
    mix: torch.Tensor


@dataclass
class PatchSource:
    """Draws pairs of patches from the scans.

    Patients are drawn equally often, then one of their scans, then a place. Patches of which less than `least_body`
    is body are air: they are kept with the probability `keep_air`. Bone and contrast-filled vessels are rare: with the
    probability `bone_patches` a patch is moved to show some, where the scan has any. Each patch is flipped and turned
    at random; noise of simulated scans changes its sign at random, which its distribution allows, and is scaled to a
    dose around the simulated one.

    Parameters
    ----------
    scans : list of CachedScan
    bank : NoiseBank
        With the noise of those scans that are simulated.
    seed : int
    patch : int
        Side in pixels.
    refresh : int
        Batches that one generation of the bank serves.
    least_body, keep_air, bone_patches : float
    dose_jitter : float
        The dose of a patch lies between the simulated one divided by this and multiplied by it, within the range.
    """

    scans: list[CachedScan]
    bank: NoiseBank
    seed: int
    patch: int
    refresh: int
    least_body: float = 0.1
    keep_air: float = 0.1
    dose_jitter: float = 1.15
    bone_patches: float = 0.0

    def __post_init__(self):
        patients: dict[str, list[CachedScan]] = {}
        for scan in self.scans:
            patients.setdefault(scan.scan.patient, []).append(scan)
        self._patients = list(patients.values())
        self._noise: dict = {}

    def __getstate__(self):
        return {**self.__dict__, "_noise": {}}

    def generation(self, step: int) -> int:
        """Return which generation of the bank a step uses."""
        return step // self.refresh

    def batch(self, step: int, part: int, count: int, share: slice = slice(None)) -> Batch:
        """Draw a batch, or one process's share of it.

        Parameters
        ----------
        step, part : int
            The number of the step and of the batch within it.
        count : int
            Pairs of the whole batch, over all processes.
        share : slice
            Which of them to cut out.
        """
        rng = np.random.default_rng([self.seed, step, part])
        # Everything is drawn for the whole batch, so that a share holds the same pairs however many there are.
        plans = [self._plan(rng) for _ in range(count)]
        mix = rng.random(count, dtype=np.float32)[share]
        pairs = [self._cut(plan, self.generation(step)) for plan in plans[share]]
        low, full = (torch.from_numpy(np.stack(images)) for images in zip(*pairs, strict=True))
        return Batch(low, full, torch.from_numpy(mix))

    def _plan(self, rng: np.random.Generator) -> tuple:
        scans = self._patients[rng.integers(len(self._patients))]
        scan = scans[rng.integers(len(scans))]
        for _ in range(_TRIES):
            k, j, i = (int(rng.integers(n)) for n in (scan.shape[0], *(s - self.patch + 1 for s in scan.shape[1:])))
            if self._body(scan, k, j, i) >= self.least_body or rng.random() < self.keep_air:
                break
        # Asked only where it is wanted, so that batches without it are what they were.
        if self.bone_patches and rng.random() < self.bone_patches and len(scan.bone):
            k, *block = (int(n) for n in scan.bone[rng.integers(len(scan.bone))])
            j, i = (self._around(rng, n, size) for n, size in zip(block, scan.shape[1:], strict=True))
        turns, flip, sign = (int(n) for n in rng.integers((4, 2, 2)))
        return scan, k, j, i, turns, flip, 1 - 2 * sign, rng.uniform(-1, 1)

    def _around(self, rng: np.random.Generator, block: int, size: int) -> int:
        """Return where a patch begins that shows a block, not at its very edge."""
        edge = min(_EDGE, self.patch // 4)
        begin = block * BLOCK + BLOCK // 2 - int(rng.integers(edge, self.patch - edge))
        return min(max(begin, 0), size - self.patch)

    def _body(self, scan: CachedScan, k: int, j: int, i: int) -> float:
        """Return about which part of a patch is body."""
        top, left = j // BLOCK, i // BLOCK
        bottom, right = max(top + 1, (j + self.patch) // BLOCK), max(left + 1, (i + self.patch) // BLOCK)
        table = scan.body[k]
        inside = table[bottom, right] - table[top, right] - table[bottom, left] + table[top, left]
        return inside / ((bottom - top) * (right - left) * BLOCK**2)

    def _cut(self, plan: tuple, generation: int) -> tuple[np.ndarray, np.ndarray]:
        scan, k, j, i, turns, flip, sign, jitter = plan
        box = np.s_[k, j : j + self.patch, i : i + self.patch]
        full = scan.full[box]
        if scan.scan.low is not None:
            low = scan.low[box]
        else:
            noise, settings = self._noise_of(scan, generation)
            simulated = settings[k // SLICES_ALIKE].dose
            dose = np.clip(simulated * self.dose_jitter**jitter, *scan.scan.simulation.dose)
            low = full + (sign * dose_factor(simulated, dose)) * noise[box].astype(np.float32)
            low = np.rint(low.clip(LOWER, UPPER)).astype(np.int16)
        images = (np.rot90(image, turns) for image in (low, full))
        return tuple(np.ascontiguousarray(image[:, ::-1] if flip else image) for image in images)

    def _noise_of(self, scan: CachedScan, generation: int):
        entry = self._noise.get(scan.key)
        if entry is None or entry[0] != generation:
            noise = np.load(self.bank.file(scan, generation), mmap_mode="r")
            entry = self._noise[scan.key] = (generation, noise, self.bank.settings(scan, generation))
        return entry[1:]
