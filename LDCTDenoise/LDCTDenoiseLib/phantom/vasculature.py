"""The great vessels of the upper abdomen, the trees of the liver, and the small vessels of the mesentery."""

from typing import NamedTuple

import numpy as np

from .body import cavity
from .canvas import Canvas
from .organs import liver_outline
from .shapes import contains, ellipse, inset, open_spline
from .vessels import Vessels, course, grow_tree

# Courses in mm, (x, y, z) and the radius at each point.
ARTERIES = [
    ([(9, -4, 15), (7, -13, 18), (5, -21, 19)], [3.6, 3.4, 3.2]),  # coeliac trunk
    ([(5, -21, 19), (-6, -26, 20), (-18, -27, 15), (-30, -29, 12)], [2.8, 2.6, 2.3, 1.7]),  # hepatic
    ([(5, -21, 19), (20, -17, 23), (34, -20, 18), (50, -9, 21), (66, -3, 15), (84, 6, 18), (98, 12, 14)],
     [2.7, 2.6, 2.5, 2.4, 2.3, 2.2, 1.8]),  # splenic
    ([(8, -4, 5), (6, -13, 0), (4, -17, -8), (2, -19, -20), (1, -21, -40)], [3.7, 3.5, 3.4, 3.3, 3.0]),  # mesenteric
    ([(17, 4, -9), (28, 14, -11), (40, 24, -13), (50, 32, -14)], [2.9, 2.6, 2.4, 1.9]),  # left renal
    ([(0, 5, -12), (-14, 13, -13), (-30, 20, -14), (-46, 32, -16)], [2.8, 2.5, 2.3, 1.9]),  # right renal
    ([(5, -21, 19), (14, -32, 24), (26, -46, 27)], [1.8, 1.5, 1.0]),  # left gastric
]  # fmt: skip
VEINS = [
    ([(-12, -20, -4), (-10, -25, -16), (-9, -28, -40)], [6.0, 5.6, 5.2]),  # superior mesenteric
    ([(-12, -20, -3), (6, -21, 2), (24, -18, 5), (46, -8, 9), (70, 3, 11), (90, 12, 9), (100, 15, 8)],
     [4.6, 4.4, 4.2, 4.0, 3.8, 3.2, 2.4]),  # splenic
    ([(-12, -20, -4), (-22, -22, 3), (-34, -23, 8), (-44, -24, 11)], [6.8, 6.6, 6.2, 5.6]),  # portal
    ([(52, 27, -11), (36, 16, -9), (22, -2, -7), (9, -11, -6), (-8, -9, -6), (-18, -4, -6)],
     [3.0, 3.6, 3.9, 3.4, 3.9, 4.0]),  # left renal
    ([(-48, 27, -13), (-36, 12, -11), (-26, 1, -10)], [3.0, 3.6, 4.0]),  # right renal
]  # fmt: skip
BILE_DUCT = ([(-40, -18, 10), (-33, -17, 2), (-27, -12, -10), (-25, -8, -24)], [2.4, 2.5, 2.4, 2.0])


class Vasculature(NamedTuple):
    """All vessels of one phantom, drawn once and cut at every level."""

    liver: dict
    arteries: list
    veins: list
    mesentery: Vessels
    bile_duct: Vessels


def build(rng: np.random.Generator) -> Vasculature:
    """Grow the trees and lay the courses."""
    return Vasculature(
        liver=_liver_trees(rng),
        arteries=[course(*vessel) for vessel in ARTERIES],
        veins=[course(*vessel) for vessel in VEINS],
        mesentery=_mesentery(rng),
        bile_duct=course(*BILE_DUCT),
    )


def _targets_in_liver(rng: np.random.Generator, count: int) -> np.ndarray:
    found = np.empty((0, 3))
    wall = cavity(4.0)
    while len(found) < count:
        z = rng.uniform(-36, 36)
        outline = inset(liver_outline(float(np.clip(z, -30, 30))), 3.0)
        points = rng.uniform((-134, -92), (50, 76), (8, 2))
        points = points[contains(outline, points) & contains(wall, points)]
        found = np.vstack([found, np.column_stack([points, np.full(len(points), z)])])
    return found[:count]


