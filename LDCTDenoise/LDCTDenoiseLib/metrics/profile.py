"""The profile along a line, and how sharp the edge is that it crosses."""

import math
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..requirements import require
from .quality import Metric

#: Of the edge that a profile crosses.
EDGE = (
    Metric("edge_width", "Edge 10-90 %", 2, "mm", better="less"),
    Metric("edge_slope", "Slope", 0, "HU/mm", better="more"),
    Metric("edge_step", "Step", 0, "HU"),
    Metric("edge_place", "Place", 1, "mm"),
)

#: Standard deviations of a normal distribution between its 10 and its 90 % quantile.
_TEN_TO_NINETY = 2.5631031310892007

#: A step that leaves more than this share of the profile's variance unexplained is no edge.
_UNEXPLAINED = 0.5

#: Places and widths of the edge that the fit begins at, and the fewest samples it is made to.
_PLACES, _WIDTHS, _LEAST = 41, 16, 8


@dataclass(frozen=True)
class Edge:
    """The edge that a profile crosses: the normally blurred step between two plateaus that fits best."""

    width: float  #: Distance over which the step rises from 10 to 90 % of its height, mm.
    slope: float  #: Where it is steepest, HU/mm; negative where the profile falls.
    step: float  #: Its height, HU.
    place: float  #: Where half of it is reached, mm from the beginning of the line.

    def value(self, metric: Metric) -> float:
        return getattr(self, metric.key.removeprefix("edge_"))


def sample_line(array: np.ndarray, start, end, steps: int, aside=(0.0, 0.0, 0.0), lines: int = 1) -> np.ndarray:
    """Return the values of a volume along a line, interpolated linearly; NaN outside of the volume.

    Parameters
    ----------
    array : numpy.ndarray
        HU, shape (slices, rows, columns).
    start, end : sequence of 3 float
        In voxels, (k, j, i); a voxel's centre has whole numbers.
    steps : int
        How many samples, both ends among them.
    aside : sequence of 3 float
        From the first to the last of several parallel lines, in voxels; the line is in their middle.
    lines : int
        How many there are; the result is their mean.

    Returns
    -------
    numpy.ndarray
        float64 of shape (steps,).
    """
    start, end, aside = (np.asarray(point, dtype=np.float64) for point in (start, end, aside))
    along = start + np.linspace(0, 1, steps)[:, None] * (end - start)
    across = (np.linspace(-0.5, 0.5, lines) if lines > 1 else np.zeros(1))[:, None, None] * aside
    points = along + across
    # What a line between two voxels needs, and no more: a volume is large, and a view of it costs nothing.
    low = np.maximum(np.floor(points.reshape(-1, 3).min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(points.reshape(-1, 3).max(axis=0)).astype(int) + 1, array.shape)
    if (low >= high).any():
        return np.full(steps, np.nan)
    part = array[tuple(slice(a, b) for a, b in zip(low, high, strict=True))].astype(np.float64)
    # The rounding of matrices must not put the border's own voxels outside.
    places = points - low
    upper = np.array(part.shape) - 1.0
    near = np.clip(places, 0, upper)
    places = np.where(np.abs(places - near) < 1e-6, near, places)
    values = require("scipy.ndimage").map_coordinates(
        part, np.moveaxis(places, -1, 0), order=1, mode="constant", cval=np.nan
    )
    return values.mean(axis=0)


def measure_edge(distance: np.ndarray, values: np.ndarray) -> Edge | None:
    """Return the edge that a profile crosses, or None where a step explains less than half of its variance.

    The step is a + b Φ((x - place) / s), fitted by least squares: one sample more or less, or noise on a plateau,
    then moves it little, where crossings of 10 and 90 % would jump. Width is 2.563 s, slope b / (s √(2π)).

    Parameters
    ----------
    distance, values : numpy.ndarray
        mm, evenly spaced, and HU, both of shape (samples,); samples that are NaN are left out.
    """
    there = np.isfinite(values)
    x, y = np.asarray(distance, dtype=np.float64)[there], np.asarray(values, dtype=np.float64)[there]
    if len(x) < _LEAST:
        return None
    spread = ((y - y.mean()) ** 2).sum()
    if not spread > 1e-9:
        return None
    step, length = (x[-1] - x[0]) / (len(x) - 1), x[-1] - x[0]
    normal = require("scipy.special").ndtr

    def fit(place, width):
        """Return offset, height and what is left of the variance, of places and widths of one shape."""
        rise = normal((x - np.asarray(place)[..., None]) / np.asarray(width)[..., None])
        rise0 = rise - rise.mean(axis=-1, keepdims=True)
        square = (rise0**2).sum(axis=-1)
        height = (rise0 * (y - y.mean())).sum(axis=-1) / np.maximum(square, 1e-12)
        return y.mean() - height * rise.mean(axis=-1), height, 1 - height**2 * square / spread

    # Plateaus on both sides: an edge at the very end of the line could be of any width.
    margin = 0.05 * length
    low, high = x[0] + margin, x[-1] - margin
    narrow, wide = math.log(step), math.log(length / 4)
    places, widths = np.meshgrid(np.linspace(low, high, _PLACES), np.exp(np.linspace(narrow, wide, _WIDTHS)))
    best = int(np.argmin(fit(places, widths)[2]))
    found = require("scipy.optimize").minimize(
        lambda p: float(fit(p[0], np.exp(p[1]))[2]), (places.ravel()[best], math.log(widths.ravel()[best])),
        method="L-BFGS-B", bounds=((low, high), (narrow, wide)),
    )
    place, width = float(found.x[0]), math.exp(found.x[1])
    _offset, height, left = fit(place, width)
    if left > _UNEXPLAINED:
        return None
    return Edge(_TEN_TO_NINETY * width, float(height) / (width * math.sqrt(2 * math.pi)), float(height), place)


def line_samples(length: float, pixel: float) -> int:
    """Return how many samples a line of so many mm has: four to a pixel.

    Raises
    ------
    InputError
        If the line is shorter than four pixels.
    """
    if not length >= 4 * pixel:
        raise InputError(f"the line is {length:.1f} mm long; draw one of at least four pixels ({4 * pixel:.1f} mm).")
    return math.ceil(4 * length / pixel) + 1
