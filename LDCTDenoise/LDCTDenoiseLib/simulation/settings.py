"""What a simulated scan is asked to be."""

import math
from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError

#: Exposure and kernel of a scan that nothing is known of: about 13 HU of noise in a liver, a standard kernel.
DEFAULT_PHOTONS, DEFAULT_CUTOFF = 700.0, 1.1


@dataclass(frozen=True)
class ScanSettings:
    """Dose, exposure, kernel and seed of a simulated scan.

    Raises
    ------
    InputError
        If a value is outside its range.
    """

    dose: float = 0.25  #: Fraction of the full dose, above 0 and at most 1.
    #: Photons that the central rays (within 60 mm of the isocentre) of the full-dose scan detect on average, at 1152
    #: views per rotation. Left out, it is what gives the scan its own measured noise, see `calibrate`.
    photons: float | None = None
    #: Frequency at which the reconstruction kernel's Hann window reaches zero, as a fraction of the detector's Nyquist
    #: frequency: 0.9 is a smooth soft-tissue kernel, 1.3 a sharp one. Left out, the kernel is the scan's own, from its
    #: noise power spectrum.
    kernel_cutoff: float | None = None
    #: Same seed, same noise: each slice draws from `numpy.random.default_rng([seed, slice])`.
    seed: int = 0
    #: Simulated views per rotation, a multiple of 4. Half the scanner's carry the photons of two each; see
    #: docs/simulation.md for what that changes.
    views: int = 576
    #: The kernel as measured: what it makes of the ramp filter, at frequencies spread evenly from 0 to the detector's
    #: Nyquist frequency. Instead of `kernel_cutoff`.
    kernel: tuple[float, ...] | None = None
    slice_correlation: float = 0.0  #: Correlation of the noise of neighbouring slices, as overlapping slices have it.

    def __post_init__(self):
        if not 0 < self.dose <= 1:
            raise InputError(f"the dose is a fraction above 0 and at most 1, not {self.dose:g}.")
        if self.photons is not None and not (self.photons > 0 and math.isfinite(self.photons)):
            raise InputError(f"the number of detected photons must be positive, not {self.photons:g}.")
        if self.kernel_cutoff is not None and not 0.3 <= self.kernel_cutoff <= 2:
            raise InputError(f"the kernel cut-off must lie between 0.3 and 2 Nyquist, not {self.kernel_cutoff:g}.")
        if int(self.seed) != self.seed or self.seed < 0:
            raise InputError(f"the seed must be a whole number from 0 upwards, not {self.seed}.")
        if int(self.views) != self.views or self.views < 64 or self.views % 4:
            raise InputError(f"the number of views must be a multiple of 4 from 64 upwards, not {self.views}.")

    @property
    def complete(self) -> bool:
        """Whether exposure and kernel are known, so that no scan has to be measured."""
        return self.photons is not None and (self.kernel is not None or self.kernel_cutoff is not None)

    def with_defaults(self) -> "ScanSettings":
        """Return the same with a default for what is not said of photons and kernel."""
        cutoff = self.kernel_cutoff or (None if self.kernel else DEFAULT_CUTOFF)
        return replace(self, photons=self.photons or DEFAULT_PHOTONS, kernel_cutoff=cutoff)

    def window(self, frequency: np.ndarray) -> np.ndarray:
        """Return the kernel's factors of the ramp filter at frequencies in units of the detector's Nyquist's."""
        if self.kernel is not None:
            return np.interp(frequency, np.linspace(0, 1, len(self.kernel)), self.kernel)
        cutoff = self.kernel_cutoff
        return np.where(frequency <= cutoff, 0.5 + 0.5 * np.cos(np.pi * frequency / cutoff), 0.0)

    def slice_weights(self) -> np.ndarray:
        """Return with which weights neighbouring slices' draws are summed to noise of this `slice_correlation`.

        n equal weights and a smaller one: the profile of a slice that is n to n + 1 slice spacings thick.
        """
        if self.slice_correlation <= 0:
            return np.ones(1)
        rho, whole = min(self.slice_correlation, 0.9), 1
        while whole / (whole + 1) < rho:
            whole += 1
        # (whole - 1 + x) / (whole + x²) = rho
        root = math.sqrt(max(0.0, 1 - 4 * rho * (rho * whole - whole + 1)))
        last = min(1.0, (1 - root) / (2 * rho))
        weights = np.append(np.ones(whole), last)
        return weights / np.linalg.norm(weights)
