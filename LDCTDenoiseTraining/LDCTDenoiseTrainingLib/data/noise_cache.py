"""The noise cache: slices as a scan at a lower dose would show them, made ahead by other processes.

The simulator needs about a second a slice, a patch microseconds. So slices of each scan and their noise lie on disk in
generations. Generation g serves the steps from g * refresh on, and what it holds is a function of the seed, the patient
and g alone: a resumed run finds, or makes again, the very same noise.
"""

import hashlib
import json
import math
import multiprocessing
import os
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from LDCTDenoiseLib.errors import LDCTError
from LDCTDenoiseLib.files import write_atomic, write_text
from LDCTDenoiseLib.scan import measure_noise
from LDCTDenoiseLib.scan.level import EXPECTED, level_of_noise
from LDCTDenoiseLib.scan.noise import FEWEST_WINDOWS, noise_in, scan_windows
from LDCTDenoiseLib.simulation import ScanSettings, calibrate, low_dose_noise
from scipy import ndimage

from .cache import CachedScan, body_table, bone_blocks, to_int16, with_neighbours

#: Millimetres of a pixel that scaling may lead to.
PIXELS = (0.45, 1.5)
#: Low-contrast lesions: HU beside their surroundings, diameter in mm, and the smoothed HU of the tissue they lie in.
_LESION_HU, _LESION_MM, _LESION_IN = (5.0, 40.0), (3.0, 12.0), (0.0, 160.0)
#: Raised when what a generation holds changes.
_VERSION = 2


@dataclass(frozen=True)
class Variety:
    """How the scans of a training are varied before the noise of a lower dose is added."""

    slices: int = 0  #: Slices of a scan that a generation holds; 0 all of them.
    thickness: float = 0.0  #: Up to how many mm of neighbouring slices are averaged to one; 0 averages none.
    scale: tuple[float, float] = (1.0, 1.0)  #: Between which factors the pixels' size is changed.
    lesions: float = 0.0  #: Low-contrast lesions drawn into both sides of a slice, on average.


