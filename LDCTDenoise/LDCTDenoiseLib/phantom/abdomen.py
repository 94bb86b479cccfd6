"""A numerical abdomen in the portal venous phase, so that everything can be tried without a download."""

from zlib import crc32

import numpy as np

from ..errors import InputError
from ..volumes.volume import Geometry, Volume
from . import body, gut, organs, spine, vasculature
from .canvas import Canvas
from .lesions import ROI_CENTRE, ROI_SIDE, draw_lesions, place_lesions, roi_slice
from .materials import Palette
from .shapes import Warp
from .texture import textures

#: Field of view in mm when no pixel size is asked for: 0.75 mm at 512 pixels.
FIELD_OF_VIEW = 384.0
#: How far above and below its middle the anatomy is drawn, in mm.
REACH = 30.0
#: SD in mm of the scanner's blur.
BLUR = 0.7
#: Levels in mm around the middle of a slice whose mean the slice is.
SLAB = (-1.0, 0.0, 1.0)


def abdomen_phantom(
    slices: int = 8,
    size: int = 512,
    pixel: float | None = None,
    slice_spacing: float = 5.0,
    seed: int = 1,
) -> Volume:
    """Draw a noise-free upper abdomen with contrast medium, as a CT would show it.

    Axial slices at the level of kidneys and pancreas, from the feet (k = 0) to the head, in LPS orientation: columns
    run to the patient's left, rows to the back. The same arguments give the same voxels, whatever ran before.

    Parameters
    ----------
    slices : int
        Number of slices.
    size : int
        Rows and columns of a slice.
    pixel : float, optional
        Pixel spacing in mm. Without it the whole body fits: 384 mm / `size`, which is 0.75 mm at 512.
    slice_spacing : float
        Millimetres between slices.
    seed : int
        Another seed is another patient: shapes are warped, vessels, lesions and textures differ.

    Returns
    -------
    Volume
        float32 HU, shape (slices, size, size), centred on the origin. `facts` holds

        - 'lesions': a list of dicts with the voxel (i, j, k) of the centre, 'diameter_mm' and 'contrast_hu', the
          difference to the liver around it;
        - 'roi': (i0, i1, j0, j1, k) around a low-contrast lesion with vessels near it, upper bounds exclusive.

    Raises
    ------
    InputError
        If a number is not positive, or the stack is taller than the 60 mm that are drawn.
    """
    pixel = FIELD_OF_VIEW / max(size, 1) if pixel is None else float(pixel)
    if slices < 1 or size < 8 or not pixel > 0 or not slice_spacing > 0:
        raise InputError(
            f"the phantom needs at least 1 slice, 8 pixels a side and positive spacings, not {slices} slices of {size} "
            f"pixels, {pixel:g} and {slice_spacing:g} mm."
        )
    if (slices - 1) * slice_spacing > 2 * REACH:
        raise InputError(
            f"the phantom is {2 * REACH:g} mm tall, {slices} slices every {slice_spacing:g} mm are "
            f"{(slices - 1) * slice_spacing:g} mm: ask for fewer slices or a smaller spacing."
        )

    def random(part: str) -> np.random.Generator:
        # Every part has its own stream, so that no part changes because another one drew more numbers.
        return np.random.default_rng([seed, crc32(part.encode())])

    levels = (np.arange(slices) - (slices - 1) / 2) * slice_spacing
    palette, warp = Palette(), Warp(random("warp"))
    lesions = place_lesions(levels, random("lesions"), palette)
    vessels = vasculature.build(random("vessels"))
    for lesion in lesions:
        for name, tree in vessels.liver.items():
            vessels.liver[name] = tree.clear_of(lesion.centre, lesion.radius + 1.5)
    # A raster of about 0.4 mm; pixels that are coarse anyway need no more than six points a side.
    fine = int(np.clip(np.ceil(pixel / 0.4), 1, 6))
    fields = textures(slices, size, pixel, slice_spacing, random("texture"))
    array = np.zeros((slices, size, size), dtype=np.float32)
    for k, level in enumerate(levels):
        mean = np.zeros((size * fine, size * fine), dtype=np.float32)
        for offset in SLAB:
            canvas = Canvas(size * fine, pixel / fine, level + offset, palette, warp)
            _draw(canvas, vessels, lesions, random)
            mean += palette.column("hu")[canvas.labels] / np.float32(len(SLAB))
            if offset == 0:
                # Texture has no use for partial volume: the middle of the slice says where it is.
                for name, field in fields.items():
                    array[k] += _mean(palette.column(name)[canvas.labels], fine) * field[k]
        array[k] += _scan(mean, pixel / fine, fine)
    np.clip(array, -1000, None, out=array)

    corner = -(size - 1) / 2 * pixel
    geometry = Geometry((pixel, pixel, float(slice_spacing)), (corner, corner, float(levels[0])))
    facts = {
        "lesions": [lesion.as_fact(levels, size, pixel, warp) for lesion in lesions],
        "roi": _roi(levels, size, pixel),
    }
    return Volume(array, geometry, "abdomen phantom", facts)


def _draw(canvas: Canvas, vessels, lesions, random) -> None:
    """Paint one level from the outside in and from the back to the front."""
    body.draw_table(canvas)
    body.draw_shell(canvas, random("shell"))
    body.draw_ribs(canvas)
    vasculature.draw_small(canvas, vessels)
    body.draw_back(canvas, random("back"))
    spine.draw_spine(canvas, random("spine"))
    for side in (-1, 1):
        organs.draw_kidney(canvas, side, random(f"kidney {side}"))
    organs.draw_adrenals(canvas)
    gut.draw_bowel(canvas, random("bowel"))
    gut.draw_stomach(canvas, random("stomach"))
    organs.draw_spleen(canvas)
    organs.draw_liver(canvas, vessels.liver)
    draw_lesions(canvas, lesions)
    organs.draw_gallbladder(canvas)
    gut.draw_duodenum(canvas, random("duodenum"))
    organs.draw_pancreas(canvas, random("pancreas"))
    vasculature.draw_great(canvas, vessels, random("aorta"))


def _mean(raster: np.ndarray, fine: int) -> np.ndarray:
    """Average blocks of `fine` × `fine` raster points into pixels."""
    size = len(raster) // fine
    return raster.reshape(size, fine, size, fine).mean(axis=(1, 3))


def _scan(raster: np.ndarray, step: float, fine: int) -> np.ndarray:
    """Blur as a scanner does and sample at the pixels."""
    from scipy.ndimage import gaussian_filter

    return _mean(gaussian_filter(raster, BLUR / step, mode="nearest"), fine)


def _roi(levels: np.ndarray, size: int, pixel: float) -> tuple[int, int, int, int, int]:
    """Frame the liver hilum in the slice next above the middle: lesion, portal vein, gas, vena cava, kidney."""
    bounds = []
    for centre in ROI_CENTRE:
        low = round((centre - ROI_SIDE / 2) / pixel + (size - 1) / 2)
        high = low + max(2, round(ROI_SIDE / pixel))
        bounds += [int(np.clip(low, 0, size - 2)), int(np.clip(high, 2, size))]
    return (*bounds, roi_slice(levels))
