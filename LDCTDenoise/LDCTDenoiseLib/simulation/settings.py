"""What a simulated scan is asked to be."""

import math
from dataclasses import dataclass

from ..errors import InputError


@dataclass(frozen=True)
class ScanSettings:
    """Dose, exposure, kernel and seed of a simulated scan.

    Attributes
    ----------
    dose : float
        Fraction of the full dose, above 0 and at most 1.
    photons : float
        Photons that the central rays (within 60 mm of the isocentre) of the full-dose scan detect on average, at
        1152 views per rotation. With the default, quarter dose lies 22.8 dB from full dose in the window
        [-160, 240] HU, on average over 20 abdomens and chests.
    kernel_cutoff : float
        Frequency at which the reconstruction kernel's Hann window reaches zero, as a fraction of the detector's
        Nyquist frequency: 0.9 is a smooth soft-tissue kernel, 1.3 a sharp one.
    seed : int
        Same seed, same noise: each slice draws from `numpy.random.default_rng([seed, slice])`.
    views : int
        Simulated views per rotation, a multiple of 4. Half the scanner's carry the photons of two each; see
        docs/simulation.md for what that changes.

    Raises
    ------
    InputError
        If a value is outside its range.
    """

    dose: float = 0.25
    photons: float = 340.0
    kernel_cutoff: float = 1.0
    seed: int = 0
    views: int = 576

    def __post_init__(self):
        if not 0 < self.dose <= 1:
            raise InputError(f"the dose is a fraction above 0 and at most 1, not {self.dose:g}.")
        if not (self.photons > 0 and math.isfinite(self.photons)):
            raise InputError(f"the number of detected photons must be positive, not {self.photons:g}.")
        if not 0.3 <= self.kernel_cutoff <= 2:
            raise InputError(f"the kernel cut-off must lie between 0.3 and 2 Nyquist, not {self.kernel_cutoff:g}.")
        if int(self.seed) != self.seed or self.seed < 0:
            raise InputError(f"the seed must be a whole number from 0 upwards, not {self.seed}.")
        if int(self.views) != self.views or self.views < 64 or self.views % 4:
            raise InputError(f"the number of views must be a multiple of 4 from 64 upwards, not {self.views}.")