@dataclass(frozen=True)
class Drawn:
    """What one scan is in one generation."""

    slices: tuple[int, ...]  #: The first of the slices that are averaged to each that is to be denoised.
    averaged: int
    scale: float  #: Factor of the pixels' size.
    settings: ScanSettings  #: The simulated scan.
    neighbours: int = 0  #: Slices on either side of each that the network reads, too; they are averaged alike.

    def read(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return what is made of a scan of `count` slices, as `with_neighbours` has it."""
        return with_neighbours(self.slices, count, self.neighbours, self.averaged)


def calibration_of(scan: CachedScan) -> ScanSettings:
    """Return exposure and kernel of a scan by its own noise."""
    return _kept(
        scan, "calibration", lambda: asdict(calibrate(scan.full, scan.spacing)),
        lambda facts: ScanSettings(**{**facts, "kernel": facts["kernel"] and tuple(facts["kernel"])}),
    )  # fmt: skip


def noise_of(scan: CachedScan) -> tuple[float, float] | None:
    """Return SD in HU and mean frequency in 1/mm of a scan's own noise; None where it cannot be measured."""
    return _noise_in(scan, "noise", scan.full)


def level_of_pair(scan: CachedScan) -> float:
    """Return the noise level (`scan.level`) of a scan's measured low dose."""
    noise = _noise_in(scan, "low-noise", scan.low)
    return level_of_noise(*noise, scan.slice_spacing) if noise else EXPECTED


def _noise_in(scan: CachedScan, name: str, image: np.ndarray) -> tuple[float, float] | None:
    def measure():
        noise = measure_noise(image, scan.spacing[::-1])
        return noise and (noise.sd, noise.mean_frequency)

    return _kept(scan, name, measure, lambda facts: facts and tuple(float(f) for f in facts))


def _kept(scan: CachedScan, name: str, measure: Callable, of: Callable):
    """Return what `of` makes of what is measured once, and kept as JSON beside the cached volume."""
    return _kept_facts(scan.folder / f"{scan.key}-{name}.json", measure, of)


def _kept_facts(path: Path, measure: Callable, of: Callable):
    """Return what `of` makes of the facts in a JSON file, which are measured where they are not there yet."""
    try:
        return of(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError, KeyError):
        facts = measure()
    write_text(path, json.dumps(facts))
    return of(facts)


def averaging_gain(count: int, correlation: float) -> float:
    """Return by how much the variance of noise falls when `count` slices are averaged.

    Slices of a box profile that is L slice spacings thick have the correlations 1 - j / L; that of neighbours is known.
    """
    thick = 1 / (1 - min(correlation, 0.9))
    shared = sum((1 - j / count) * max(0.0, 1 - j / thick) for j in range(1, count)) if correlation > 0 else 0.0
    return count / (1 + 2 * shared)


def dose_factor(simulated: float, wanted: float) -> float:
    """Return what to multiply noise with that a dose of `simulated` adds, for that of `wanted`.

    The variance that a dose a adds is (1 - a) / a times that of the photons at full dose; electronic noise grows
    faster, which is why only a narrow range around the simulated dose is reached in this way.
    """
    return float(np.sqrt((1 / wanted - 1) / (1 / simulated - 1)))


@dataclass
class SimulatedSlices:
    """The slices of a scan in a generation, and their neighbours where a network reads them."""

    #: HU, int16, shape (slices, rows, columns): full dose, and what the lower dose adds.
    full: np.ndarray
    noise: np.ndarray
    dose: float  #: The fraction of the full dose that the noise is of.
    pixel: tuple[float, float]  #: mm between rows and between columns.
    slice_mm: float  #: Of which the noise is, see `scan.level`.
    #: Where in these arrays each slice to denoise and its neighbours are, shape (slices, 2 neighbours + 1).
    stacks: np.ndarray
    #: The radial noise power spectra of full dose and of `noise`, HU² mm², in the same flat windows, below the
    #: frequencies in 1/mm; None where there are too few windows, or nobody asked.
    spectra: np.ndarray | None = None

    def level(self, factor: float, transfer: Callable[[np.ndarray], np.ndarray] | None = None) -> float:
        """Return the noise level (`scan.level`) of these slices with `factor` times the noise.

        `transfer` tells what a filter that both images go through makes of amplitudes at frequencies in 1/mm.
        """
        if self.spectra is None:
            return EXPECTED
        frequency, full, noise = self.spectra
        power = (full + factor**2 * noise) * frequency
        if transfer is not None:
            power = power * transfer(frequency) ** 2
        whole = power.sum()
        sd = math.sqrt(2 * math.pi * frequency[1] * whole)
        return level_of_noise(sd, (power * frequency).sum() / whole if whole else 0.0, self.slice_mm)

    @property
    def _denoised(self) -> np.ndarray:
        """Full dose of the slices to denoise, without their neighbours."""
        neighbours = self.stacks.shape[1] // 2
        return self.full[self.stacks[:, neighbours]] if neighbours else self.full

    @cached_property
    def body(self) -> np.ndarray:
        return body_table(self._denoised)

    @cached_property
    def bone(self) -> np.ndarray:
        return bone_blocks(self._denoised)


def _placed(scan: CachedScan, drawn: Drawn, full: np.ndarray, noise: np.ndarray, dose: float) -> SimulatedSlices:
    """Return slices as drawn from a scan, with the mm of their pixels and slices."""
    pixel = tuple(step * drawn.scale for step in scan.spacing[::-1])
    _, stacks = drawn.read(scan.shape[0])
    return SimulatedSlices(full, noise, dose, pixel, drawn.averaged * scan.slice_spacing, stacks)


def _kept_spectra(path: Path, slices: SimulatedSlices) -> np.ndarray | None:
    """Return `SimulatedSlices.spectra`, measured once and kept beside the slices' file."""

    def measure():
        windows = scan_windows(slices.full, slices.pixel)
        if len(windows) < FEWEST_WINDOWS:
            return None
        full, noise = (noise_in(image, slices.pixel, windows, across=False) for image in (slices.full, slices.noise))
        return full.frequency, full.power, noise.power

    return _kept_facts(path.with_suffix(".json"), measure, lambda facts: facts and np.array(facts))


@dataclass
class NoiseCache:
    """Slices and noise of the simulated scans of a training."""

    scans: list[CachedScan]  #: Those with a simulation.
    seed: int
    #: How many differ; then the first comes again (mirrored, turned and with its sign changed at random anyway).
    generations: int
    workers: int  #: Processes that simulate.
    device: str = "cpu"  #: Where they do, by torch's name.
    variety: Variety = Variety()
    levels: bool = False  #: Whether the noise of the slices is measured, too, so that their level is known.
    neighbours: int = 0  #: See `Drawn`.

    def __post_init__(self):
        self._processes: list = []

    def __getstate__(self):
        # Processes that draw patches only read; those that simulate stay where they were started.
        return {**self.__dict__, "_processes": []}

    def file(self, scan: CachedScan, generation: int) -> Path:
        """Where the slices of a scan lie: full dose and noise, int16 HU, and the dose."""
        facts = [_VERSION, scan.key, self.seed, asdict(scan.scan.simulation), asdict(self.variety)]
        facts = json.dumps(facts + [self.neighbours] * bool(self.neighbours))
        name = hashlib.sha256(facts.encode()).hexdigest()[:20]
        return scan.folder / f"{name}-noise{generation % self.generations:03}.npz"

    def draw(self, scan: CachedScan, generation: int) -> Drawn:
        """Draw what a scan is in a generation: a function of seed, scan and generation and nothing else."""
        ranges, variety = scan.scan.simulation, self.variety
        rng = np.random.default_rng([self.seed, int(scan.key[:12], 16), generation % self.generations])
        most = int(variety.thickness / scan.slice_spacing) if variety.thickness and scan.slice_spacing else 1
        averaged = int(rng.integers(1, max(1, min(most, scan.shape[0])) + 1))
        places = scan.shape[0] - averaged + 1
        count = min(variety.slices or places, places)
        # One in each of equal parts, so that they are spread over the scan and every slice has its turn.
        slices = (np.arange(count) + rng.random(count)) * places / count
        lower, upper = variety.scale
        lower, upper = (float(np.clip(s, PIXELS[0] / min(scan.spacing), PIXELS[1] / max(scan.spacing)))
                        for s in (lower, upper))
        scale = float(np.exp(rng.uniform(np.log(lower), np.log(upper)))) if lower < upper else 1.0
        dose = _log_uniform(rng, ranges.dose)
        base = ScanSettings(photons=ranges.photons and _log_uniform(rng, ranges.photons),
                            kernel_cutoff=ranges.kernel and float(rng.uniform(*ranges.kernel)))
        seed = int(rng.integers(2**31))
        settings = replace(base, dose=dose, seed=seed)
        return Drawn(tuple(int(k) for k in slices), averaged, scale, settings, self.neighbours)

    def open(self, scan: CachedScan, generation: int) -> SimulatedSlices:
        """Return the slices of a scan; they must be there."""
        path, drawn = self.file(scan, generation), self.draw(scan, generation)
        with np.load(path) as stored:
            slices = _placed(scan, drawn, stored["full"], stored["noise"], float(stored["dose"]))
        if self.levels:
            slices.spectra = _kept_spectra(path, slices)
        return slices

    def missing(self, generation: int) -> list[CachedScan]:
        """Return the scans whose slices of this generation are not there yet."""
        return [scan for scan in self.scans if not zipfile.is_zipfile(self.file(scan, generation))]

    def start(self, generation: int) -> None:
        """Begin to make a generation in other processes, unless it is there or others are at work."""
        self._processes = [p for p in self._processes if p.is_alive()]
        missing = self.missing(generation)
        if self._processes or not missing:
            return
        context = multiprocessing.get_context("spawn")
        tasks = [(scan, self.draw(scan, generation), self.variety, self.file(scan, generation)) for scan in missing]
        for worker in range(min(self.workers, len(tasks))):
            share = tasks[worker :: self.workers]
            process = context.Process(target=_simulate, args=(share, self.device, self.levels), daemon=True)
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


def _log_uniform(rng: np.random.Generator, ends: tuple[float, float]) -> float:
    return float(np.exp(rng.uniform(*np.log(ends))))


def _simulate(tasks, device: str, levels: bool) -> None:
    """Make the slices of several scans, each file whole or not at all."""
    import torch

    # One thread: the result must not depend on how sums are split among threads.
    torch.set_num_threads(1)
    if hasattr(os, "nice"):
        os.nice(5)
    parent = multiprocessing.parent_process()
    threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()
    for scan, drawn, variety, path in tasks:
        made = simulate_slices(scan, drawn, variety, device)
        with write_atomic(path) as part, open(part, "wb") as file:
            np.savez(file, full=made.full, noise=made.noise, dose=made.dose)
        if levels:
            _kept_spectra(path, made)


def simulate_slices(
    scan: CachedScan, drawn: Drawn, variety: Variety | None = None, device: str = "cpu"
) -> SimulatedSlices:
    """Return slices of a scan, averaged, scaled and with lesions as drawn, and the noise that their dose adds.

    The noise follows what was done to the slices: averaging is more photons, and a scaled slice has pixels of another
    size before it is scanned again.
    """
    calibrated = calibration_of(scan)
    photons, cutoff = drawn.settings.photons, drawn.settings.kernel_cutoff
    gain = averaging_gain(drawn.averaged, calibrated.slice_correlation)
    settings = replace(
        drawn.settings, photons=(photons or calibrated.photons) * gain,
        kernel_cutoff=cutoff or (None if calibrated.kernel else calibrated.kernel_cutoff),
        kernel=None if cutoff else calibrated.kernel,
    )  # fmt: skip
    rng = np.random.default_rng([drawn.settings.seed, 1])
    spacing = tuple(step * drawn.scale for step in scan.spacing)
    starts, stacks = drawn.read(scan.shape[0])
    if drawn.neighbours and drawn.averaged == 1:  # averages share next to none of their noise
        settings = replace(settings, slice_correlation=calibrated.slice_correlation)
    full = []
    for k in starts:
        image = scan.full[k : k + drawn.averaged].astype(np.float32).mean(0)
        if drawn.scale != 1:
            # Cubic splines keep the noise of the scan up to near the Nyquist frequency.
            image = ndimage.zoom(image, 1 / drawn.scale, order=3, mode="nearest")
        full.append(image)
    full = np.stack(full)
    for stack in stacks if variety and variety.lesions else ():
        place, around = stack[drawn.neighbours], np.unique(stack)
        mm = np.abs(starts[around] - starts[place]) * scan.slice_spacing
        full[around] += lesions(full[place], spacing, int(rng.poisson(variety.lesions)), rng, mm)
    full = to_int16(full)
    noise = np.empty(full.shape, np.int16)
    numbers = starts.tolist() if drawn.neighbours else 0
    for k, image in low_dose_noise(full, spacing, settings, first_slice=numbers, device=device):
        noise[k] = np.rint(image.clip(-32768, 32767))
    return _placed(scan, drawn, full, noise, settings.dose)


def lesions(
    image: np.ndarray, spacing: tuple[float, float], count: int, rng: np.random.Generator, mm=(0.0,)
) -> np.ndarray:
    """Return what low-contrast lesions add to a slice: disks and Gaussian blobs in flat soft tissue, HU, float32.

    `mm` is how far from it the slices lie that they are added to, of shape (slices, rows, columns): large ones reach
    near neighbours, small ones seldom.
    """
    added = np.zeros((len(mm), *image.shape), np.float32)
    if not count:
        return added
    column_step, row_step = spacing
    smooth = ndimage.gaussian_filter(image, (2.5 / row_step, 2.5 / column_step))
    slope = np.hypot(*np.gradient(smooth))
    places = np.argwhere((smooth > _LESION_IN[0]) & (smooth < _LESION_IN[1]) & (slope < 6))
    for _ in range(count if len(places) else 0):
        j, i = places[rng.integers(len(places))]
        radius, contrast = rng.uniform(*_LESION_MM) / 2, rng.uniform(*_LESION_HU) * rng.choice((-1, 1))
        half = [math.ceil(2.5 * radius / step) + 1 for step in (row_step, column_step)]
        rows, columns = (slice(max(0, c - h), c + h + 1) for c, h in zip((j, i), half, strict=True))
        y, x = np.ogrid[rows.start : min(rows.stop, image.shape[0]), columns.start : min(columns.stop, image.shape[1])]
        distance = np.hypot((y - j) * row_step, (x - i) * column_step)
        if rng.random() < 0.5:
            shape = np.clip((radius - distance) / min(spacing) + 0.5, 0, 1)
        else:
            shape = np.exp(-((distance / radius) ** 2) * math.log(2))
        for part, apart in zip(added, mm, strict=True):
            if not apart or rng.random() < 1 - apart / (2 * radius):
                part[rows, columns] += contrast * shape
    return added
