"""Resolution by contrast: the task transfer function of round inserts."""

import numpy as np

from ..requirements import require
from .findings import Finding
from .observers import Bootstrap, interval
from .places import REACH

#: HU of the inserts, their radius in mm, and how far inside and outside their edge is followed, mm.
CONTRASTS = (30.0, 100.0, 300.0, 1000.0)
RADIUS = 6.0
_SPAN = (-5.0, 6.0)
#: What lies within so many mm of the edge counts wholly.
_WHOLE = 4.0
#: Width of the bins of distance from the centre in pixels.
_BIN = 0.25
#: Frequency at which a Hann window on a ramp reaches zero, over the mean frequency of the noise it lets through.
_CUTOFF_OF_MEAN = 2.333


def insert(pixel: float, noise_frequency: float | None) -> np.ndarray:
    """Return an insert of contrast 1 on the square of `REACH` mm around its place.

    Parameters
    ----------
    pixel : float
        mm.
    noise_frequency : float, optional
        Mean frequency of the scan's noise, 1/mm. The edge gets the Hann window that would give noise of that
        frequency; without it the edge is one pixel wide.
    """
    n = int(np.ceil(REACH / pixel))
    fine = 4
    side = (2 * n + 1) * fine
    centre = (side - 1) / 2
    y, x = (np.mgrid[:side, :side] - centre) / fine
    disk = np.clip((RADIUS / pixel - np.hypot(y, x)) * fine + 0.5, 0, 1)
    if noise_frequency:
        frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(side, pixel / fine)] * 2, indexing="ij"))
        cutoff = _CUTOFF_OF_MEAN * noise_frequency
        window = np.where(frequency < cutoff, 0.5 + 0.5 * np.cos(np.pi * np.minimum(frequency / cutoff, 1)), 0)
        disk = np.fft.ifft2(np.fft.fft2(disk) * window).real
    return disk.reshape(2 * n + 1, fine, 2 * n + 1, fine).mean(axis=(1, 3))


