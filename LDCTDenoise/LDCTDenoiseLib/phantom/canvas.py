"""A fine raster of one level, on which tissues are painted one over the other."""

import numpy as np

from .materials import Palette


class Canvas:
    """One level of the phantom as material numbers on a square raster.

    Edges on the raster are hard; it is finer than the slice, and the blur and the averaging of the slice soften them
    as a scanner does, without the bright and dark seams that painting half-transparent edges would leave.

    Parameters
    ----------
    size : int
        Raster points a side.
    step : float
        Raster spacing in mm.
    z : float
        Level in mm.
    palette : Palette
        Numbers of the materials.
    warp : callable
        Where a drawn point comes to lie.
    """

    def __init__(self, size: int, step: float, z: float, palette: Palette, warp):
        self.size, self.step, self.z = size, step, z
        self.palette, self.warp = palette, warp
        self.labels = np.zeros((size, size), dtype=np.uint8)
        self._last_clip = (None, None)

    def _to_raster(self, points: np.ndarray) -> np.ndarray:
        return np.asarray(points) / self.step + (self.size - 1) / 2

    def fill(self, outline, material: str, *, within=None, above: float | None = None) -> None:
        """Paint the inside of an outline.

        Parameters
        ----------
        outline : numpy.ndarray
            Closed curve in mm, shape (n, 2).
        material : str
            Name of the material.
        within : numpy.ndarray, optional
            Second outline; only what lies inside both is painted.
        above : float, optional
            Paint only in front of this y in mm: what floats on a fluid.
        """
        found = self._mask(outline)
        other = self._clip(within) if within is not None and found else found
        if not found or not other:
            return
        (mask, rows, columns), (clip, clip_rows, clip_columns) = found, other
        if within is not None:
            top, left = max(rows.start, clip_rows.start), max(columns.start, clip_columns.start)
            bottom, right = min(rows.stop, clip_rows.stop), min(columns.stop, clip_columns.stop)
            if top >= bottom or left >= right:
                return
            mask = mask[top - rows.start : bottom - rows.start, left - columns.start : right - columns.start]
            mask = mask & clip[
                top - clip_rows.start : bottom - clip_rows.start, left - clip_columns.start : right - clip_columns.start
            ]
            rows, columns = slice(top, bottom), slice(left, right)
        if above is not None:
            level = self._to_raster(above)
            mask &= (np.arange(rows.start, rows.stop) < level)[:, None]
        self.labels[rows, columns][mask] = self.palette[material]

    def _clip(self, outline):
        # The wall of the cavity clips one organ after the other: keep what was rasterised last.
        if self._last_clip[0] is not outline:
            self._last_clip = (outline, self._mask(outline))
        return self._last_clip[1]

    def _mask(self, outline):
        """Rasterise an outline by the non-zero winding rule: the mask and the rows and columns that it covers."""
        points = self._to_raster(self.warp(np.asarray(outline, dtype=float), self.z))
        low = np.clip(np.ceil(points.min(axis=0)).astype(int), 0, self.size)
        high = np.clip(np.floor(points.max(axis=0)).astype(int) + 1, 0, self.size)
        width, height = high - low
        if width <= 0 or height <= 0:
            return None
        x0, y0 = (points - low).T
        x1, y1 = np.roll(x0, -1), np.roll(y0, -1)
        first = np.clip(np.ceil(np.minimum(y0, y1)), 0, height).astype(int)
        last = np.clip(np.ceil(np.maximum(y0, y1)), 0, height).astype(int)
        count = last - first
        edge = np.repeat(np.arange(len(x0)), count)
        row = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + first[edge]
        slope = (x1 - x0)[edge] / (y1 - y0)[edge]
        column = np.clip(np.ceil(x0[edge] + (row - y0[edge]) * slope), 0, width).astype(int)
        turn = np.zeros((height, width + 1), dtype=np.int8)
        np.add.at(turn, (row, column), np.sign(y1 - y0)[edge].astype(np.int8))
        winding = np.cumsum(turn, axis=1, dtype=np.int8)[:, :-1]
        return winding != 0, slice(low[1], high[1]), slice(low[0], high[0])

    def stroke(self, line, radius, material: str) -> None:
        """Paint a line of round ends in the plane.

        Parameters
        ----------
        line : numpy.ndarray
            Points in mm, shape (n, 2).
        radius : float or numpy.ndarray
            Half the width in mm, one for all points or one for each; where it is 0 or less, nothing is painted.
        material : str
            Name of the material.
        """
        line = np.asarray(line, dtype=float)
        radius = np.maximum(np.broadcast_to(np.asarray(radius, dtype=float), len(line)), 0)[:, None]
        if not radius.any():
            return
        along = np.gradient(line, axis=0)
        along /= np.maximum(np.hypot(along[:, :1], along[:, 1:]), 1e-9)
        normal = along[:, ::-1] * (1, -1)
        turn = np.linspace(0, np.pi, 7)[1:-1, None]
        caps = [
            line[end] + radius[end] * (np.cos(turn) * sign * normal[end] + np.sin(turn) * sign * along[end])
            for end, sign in ((-1, 1), (0, -1))
        ]
        edge = [line + radius * normal, caps[0], (line - radius * normal)[::-1], caps[1]]
        self.fill(np.concatenate(edge), material)

    def tubes(self, starts, ends, start_radii, end_radii, material: str) -> None:
        """Paint the section of this level through tubes in space.

        Parameters
        ----------
        starts, ends : numpy.ndarray
            End points in mm, shape (n, 3).
        start_radii, end_radii : numpy.ndarray
            Radii in mm at the ends, shape (n,).
        material : str
            Name of the material.
        """
        reach = np.maximum(start_radii, end_radii)
        near = (np.minimum(starts[:, 2], ends[:, 2]) - reach < self.z) & (
            np.maximum(starts[:, 2], ends[:, 2]) + reach > self.z
        )
        near &= reach > 0
        if not near.any():
            return
        starts, ends = (np.asarray(part, dtype=float)[near].copy() for part in (starts, ends))
        starts[:, :2] = self.warp(starts[:, :2], starts[:, 2])
        ends[:, :2] = self.warp(ends[:, :2], ends[:, 2])
        number = self.palette[material]
        middle = (self.size - 1) / 2
        for a, b, ra, rb in zip(starts, ends, start_radii[near], end_radii[near], strict=True):
            r = max(ra, rb)
            d = b - a
            t0, t1 = 0.0, 1.0
            if abs(d[2]) > 1e-6:
                # Only the stretch within a radius of the level can show, which keeps the painted boxes small.
                cut = sorted(((self.z - r - a[2]) / d[2], (self.z + r - a[2]) / d[2]))
                t0, t1 = max(0.0, cut[0]), min(1.0, cut[1])
            corners = np.stack([a[:2] + t0 * d[:2], a[:2] + t1 * d[:2]])
            low = np.maximum(np.ceil((corners.min(axis=0) - r) / self.step + middle).astype(int), 0)
            high = np.minimum(np.floor((corners.max(axis=0) + r) / self.step + middle).astype(int) + 1, self.size)
            if (high <= low).any():
                continue
            x = (np.arange(low[0], high[0]) - middle) * self.step - a[0]
            y = ((np.arange(low[1], high[1]) - middle) * self.step - a[1])[:, None]
            z = self.z - a[2]
            t = np.clip((x * d[0] + y * d[1] + z * d[2]) / max(d @ d, 1e-9), 0, 1)
            distance = (x - t * d[0]) ** 2 + (y - t * d[1]) ** 2 + (z - t * d[2]) ** 2
            inside = distance < np.maximum(ra + t * (rb - ra), 0) ** 2
            self.labels[low[1] : high[1], low[0] : high[0]][inside] = number
