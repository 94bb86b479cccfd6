"""Low-contrast lesions of the liver, whose place, size and contrast are known."""

from dataclasses import dataclass

import numpy as np

from .canvas import Canvas
from .materials import MATERIALS, Material, Palette
from .shapes import ellipse, inset, wave

#: Middle (x, y) in mm and side in mm of the region that shows a low-contrast lesion between vessels.
ROI_CENTRE = (-53.0, -17.0)
ROI_SIDE = 93.0

# x, y in mm, level in mm (None: the slice of the ROI), diameter in mm, contrast in HU.
SITES = [
    (-70, -17, None, 13, -36),
    (-58, 1, None, 6, -22),
    (-106, 22, 0, 9, -35),
    (-92, -56, -8, 15, -16),
    (-110, -22, 8, 5, 24),
    (-46, -74, 8, 8, -40),
    (-96, 44, 13, 11, -12),
    (-122, 4, -12, 4, -30),
    (2, -78, 13, 7, -22),
    (-101, 6, -13, 7, 10),
]


@dataclass(frozen=True)
class Lesion:
    """One lesion: centre (x, y, z) and radius in mm, contrast to the liver in HU, and the name of its material."""

    centre: tuple[float, float, float]
    radius: float
    contrast: float
    material: str
    bumps: np.ndarray

    def as_fact(self, levels: np.ndarray, size: int, pixel: float, warp) -> dict:
        """Say where the lesion lies in the volume, in voxels, and what it is."""
        x, y = warp(np.array([self.centre[:2]]), self.centre[2])[0] / pixel + (size - 1) / 2
        k = int(np.argmin(np.abs(levels - self.centre[2])))
        return {
            "i": int(round(x)),
            "j": int(round(y)),
            "k": k,
            "diameter_mm": 2 * self.radius,
            "contrast_hu": self.contrast,
        }


def roi_slice(levels: np.ndarray) -> int:
    """Return the index of the slice that the ROI lies in."""
    return len(levels) // 2


def place_lesions(levels: np.ndarray, rng: np.random.Generator, palette: Palette) -> list[Lesion]:
    """Put lesions into the slices at hand and give each a material of its own.

    A lesion's level is moved to that of the nearest slice, so that its recorded slice shows it at its full contrast;
    sites farther than half a slice from the stack are left out.
    """
    step = levels[1] - levels[0] if len(levels) > 1 else 5.0
    lesions = []
    for number, (x, y, level, diameter, contrast) in enumerate(SITES):
        shift = rng.normal(0, 0.8, 2)
        bumps = wave(rng, 48, (2, 3), 0.035)
        if level is None:
            level = levels[roi_slice(levels)]
        nearest = levels[int(np.argmin(np.abs(levels - level)))]
        if abs(nearest - level) > step / 2:
            continue
        material = f"lesion {number}"
        palette.add(material, Material(MATERIALS["liver"].hu + contrast, 0.4))
        centre = (x + shift[0], y + shift[1], float(nearest))
        lesions.append(Lesion(centre, diameter / 2, float(contrast), material, bumps))
    return lesions


def draw_lesions(canvas: Canvas, lesions: list[Lesion]) -> None:
    """Paint the lesions cut by this level."""
    for lesion in lesions:
        x, y, z = lesion.centre
        # A small sphere is drawn out along z, or the mean over the slab would pale it.
        height = max(lesion.radius, 4.0)
        away = abs(canvas.z - z) / height
        if away < 1:
            radius = lesion.radius * np.sqrt(1 - away**2)
            outline = ellipse((x, y), (radius, radius))
            canvas.fill(inset(outline, lesion.bumps * radius), lesion.material)
