"""The solid organs: liver, gallbladder, spleen, kidneys, adrenals, pancreas."""

import numpy as np

from .body import cavity
from .canvas import Canvas
from .shapes import at_level, ellipse, inset, open_spline, pole, scaled, spline, wave

# The same 22 places at z = -30, 0 and 30 mm: along the front from the tip of the left lobe to the right, round the
# back, and along the visceral side. What leans against the wall reaches beyond it and is clipped by it.
LIVER_LOW = [
    (-14, -74), (-30, -88), (-48, -94), (-74, -92), (-104, -76), (-126, -44), (-138, -12), (-137, 16), (-124, 36),
    (-112, 46), (-102, 46), (-97, 34), (-95, 20), (-91, 4), (-84, -8), (-76, -18), (-68, -28), (-62, -36), (-53, -42),
    (-41, -50), (-28, -58), (-17, -66),
]  # fmt: skip
LIVER_MIDDLE = [
    (38, -80), (12, -92), (-20, -97), (-55, -97), (-96, -80), (-124, -48), (-139, -12), (-141, 20), (-130, 50),
    (-108, 70), (-94, 66), (-86, 48), (-83, 30), (-74, 15), (-57, 9), (-44, 5), (-39, -7), (-41, -19), (-35, -31),
    (-25, -47), (-5, -61), (20, -69),
]  # fmt: skip
LIVER_HIGH = [
    (62, -84), (24, -96), (-20, -99), (-58, -99), (-98, -82), (-128, -50), (-143, -12), (-144, 22), (-134, 54),
    (-112, 76), (-82, 82), (-64, 68), (-54, 48), (-46, 27), (-41, 14), (-37, 5), (-16, -1), (-6, -14), (-9, -30),
    (-1, -46), (22, -60), (46, -70),
]  # fmt: skip

SPLEEN_LOW = [
    (116, 8), (124, 9), (130, 20), (126, 37), (114, 48), (106, 46), (107, 38), (111, 28), (114, 18), (112, 11),
]  # fmt: skip
SPLEEN_MIDDLE = [
    (106, -12), (124, -14), (140, 14), (136, 46), (112, 68), (92, 70), (91, 56), (99, 38), (101, 20), (98, 2),
]  # fmt: skip
SPLEEN_HIGH = [
    (96, -30), (122, -26), (144, 8), (138, 46), (112, 74), (84, 80), (74, 66), (85, 44), (93, 18), (85, -8),
]  # fmt: skip

#: Middle, half axes, tilt in degrees, level of the middle and half height of the kidneys, in mm.
RIGHT_KIDNEY = ((-61, 41), (21, 28), 14, -24, 48)
LEFT_KIDNEY = ((64, 39), (22, 29), -18, -20, 58)


def liver_outline(z: float) -> np.ndarray:
    """Return the outline of the liver at a level, before the wall clips it."""
    return spline(at_level(LIVER_LOW, LIVER_MIDDLE, LIVER_HIGH, z))


def draw_liver(canvas: Canvas, vessels: dict) -> None:
    """Paint the liver with its veins; `vessels` names the material of each tree."""
    outline = liver_outline(canvas.z)
    canvas.fill(inset(outline, -1.5), "fat", within=cavity(1.1))
    canvas.fill(outline, "liver", within=cavity(1.4))
    hilum = open_spline([(-30, -24), (-38, -25), (-48, -28), (-58, -24)], 24)
    canvas.stroke(hilum, np.linspace(6.0, 0.8, 24) * pole(canvas.z, 4, 13), "fat")
    number = canvas.palette["liver"]
    kept = canvas.labels.copy()
    for material, tree in vessels.items():
        canvas.tubes(*tree, material)
    # Veins show inside the liver only; what a branch painted beyond it is taken back.
    outside = kept != number
    canvas.labels[outside] = kept[outside]
    _draw_fissures(canvas)


