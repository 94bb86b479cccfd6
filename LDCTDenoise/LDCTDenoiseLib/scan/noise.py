"""A scan's own noise, measured in flat soft tissue: how strong, how fine, and how far it reaches across slices."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..requirements import require

#: Side of a window in pixels, and the side of the transform of its tapered noise.
WINDOW, TRANSFORM = 15, 32
#: Smoothed HU within which tissue is soft, and the millimetres over which it is smoothed.
SOFT, SMOOTHING = (-10.0, 170.0), 2.5
#: Pixels between the centres of neighbouring windows, and from the border to the first.
_STEP, _BORDER = 6, 10
#: Share of the windows, the flattest, that are looked at; and of these, by their noise, the share that the SD is taken
#: from and that the spectrum is. Windows that hide anatomy are noisier, so the quiet ones are trusted.
_FLATTEST, _FOR_SD, _FOR_SPECTRUM = 0.4, (0.10, 0.20), (0.05, 0.35)
#: Slices that are looked at where these are enough, and the most and the fewest windows that say something.
_SLICES, _MOST_WINDOWS, FEWEST_WINDOWS = 16, 2500, 12
#: Fewest windows from which the lowest frequencies can be told from anatomy, and the largest pixel in mm.
_FOR_EXCESS, _PIXEL_FOR_EXCESS = 300, 1.2
#: Highest frequency in 1/mm that a reconstruction holds: the Nyquist frequency of a detector column at the isocentre.
HIGHEST_FREQUENCY = 0.7095
_BANDS = 17


@dataclass(frozen=True)
class OwnNoise:
    """The noise of a scan."""

    sd: float  #: HU, in flat soft tissue.
    mean_frequency: float  #: 1/mm: the mean over the two-dimensional noise power spectrum.
    #: The radial noise power spectrum: 1/mm, and HU² mm². Free of the windows' size, taper and pixels.
    frequency: tuple[float, ...]
    power: tuple[float, ...]
    #: Correlation of the noise of neighbouring slices, 0 to 1; 0 where slices do not overlap or there is one.
    slice_correlation: float
    windows: int  #: How many windows of 15×15 pixels it rests on.


def flat_windows(array: np.ndarray, pixel: tuple[float, float], slices: list[int]) -> list[tuple[int, int, int]]:
    """Return the centres (slice, row, column) of the flattest windows that lie wholly in soft tissue.

    Parameters
    ----------
    array : numpy.ndarray
        HU, shape (slices, rows, columns).
    pixel : tuple of float
        Millimetres between rows and between columns.
    slices : list of int
        Where to look.
    """
    ndimage = require("scipy.ndimage")
    found, flatness = [], []
    if min(array.shape[1:]) < 2 * _BORDER + 1:
        return []
    grid = np.s_[_BORDER:-_BORDER:_STEP, _BORDER:-_BORDER:_STEP]
    for k in slices:
        image = array[k].astype(np.float32)
        smooth = ndimage.gaussian_filter(image, [SMOOTHING / step for step in pixel])
        soft = (smooth > SOFT[0]) & (smooth < SOFT[1])
        if not soft.any():
            continue
        inside = ndimage.minimum_filter(soft, WINDOW)
        mean = ndimage.uniform_filter(smooth, WINDOW)
        spread = ndimage.uniform_filter(smooth * smooth, WINDOW) - mean * mean
        rows, columns = np.nonzero(inside[grid])
        found += [(k, int(j) * _STEP + _BORDER, int(i) * _STEP + _BORDER) for j, i in zip(rows, columns, strict=True)]
        flatness += list(spread[grid][rows, columns])
    if not found:
        return []
    limit = np.quantile(flatness, _FLATTEST)
    return [place for place, flat in zip(found, flatness, strict=True) if flat <= limit]


def measure_noise(array: np.ndarray, pixel: tuple[float, float]) -> OwnNoise | None:
    """Measure the noise of a scan.

    Parameters
    ----------
    array : numpy.ndarray
        HU, shape (slices, rows, columns); the slices are the planes that were reconstructed.
    pixel : tuple of float
        Millimetres between rows and between columns.

    Returns
    -------
    OwnNoise or None
        None where there is too little flat soft tissue to measure it in.
    """
    windows = scan_windows(array, pixel)
    return noise_in(array, pixel, windows) if len(windows) >= FEWEST_WINDOWS else None


def scan_windows(array: np.ndarray, pixel: tuple[float, float]) -> list[tuple[int, int, int]]:
    """Return the flat windows of some of a scan's slices, or of all where some have too few."""
    count = len(array)
    some = sorted({int(k) for k in np.linspace(0, count - 1, min(_SLICES, count))})
    windows = flat_windows(array, pixel, some)
    if len(windows) < 4 * FEWEST_WINDOWS and len(some) < count:
        windows = flat_windows(array, pixel, list(range(count)))
    return windows[:: -(-len(windows) // _MOST_WINDOWS) or 1]


def noise_in(
    array: np.ndarray, pixel: tuple[float, float], windows: list[tuple[int, int, int]], across: bool = True
) -> OwnNoise:
    """Measure the noise of an image, or noise alone, in given windows; see `measure_noise`.

    Without `across` the correlation of neighbouring slices is not measured, and 0.

    The SD of a window of few correlated pixels scatters, so that the quiet windows lie below the mean by chance: the
    result is what windows of this noise would have had to be drawn from. The spectrum is found as the sum of bands
    whose windows, their trend taken off and tapered, would have the measured power (non-negative least squares).
    """
    noise = noise_of_windows(array, windows)
    sd = np.sqrt((noise**2).sum(1) / free_pixels())
    low, high = np.quantile(sd, _FOR_SPECTRUM)
    chosen = noise[(sd >= low) & (sd <= high)]
    power = (np.abs(np.fft.fft2(chosen.reshape(-1, WINDOW, WINDOW) * taper(), (TRANSFORM, TRANSFORM))) ** 2).mean(0)
    radius = _radius(pixel)
    design, covariances, bands = _bands(*pixel)
    seen = _rings(radius, power)
    if not seen.max() > 1e-9:
        return OwnNoise(0.0, 0.0, tuple(bands.tolist()), (0.0,) * len(bands), 0.0, len(windows))
    amount = _fit(design, seen / seen.max(), 0.5 / max(pixel))
    covariance = np.tensordot(amount, covariances, 1)
    inner = _without_trend(covariance / covariance[0, 0])
    free = np.trace(inner) ** 2 / (inner**2).sum()
    low, high = np.quantile(sd, _FOR_SD)
    quiet = float(sd[(sd >= low) & (sd <= high)].mean())
    lost = math.sqrt(np.trace(inner) / free_pixels())
    level = quiet / (lost * _quiet_share(free))
    curve = _hats(bands) @ amount
    whole = float((curve * bands).sum() * 2 * math.pi * bands[1])
    return OwnNoise(
        sd=level,
        mean_frequency=float((curve * bands**2).sum() / (curve * bands).sum()),
        frequency=tuple(float(f) for f in bands),
        power=tuple(float(p) for p in curve * (level**2 / whole)),
        slice_correlation=_slice_correlation(array, windows, noise, radius) if across else 0.0,
        windows=len(windows),
    )


def noise_of_windows(array: np.ndarray, windows, side: int = WINDOW) -> np.ndarray:
    """Return windows around (slice, row, column) less a second-order surface each, (windows, pixels), float64."""
    half = side // 2
    cut = [array[k, j - half : j + half + 1, i - half : i + half + 1].ravel() for k, j, i in windows]
    cut = np.array(cut, dtype=np.float64).reshape(-1, side * side)
    basis = _trend(side)
    return cut - (cut @ basis) @ basis.T


def ramp_excess(array: np.ndarray, pixel: tuple[float, float], windows, noise: OwnNoise) -> float | None:
    """Return how much power lies at low frequencies, as a multiple of what a reconstruction leaves there.

    Filtered back-projection multiplies by frequency (the ramp), so that its noise vanishes towards zero. What denoises
    afterwards sees only some pixels around each and takes out the higher frequencies: the low ones of the noisier scan
    stay. Measured against a ramp with a Hann window of the same mean frequency, in the windows that have least there,
    since anatomy has most: 0.2 to 0.44 of 32 volumes, and 0.5 to 1.1 after most networks.

    Returns
    -------
    float or None
        None where there are too few windows, or they are too large or too small in mm.
    """
    if len(windows) < _FOR_EXCESS or max(pixel) > _PIXEL_FOR_EXCESS or not noise.sd:
        return None
    radius, mean = _radius(pixel), noise.mean_frequency
    low, middle = (radius > 0.03) & (radius < 0.13), (radius > 0.9 * mean) & (radius < 1.3 * mean)
    if not low.any() or not middle.any():
        return None
    cut = noise_of_windows(array, windows).reshape(-1, WINDOW, WINDOW) * taper()
    power = np.abs(np.fft.fft2(cut, (TRANSFORM, TRANSFORM))) ** 2
    found = np.quantile(power[:, low].mean(1), 0.1) / np.median(power[:, middle].mean(1))
    design, _, frequency = _bands(*pixel)
    cutoffs = np.linspace(0.25, 3, 111)
    ramps = np.stack([frequency * np.cos(np.pi / 2 * (frequency / c).clip(0, 1)) ** 4 for c in cutoffs])
    means = (ramps * frequency**2).sum(1) / (ramps * frequency).sum(1)
    ramp = ramps[np.abs(means - mean).argmin()]
    seen = (design @ ramp[:: (len(frequency) - 1) // (_BANDS - 1)])[_ring_of(radius)]
    return float(found / (seen[low].mean() / seen[middle].mean()))


def peakedness(array: np.ndarray, windows) -> float:
    """Return the kurtosis of the finest detail within windows: 3 for noise, more where it is flat here and rough there.

    Total variation, medians and the like leave steps between flat patches.
    """
    ndimage = require("scipy.ndimage")
    cut, second = noise_of_windows(array, windows).reshape(-1, WINDOW, WINDOW), np.array([1.0, -2.0, 1.0])
    fine = ndimage.correlate1d(ndimage.correlate1d(cut, second, 1), second, 2)[:, 1:-1, 1:-1]
    square = fine**2
    level = square.mean((1, 2), keepdims=True)
    return float(((square / level.clip(1e-9)) ** 2).mean())


def _slice_correlation(array: np.ndarray, windows, noise: np.ndarray, radius: np.ndarray) -> float:
    """Correlation with the next slice in the upper half of the frequencies, where anatomy has least."""
    if len(array) < 2:
        return 0.0
    other = [(k + 1 if k + 1 < len(array) else k - 1, j, i) for k, j, i in windows]
    beside = noise_of_windows(array, other)
    mine, theirs = (n.reshape(-1, WINDOW, WINDOW) * taper() for n in (noise, beside))
    a, b = (np.fft.fft2(n, (TRANSFORM, TRANSFORM)) for n in (mine, theirs))
    own = (np.abs(a) ** 2).mean(0)
    order = np.argsort(radius, axis=None)
    half = order[np.cumsum(own.ravel()[order]) > 0.5 * own.sum()]
    cross = (a * b.conj()).real.reshape(len(a), -1)[:, half].sum(1)
    power = [(np.abs(x) ** 2).reshape(len(a), -1)[:, half].sum(1) for x in (a, b)]
    correlation = np.median(cross / np.sqrt(power[0] * power[1]).clip(1e-12))
    return float(np.clip(correlation, 0.0, 1.0))


def free_pixels(side: int = WINDOW) -> int:
    """Pixels of a window less what the surface takes."""
    return side**2 - 6


@lru_cache
def _trend(side: int = WINDOW) -> np.ndarray:
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    return np.linalg.qr(np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], -1).reshape(-1, 6))[0]


def taper(side: int = WINDOW) -> np.ndarray:
    """Return the Hann taper of a window, shape (side, side)."""
    edge = np.hanning(side + 2)[1:-1]
    return np.outer(edge, edge)


def _without_trend(covariance: np.ndarray) -> np.ndarray:
    """Return the covariance of windows whose second-order surface is taken off."""
    basis = _trend()
    left = covariance - basis @ (basis.T @ covariance)
    return left - (left @ basis) @ basis.T


def _radius(pixel: tuple[float, float]) -> np.ndarray:
    """Return the transform's frequencies in 1/mm."""
    return np.hypot(*np.meshgrid(*(np.fft.fftfreq(TRANSFORM, step) for step in pixel), indexing="ij"))


def _rings(radius: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Return the mean power in rings of equal width."""
    ring = _ring_of(radius)
    return np.bincount(ring.ravel(), power.ravel()) / np.bincount(ring.ravel())


def _ring_of(radius: np.ndarray) -> np.ndarray:
    """Return for each frequency the number of its ring, of those that hold any."""
    rings = np.rint(radius / min(radius[0, 1], radius[1, 0]))
    return np.unique(rings, return_inverse=True)[1].reshape(radius.shape)


def _hats(frequency: np.ndarray) -> np.ndarray:
    """Return triangular bands over 0 to `HIGHEST_FREQUENCY`, shape (frequencies, bands); each peaks where two meet."""
    step = HIGHEST_FREQUENCY / (_BANDS - 1)
    centres = np.arange(_BANDS) * step
    return np.clip(1 - np.abs(frequency[:, None] - centres) / step, 0, None)


@lru_cache(maxsize=8)
def _bands(row_step: float, column_step: float):
    """Return, for each band of the spectrum, what windows of such noise would be measured as.

    Returns
    -------
    design : numpy.ndarray
        Mean power in the rings of the transform, shape (rings, bands).
    covariances : numpy.ndarray
        Covariance of a window's pixels, shape (bands, pixels, pixels).
    frequency : numpy.ndarray
        Of the radial spectrum, 1/mm.
    """
    special = require("scipy.special")
    frequency = np.linspace(0, HIGHEST_FREQUENCY, 8 * (_BANDS - 1) + 1)
    hats = _hats(frequency)
    lag = np.arange(WINDOW)
    distance = np.hypot(*np.meshgrid(lag * row_step, lag * column_step, indexing="ij"))
    bessel = special.j0(2 * np.pi * frequency[:, None, None] * distance)
    lags = 2 * np.pi * frequency[1] * np.einsum("fb,f,fji->bji", hats, frequency, bessel)
    row, column = (n.ravel() for n in np.mgrid[:WINDOW, :WINDOW])
    apart = np.abs(row[:, None] - row), np.abs(column[:, None] - column)
    covariances = lags[:, apart[0], apart[1]]
    wave = [np.exp(-2j * np.pi * np.outer(np.fft.fftfreq(TRANSFORM), lag)) for _ in range(2)]
    waves = (wave[0][:, None, :, None] * wave[1][None, :, None, :]).reshape(TRANSFORM**2, -1) * taper().ravel()
    radius = _radius((row_step, column_step))
    design = []
    for covariance in covariances:
        seen = (waves @ _without_trend(covariance) * waves.conj()).sum(1).real
        design.append(_rings(radius, seen.reshape(TRANSFORM, TRANSFORM)))
    return np.stack(design, 1), covariances, frequency


def _fit(design: np.ndarray, power: np.ndarray, nyquist: float) -> np.ndarray:
    """Return the non-negative amounts of the bands that make the measured power, neighbours as alike as it allows.

    What lies beyond the pixels' Nyquist frequency folds back and cannot be told from what lies below: it is held small.
    """
    scale, bands = design.max(), np.eye(design.shape[1])
    beyond = bands[np.linspace(0, HIGHEST_FREQUENCY, len(bands)) > nyquist]
    rows = np.concatenate([design / scale, 0.2 * np.diff(bands, 2, axis=0), 0.5 * beyond])
    wanted = np.concatenate([power, np.zeros(len(rows) - len(power))])
    return require("scipy.optimize").nnls(rows, wanted)[0] / scale


def _quiet_share(free: float) -> float:
    """Mean SD of the windows of `_FOR_SD`, as a share of the noise's SD, where windows have `free` independent pixels.

    Quantiles of χ² after Wilson & Hilferty, Proc Natl Acad Sci 17:684 (1931).
    """
    quantile = require("scipy.special").ndtri(np.linspace(*_FOR_SD, 21))
    return float(np.sqrt((1 - 2 / (9 * free) + quantile * math.sqrt(2 / (9 * free))) ** 3).mean())
