"""The noise power spectrum: how strong the texture of flat tissue is, and how fine."""

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..requirements import require

#: Smoothed HU within which tissue is soft, and the SD of the smoothed HU up to which a block of it is flat.
_SOFT, _FLAT_SD = (0.0, 150.0), 12.0
#: Pixels of the Gaussian that smooths away the noise for that.
_SMOOTHING = 3.0


@dataclass(frozen=True)
class NoisePower:
    """A radial noise power spectrum.

    Attributes
    ----------
    frequency : numpy.ndarray
        Spatial frequency, cycles per pixel, or per mm where a pixel's size was given; rising to the Nyquist frequency.
    power : numpy.ndarray
        HU² pixel², or HU² mm².
    sd : float
        Root of the mean variance of the blocks, HU.
    blocks : int
        How many were averaged.
    """

    frequency: np.ndarray
    power: np.ndarray
    sd: float
    blocks: int

    @property
    def peak(self) -> float:
        """Frequency of the largest power."""
        return float(self.frequency[np.argmax(self.power)])

    @property
    def mean(self) -> float:
        """Mean frequency, weighted with the power of the ring each frequency stands for."""
        weight = self.power * self.frequency
        return float((weight * self.frequency).sum() / weight.sum())


def flat_blocks(full: np.ndarray, size: int = 32) -> list[tuple[int, int, int]]:
    """Return the blocks of a volume that lie in flat soft tissue.

    Parameters
    ----------
    full : numpy.ndarray
        HU, shape (slices, rows, columns); the image with the least noise, full dose where there is one.
    size : int
        Side of a block in pixels.

    Returns
    -------
    list of tuple
        (slice, first row, first column); blocks do not overlap.
    """
    ndimage = require("scipy.ndimage")
    found = []
    for k, image in enumerate(full):
        smooth = ndimage.gaussian_filter(image.astype(np.float32), _SMOOTHING)
        mean = ndimage.uniform_filter(smooth, size)
        spread = np.sqrt(np.maximum(ndimage.uniform_filter(smooth**2, size) - mean**2, 0))
        soft = ndimage.minimum_filter((smooth > _SOFT[0]) & (smooth < _SOFT[1]), size)
        flat = soft & (spread < _FLAT_SD)
        # A filter's window of even size reaches from its centre size / 2 back; blocks beyond the edge are none.
        half = size // 2
        inside = flat[half : image.shape[0] - size + half + 1, half : image.shape[1] - size + half + 1].copy()
        for j, i in np.argwhere(inside):
            if inside[j, i]:
                found.append((k, int(j), int(i)))
                inside[max(0, j - size + 1) : j + size, max(0, i - size + 1) : i + size] = False
    return found


def noise_power(
    volume: np.ndarray, blocks: list[tuple[int, int, int]], size: int = 32, pixel: float = 1.0
) -> NoisePower:
    """Measure the noise power spectrum of an image in given blocks.

    Parameters
    ----------
    volume : numpy.ndarray
        HU, shape (slices, rows, columns).
    blocks : list of tuple
        See `flat_blocks`. Images that are compared are measured in the same blocks.
    size : int
        Side of a block in pixels.
    pixel : float
        Side of a pixel in mm; 1 gives cycles per pixel.

    Raises
    ------
    InputError
        If there is no block.

    References
    ----------
    ICRU Report 87, Radiation dose and image-quality assessment in computed tomography, 2012: the mean of the squared
    Fourier transforms of blocks whose trend is taken away, times the area of a pixel over the number of pixels.
    """
    if not blocks:
        raise InputError(f"there is no flat soft tissue of {size}×{size} pixels to measure the noise power in.")
    j, i = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    trend = np.stack([np.ones_like(i), i, j, i * i, i * j, j * j]).reshape(6, -1).T
    basis, _ = np.linalg.qr(trend)
    power, variance = np.zeros((size, size)), 0.0
    for k, row, column in blocks:
        block = volume[k, row : row + size, column : column + size].astype(np.float64).ravel()
        block -= basis @ (basis.T @ block)
        power += np.abs(np.fft.fft2(block.reshape(size, size))) ** 2
        variance += block.var()
    power *= pixel**2 / (size**2 * len(blocks))
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size), indexing="ij")) * size
    ring = np.rint(radius).astype(int)
    wanted = np.arange(1, size // 2 + 1)
    curve = require("scipy.ndimage").mean(power, ring, wanted)
    return NoisePower(wanted / (size * pixel), np.asarray(curve), float(np.sqrt(variance / len(blocks))), len(blocks))