def _draw_fissures(canvas: Canvas) -> None:
    z = canvas.z
    deep = 1.0 - 0.012 * max(z, 0)
    ligament = open_spline([(-8 + 0.3 * z, -57), (-12 + 0.2 * z, -66), (-17 + 0.1 * z, -57 - 23 * deep)], 24)
    width = np.linspace(3.4, 0.7, 24) * deep
    canvas.stroke(ligament, width, "fat")
    canvas.fill(ellipse(ligament[9], (1.5, 1.9), 30), "small vessel")


def draw_gallbladder(canvas: Canvas) -> None:
    """Paint the gallbladder in its bed under the liver."""
    width = pole(canvas.z, -15, 22)
    if width == 0:
        return
    pear = scaled(spline([(-31, -35), (-35, -44), (-44, -55), (-55, -60), (-61, -53), (-58, -42), (-47, -34),
                          (-37, -31)]), width)  # fmt: skip
    canvas.fill(inset(pear, -0.8), "gallbladder wall")
    canvas.fill(inset(pear, 0.6), "bile")


def draw_spleen(canvas: Canvas) -> None:
    """Paint the spleen against the left wall."""
    outline = spline(at_level(SPLEEN_LOW, SPLEEN_MIDDLE, SPLEEN_HIGH, canvas.z))
    canvas.fill(inset(outline, -1.4), "fat", within=cavity(1.1))
    canvas.fill(outline, "spleen", within=cavity(1.6))


def _bean(middle, half, tilt, side, hilum, bumps):
    """Return the outline of a kidney, its notch towards the spine and to the front."""
    t = np.linspace(0, 2 * np.pi, len(bumps), endpoint=False)
    notch = np.radians(180 + 24 if side > 0 else -24)
    apart = np.abs((t - notch + np.pi) % (2 * np.pi) - np.pi)
    radius = 1 - hilum * 0.3 * np.exp(-((apart / 0.42) ** 2)) + hilum * 0.06 * np.exp(-(((apart - 0.8) / 0.3) ** 2))
    radius += bumps
    x, y = half[0] * radius * np.cos(t), half[1] * radius * np.sin(t)
    c, s = np.cos(np.radians(tilt)), np.sin(np.radians(tilt))
    return np.stack([middle[0] + c * x - s * y, middle[1] + s * x + c * y], axis=1)


