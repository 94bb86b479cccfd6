"""A phantom as a scanner would give it: at full dose, and at a quarter of it."""

import numpy as np

from ..volumes.volume import Volume
from .lowdose import LowDoseRun
from .settings import DEFAULT_CUTOFF, ScanSettings

#: Part of the full dose that the low-dose scan has.
LOW_DOSE = 0.25

#: Makes a full-dose scan as it is read in practice: a noise of about 13 HU in the liver.
_PHOTONS = 700.0


def full_dose_run(phantom: Volume, seed: int = 1, device: str = "auto") -> LowDoseRun:
    """Return the simulation of a full-dose scan of a noise-free phantom."""
    return phantom_scan(phantom, 1.0, 2 * seed, device)


def phantom_scan(phantom: Volume, dose: float, seed: int = 1, device: str = "auto") -> LowDoseRun:
    """Return the simulation of a scan of a noise-free phantom at a part of the full dose, with noise of its own."""
    return LowDoseRun(phantom, ScanSettings(dose, _PHOTONS, DEFAULT_CUTOFF, seed=seed), noise_free=True, device=device)


def low_dose_run(full: Volume, seed: int = 1, device: str = "auto") -> LowDoseRun:
    """Return the simulation of a quarter-dose scan that belongs to a full-dose scan, by the noise of that scan."""
    return LowDoseRun(full, ScanSettings(LOW_DOSE, seed=2 * seed + 1), device=device)


def as_scanned(run: LowDoseRun, name: str) -> Volume:
    """Return a finished run's output as a scanner stores it, in whole HU from -1024 upwards, int16."""
    return run.output.with_array(np.clip(np.rint(run.output.array), -1024, 3071).astype(np.int16), name)
