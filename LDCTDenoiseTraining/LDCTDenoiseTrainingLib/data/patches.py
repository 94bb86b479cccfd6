"""Patches by number: the pairs of a batch follow from the seed and the batch's number, and from nothing else."""

import math
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from LDCTDenoiseLib.methods.borders import mirrored
from LDCTDenoiseLib.methods.denoiser import numbers_read
from scipy import ndimage

from .cache import BLOCK, CachedScan, to_int16
from .noise_cache import NoiseCache, dose_factor, level_of_pair

#: Places that are tried for a patch before one with little body in it is taken.
_TRIES = 20

#: Pixels between a patch's edge and the middle of the bone that it is to show.
_EDGE = 12


#: SD of what is added to a noise level: what a measurement of few slices is off by.
_MISREAD = 0.15


class Batch(NamedTuple):
    """Pairs of patches on their way to the network."""

    #: HU, int16: (pairs, slices, patch, patch), with the neighbours that a network reads, and (pairs, patch, patch).
    low: torch.Tensor
    full: torch.Tensor
    #: One number from 0 to 1 per pair, float32: where between the two images the gradient penalty looks.
    mix: torch.Tensor
    #: The noise level of each pair's low dose (`scan.level`), float32; None where no network reads it.
    level: torch.Tensor | None = None


