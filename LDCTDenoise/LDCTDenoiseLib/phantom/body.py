"""The body around the organs: skin, fat, the muscles of the wall and back, ribs; and the table under it."""

from functools import lru_cache

import numpy as np

from .canvas import Canvas
from .shapes import ellipse, inset, open_spline, spline, wave

# Right side (x < 0) first, then round over the back to the left side; the sides differ, as in patients.
OUTLINE = [
    (0, -112), (-36, -116), (-80, -107), (-122, -83), (-150, -44), (-160, 0), (-152, 46), (-126, 78), (-86, 97),
    (-44, 103), (-14, 99), (1, 93), (16, 99), (46, 103), (86, 98), (127, 79), (154, 45), (162, 0), (152, -46),
    (122, -85), (80, -108), (36, -117),
]  # fmt: skip
WALL = [
    (0, -97), (-34, -101), (-74, -95), (-111, -74), (-137, -38), (-146, 2), (-139, 43), (-116, 71), (-84, 85),
    (-46, 93), (-16, 92), (1, 84), (17, 92), (48, 93), (85, 86), (117, 71), (140, 42), (147, 1), (138, -40),
    (111, -75), (74, -96), (34, -101),
]  # fmt: skip
CAVITY = [
    (0, -89), (-34, -91), (-70, -84), (-103, -64), (-127, -30), (-135, 4), (-129, 40), (-108, 64), (-84, 74),
    (-58, 68), (-34, 52), (0, 30), (35, 52), (59, 69), (85, 75), (109, 64), (130, 38), (136, 3), (128, -32),
    (103, -65), (70, -85), (34, -91),
]  # fmt: skip

#: Where ribs cross the middle level: position along the wall (0 to 1 from the front midline, over the right side),
#: length of the section in mm and drift along the wall with z, since ribs run down and forward.
RIBS = [
    (0.155, 20, -0.0009), (0.238, 26, -0.0008), (0.318, 24, -0.0007), (0.386, 21, -0.0005), (0.437, 15, -0.0003),
    (0.568, 16, 0.0003), (0.622, 22, 0.0005), (0.690, 24, 0.0007), (0.768, 27, 0.0008), (0.848, 19, 0.0009),
]  # fmt: skip


@lru_cache
def cavity(depth: float = 0.0) -> np.ndarray:
    """Return the inner outline of the wall, `depth` mm further in: what clips the organs that lean against it.

    The array is shared between calls and not to be written to.
    """
    return inset(spline(CAVITY), depth)


def _stretch(outline: np.ndarray, start: float, stop: float) -> np.ndarray:
    """Cut a stretch out of an outline, by position along it from 0 to 1 (modulo 1)."""
    steps = np.hypot(*np.diff(np.vstack([outline, outline[:1]]), axis=0).T)
    along = np.concatenate([[0], np.cumsum(steps)]) / steps.sum()
    closed = np.vstack([outline, outline[:1]])
    at = np.linspace(start, stop, max(6, int((stop - start) * 220))) % 1.0
    return np.stack([np.interp(at, along, closed[:, axis]) for axis in range(2)], axis=1)


