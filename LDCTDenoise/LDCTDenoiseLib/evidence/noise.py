"""Noise in flat tissue: how much, how fine, in which direction, where, and from slice to slice."""

from dataclasses import dataclass

import numpy as np

from ..requirements import require
from ..scan.noise import free_pixels, noise_of_windows, taper
from .findings import Finding
from .observers import Bootstrap, interval
from .places import Tissues, first_true

#: Sides of a window in mm that are tried, and the number of windows that lets one be; the fewest pixels of one; the
#: size of its spectrum. What is coarser than a window is not seen, but small ones fit where large ones do not.
_SIDES, _MANY, _LEAST, _PADDED = (20.0, 12.0), 30, 9, 64
#: Cycles per pixel between which directions are compared, and how many there are.
_BAND, _DIRECTIONS = (0.05, 0.25), 12
#: Slices of the windows that are followed along z.
_DEPTH = 8
#: Correlation below which the noise of two slices counts as independent.
_INDEPENDENT = 0.05
#: The fewest windows that a spectrum is measured from.
LEAST_WINDOWS = 12


@dataclass(frozen=True)
class Windows:
    """Square windows in flat tissue."""

    centres: np.ndarray  #: Slice, row and column, int of shape (windows, 3).
    side: int  #: Pixels, odd.
    pixel: float  #: mm.
    depth: np.ndarray  #: Distance of each centre from the skin, mm.

    def cut(self, volume: np.ndarray, centres: np.ndarray | None = None, offset: int = 0) -> np.ndarray:
        """Return the windows of a volume less a second-order surface each, shape (windows, side, side), float64."""
        where = self.centres if centres is None else centres
        return noise_of_windows(volume, where + [offset, 0, 0], self.side).reshape(-1, self.side, self.side)

    def within(self, first: int, count: int) -> "Windows":
        """Return the windows of some neighbouring slices, as places in a volume of these alone."""
        here = (self.centres[:, 0] >= first) & (self.centres[:, 0] < first + count)
        return Windows(self.centres[here] - [first, 0, 0], self.side, self.pixel, self.depth[here])

    def variances(self, cut: np.ndarray) -> np.ndarray:
        """Return the variance of each window that was cut, HU²."""
        return (cut**2).sum(axis=(1, 2)) / free_pixels(self.side)


def find_windows(tissues: Tissues, tissue: str, depth: np.ndarray) -> Windows:
    """Return windows that lie in flat tissue without overlapping; `depth` is the distance to the skin, mm."""
    ndimage = require("scipy.ndimage")
    for length in _SIDES:
        side = max(_LEAST, int(length / tissues.pixel)) | 1
        centres = []
        for k, mask in enumerate(tissues.masks[tissue]):
            if not mask.any():
                continue
            inside = ndimage.minimum_filter(mask, side, mode="constant", cval=False)
            for j, i in first_true(inside):
                centres.append((k, j, i))
                inside[max(0, j - side + 1) : j + side, max(0, i - side + 1) : i + side] = False
        if len(centres) >= _MANY:
            break
    centres = np.array(centres, dtype=int).reshape(-1, 3)
    return Windows(centres, side, tissues.pixel, depth[tuple(centres.T)])


def _power(windows: np.ndarray, pixel: float) -> np.ndarray:
    """Return the noise power spectrum of detrended windows (windows, side, side) as the FFT orders it, HU² mm²."""
    weight = taper(windows.shape[1])
    power = (np.abs(np.fft.fft2(windows * weight, (_PADDED, _PADDED))) ** 2).mean(axis=0)
    return power * pixel**2 / (weight**2).sum()


def _direction_ratio(power: np.ndarray, fy: np.ndarray, fx: np.ndarray) -> float:
    """Return the mean power in the strongest of the directions from 0 to 180° over that in the weakest, in the band."""
    f = np.hypot(fx, fy)
    band = (f >= _BAND[0]) & (f <= _BAND[1])
    # A whole ring has more fine than coarse frequencies in each direction alike.
    sector = (np.rint(np.degrees(np.arctan2(fy, fx)) / (180 / _DIRECTIONS)).astype(int)) % _DIRECTIONS
    means = [power[band & (sector == s)].mean() for s in range(_DIRECTIONS)]
    return float(max(means) / min(means))