@dataclass
class PatchSource:
    """Draws pairs of patches from the scans.

    Patients are drawn by the root of their number of slices, then one of their scans, then a place. Patches of
    which less than `least_body` is body are air: they are kept with the probability `keep_air`. Bone and contrast-
    filled vessels are rare: with the probability `bone_patches` a patch is moved to show some, where the scan has
    any. Each patch is flipped and turned at random; noise of simulated scans changes its sign at random, which its
    distribution allows, and is scaled to a dose around the simulated one, or, in a share of the patches, left out:
    a scan at full dose is to stay as it is. Few scans of a set have a sharp kernel: with `kernel_boost` both images of
    half of the patches are filtered to what a sharper one would show. A patch may reach beyond the slice by `margin`
    pixels, of which the loss sees none, and shows its mirror image there, nearly as the engine does.
    """

    scans: list[CachedScan]
    noise: NoiseCache  #: With the slices and the noise of those scans that are simulated.
    seed: int
    patch: int  #: Side in pixels.
    refresh: int  #: Batches that one generation of the noise cache serves.
    least_body: float = 0.1
    keep_air: float = 0.1
    #: The dose of a patch lies between the simulated one divided by this and multiplied by it, within the range.
    dose_jitter: float = 1.15
    bone_patches: float = 0.0
    full_dose: float = 0.0  #: Share of the patches without noise.
    kernel_boost: float = 0.0  #: How much is added at most to the finest detail of patches of a sharper kernel.
    margin: int = 0

    def __post_init__(self):
        patients: dict[str, list[CachedScan]] = {}
        for scan in self.scans:
            patients.setdefault(scan.scan.patient, []).append(scan)
        self._patients = list(patients.values())
        weights = np.array([float(sum(scan.shape[0] for scan in scans)) for scans in self._patients])
        if not self.noise.neighbours:  # of which lone slices teach nothing
            weights = np.sqrt(weights)
        self._weights = weights / weights.sum()
        self._slices: dict = {}

    def __getstate__(self):
        return {**self.__dict__, "_slices": {}}

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
        generation = self.generation(step)
        plans = [self._plan(rng, generation) for _ in range(count)]
        mix = rng.random(count, dtype=np.float32)[share]
        # After all else, so that batches without it are what they were.
        misread = rng.normal(0, _MISREAD, count)[share] if self.noise.levels else None
        pairs = [self._cut(*plan) for plan in plans[share]]
        low, full, level = zip(*pairs, strict=True)
        low, full = (torch.from_numpy(np.stack(images)) for images in (low, full))
        level = torch.from_numpy((np.array(level) + misread).astype(np.float32)) if self.noise.levels else None
        return Batch(low, full, torch.from_numpy(mix), level)

    def _plan(self, rng: np.random.Generator, generation: int) -> tuple:
        scans = self._patients[rng.choice(len(self._patients), p=self._weights)]
        scan = scans[rng.integers(len(scans))]
        slices = self._slices_of(scan, generation)
        shape, reach = (len(slices.body), *slices.full.shape[1:]), 2 * self.margin
        for _ in range(_TRIES):
            k = int(rng.integers(shape[0]))
            j, i = (int(rng.integers(n - self.patch + 1 + reach)) - self.margin for n in shape[1:])
            if self._body(slices.body[k], j, i) >= self.least_body or rng.random() < self.keep_air:
                break
        # Asked only where it is wanted, so that batches without it are what they were.
        if self.bone_patches and rng.random() < self.bone_patches and len(slices.bone):
            k, *block = (int(n) for n in slices.bone[rng.integers(len(slices.bone))])
            j, i = (self._around(rng, n, size) for n, size in zip(block, shape[1:], strict=True))
        turns, flip, sign = (int(n) for n in rng.integers((4, 2, 2)))
        jitter, identity = rng.random(), rng.random()
        boost = self.kernel_boost and self.kernel_boost * max(0.0, rng.uniform(-1, 1))
        upside_down = bool(self.noise.neighbours and rng.integers(2))
        return scan, slices, k, j, i, turns, flip, 1 - 2 * sign, jitter, identity, boost, upside_down

    def _around(self, rng: np.random.Generator, block: int, size: int) -> int:
        """Return where a patch begins that shows a block, not at its very edge."""
        edge = min(_EDGE, self.patch // 4)
        begin = block * BLOCK + BLOCK // 2 - int(rng.integers(edge, self.patch - edge))
        return min(max(begin, -self.margin), size - self.patch + self.margin)

    def _body(self, table: np.ndarray, j: int, i: int) -> float:
        """Return about which part of a patch is body."""
        blocks = []
        for begin, most in zip((j, i), (n - 1 for n in table.shape), strict=True):
            first = min(max(begin, 0) // BLOCK, most - 1)
            blocks.append((first, min(max(first + 1, (begin + self.patch) // BLOCK), most)))
        (top, bottom), (left, right) = blocks
        inside = table[bottom, right] - table[top, right] - table[bottom, left] + table[top, left]
        return inside / ((bottom - top) * (right - left) * BLOCK**2)

    def _cut(self, scan, slices, k, j, i, turns, flip, sign, jitter, identity, boost, upside_down):
        """Return the images of a pair, low dose with its neighbours and full dose, and its noise level."""
        sizes = slices.full.shape[1:]
        rows, columns = (mirrored(n, n + self.patch, size) for n, size in zip((j, i), sizes, strict=True))
        real, neighbours = scan.scan.low is not None, self.noise.neighbours
        stack = numbers_read(k, k + 1, scan.shape[0], neighbours) if real else slices.stacks[k]
        around = np.ix_(stack[::-1] if upside_down else stack, rows, columns)
        full = slices.full[stack[neighbours]][rows[:, None], columns]
        factor = 0.0
        if real:
            low = slices.low[around]
        elif identity < self.full_dose:
            low = slices.full[around]
        else:
            dose = self._dose(slices.dose, scan.scan.simulation.dose, jitter)
            factor = dose_factor(slices.dose, dose)
            low = to_int16(slices.full[around] + sign * factor * slices.noise[around].astype(np.float32))
        if boost:
            low, full = (to_int16(image + boost * _detail(image.astype(np.float32))) for image in (low, full))
        level = 0.0
        if self.noise.levels and real:
            level = level_of_pair(scan)
        elif self.noise.levels:
            sharper = partial(transfer, boost, math.sqrt(math.prod(slices.pixel))) if boost else None
            level = slices.level(factor, sharper)
        images = (np.rot90(image, turns, (-2, -1)) for image in (low, full))
        return *(np.ascontiguousarray(image[..., ::-1] if flip else image) for image in images), level

    def _dose(self, simulated: float, ranges: tuple[float, float], place: float) -> float:
        """Return a dose around the simulated one: even in the logarithm, within the range, for a place from 0 to 1."""
        lower, upper = max(ranges[0], simulated / self.dose_jitter), min(ranges[1], simulated * self.dose_jitter)
        return lower * (upper / lower) ** place

    def _slices_of(self, scan: CachedScan, generation: int):
        """Return the slices that patches are cut from: those of the noise cache, or a real pair as it is."""
        if scan.scan.low is not None:
            return scan
        entry = self._slices.get(scan.key)
        if entry is None or entry[0] != generation:
            entry = self._slices[scan.key] = (generation, self.noise.open(scan, generation))
        return entry[1]


#: Pixels of the Gaussian below which a sharper kernel shows more.
_DETAIL = 0.7


def _detail(image: np.ndarray) -> np.ndarray:
    return image - ndimage.gaussian_filter(image, [0] * (image.ndim - 2) + [_DETAIL] * 2)


def transfer(boost: float, pixel: float, frequency: np.ndarray) -> np.ndarray:
    """Return what adding `boost` times the detail makes of amplitudes at frequencies in 1/mm."""
    return 1 + boost * (1 - np.exp(-2 * (np.pi * _DETAIL * pixel * frequency) ** 2))