def draw_kidney(canvas: Canvas, side: int, rng: np.random.Generator) -> None:
    """Paint a kidney (side -1: the right one) with cortex, pyramids, sinus and its fascia."""
    middle, half, tilt, level, height = LEFT_KIDNEY if side > 0 else RIGHT_KIDNEY
    middle, half, z = np.array(middle), np.array(half), canvas.z
    narrow = pole(z, level, height)
    fascia = ellipse(middle, half * 1.3, tilt, 90)
    fascia = inset(middle + (fascia - middle) * (0.6 + 0.4 * narrow), wave(rng, 90, (2, 3, 5), 2.2))
    arc = fascia[10:54] if side < 0 else fascia[36:80]
    canvas.stroke(arc, 0.2 + wave(rng, 44, (2, 5), 0.24), "fascia")
    bumps = wave(rng, 120, (3, 5, 7, 9), 0.018)
    pyramids = rng.uniform(-1, 1, (11, 3))
    vessels = rng.normal(size=(9, 2))
    if narrow < 0.12:
        return
    sinus = pole(z, level + 2, height * 0.7)
    half = half * narrow
    bean = _bean(middle, half, tilt, side, sinus, bumps)
    canvas.fill(inset(bean, -1.5), "fat")
    canvas.fill(bean, "kidney cortex")
    notch = middle + np.array([-side * 0.8, -0.36]) * half
    centre = middle - (side * 0.10 * half[0], 0.06 * half[1])
    for number, (turn, length, width) in enumerate(pyramids):
        angle = 2 * np.pi * (number + 0.35 * turn) / len(pyramids) + 0.02 * z
        ray = np.array([np.cos(angle), np.sin(angle)]) * half
        if np.dot(ray, notch - centre) > 0.75 * np.hypot(*ray) * np.hypot(*(notch - centre)):
            continue
        across = np.array([-ray[1], ray[0]]) / np.hypot(*ray)
        reach, wide = 0.70 + 0.06 * length, (0.17 + 0.05 * width) * np.hypot(*ray)
        tip, base, rim = centre + ray * 0.28, centre + ray * reach, centre + ray * (reach + 0.07)
        wedge = spline([tip - across * 1.2, base - across * wide, rim, base + across * wide, tip + across * 1.2], 8)
        canvas.fill(wedge, "kidney medulla", within=inset(bean, 4.5))
    if sinus == 0:
        return
    # The fat of the sinus sends tongues between the pyramids and opens at the notch.
    t = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    tongues = 1 + 0.34 * np.cos(5 * t + 0.05 * z) + 0.2 * np.cos(8 * t + 1 + side)
    fat = centre + np.stack([np.cos(t) * half[0], np.sin(t) * half[1]], axis=1) * (0.31 * sinus * tongues)[:, None]
    canvas.fill(fat, "fat plane")
    mouth = open_spline([centre, (centre + notch) / 2 + (0, 1.5), notch + (notch - centre) * 0.35], 14)
    canvas.stroke(mouth, np.linspace(2.6, 5.2, 14) * sinus, "fat plane")
    canvas.stroke(mouth[2:] + (0, 2.0), np.linspace(1.4, 2.7, 12) * sinus, "renal pelvis")
    canvas.stroke(mouth + (0, -1.6), np.linspace(1.1, 2.6, 14) * sinus, "vein")
    for x, y in vessels:
        spot = ellipse(centre + (x * 0.17 * half[0], y * 0.2 * half[1]), np.array([1.6, 1.0]) * sinus, 90 * x)
        canvas.fill(spot, "vein")


def draw_adrenals(canvas: Canvas) -> None:
    """Paint the adrenals: two thin limbs each, above the kidneys."""
    z = canvas.z
    left, right = pole(z, 12, 17), pole(z, 20, 17)
    for limb in ([(33, 8), (35, 15), (31, 25)], [(34, 11), (39, 17), (44, 23)]):
        canvas.stroke(open_spline(limb, 20), np.linspace(2.6, 1.5, 20) * left, "adrenal")
    for limb in ([(-31, 10), (-36, 18), (-43, 30)], [(-33, 14), (-33, 22), (-31, 29)]):
        canvas.stroke(open_spline(limb, 20), np.linspace(2.2, 1.3, 20) * right, "adrenal")


def draw_pancreas(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint the pancreas as a crowd of lobules along its course, head low and tail high, fat in its clefts."""
    axis = open_spline(
        [(-27, -14, -14), (-18, -21, -9), (-3, -31, -2), (18, -31, 1), (42, -22, 4), (64, -10, 7), (88, 4, 10)], 60
    )
    reach = np.interp(np.arange(60), [0, 10, 20, 40, 52, 59], [10, 8.5, 7, 8, 8, 5])
    lobules = []
    for _ in range(520):
        at = int(rng.integers(60))
        offset = rng.normal(size=3) * reach[at] * (0.4, 0.4, 0.95)
        lobules.append((*(axis[at] + offset), rng.uniform(2.8, 5.2)))
    lobules = np.array(lobules)
    centres, radii = lobules[:, :3], lobules[:, 3]
    canvas.tubes(centres, centres, radii + 1.0, radii + 1.0, "fat")
    canvas.tubes(centres, centres, radii, radii, "pancreas")
    duct = axis + (0, -1, 0)
    canvas.tubes(duct[:-1], duct[1:], np.full(59, 0.7), np.full(59, 0.7), "renal pelvis")
