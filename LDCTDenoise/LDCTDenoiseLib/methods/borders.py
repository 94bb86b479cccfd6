"""What a network sees beyond the border of a slice: the slice's mirror image, not the zeros that are air to it.

Measured on a crop of an abdomen at a quarter dose, DCSCN, outer 8 pixels, against the crop of the result: zeros 24.0 HU
RMSE and -7.2 HU on the mean, the border's value repeated 8.1 and 0.0, mirrored about the border's pixels 12.5 and -0.5,
mirrored about the border itself, as here, 7.2 and -0.1.
"""

import numpy as np


def mirrored(start: int, stop: int, size: int) -> np.ndarray:
    """Return the indices, in a row of `size` pixels, of the places `start` to `stop` of its endless mirror image."""
    place = np.arange(start, stop) % (2 * size)
    return np.where(place < size, place, 2 * size - 1 - place)


def extended(slices: np.ndarray, margin: int) -> np.ndarray:
    """Return slices, shape (..., rows, columns), with `margin` pixels of their mirror image around them."""
    around = [(0, 0)] * (slices.ndim - 2) + [(margin, margin)] * 2
    return np.pad(slices, around, "symmetric")
