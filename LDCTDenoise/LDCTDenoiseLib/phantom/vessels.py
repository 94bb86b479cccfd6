"""Vessels in space: trees that grow towards the tissue they feed, and single vessels along a given course."""

from typing import NamedTuple

import numpy as np

from .shapes import open_spline


class Vessels(NamedTuple):
    """Tubes in space, ready for `Canvas.tubes`: ends of shape (n, 3) and radii of shape (n,), all in mm."""

    starts: np.ndarray
    ends: np.ndarray
    start_radii: np.ndarray
    end_radii: np.ndarray

    def where(self, keep: np.ndarray) -> "Vessels":
        """Return the tubes for which `keep`, booleans of shape (n,), is true."""
        return Vessels(*(part[keep] for part in self))

    def clear_of(self, centre, distance: float) -> "Vessels":
        """Return the tubes that stay at least `distance` mm away from a point."""
        along = self.ends - self.starts
        t = np.sum((np.asarray(centre) - self.starts) * along, axis=1) / np.maximum(np.sum(along**2, axis=1), 1e-9)
        nearest = self.starts + np.clip(t, 0, 1)[:, None] * along
        return self.where(np.linalg.norm(nearest - centre, axis=1) > distance + self.start_radii)


def course(points, radii, count: int = 40) -> Vessels:
    """Return one vessel along control points of shape (n, 3) in mm, its radii given at the same points."""
    line = open_spline(np.column_stack([np.asarray(points, dtype=float), radii]), count)
    return Vessels(line[:-1, :3], line[1:, :3], line[:-1, 3], line[1:, 3])


def grow_tree(
    trunk, targets: np.ndarray, rng: np.random.Generator, *, tip: float, root: float, wander: float = 0.08
) -> Vessels:
    """Grow a branching tree from a trunk to many targets.

    Each target is joined to the nearest place of the tree from which it lies ahead, nearest targets first, so that
    branches fork at acute angles. A radius grows with a power of the number of targets fed, the power at which both
    the tips and the root come out as asked.

    Parameters
    ----------
    trunk : array_like
        Points of the first branch from the root on, in mm, shape (n, 3).
    targets : numpy.ndarray
        Points to be fed, in mm, shape (m, 3).
    rng : numpy.random.Generator
        Where the bends come from.
    tip, root : float
        Radius in mm at the targets, and of the root.
    wander : float
        SD of the bends as a part of a branch's length.

    Returns
    -------
    Vessels
        The tubes of the tree.
    """
    nodes = [np.asarray(point, dtype=float) for point in trunk]
    parents = [-1, *range(len(nodes) - 1)]
    order = np.argsort(np.linalg.norm(targets - nodes[-1], axis=1))
    for target in targets[order]:
        places = np.array(nodes)
        ahead = target - places
        distance = np.linalg.norm(ahead, axis=1)
        came = places - places[np.maximum(parents, 0)]
        length = np.linalg.norm(came, axis=1)
        cosine = np.sum(ahead * came, axis=1) / np.maximum(distance * length, 1e-9)
        # Turning back costs most; the root itself has no direction and counts as neutral.
        cost = distance * (1.55 - np.where(length > 0, cosine, 0.3))
        at = int(np.argmin(cost))
        start = places[at]
        steps = max(2, int(np.ceil(distance[at] / 4.0)))
        bend = rng.normal(0, wander * distance[at], 3)
        # Leaving along the old direction and then turning gives the bow that real branches have.
        lead = came[at] / max(length[at], 1e-9) * distance[at] * 0.3
        for step in range(1, steps + 1):
            t = step / steps
            parents.append(at if step == 1 else len(nodes) - 1)
            nodes.append(start + ahead[at] * t + (bend + lead) * (t * (1 - t) * 1.4))
    load = np.zeros(len(nodes))
    children = np.bincount([p for p in parents if p >= 0], minlength=len(nodes))
    load[children == 0] = 1.0
    for node in range(len(nodes) - 1, 0, -1):
        load[parents[node]] += load[node]
    exponent = np.log(root / tip) / np.log(load[0])
    radii = tip * load**exponent
    parent = np.array(parents[1:])
    places = np.array(nodes)
    # A child starts no wider than a third more than it is, or thin branches would leave thick ones as cones.
    start_radii = np.minimum(radii[parent], radii[1:] * 1.3)
    return Vessels(places[parent], places[1:], start_radii, radii[1:])
