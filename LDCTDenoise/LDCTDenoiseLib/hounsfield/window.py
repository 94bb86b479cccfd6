"""The display window, which is also what the paper's metrics are computed in."""

from dataclasses import dataclass

import numpy as np

from ..errors import InputError


@dataclass(frozen=True)
class Window:
    """A display window from `lower` to `upper` HU."""

    lower: float
    upper: float

    def __post_init__(self):
        if not (np.isfinite([self.lower, self.upper]).all() and self.lower < self.upper):
            raise InputError(
                f"a window needs a lower and a larger upper HU value, not [{self.lower:g}, {self.upper:g}]."
            )

    @property
    def width(self) -> float:
        """Width in HU."""
        return self.upper - self.lower

    def to_unit(self, hounsfield) -> np.ndarray:
        """Clip HU values of any shape to the window and scale them to [0, 1] (float64)."""
        values = np.array(hounsfield, dtype=np.float64)
        np.clip(values, self.lower, self.upper, out=values)
        values -= self.lower
        values /= self.width
        return values

    def __str__(self) -> str:
        return f"[{self.lower:g}, {self.upper:g}] HU"


#: The window of the paper's figures and metrics.
PAPER = Window(-160, 240)

#: Windows a radiologist asks for by name.
PRESETS = {"paper": PAPER, "liver": Window(0, 150), "lung": Window(-1350, 150), "bone": Window(-700, 1300)}
