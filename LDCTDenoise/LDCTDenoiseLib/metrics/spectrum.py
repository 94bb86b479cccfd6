"""The noise power spectrum of a flat region: how strong its noise is, and how fine."""

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..requirements import require
from .quality import Metric

#: What is said of a spectrum.
NOISE = (
    Metric("noise_sd", "SD", 1, "HU"),
    Metric("noise_mean_frequency", "Mean frequency", 3, "1/mm"),
    Metric("noise_peak_frequency", "Peak frequency", 3, "1/mm"),
)

#: Fewest pixels along either side of a region, and in all of a slice of it.
_LEAST_SIDE, _LEAST_PIXELS = 8, 64


@dataclass(frozen=True)
class NoiseSpectrum:
    """The noise of a flat region."""

    frequency: np.ndarray  #: 1/mm, up to the pixels' Nyquist frequency.
    #: Radial mean of the noise power spectrum, HU² mm²; its integral over both dimensions is the variance.
    power: np.ndarray
    sd: float  #: HU, a second-order surface taken off each slice of the region.
    mean_frequency: float  #: 1/mm: the mean over the two-dimensional spectrum.
    peak_frequency: float  #: 1/mm: where the radial mean is highest.

    def value(self, metric: Metric) -> float:
        return getattr(self, metric.key.removeprefix("noise_"))


def noise_spectrum(patches: np.ndarray, mask: np.ndarray | None, pixel: tuple[float, float]) -> NoiseSpectrum:
    """Measure the noise of a region.

    A second-order surface is taken off each patch, what is left is tapered towards its edge (sin² of the distance) and
    transformed, and the squares are averaged over the patches and in rings: ICRU report 87, section 5, with a taper so
    that the little power at high frequencies that smoothing leaves is not covered by what leaks there. What is coarser
    than about half of the region goes with the surface.

    Parameters
    ----------
    patches : numpy.ndarray
        HU, shape (patches, rows, columns): the region in each of its slices.
    mask : numpy.ndarray or None
        Which pixels belong to it, bool of the same shape; None for all.
    pixel : tuple of float
        Millimetres between rows and between columns.

    Raises
    ------
    InputError
        If the region is smaller than 8×8 pixels, or 64 pixels of other shapes, or holds NaN.
    """
    patches = np.asarray(patches, dtype=np.float64)
    rows, columns = patches.shape[1:]
    masks = np.ones(patches.shape, bool) if mask is None else mask
    kept = [n for n in range(len(patches)) if np.count_nonzero(masks[n]) >= _LEAST_PIXELS]
    if min(rows, columns) < _LEAST_SIDE or not kept:
        raise InputError(
            f"a noise spectrum needs a region of {_LEAST_SIDE}×{_LEAST_SIDE} pixels or more, not {columns}×{rows}; "
            "make it larger."
        )
    size = 1 << int(np.ceil(np.log2(2 * max(rows, columns))))
    total, squares, free = np.zeros((size, size)), 0.0, 0
    for n in kept:
        noise = _without_trend(patches[n], masks[n])
        if not np.isfinite(noise).all():
            raise InputError("the region holds values that are not finite; choose one without them.")
        taper = _taper(masks[n])
        total += np.abs(np.fft.fft2(noise * taper, (size, size))) ** 2 / (taper**2).sum()
        squares += float((noise**2).sum())
        free += np.count_nonzero(masks[n]) - 6
    variance = squares / free
    radius = np.hypot(*np.meshgrid(*(np.fft.fftfreq(size, step) for step in pixel), indexing="ij"))
    cell = 1 / (size**2 * pixel[0] * pixel[1])
    whole = total.sum()
    if not whole > 0:
        return NoiseSpectrum(np.zeros(1), np.zeros(1), 0.0, float("nan"), float("nan"))
    power = total * (variance / (whole * cell))
    # Rings as wide as the region lets frequencies be told apart.
    width = 1 / max(rows * pixel[0], columns * pixel[1])
    ring = np.rint(radius / width).astype(int).ravel()
    counts = np.bincount(ring)
    last = min(int(0.5 / max(pixel) / width), len(counts) - 1)
    curve = np.bincount(ring, power.ravel())[: last + 1] / np.maximum(counts[: last + 1], 1)
    frequency = np.bincount(ring, radius.ravel())[: last + 1] / np.maximum(counts[: last + 1], 1)
    return NoiseSpectrum(
        frequency, curve, float(np.sqrt(variance)), float((radius * total).sum() / whole),
        float(frequency[int(np.argmax(curve))]),
    )


def _without_trend(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the pixels of a mask less the second-order surface that fits them best, 0 elsewhere."""
    y, x = np.mgrid[-1 : 1 : image.shape[0] * 1j, -1 : 1 : image.shape[1] * 1j]
    basis = np.linalg.qr(np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=-1)[mask])[0]
    noise, values = np.zeros_like(image), image[mask]
    noise[mask] = values - basis @ (basis.T @ values)
    return noise


def _taper(mask: np.ndarray) -> np.ndarray:
    """Return 0 outside of a mask, rising to 1 half-way to its middle."""
    distance = require("scipy.ndimage").distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    return np.sin(0.5 * np.pi * np.minimum(2 * distance / distance.max(), 1)) ** 2
