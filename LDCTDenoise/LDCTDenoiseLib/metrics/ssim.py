"""Squared error and SSIM; the latter is scikit-image's number to 1e-6, in a fraction of the time.

What depends on the reference alone is computed once for all images that are compared with it. Three maps of each image
are filtered, only where the window fits; both directions of the filter are small matrix products, some rows at a time,
so that everything stays in the processor's cache. Large images are filtered in float32.
"""

import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from ..hounsfield import Window

#: Side of the Gaussian window; an image that is smaller has no SSIM.
SIDE = 11
_SIGMA = 1.5
#: What keeps its quotients finite, for images in [0, 1].
C1, C2 = 0.01**2, 0.03**2

#: Rows and columns that one matrix product filters: small enough that BLAS does not start threads for it.
_SIZE = 32

#: Rows that go through all steps at once: so many that threads, an image each, seldom wait for Python's lock.
_ROWS = 8 * _SIZE

#: From so many pixels on the maps are float32: the rounding that a single pixel shows then averages out.
_LARGE = 1 << 16


class SSIMReference:
    """A reference image, ready for others to be compared with it.

    All are clipped to a window and scaled to [0, 1]. SSIM is the mean over the pixels whose Gaussian window lies in
    the image, with population statistics and data range 1.

    Parameters
    ----------
    reference : numpy.ndarray
        HU of shape (rows, columns).
    window : Window

    References
    ----------
    Wang et al., IEEE Trans Image Process 13(4):600-612, 2004.
    """

    def __init__(self, reference: np.ndarray, window: Window):
        self._window, self._unit = window, window.to_unit(reference)
        self._inside = tuple(n - SIDE + 1 for n in reference.shape)
        self._fits = min(self._inside) > 0
        self._type = np.float32 if reference.size >= _LARGE else np.float64
        if self._fits:
            self._centred = self._about_zero(self._unit)
            self._blocks = -(-min(_ROWS, self._inside[0]) // _SIZE), -(-self._inside[1] // _SIZE)
            self._statistics = []
            for rows, maps in self._parts(2):
                x = self._centred[rows]
                part = maps[:, : len(x), : x.shape[1]]
                part[0] = x
                np.multiply(x, x, out=part[1])
                mean, variance = self._filtered(maps)
                variance -= mean * mean
                level = mean + self._type(0.5)
                self._statistics.append((mean, variance, level, level * level))

    def compare(self, image: np.ndarray) -> tuple[float, float]:
        """Return the mean squared error and the SSIM of an image of the reference's shape.

        The error is NaN when an image holds NaN; SSIM is NaN for images below 11×11, and differs from a computation
        in float64 by less than 1e-6.
        """
        unit = self._window.to_unit(image)
        difference = unit - self._unit
        # Not a dot product, for which BLAS would start threads.
        error = float(np.einsum("ij,ij->", difference, difference)) / difference.size
        return error, self._similarity(self._about_zero(unit)) if self._fits else math.nan

    def _similarity(self, image: np.ndarray) -> float:
        """Return the mean SSIM; some rows go through all of it at a time."""
        half, c1, c2 = (self._type(value) for value in (0.5, C1, C2))
        total = 0.0
        height, width = self._inside
        for (rows, maps), (mean_x, variance_x, level_x, squared_x) in zip(
            self._parts(3), self._statistics, strict=True
        ):
            x, y = self._centred[rows], image[rows]
            part = maps[:, : len(y), : y.shape[1]]
            part[0] = y
            np.multiply(x, y, out=part[1])
            np.multiply(y, y, out=part[2])
            mean, product, square = self._filtered(maps)
            # With means m, variances v and covariance c: (2 mx my + C1) (2 c + C2) / ((mx² + my² + C1) (vx + vy + C2)),
            # in an order that gives 1 exactly for images that are alike.
            other = mean * mean_x
            product -= other
            product *= 2
            product += c2
            np.multiply(mean, mean, out=other)
            square -= other
            square += variance_x
            square += c2
            mean += half
            np.multiply(mean, level_x, out=other)
            other *= 2
            other += c1
            product *= other
            mean *= mean
            mean += squared_x
            mean += c1
            square *= mean
            product /= square
            down, across = self._blocks
            similarity = product.transpose(0, 2, 1, 3).reshape(down * _SIZE, across * _SIZE)
            total += float(similarity[: height - rows.start, :width].sum(dtype=np.float64))
        return total / (height * width)

    def _parts(self, count: int) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield the rows that go through at a time, and room for `count` maps of them, filled up to whole blocks; what
        comes of the filling is left out."""
        down, across = self._blocks
        maps = np.zeros((count, down * _SIZE + SIDE - 1, across * _SIZE + SIDE - 1), self._type)
        for top in range(0, self._inside[0], down * _SIZE):
            yield slice(top, top + down * _SIZE + SIDE - 1), maps

    def _filtered(self, maps: np.ndarray) -> np.ndarray:
        """Return maps filtered where the window fits, shape (maps, blocks down, across, rows, columns of a block)."""
        a, b, c = maps.strides
        windows = np.lib.stride_tricks.as_strided(
            maps, (len(maps), *self._blocks, _SIZE + SIDE - 1, _SIZE + SIDE - 1), (a, b * _SIZE, c * _SIZE, b, c),
            writeable=False,
        )
        band = window_band(_SIZE, self._type)
        return (band @ windows) @ band.T

    def _about_zero(self, unit: np.ndarray) -> np.ndarray:
        """Return an image less 0.5: variances lose less to means that are nearer to zero."""
        return np.subtract(unit, 0.5, out=np.empty(unit.shape, self._type), casting="same_kind")


@lru_cache(maxsize=8)
def window_band(count: int, kind: type) -> np.ndarray:
    """Return the filter as a matrix: (count, count + 10), which takes so many values to those where it fits."""
    weights = np.exp(-0.5 * (np.arange(SIDE) - SIDE // 2) ** 2 / _SIGMA**2)
    band = np.zeros((count, count + SIDE - 1), kind)
    for row in range(count):
        band[row, row : row + SIDE] = weights / weights.sum()
    return band