def _liver_trees(rng: np.random.Generator) -> dict:
    right = open_spline([(-34, -23, 8), (-46, -24, 12), (-60, -20, 14), (-74, -14, 12)], 9)
    left = open_spline([(-38, -23, 9), (-32, -32, 17), (-22, -44, 18), (-15, -60, 14)], 9)
    targets = _targets_in_liver(rng, 330)
    to_left = targets[:, 0] > -26 + 0.35 * (targets[:, 1] + 40)
    portal = [
        grow_tree(right, targets[~to_left], rng, tip=0.8, root=5.2),
        grow_tree(left, targets[to_left], rng, tip=0.8, root=4.2),
    ]
    targets = _targets_in_liver(rng, 250)
    angle = np.arctan2(targets[:, 1] - 2, -(targets[:, 0] + 24))
    hepatic = []
    trunks = (
        ((-0.15, 4.0), [(-30, 2, 50), (-48, 6, 38), (-70, 12, 26), (-88, 16, 12)]),
        ((-1.15, -0.15), [(-27, -6, 50), (-38, -20, 40), (-52, -36, 28), (-64, -50, 14)]),
        ((-4.0, -1.15), [(-22, -8, 50), (-12, -28, 42), (0, -46, 34), (8, -60, 26)]),
    )
    for (low, high), trunk in trunks:
        mine = targets[(angle >= low) & (angle < high)]
        hepatic.append(grow_tree(open_spline(trunk, 12), mine, rng, tip=0.6, root=4.6))
    join = [Vessels(*map(np.concatenate, zip(*trees, strict=True))) for trees in (portal, hepatic)]
    return {"portal vein": join[0], "hepatic vein": join[1]}


def _mesentery(rng: np.random.Generator) -> Vessels:
    fields = (
        # where small vessels run: box (x, y, z) and how many; mesentery, greater omentum, splenic hilum
        ([(6, -58, -36), (104, 6, 32)], [(-2, -24, -20), (10, -26, -18), (22, -24, -16)], 230, 2.6),
        ([(-20, -88, -36), (104, -56, 24)], [(40, -66, -30), (46, -70, -16), (52, -74, 0)], 90, 1.6),
        ([(72, -20, -10), (108, 40, 32)], [(86, 6, 12), (92, 10, 12), (96, 12, 12)], 60, 2.2),
        ([(24, 4, -36), (92, 74, 30)], [(30, 20, -12), (34, 22, -12), (40, 26, -12)], 34, 1.0),
        ([(-96, 8, -36), (-36, 72, 20)], [(-34, 20, -14), (-38, 24, -14), (-42, 28, -14)], 26, 1.0),
    )
    trees = []
    for (low, high), trunk, count, root in fields:
        targets = rng.uniform(low, high, (count, 3))
        trees.append(grow_tree(trunk, targets, rng, tip=0.6, root=root, wander=0.14))
    return Vessels(*map(np.concatenate, zip(*trees, strict=True)))


def draw_small(canvas: Canvas, vessels: Vasculature) -> None:
    """Paint the small vessels of the fat; organs cover what runs through them."""
    canvas.tubes(*vessels.mesentery, "small vessel")


def draw_great(canvas: Canvas, vessels: Vasculature, rng: np.random.Generator) -> None:
    """Paint aorta, vena cava and their large branches, with the fat around them and lime in the aortic wall."""
    z = canvas.z
    for vessel in vessels.arteries:
        canvas.tubes(vessel.starts, vessel.ends, vessel.start_radii + 1.3, vessel.end_radii + 1.3, "fat")
    for vessel in vessels.veins:
        canvas.tubes(vessel.starts, vessel.ends, vessel.start_radii + 0.7, vessel.end_radii + 0.7, "fat")
    cava = ellipse((-23 - 0.05 * z, -1 - 0.08 * z), (12.5, 8.8), -14)
    canvas.fill(inset(cava, -1.2), "fat")
    canvas.fill(cava, "vena cava")
    for vessel in vessels.veins:
        canvas.tubes(*vessel, "vein")
    middle = np.array([9.5 - 0.03 * z, 2.0 + 0.06 * z])
    aorta = ellipse(middle, (10.2, 9.8), 20)
    canvas.fill(inset(aorta, -1.5), "fat plane")
    canvas.fill(aorta, "aortic wall")
    canvas.fill(inset(aorta, 1.0), "aorta")
    for vessel in vessels.arteries:
        canvas.tubes(*vessel, "artery")
    for _ in range(5):
        angle, level, half = rng.uniform(0, 2 * np.pi), rng.uniform(-20, 20), rng.uniform(5, 11)
        spread = rng.uniform(0.15, 0.4)
        if abs(z - level) < half:
            arc = np.linspace(angle - spread, angle + spread, 8)
            plaque = middle + 9.4 * np.stack([np.cos(arc), np.sin(arc)], axis=1)
            canvas.stroke(plaque, 0.85 * np.sqrt(1 - ((z - level) / half) ** 2), "calcification")
    canvas.tubes(*vessels.bile_duct, "bile")
    nodes = [(26, -3, -10), (-4, 12, 4), (27, 4, 8), (-12, -12, 14), (18, -20, -14)]
    for x, y, level in nodes:
        canvas.fill(ellipse((x, y), np.array([2.9, 2.0]) * max(0.05, 1 - abs(z - level) / 6), 40), "lymph node")
