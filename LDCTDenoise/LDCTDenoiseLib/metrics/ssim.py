"""Squared error and SSIM; the latter as scikit-image computes it, to 1e-9 of its number in a fraction of the time.

Four maps are filtered instead of five, and only where the window fits; both directions of the filter are small matrix
products, a few rows at a time, so that everything stays in the processor's cache.
"""

import math

import numpy as np

from ..hounsfield import Window

#: Side of the Gaussian window; an image that is smaller has no SSIM.
SIDE = 11
_SIGMA, _K1, _K2 = 1.5, 0.01, 0.03

#: Rows and columns that one matrix product filters: small enough that BLAS does not start threads for it.
_ROWS, _COLUMNS = 16, 32


def _band(count: int) -> np.ndarray:
    """Return the filter as a matrix: (count, count + 10), which takes so many values to those where it fits."""
    weights = np.exp(-0.5 * (np.arange(SIDE) - SIDE // 2) ** 2 / _SIGMA**2)
    band = np.zeros((count, count + SIDE - 1))
    for row in range(count):
        band[row, row : row + SIDE] = weights / weights.sum()
    return band


def squared_error_and_ssim(reference: np.ndarray, image: np.ndarray, window: Window) -> tuple[float, float]:
    """Return the mean squared error and the SSIM of two images, clipped to a window and scaled to [0, 1].

    SSIM is the mean over the pixels whose Gaussian window lies in the image, with population statistics and data
    range 1. A few rows go through all of it at a time.

    Parameters
    ----------
    reference, image : numpy.ndarray
        HU of shape (rows, columns).
    window : Window

    Returns
    -------
    tuple of float
        The error is NaN when an image holds NaN; SSIM is NaN for an image below 11×11.

    References
    ----------
    Wang et al., IEEE Trans Image Process 13(4):600-612, 2004.
    """
    height, width = (n - SIDE + 1 for n in reference.shape)
    fits = min(height, width) > 0
    blocks = -(-width // _COLUMNS)
    across = _band(_COLUMNS).T.copy()
    # Columns are filled up to whole blocks; what comes of them is left out of the mean.
    maps = np.zeros((4, _ROWS + SIDE - 1, blocks * _COLUMNS + SIDE - 1)) if fits else None
    error = total = 0.0
    for top in range(0, len(reference), _ROWS):
        x, y = (window.to_unit(values[top : top + _ROWS + SIDE - 1]) for values in (reference, image))
        difference = (x[:_ROWS] - y[:_ROWS]).ravel()
        error += difference @ difference
        rows = min(_ROWS, height - top)
        if not fits or rows <= 0:
            continue
        part = maps[:, : rows + SIDE - 1, : reference.shape[1]]
        part[0], part[1] = x, y
        np.multiply(x, y, out=part[2])
        np.multiply(x, x, out=part[3])
        part[3] += y * y
        down = _band(rows) @ maps[:, : rows + SIDE - 1]
        windows = np.lib.stride_tricks.as_strided(
            down,
            (4, blocks, rows, _COLUMNS + SIDE - 1),
            (down.strides[0], _COLUMNS * down.itemsize, down.strides[1], down.itemsize),
        )
        mean_x, mean_y, product, squares = windows @ across
        # With means m, variances v and covariance c: (2 mx my + C1) (2 c + C2) / ((mx² + my² + C1) (vx + vy + C2)).
        means = mean_x * mean_y
        np.multiply(mean_x, mean_x, out=mean_x)
        np.multiply(mean_y, mean_y, out=mean_y)
        mean_x += mean_y
        squares -= mean_x
        squares += _K2**2
        mean_x += _K1**2
        squares *= mean_x
        product -= means
        product *= 2
        product += _K2**2
        means *= 2
        means += _K1**2
        product *= means
        product /= squares
        total += product[:-1].sum() + product[-1, :, : width - (blocks - 1) * _COLUMNS].sum()
    return error / reference.size, total / (height * width) if fits else math.nan
