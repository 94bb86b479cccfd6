"""Hounsfield units: the display window, the range a network sees, and the rule that joins the two worlds."""

from dataclasses import dataclass

import numpy as np

from .errors import InputError

# No HU is farther from 0, not even that of metal on an extended scale.
_FARTHEST = 100_000

#: HU below the first value are padding outside the scanner's field (-2000, -3024), above the second metal beyond the
#: 12-bit range: neither is tissue, and neither is changed. The lower bound leaves room for noise in air.
NEVER_TOUCHED = (-1500.0, 3071.0)


@dataclass(frozen=True)
class _Range:
    """From `lower` to `upper` HU."""

    lower: float
    upper: float

    @property
    def width(self) -> float:
        """Width in HU."""
        return self.upper - self.lower

    def __str__(self) -> str:
        return f"[{self.lower:g}, {self.upper:g}] HU"


@dataclass(frozen=True)
class Window(_Range):
    """A display window, which is also what the paper's metrics are computed in."""

    def __post_init__(self):
        if not (np.isfinite([self.lower, self.upper]).all() and self.lower < self.upper):
            raise InputError(
                f"a window needs a lower and a larger upper HU value, not [{self.lower:g}, {self.upper:g}]."
            )

    def to_unit(self, hounsfield) -> np.ndarray:
        """Clip HU values of any shape to the window and scale them to [0, 1] (float64)."""
        values = np.array(hounsfield, dtype=np.float64)
        np.clip(values, self.lower, self.upper, out=values)
        values -= self.lower
        values /= self.width
        return values


#: The window of the paper's figures and metrics.
PAPER = Window(-160, 240)

#: Windows a radiologist asks for by name.
PRESETS = {"paper": PAPER, "liver": Window(0, 150), "mediastinum": Window(-125, 225), "lung": Window(-1350, 150),
           "bone": Window(-700, 1300)}


@dataclass(frozen=True)
class HURange(_Range):
    """The HU range [lower, upper] that is scaled to [0, 1] for a network. Works on numpy arrays and torch tensors."""

    def __post_init__(self):
        if not (-_FARTHEST <= self.lower < self.upper <= _FARTHEST and self.width >= 1):
            raise InputError(f"a HU range needs lower < upper, two HU of CT, not [{self.lower:g}, {self.upper:g}].")

    def to_unit(self, hounsfield):
        """Clip HU values to the range and scale them to [0, 1]."""
        return (hounsfield.clip(self.lower, self.upper) - self.lower) / self.width


#: The 12-bit range of CT. The default: low-dose noise does not leave it.
WIDE = HURange(-1024, 3071)


def add_correction(hounsfield: np.ndarray, correction: np.ndarray, strength: float = 1.0) -> np.ndarray:
    """Return `x + strength * correction`, with padding and metal left exactly as they are.

    `correction` is `G(clip(x)) - clip(x)` in HU, so that this is the rule `output = x + (G(clip x) - clip x)`: a
    value outside the network's range keeps its excess, and a correction of zero returns `x` bit for bit.

    Parameters
    ----------
    hounsfield : numpy.ndarray
        Any shape, a float type.
    correction : numpy.ndarray
        Of the same shape, in HU.
    strength : float
        0 returns the input, 1 the full correction.
    """
    lower, upper = NEVER_TOUCHED
    tissue = (hounsfield >= lower) & (hounsfield <= upper)
    return np.where(tissue, hounsfield + hounsfield.dtype.type(strength) * correction, hounsfield)
