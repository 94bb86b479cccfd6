"""A rectangular region of interest on one slice."""

from dataclasses import dataclass

import numpy as np

from ..errors import InputError


@dataclass(frozen=True)
class ROI:
    """Columns `i0` to `i1` and rows `j0` to `j1` of slice `k`; the upper bounds are exclusive."""

    i0: int
    i1: int
    j0: int
    j1: int
    k: int

    @classmethod
    def of(cls, value: "ROI | tuple | list | str | None") -> "ROI | None":
        """Make an ROI of five whole numbers I0,I1,J0,J1,K, in a sequence or a string; None stays None."""
        if value is None or isinstance(value, cls):
            return value
        parts = value.split(",") if isinstance(value, str) else list(value)
        try:
            numbers = [int(p) for p in parts]
            if len(numbers) != 5 or any(float(p) != n for p, n in zip(parts, numbers, strict=True)):
                raise ValueError
        except (TypeError, ValueError) as error:
            raise InputError(f"an ROI is five whole numbers I0,I1,J0,J1,K, not '{value}'.") from error
        return cls(*numbers)

    def check(self, shape: tuple[int, int, int]) -> None:
        """Raise `InputError` unless the ROI lies inside a volume of shape (slices, rows, columns)."""
        slices, rows, columns = shape
        if not (0 <= self.i0 < self.i1 <= columns and 0 <= self.j0 < self.j1 <= rows and 0 <= self.k < slices):
            raise InputError(
                f"the ROI {self} does not lie in the volume: columns run from 0 to {columns}, rows from 0 to {rows}, "
                f"slices from 0 to {slices - 1}, and the lower bounds must be below the upper ones."
            )

    def crop(self, volume: np.ndarray) -> np.ndarray:
        """Return the ROI's pixels of a volume, shape (rows, columns)."""
        return volume[self.k, self.j0 : self.j1, self.i0 : self.i1]

    def __str__(self) -> str:
        return f"{self.i0},{self.i1},{self.j0},{self.j1},{self.k}"