def measure_noise(volume: np.ndarray, windows: Windows, slice_spacing: float, **labels) -> tuple[list[Finding], dict]:
    """Measure the noise of one image in given windows; the same ones for every image that is compared.

    Returns
    -------
    findings : list of Finding
    curves : dict
        "frequency" (1/mm) and "power" (HU² mm²) of the radial spectrum; empty with too few windows.
    """
    count = len(windows.centres)
    if count < LEAST_WINDOWS:
        return [], {}
    cut = windows.cut(volume)
    variance = windows.variances(cut)
    samples = Bootstrap(count, 500)
    sd = interval(np.sqrt(variance.mean()), np.sqrt(samples.mean(variance)))
    power = _power(cut, windows.pixel)
    fy, fx = np.meshgrid(*[np.fft.fftfreq(_PADDED)] * 2, indexing="ij")
    f, rings = np.hypot(fx, fy), np.arange(1, _PADDED // 2 + 1)
    radial = np.asarray(require("scipy.ndimage").mean(power, np.rint(f * _PADDED).astype(int), rings))
    frequency = rings / (_PADDED * windows.pixel)
    findings = [
        Finding("noise_sd", count=count, **sd, **labels),
        Finding("nps_mean", value=float((power * f).sum() / power.sum() / windows.pixel), count=count, **labels),
        Finding("nps_peak", value=float(frequency[np.argmax(radial)]), count=count, **labels),
        Finding("direction_ratio", value=_direction_ratio(power, fy, fx), count=count, **labels),
    ]
    near, far = np.quantile(windows.depth, [1 / 3, 2 / 3])
    edge, centre = windows.depth <= near, windows.depth >= far
    if far > near:
        findings.append(
            Finding(
                "noise_centre_edge", value=float(np.sqrt(variance[centre].mean() / variance[edge].mean())),
                count=int(edge.sum() + centre.sum()), **labels,
            )
        )  # fmt: skip
    findings += _along_z(volume, windows, cut, slice_spacing, labels)
    return findings, {"frequency": frequency, "power": radial}


def _along_z(volume, windows: Windows, cut: np.ndarray, slice_spacing: float, labels) -> list[Finding]:
    """Follow windows from slice to slice, where there is a window of the next slice at nearly the same place."""
    findings = []
    pairs, runs = _followed(windows)
    if len(pairs) >= LEAST_WINDOWS:
        correlation = _correlation(volume, windows, cut, pairs, 1)
        findings.append(Finding("z_correlation", value=correlation, count=len(pairs), **labels))
    long = np.flatnonzero(runs >= _DEPTH)
    if len(long) >= LEAST_WINDOWS:
        column = np.stack([windows.cut(volume, windows.centres[long], n) for n in range(_DEPTH)])
        power = (np.abs(np.fft.rfft(column - column.mean(axis=0), axis=0)) ** 2).mean(axis=(1, 2, 3))[1:]
        frequency = np.fft.rfftfreq(_DEPTH, slice_spacing)[1:]
        findings.append(
            Finding("nps_z_mean", value=float((power * frequency).sum() / power.sum()), count=len(long), **labels)
        )
    return findings


def _followed(windows: Windows) -> tuple[np.ndarray, np.ndarray]:
    """Return the windows that the next slice has as well, and for each through how many slices it goes on."""
    centres = windows.centres
    runs = np.ones(len(centres), int)
    if not len(centres):
        return np.zeros(0, int), runs
    # The same place: a window's centre of the next slice lies within a quarter of a side.
    far_apart = np.array([1000, 1, 1])
    tree = require("scipy.spatial").cKDTree(centres * far_apart)
    distance, other = tree.query((centres + [1, 0, 0]) * far_apart)
    goes_on = distance <= windows.side / 4
    for n in np.argsort(-centres[:, 0], kind="stable"):
        if goes_on[n]:
            runs[n] = runs[other[n]] + 1
    return np.flatnonzero(goes_on), runs


def _correlation(volume, windows: Windows, cut: np.ndarray, pairs: np.ndarray, offset: int) -> float:
    first, second = cut[pairs], windows.cut(volume, windows.centres[pairs], offset)
    return float((first * second).sum() / np.sqrt((first**2).sum() * (second**2).sum()))


def slices_apart(full: np.ndarray, windows: Windows, slice_spacing: float) -> int:
    """Return how many slices away noise is independent (correlation below `_INDEPENDENT`), 3 at most.

    Where too few windows go on through the slices, 1 from 3 mm of spacing on, else 2.
    """
    _, runs = _followed(windows)
    for apart in (1, 2):
        pairs = np.flatnonzero(runs > apart)
        if len(pairs) < LEAST_WINDOWS:
            return 1 if slice_spacing >= 3 else 2
        if _correlation(full, windows, windows.cut(full), pairs, apart) < _INDEPENDENT:
            return apart
    return 3
