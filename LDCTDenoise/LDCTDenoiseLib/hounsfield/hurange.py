"""The range of HU that a network sees as the unit interval."""

from dataclasses import dataclass

from ..errors import InputError

# No HU is farther from 0, not even that of metal on an extended scale.
_FARTHEST = 100_000


@dataclass(frozen=True)
class HURange:
    """The HU range [lower, upper] that is scaled to [0, 1] for a network. Works on numpy arrays and torch tensors."""

    lower: float
    upper: float

    def __post_init__(self):
        if not (-_FARTHEST <= self.lower < self.upper <= _FARTHEST and self.width >= 1):
            raise InputError(f"a HU range needs lower < upper, two HU of CT, not [{self.lower:g}, {self.upper:g}].")

    @property
    def width(self) -> float:
        """Width in HU."""
        return self.upper - self.lower

    def to_unit(self, hounsfield):
        """Clip HU values to the range and scale them to [0, 1]."""
        return (hounsfield.clip(self.lower, self.upper) - self.lower) / self.width

    def __str__(self) -> str:
        return f"[{self.lower:g}, {self.upper:g}] HU"


#: The 12-bit range of CT. The default: low-dose noise does not leave it.
WIDE = HURange(-1024, 3071)

#: The range of the paper's group's other code. Noise leaves it, which shows as bright specks.
SOFT_TISSUE = HURange(-300, 300)