def draw_shell(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint skin, the fat under it, the muscular wall with its layers, and an empty (fatty) cavity."""
    skin = spline(OUTLINE)
    wall = spline(WALL)
    canvas.fill(skin, "skin")
    canvas.fill(inset(skin, 2.0 + wave(rng, len(skin), (3, 7), 0.25)), "subcutaneous fat")
    _draw_septa(canvas, rng)
    # A thin outer sheet with fat under it: latissimus and external oblique, free of the wall proper.
    for start, stop in ((0.19, 0.40), (0.61, 0.80)):
        sheet = _stretch(inset(wall, -2.6), start, stop)
        width = 1.7 * np.sin(np.linspace(0, np.pi, len(sheet))) ** 0.5
        canvas.stroke(sheet, width, "muscle")
    canvas.fill(wall, "muscle")
    for depth, width, spans in ((3.2, 0.5, ((0.09, 0.41), (0.59, 0.91))), (7.2, 0.3, ((0.12, 0.38), (0.62, 0.88)))):
        for span in spans:
            plane = _stretch(inset(wall, depth), *span)
            ripple = wave(rng, len(plane), (2, 3, 5, 9), 0.6)
            canvas.stroke(plane, np.clip(width + ripple, 0, 1.1), "fat plane")
    for x in (-62, 63):
        # The semilunar line at the outer edge of the straight muscle.
        canvas.stroke(np.array([(x, -97), (x * 1.02, -90)]), 1.3, "fat plane")
    canvas.fill(np.array([(-7, -100), (7, -100), (1.5, -90), (-1.5, -90)]), "subcutaneous fat")
    canvas.stroke(np.array([(0, -97), (0, -90)]), 0.7, "fascia")
    canvas.fill(cavity(), "diaphragm")
    canvas.fill(cavity(1.1), "fat")
    _draw_cartilage(canvas)


def _draw_septa(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint the threads and small veins of the subcutaneous fat."""
    outer, inner = spline(OUTLINE), spline(WALL)
    for _ in range(36):
        start = rng.uniform()
        depth = rng.uniform(0.15, 0.85)
        length = rng.uniform(0.01, 0.05)
        middle = (1 - depth) * _stretch(outer, start, start + length) + depth * _stretch(inner, start, start + length)
        lift = rng.uniform(-0.12, 0.12) * np.linspace(-1, 1, len(middle))[:, None]
        line = middle + lift * (_stretch(inner, start, start + length) - _stretch(outer, start, start + length))
        canvas.stroke(line, rng.uniform(0.2, 0.42), "septum")
    for _ in range(9):
        at, depth, drift = rng.uniform(), rng.uniform(0.3, 0.8), rng.normal(0, 0.0006)
        place = (1 - depth) * _stretch(outer, at, at + 0.001)[0] + depth * _stretch(inner, at, at + 0.001)[0]
        place = place + drift * canvas.z * 100 * np.array([1.0, 0.4])
        canvas.fill(ellipse(place, (0.9, 0.7), rng.uniform(0, 180)), "small vessel")


def _draw_cartilage(canvas: Canvas) -> None:
    """Paint the costal arch: cartilage behind the straight muscles, its rim calcified in places."""
    inner = inset(spline(WALL), 6.4)
    shift = 0.0016 * canvas.z
    for start, stop, width in ((0.085, 0.128, 3.6), (0.876, 0.914, 3.4)):
        sign = 1 if start < 0.5 else -1
        line = _stretch(inner, start - sign * shift, stop - sign * shift)
        profile = np.sin(np.linspace(0.15, np.pi - 0.15, len(line))) ** 0.4
        canvas.stroke(line, width * profile + 0.7, "fat plane")
        canvas.stroke(line, width * profile, "calcified cartilage")
        canvas.stroke(line, width * profile - 0.55, "cartilage")


def draw_ribs(canvas: Canvas) -> None:
    """Paint the ribs as oblique sections: a shell of cortical bone around marrow."""
    course = inset(spline(WALL), 5.6)
    total = np.hypot(*np.diff(np.vstack([course, course[:1]]), axis=0).T).sum()
    for at, length, drift in RIBS:
        middle, half = at + drift * canvas.z, length / total / 2
        line = _stretch(course, middle - half, middle + half)
        profile = np.clip(1 - np.linspace(-1, 1, len(line)) ** 4, 0.28, 1)
        canvas.stroke(line, 3.4 * profile + 0.8, "fat plane")
        canvas.stroke(line, 3.4 * profile, "cortical bone")
        canvas.stroke(line[1:-1], 3.4 * profile[1:-1] - 1.25, "rib marrow")


def draw_back(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint what parts the muscles of the back: fat planes and the muscles beside the spine."""
    for side in (-1, 1):
        wobble = 1 + 0.04 * rng.normal()
        lumborum = spline([(30, 58), (40, 55), (52, 62), (54, 70), (44, 70), (33, 66)]) * (side * wobble, 1)
        canvas.fill(inset(lumborum, -1.4), "fat plane")
        canvas.fill(lumborum, "muscle")
        planes = [
            [(30, 68), (44, 73), (58, 75), (68, 80), (71, 87)],  # in front of and beside the erector
            [(11, 66), (18, 74), (19, 84), (13, 92)],  # between multifidus and longissimus
            [(40, 75), (43, 83), (40, 92)],  # between longissimus and iliocostalis
            [(4, 74), (5, 82), (4, 90)],
        ]
        for number, plane in enumerate(planes):
            line = open_spline(np.array(plane) * (side * wobble, 1), 30)
            width = (0.95, 0.7, 0.6, 0.8)[number] + wave(rng, 30, (1, 3, 6), 0.3)
            canvas.stroke(line, np.clip(width, 0, 1.6), "fat plane")
        for _ in range(13):
            start = np.array([rng.uniform(9, 66), rng.uniform(74, 89)])
            lean = np.array([rng.uniform(-0.5, 1.0), 1.0]) * rng.uniform(2, 5)
            line = np.stack([start - lean, start, start + lean]) * (side, 1)
            canvas.stroke(line, np.array([0.1, rng.uniform(0.3, 0.6), 0.1]), "fat plane")


def draw_table(canvas: Canvas) -> None:
    """Paint the thin shells of the table top; it does not move with the patient, so it is not warped."""
    warp, canvas.warp = canvas.warp, lambda points, z: points
    x = np.linspace(-152, 152, 60)
    canvas.stroke(np.stack([x, 144 - 30 * (x / 152) ** 2], axis=1), 0.5 + 0.4 * (1 - (x / 152) ** 2), "table")
    canvas.stroke(np.array([(-124, 152), (-88, 177)]), 0.6, "table")
    canvas.stroke(np.array([(-88, 177), (90, 176)]), 0.6, "table")
    canvas.stroke(np.array([(90, 176), (125, 150)]), 0.6, "table")
    canvas.warp = warp
