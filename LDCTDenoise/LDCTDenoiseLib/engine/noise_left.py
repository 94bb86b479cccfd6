"""How much noise to leave: the strength at which a scan keeps a wanted part of its own noise."""

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..methods.denoiser import Denoiser, told
from ..scan import ScanFacts, measure_scan, remarks_on
from ..scan.noise import FEWEST_WINDOWS, noise_of_windows, scan_windows
from ..scan.planes import orientation
from ..volumes.volume import Volume
from .run import DenoiseRun

#: Slices that are denoised to find out.
_SLICES = 3


@dataclass(frozen=True)
class NoiseLeft:
    """What is left of a scan's noise at each strength."""

    own: float  #: SD of the scan's noise in HU, in flat soft tissue.
    #: Variance of the correction there, and its covariance with the image, HU².
    correction: float
    common: float

    def at(self, strength: float) -> float:
        """Return the SD in HU that is left at a strength."""
        return float(np.sqrt(max(self.own**2 + 2 * strength * self.common + strength**2 * self.correction, 0.0)))

    def strength_for(self, noise: float) -> float:
        """Return the strength from 0 to 1 that leaves `noise` HU: the nearest that can be reached."""
        strengths = np.linspace(0, 1, 1001)
        left = np.array([self.at(s) for s in strengths])
        stop = int(left.argmin()) + 1  # beyond its least noise a stronger correction adds some
        return float(strengths[np.abs(left[:stop] - noise).argmin()])

    def strength_leaving(self, wanted: str) -> tuple[float, str]:
        """Return the strength that leaves the noise asked for, see `wanted_noise`, and words for it."""
        strength = self.strength_for(wanted_noise(wanted, self.own))
        return strength, f"noise {self.at(strength):.1f} of {self.own:.1f} HU left"


def measure_noise_left(
    volume: Volume, denoiser: Denoiser, device: str = "auto", facts: ScanFacts | None = None
) -> NoiseLeft:
    """Find out what a method leaves of a scan's noise, from a few slices.

    Parameters
    ----------
    volume : Volume
        HU.
    denoiser : Denoiser
    device : str
        See `DenoiseRun`.
    facts : ScanFacts, optional
        What is known of the volume: it is not looked for flat tissue again.

    Raises
    ------
    InputError
        If the scan has too little flat soft tissue to measure noise in.
    """
    chosen, places = _flat_places(volume, facts)
    run = DenoiseRun(volume, denoiser, device, slices=chosen)
    for _ in run:
        pass
    return _left_in(*(array.astype(np.float32) for array in (volume.array[chosen], run.output)), places)


def noise_left_of(volume: Volume, output: np.ndarray, facts: ScanFacts | None = None) -> NoiseLeft:
    """As `measure_noise_left`, from an output at full strength that is there already; HU of the volume's shape."""
    chosen, places = _flat_places(volume, facts)
    return _left_in(*(array[chosen].astype(np.float32) for array in (volume.array, output)), places)


def _flat_places(volume: Volume, facts: ScanFacts | None = None) -> tuple[list[int], list[tuple[int, int, int]]]:
    """Return the slices to look at, and the flat windows in them, by the slice's place among those."""
    columns, rows = volume.geometry.spacing[:2]
    known = facts is not None and facts.orientation == "axial"
    windows = facts.flat if known else scan_windows(volume.array, (rows, columns))
    numbers, counts = np.unique([k for k, _, _ in windows] or [0], return_counts=True)
    chosen = sorted(int(k) for k in numbers[np.argsort(-counts, kind="stable")][:_SLICES])
    places = [(chosen.index(k), j, i) for k, j, i in windows if k in chosen]
    if len(places) < FEWEST_WINDOWS:
        raise InputError(
            f"the noise of '{volume.name}' cannot be measured in its {orientation(volume.geometry)} slices (too little "
            "flat soft tissue); give a strength instead of the noise to leave."
        )
    return chosen, places


def _left_in(low: np.ndarray, output: np.ndarray, places) -> NoiseLeft:
    image, correction = (noise_of_windows(a, places) for a in (low, output - low))
    sd = np.sqrt((image**2).mean(1))
    quiet = sd <= np.median(sd)  # windows that hide anatomy are noisier
    image, correction = image[quiet], correction[quiet]
    own = float((image**2).mean())
    return NoiseLeft(own**0.5, float((correction**2).mean()), float((image * correction).mean()))


def wanted_noise(text: str, own: float) -> float:
    """Return HU of noise from what a user wrote: "12" in HU, or "50%" of the scan's own.

    Raises
    ------
    InputError
        If it is neither, or more than the scan has.
    """
    part = text.strip().removesuffix("%")
    try:
        value = float(part) / 100 * own if text.strip().endswith("%") else float(part)
    except ValueError as error:
        raise InputError(f"the noise to leave is a number of HU or a percentage such as 50%, not '{text}'.") from error
    if not 0 <= value <= own * 1.0001:
        raise InputError(
            f"the noise to leave must lie between 0 and the scan's own {own:.1f} HU (100%), not at {text.strip()}."
        )
    return value


def prepared(
    volume: Volume, denoiser: Denoiser, device: str = "auto", strength: float = 1.0, leave_noise: str | None = None
) -> tuple[Denoiser, float, tuple[str, ...]]:
    """Return the denoiser and the strength of a run, and what the record of its output is to say of strength and scan.

    Warns of a scan that is unlike those that a network was trained on, see `scan.remarks_on`.

    Parameters
    ----------
    volume, denoiser, device
        See `measure_noise_left`; `InputError` as there and as in `wanted_noise`. The denoiser is told the noise level.
    strength : float
        What is returned where nothing is said of the noise.
    leave_noise : str, optional
        How much noise to leave, see `wanted_noise`; the words for it are the first remark.
    """
    facts = measure_scan(volume) if denoiser.on_device else None
    remarks = remarks_on(volume, denoiser, facts)
    denoiser = told(denoiser, lambda: facts.noise_level)
    if leave_noise is None:
        return denoiser, strength, remarks
    left = measure_noise_left(volume, denoiser, device, facts)
    strength, words = left.strength_leaving(leave_noise)
    return denoiser, strength, (words, *remarks)
