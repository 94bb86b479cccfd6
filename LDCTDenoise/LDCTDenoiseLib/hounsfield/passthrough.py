"""The pass-through rule: what a network may change, and what it may never touch."""

import numpy as np

#: HU below the first value are padding outside the scanner's field (-2000, -3024), above the second metal beyond the
#: 12-bit range: neither is tissue, and neither is changed. The lower bound leaves room for noise in air.
NEVER_TOUCHED = (-1500.0, 3071.0)


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
