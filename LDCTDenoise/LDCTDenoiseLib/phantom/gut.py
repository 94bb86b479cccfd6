"""Stomach, duodenum, small bowel and colon: wall, folds, contents, gas."""

import numpy as np

from .body import cavity
from .canvas import Canvas
from .shapes import at_level, ellipse, inset, pole, scaled, spline, wave

STOMACH_LOW = [
    (-4, -60), (20, -74), (48, -82), (76, -80), (92, -66), (90, -54), (74, -52), (54, -57), (32, -58), (14, -52),
    (-2, -51),
]  # fmt: skip
STOMACH_MIDDLE = [
    (10, -60), (34, -72), (60, -84), (88, -80), (106, -61), (108, -40), (95, -24), (76, -23), (58, -38), (36, -46),
    (14, -49),
]  # fmt: skip
STOMACH_HIGH = [
    (26, -56), (50, -70), (74, -84), (98, -79), (114, -57), (112, -33), (94, -14), (68, -6), (44, -12), (30, -26),
    (23, -42),
]  # fmt: skip
#: y in mm of the fluid in the stomach of a patient who lies on the back.
STOMACH_FLUID = -60.0

#: Middle, half axes, tilt, level of the middle, half height in mm, and what fills it.
JEJUNUM = [
    ((56, -30), (14, 10), 20, -14, 27, "bowel content"), ((83, -26), (11, 15), 10, -16, 30, "bowel contrast"),
    ((45, -6), (12, 9), -30, -18, 25, "bowel content"), ((70, -4), (13, 9), 15, -20, 25, "bowel content"),
    ((96, -8), (9, 13), 0, -16, 28, "gas"), ((34, -38), (11, 8), 35, -22, 24, "bowel contrast"),
    ((92, 10), (8, 10), 40, -30, 22, "bowel content"),
]  # fmt: skip
COLON = [
    ((119, -34), (12, 16), -20, -14, 46, "stool"), ((106, -62), (14, 11), 40, -24, 32, "gas"),
    ((-78, -48), (17, 14), 15, -40, 27, "stool"), ((4, -78), (24, 8), -4, -34, 25, "gas"),
    ((-40, -76), (22, 9), 6, -36, 24, "stool"),
]  # fmt: skip


def draw_stomach(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint the stomach: a folded wall, fluid with some food in it, and gas in front of the fluid."""
    outline = spline(at_level(STOMACH_LOW, STOMACH_MIDDLE, STOMACH_HIGH, canvas.z))
    canvas.fill(inset(outline, -1.6), "fat", within=cavity(1.1))
    canvas.fill(outline, "stomach wall", within=cavity(2.2))
    folds = 3.4 + wave(rng, len(outline), (9, 14, 19, 23), 1.0)
    # Folds flatten where gas stretches the wall.
    thick = np.where(outline[:, 1] < STOMACH_FLUID, 2.3, np.maximum(folds, 2.0))
    smooth = np.convolve(np.tile(thick, 3), np.ones(5) / 5, mode="same")[len(thick) : 2 * len(thick)]
    lumen = inset(outline, smooth)
    canvas.fill(lumen, "gastric fluid", within=cavity(4.2))
    for _ in range(7):
        crumb = (rng.uniform(60, 96), rng.uniform(-52, -30))
        canvas.fill(ellipse(crumb, rng.uniform(1.2, 3.4, 2), rng.uniform(0, 180)), "bowel wall", within=lumen)
    gas = inset(lumen, 0.3 + wave(rng, len(lumen), (5, 8, 12), 0.35))
    canvas.fill(gas, "gas", within=cavity(4.4), above=STOMACH_FLUID)


def draw_duodenum(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint the gas-filled bulb and the descending part beside the head of the pancreas."""
    z = canvas.z
    bulb = pole(z, -2, 22)
    if bulb > 0.2:
        outline = scaled(spline([(-14, -33), (-24, -35), (-29, -42), (-25, -51), (-15, -56), (-3, -58), (3, -52),
                                 (-3, -44)]), bulb)  # fmt: skip
        canvas.fill(inset(outline, -1.4), "fat")
        canvas.fill(outline, "bowel wall")
        lumen = inset(outline, 2.5 + wave(rng, len(outline), (3, 7, 11), 0.6))
        canvas.fill(lumen, "gastric fluid")
        canvas.fill(lumen, "gas", above=-41.5)
    _draw_loop(canvas, (-41, -9), (10, 8.5), 30, pole(z, -26, 23), "bowel content", rng)


def draw_bowel(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint loops of jejunum with feathery folds, and the colon with gas and stool."""
    for middle, half, tilt, level, height, content in JEJUNUM:
        drift = np.array([0.12, -0.08]) * (canvas.z - level)
        _draw_loop(canvas, middle + drift, half, tilt, pole(canvas.z, level, height), content, rng)
    for middle, half, tilt, level, height, content in COLON:
        _draw_colon(canvas, middle, half, tilt, pole(canvas.z, level, height), content, rng)


def _draw_loop(canvas, middle, half, tilt, width, content, rng) -> None:
    shape = wave(rng, 120, (2, 3, 5), 0.9)
    folds = wave(rng, 120, (13, 17, 22, 29), 0.75)
    if width < 0.25:
        return
    outline = inset(ellipse(middle, np.array(half) * width, tilt, 120), shape * width)
    canvas.fill(inset(outline, -1.3), "fat")
    canvas.fill(outline, "bowel wall")
    lumen = inset(outline, np.maximum(2.1 + folds, 1.1) * min(1.0, width + 0.2))
    if content == "gas":
        canvas.fill(lumen, "bowel content")
        canvas.fill(lumen, "gas", above=middle[1] + 0.15 * half[1])
    else:
        canvas.fill(lumen, content)


def _draw_colon(canvas, middle, half, tilt, width, content, rng) -> None:
    shape = wave(rng, 120, (3, 4, 6), 1.6)
    lumps = rng.uniform(-1, 1, (16, 2))
    sizes = rng.uniform(0.7, 3.2, 16)
    if width < 0.25:
        return
    outline = inset(ellipse(middle, np.array(half) * width, tilt, 120), shape * width)
    canvas.fill(inset(outline, -1.4), "fat", within=cavity(1.1))
    canvas.fill(outline, "bowel wall", within=cavity(1.8))
    lumen = inset(outline, 1.6)
    canvas.fill(lumen, "gas" if content == "gas" else "stool", within=cavity(3.4))
    if content == "gas":
        low = np.array([(-40, 0.5 * half[1]), (40, 0.5 * half[1]), (40, 40), (-40, 40)])
        canvas.fill(lumen, "stool", within=np.array(middle) + low)
        return
    for lump, size in zip(lumps, sizes, strict=True):
        place = np.array(middle) + lump * np.array(half) * 0.75 * width
        canvas.fill(ellipse(place, (size, size * 0.8), 57 * size), "gas", within=inset(lumen, 0.8))
    canvas.fill(lumen, "gas", within=inset(lumen, 1.0), above=middle[1] - 0.55 * half[1] * width)
