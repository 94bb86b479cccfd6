"""Outlines in millimetres: closed splines, outlines that change with the level, and the warp that makes them grown.

x runs to the patient's left, y to the back, z to the head; (0, 0, 0) is the middle of the phantom.
"""

import numpy as np


def spline(points, per_point: int = 10) -> np.ndarray:
    """Return a smooth closed curve through control points.

    Parameters
    ----------
    points : array_like
        Control points in mm, shape (n, 2).
    per_point : int
        Points of the curve for each control point.

    Returns
    -------
    numpy.ndarray
        Points of the curve in mm, shape (n * per_point, 2), the first one not repeated.
    """
    points = np.asarray(points, dtype=float)
    step = np.roll(points, -1, axis=0) - points
    # The square root of the chord (centripetal) keeps the curve from looping where control points lie close together.
    length = np.maximum(np.sqrt(np.hypot(step[:, :1], step[:, 1:])), 1e-6)
    before, step_before = np.roll(length, 1, axis=0), np.roll(step, 1, axis=0)
    slope = (step / length * before + step_before / before * length) / (length + before)
    lead, land = slope * length, np.roll(slope, -1, axis=0) * length
    t = (np.arange(per_point) / per_point)[None, :, None]
    # Cubic Hermite pieces between neighbouring control points.
    curve = (
        points[:, None]
        + t * lead[:, None]
        + t**2 * (3 * step - 2 * lead - land)[:, None]
        + t**3 * (lead + land - 2 * step)[:, None]
    )
    return curve.reshape(-1, 2)


def open_spline(points, count: int = 40) -> np.ndarray:
    """Return a smooth open curve through control points of any dimension, shape (count, dimension)."""
    points = np.asarray(points, dtype=float)
    steps = np.diff(points, axis=0)
    lengths = np.sqrt(np.sum(steps**2, axis=1))
    along = np.concatenate([[0], np.cumsum(lengths)])
    slopes = np.gradient(points, along, axis=0)
    at = np.linspace(0, along[-1], count)
    piece = np.minimum(np.searchsorted(along, at, side="right") - 1, len(steps) - 1)
    t = ((at - along[piece]) / lengths[piece])[:, None]
    lead, land = (slopes[piece + end] * lengths[piece, None] for end in (0, 1))
    step = steps[piece]
    return points[piece] + t * lead + t**2 * (3 * step - 2 * lead - land) + t**3 * (lead + land - 2 * step)


def at_level(low, middle, high, z: float, reach: float = 30.0) -> np.ndarray:
    """Blend outlines given at z = -reach, 0 and reach mm (same number of points) into the one at z."""
    low, middle, high = (np.asarray(points, dtype=float) for points in (low, middle, high))
    t = z / reach
    return low * (t * (t - 1) / 2) + middle * (1 - t * t) + high * (t * (t + 1) / 2)


def ellipse(centre, half_axes, angle: float = 0.0, count: int = 48) -> np.ndarray:
    """Return an ellipse, shape (count, 2); `angle` in degrees turns its first axis from x towards y."""
    t = np.linspace(0, 2 * np.pi, count, endpoint=False)
    x, y = half_axes[0] * np.cos(t), half_axes[1] * np.sin(t)
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return np.stack([centre[0] + c * x - s * y, centre[1] + s * x + c * y], axis=1)


def pole(z: float, centre: float, half_height: float) -> float:
    """How wide an organ of rounded poles is at level z, as a part of its widest; 0 beyond the poles."""
    return float(np.sqrt(max(0.0, 1 - ((z - centre) / half_height) ** 2)))


def inset(outline: np.ndarray, depth) -> np.ndarray:
    """Move an outline inwards by `depth` mm (a number or one for each point); negative moves it outwards."""
    after, before = np.roll(outline, -1, axis=0), np.roll(outline, 1, axis=0)
    along = after - before
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    area = np.sum(outline[:, 0] * after[:, 1] - after[:, 0] * outline[:, 1])
    return outline + normal * np.reshape(np.broadcast_to(depth, len(outline)), (-1, 1)) * np.sign(area)


def scaled(outline: np.ndarray, factor: float) -> np.ndarray:
    """Scale an outline about its middle."""
    middle = outline.mean(axis=0)
    return middle + (outline - middle) * factor


def wave(rng: np.random.Generator, count: int, cycles, amplitude: float) -> np.ndarray:
    """Return a smooth periodic random function of `count` samples: one cosine for each number of cycles."""
    t = np.linspace(0, 2 * np.pi, count, endpoint=False)
    terms = [np.cos(c * t + rng.uniform(0, 2 * np.pi)) * rng.uniform(0.5, 1) for c in cycles]
    return amplitude * np.sum(terms, axis=0) / np.sqrt(len(terms))


def contains(outline: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Which of the points, shape (n, 2), lie inside an outline: booleans, shape (n,)."""
    ends = np.roll(outline, -1, axis=0)
    x, y = points[:, :1], points[:, 1:]
    crosses = (outline[:, 1] > y) != (ends[:, 1] > y)
    rise = np.where(ends[:, 1] == outline[:, 1], 1.0, ends[:, 1] - outline[:, 1])
    left = x < outline[:, 0] + (y - outline[:, 1]) * (ends[:, 0] - outline[:, 0]) / rise
    return (np.sum(crosses & left, axis=1) % 2).astype(bool)


class Warp:
    """A smooth random displacement of everything alike, so that nothing stays a drawing and neighbours stay neighbours.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where the random waves come from.
    """

    #: Wavelength and SD of the displacement in mm; gradients stay far below 1, so the warp never folds.
    OCTAVES = ((260, 2.6), (120, 1.4), (60, 0.9), (28, 0.45), (14, 0.16))

    def __init__(self, rng: np.random.Generator):
        vectors, phases, sizes = [], [], []
        for wavelength, size in self.OCTAVES:
            for _ in range(6):
                angle = rng.uniform(0, 2 * np.pi)
                tilt = rng.uniform(-0.5, 0.5)
                vectors.append(2 * np.pi / wavelength * np.array([np.cos(angle), np.sin(angle), tilt]))
                phases.append(rng.uniform(0, 2 * np.pi, 2))
                sizes.append(size * rng.normal(size=2) / np.sqrt(3))
        self._vectors, self._phases, self._sizes = (np.array(part) for part in (vectors, phases, sizes))

    def __call__(self, points: np.ndarray, z) -> np.ndarray:
        """Return points of shape (n, 2) in mm, at level z (a number or one for each point), where they come to lie."""
        level = np.broadcast_to(np.asarray(z, dtype=float), (len(points),))
        angle = np.column_stack([points, level]) @ self._vectors.T
        shift = [np.sin(angle + self._phases[:, axis]) @ self._sizes[:, axis] for axis in range(2)]
        return points + np.stack(shift, axis=1)
