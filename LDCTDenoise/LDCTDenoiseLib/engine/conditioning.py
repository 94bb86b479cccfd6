"""What a network is shown of a slice, and where its correction counts: padding, metal, pixels of another size."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..methods.denoiser import Denoiser, start
from ..requirements import require
from ..scan.facts import padding_mask

#: HU from which a voxel is metal, or cut off at the end of 12 bits, and pixels around it that stay as they are.
METAL, AROUND_METAL = 2500.0, 3
#: HU from which a voxel beside metal belongs to it: the edge that a kernel made of it.
_METAL_EDGE = 1800.0
#: HU above which a voxel beside padding makes an edge that is none of the body's.
_TISSUE = -700.0
#: Pixels of padding that are shown as their surroundings: as far as a network sees.
_REACH = 12
#: Millimetres of the pixels that networks work on, where nothing else is said; finer and coarser ones are brought to
#: the nearer end. Measured on two abdomens at a true quarter dose: pixels of 0.5 mm gain 0.1 to 0.4 dB at 0.65 mm and
#: lose up to 0.2 at 0.8, those of 0.6 mm lose at either.
TRAINED_PIXELS = (0.65, 1.3)


@dataclass(frozen=True)
class Conditioning:
    """How slices are shown to a network.

    A slice of ordinary pixels without padding and metal is shown as it is.

    Attributes
    ----------
    pixel_spacing : tuple of float, optional
        Millimetres between columns and between rows; without it, pixels are taken to be ordinary.
    trained : tuple of float
        The least and the greatest pixel in mm that the network was trained on.
    """

    pixel_spacing: tuple[float, float] | None = None
    trained: tuple[float, float] = TRAINED_PIXELS

    @property
    def scale(self) -> tuple[float, float] | None:
        """Factors of rows' and columns' number on the working grid; None where the slices' own grid serves."""
        if self.pixel_spacing is None:
            return None
        low, high = self.trained
        # A little outside is better left than interpolated.
        if 0.9 * low <= min(self.pixel_spacing) and max(self.pixel_spacing) <= 1.1 * high:
            return None
        columns, rows = (step / float(np.clip(step, low, high)) for step in self.pixel_spacing)
        return rows, columns

    def start(self, denoiser: Denoiser, slices: np.ndarray) -> Callable[[], np.ndarray]:
        """Begin the correction of slices, as `methods.denoiser.start`.

        On a working grid only the correction is interpolated back: the slices keep their own sharpness.
        """
        shown, untouched = _shown(slices)
        if self.scale is None:
            finish = start(denoiser, shown)
        else:
            size = tuple(max(16, round(n * s)) for n, s in zip(slices.shape[1:], self.scale, strict=True))
            begun = start(denoiser, _resampled(shown, size))

            def finish():
                return _resampled(begun(), slices.shape[1:])

        if untouched is None:
            return finish

        def masked():
            correction = finish()
            correction[untouched] = 0
            return correction

        return masked


def _shown(slices: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Return slices without edges that are none of the body's, and the mask of what a correction leaves alone."""
    padding = padding_mask(slices)
    with_edge = np.array([_meets_tissue(mask, image) for mask, image in zip(padding, slices, strict=True)])
    with_metal = slices.max(axis=(1, 2)) >= METAL
    if not with_edge.any() and not with_metal.any():
        return slices, None
    shown, untouched = slices.copy(), padding
    ndimage = require("scipy.ndimage")
    for k in np.flatnonzero(with_edge | with_metal):
        hidden = padding[k].copy()
        if with_metal[k]:
            seeds = slices[k] >= METAL
            metal = ndimage.binary_dilation(seeds, iterations=2, mask=slices[k] >= _METAL_EDGE) | seeds
            untouched[k] |= ndimage.binary_dilation(metal, np.ones((3, 3)), iterations=AROUND_METAL)
            hidden = hidden | metal
        shown[k] = _filled(slices[k], hidden)
    return shown, untouched


def _meets_tissue(padding: np.ndarray, image: np.ndarray) -> bool:
    """Tell whether tissue lies beside padding; where air does, as in most scans, there is no edge to hide."""
    if not padding.any() or padding.all():
        return False
    tissue = ~padding & (image > _TISSUE)
    across, down = tissue[:, 1:] & padding[:, :-1] | tissue[:, :-1] & padding[:, 1:], tissue[1:] & padding[:-1]
    return bool(across.any() or down.any() or (tissue[:-1] & padding[1:]).any())


def _filled(image: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Return a slice whose hidden pixels are the mean of what is seen around them, as far as a network looks."""
    ndimage = require("scipy.ndimage")
    filled, seen = np.where(hidden, 0, image).astype(np.float32), (~hidden).astype(np.float32)
    sigma = _REACH / 4
    weight = ndimage.gaussian_filter(seen, sigma, mode="nearest", truncate=4)
    mean = ndimage.gaussian_filter(filled, sigma, mode="nearest", truncate=4)
    near = hidden & (weight > 1e-4)
    result = np.where(hidden, -1000, image).astype(image.dtype)
    result[near] = mean[near] / weight[near]
    return result


def _resampled(slices: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return slices on a finer or coarser grid over the same field, by bicubic interpolation that folds none back."""
    torch = require("torch")
    images = torch.from_numpy(np.ascontiguousarray(slices, np.float32))[:, None]
    return torch.nn.functional.interpolate(images, size=size, mode="bicubic", antialias=True)[:, 0].numpy()