def edges(
    patches: np.ndarray, pixel: float, radius: float = RADIUS, centre: tuple[float, float] = (0.0, 0.0)
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of patches around their centre as a function of the distance from it.

    Parameters
    ----------
    patches : numpy.ndarray
        With insert less without, over its contrast, shape (patches, side, side).
    pixel, radius : float
        Of a pixel and of the insert, mm.
    centre : tuple of float
        Row and column of the insert's centre from the middle pixel, pixels.

    Returns
    -------
    distance : numpy.ndarray
        mm, shape (bins,), evenly spaced.
    edge : numpy.ndarray
        Shape (patches, bins).
    """
    n = patches.shape[1] // 2
    y, x = np.mgrid[-n : n + 1, -n : n + 1]
    distance = np.hypot(y - centre[0], x - centre[1])
    number = np.rint(distance / _BIN).astype(int)
    last = int((radius + _SPAN[1]) / pixel / _BIN)
    keep = number <= last
    counts = np.bincount(number[keep], minlength=last + 1)
    sums = np.stack([np.bincount(number[keep], weights=p[keep], minlength=last + 1) for p in patches])
    radii = np.bincount(number[keep], weights=distance[keep], minlength=last + 1) / np.maximum(counts, 1)
    filled = counts > 0
    means = sums[:, filled] / counts[filled]
    # Evenly spaced again: near the centre some distances do not occur on the grid.
    grid = np.arange(0, (last - 1) * _BIN, _BIN)
    even = np.stack([np.interp(grid, radii[filled], m) for m in means])
    return grid * pixel, even


def transfer(distance: np.ndarray, edge: np.ndarray, frequencies: np.ndarray, radius: float = RADIUS) -> np.ndarray:
    """Return the transfer function of edges, shape (…, bins), at given frequencies (1/mm), 1 at zero."""
    inside = distance >= radius + _SPAN[0]
    d, e = distance[inside], edge[..., inside]
    step = d[1] - d[0]
    line = -np.gradient(e, step, axis=-1)
    # Tapered around the edge, so that what noise is left at the ends does not count as blur.
    place = d - radius
    ramp = np.clip((np.abs(place) - _WHOLE) / (-_SPAN[0] - _WHOLE + 0.5), 0, 1)
    line = line * (0.5 + 0.5 * np.cos(np.pi * ramp))
    response = np.abs(line @ np.exp(-2j * np.pi * place[:, None] * frequencies)) * step
    # A difference over two steps lets high frequencies through less, and so do bins and what is between them.
    response = response / (np.sinc(2 * frequencies * step) * np.sinc(frequencies * step) ** 2)
    return response / response[..., :1]


def falls_to(frequencies: np.ndarray, response: np.ndarray, level: float) -> float:
    """Return the first frequency at which a response falls to a level (linear interpolation), NaN if it never does."""
    below = np.flatnonzero(response < level)
    if not below.size or below[0] == 0:
        return float("nan")
    b = below[0]
    f0, f1, r0, r1 = frequencies[b - 1], frequencies[b], response[b - 1], response[b]
    return float(f0 + (r0 - level) / (r0 - r1) * (f1 - f0))


def measure_resolution(
    patches: np.ndarray, pixel: float, radius: float = RADIUS, centre: tuple[float, float] = (0.0, 0.0), **labels
) -> tuple[list[Finding], dict]:
    """Measure one image's inserts of one contrast.

    Parameters
    ----------
    patches : numpy.ndarray
        With inserts less without, over their contrast, shape (inserts, side, side).
    pixel, radius, centre
        As for `edges`.
    **labels
        Fields of the findings: image, contrast, scan and so on.

    Returns
    -------
    findings : list of Finding
    curves : dict
        "distance" (mm from the edge), "edge", "frequency" (1/mm) and "ttf".
    """
    count = len(patches)
    distance, each = edges(patches, pixel, radius, centre)
    frequencies = np.arange(0, 0.5 / pixel, 0.005)
    mean = each.mean(axis=0)
    response = transfer(distance, mean, frequencies, radius)
    findings = []
    samples = Bootstrap(count, 200) if count > 1 else None
    resampled = transfer(distance, samples.mean(each), frequencies, radius) if samples else None
    for quantity, level in (("ttf50", 0.5), ("ttf10", 0.1)):
        value = falls_to(frequencies, response, level)
        lower = upper = None
        if samples:
            found = [falls_to(frequencies, r, level) for r in resampled]
            if np.isfinite(found).any():
                lower, upper = (float(v) for v in np.nanpercentile(found, [2.5, 97.5]))
        findings.append(Finding(quantity, value=value, count=count, lower=lower, upper=upper, **labels))
    smooth = require("scipy.ndimage").gaussian_filter1d(mean, 1)
    outside, inside = smooth[distance > radius], smooth[(distance > 1) & (distance < radius)]
    plateau = float(mean[distance < 3].mean())
    beyond = max(-outside.min(), inside.max() - plateau, 0.0)
    findings.append(Finding("overshoot", value=100 * beyond, count=count, **labels))
    values = 100 * each[:, distance < 3].mean(axis=1)
    kept = interval(values.mean(), samples.mean(values)) if samples else {"value": float(values.mean())}
    findings.append(Finding("insert_contrast", count=count, **kept, **labels))
    curves = {"distance": distance - radius, "edge": mean, "frequency": frequencies, "ttf": response}
    return findings, curves


def measure_linearity(findings: list[Finding], **labels) -> list[Finding]:
    """Fit a line through zero to the contrasts found over those put in."""
    put = np.array([f.contrast for f in findings])
    found = np.array([f.value for f in findings]) / 100 * put
    if len(put) < 2:
        return []
    slope = (put * found).sum() / (put * put).sum()
    return [
        Finding("linearity", value=100 * slope, count=len(put), **labels),
        Finding("linearity_error", value=float(np.abs(found - slope * put).max()), count=len(put), **labels),
    ]
