"""The vertebra: body, arch and processes, canal; and the muscles that hang on it."""

import numpy as np

from .canvas import Canvas
from .shapes import ellipse, inset, pole, spline

BODY = [
    (0, 14.5), (-12, 16), (-20.5, 22), (-22.5, 31), (-19.5, 40), (-15, 45.5), (-7, 46.5), (0, 44.8), (7, 46.5),
    (15, 45.5), (19.5, 40), (22.5, 31), (20.5, 22), (12, 16),
]  # fmt: skip
ARCH_RIGHT = [(-10, 45), (-17, 44), (-20, 50), (-22, 58), (-19, 66), (-12, 71), (-4, 76), (0, 77), (0, 70), (-7, 66),
              (-12, 60), (-12.5, 52)]  # fmt: skip


def draw_spine(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint the vertebra at this level, the canal in it, and psoas and diaphragmatic crura beside it."""
    _draw_muscles(canvas)
    z = canvas.z
    arch = np.array(ARCH_RIGHT, dtype=float)
    for side in (1, -1):
        half = spline(arch * (side, 1))
        transverse = np.array([(-18, 58), (-30, 60), (-41 + 0.1 * abs(z), 64)]) * (side, 1)
        widths = np.array([4.2, 3.4, 2.4]) * (0.55 + 0.45 * pole(z, -4, 26))
        canvas.stroke(transverse, widths, "cortical bone")
        canvas.stroke(transverse, widths - 1.2, "cancellous bone")
        canvas.fill(half, "cortical bone")
        canvas.fill(inset(half, 1.5), "cancellous bone")
        # The joint of neighbouring arches: a dense knob with a dark slit.
        joint = ellipse((-17 * side, 65), (5.2, 4.2), 50 * side)
        canvas.fill(joint, "cortical bone")
        canvas.fill(inset(joint, 1.6), "dense bone")
        slit = np.array([(-19.5, 62), (-15.5, 68)]) * (side, 1)
        canvas.stroke(slit, 0.45, "muscle")
    spinous = np.array([(0, 74), (0.6, 82), (0.2, 90)])
    canvas.stroke(spinous, np.array([3.4, 2.7, 3.3]), "cortical bone")
    canvas.stroke(spinous, np.array([1.8, 1.2, 1.9]), "cancellous bone")
    body = spline(BODY)
    canvas.fill(inset(body, -0.9), "fat plane")
    canvas.fill(body, "cortical bone")
    canvas.fill(inset(body, 0.9), "dense bone")
    canvas.fill(inset(body, 1.9), "cancellous bone")
    # The vein that leaves the body at its back, and a few coarse trabeculae.
    canvas.stroke(np.array([(0, 44), (-1, 36), (-6, 31)]), np.array([1.5, 1.0, 0.4]), "rib marrow")
    canvas.stroke(np.array([(-1, 36), (5, 31)]), np.array([0.9, 0.3]), "rib marrow")
    for _ in range(34):
        at = np.array([rng.uniform(-17, 17), rng.uniform(19, 42)])
        turn = rng.normal(0, 0.4)
        step = np.array([np.sin(turn), np.cos(turn)]) * rng.uniform(1, 3)
        canvas.stroke(np.stack([at - step, at + step]), 0.3, "trabecula")
    canal = spline([(0, 47), (-9, 48), (-11.5, 56), (-8, 64), (0, 69), (8, 64), (11.5, 56), (9, 48)])
    canvas.fill(canal, "epidural fat")
    canvas.fill(ellipse((0, 56), (8.4, 7.2)), "thecal sac")
    canvas.fill(ellipse((0, 55.5), (4.6, 3.8)), "cord")


def _draw_muscles(canvas: Canvas) -> None:
    z = canvas.z
    psoas = max(0.0, 0.72 - 0.014 * z)
    for side, swell in ((-1, 1.0), (1, 0.93)):
        outline = spline([(22, 34), (30, 33), (37, 40), (37, 50), (29, 55), (21, 50)]) * (side, 1)
        middle = np.array([25.0 * side, 46.0])
        outline = middle + (outline - middle) * psoas * swell
        canvas.fill(inset(outline, -1.2), "fat")
        canvas.fill(outline, "muscle")
        crus = np.array([(4.5 * side, 9), (13 if side < 0 else 20, 8), (24, 18), (27, 30), (26, 38)], dtype=float)
        crus[1:, 0] *= side
        if side < 0:
            crus[0] = (-4, 4)
        canvas.stroke(crus, np.array([1.6, 3.0, 2.9, 2.0, 1.4]) * (1 + 0.012 * z), "muscle")
