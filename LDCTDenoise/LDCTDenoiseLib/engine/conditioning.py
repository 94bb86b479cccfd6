"""What a network is shown of a slice, and where its correction counts: padding, metal, pixels of another size."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..methods.denoiser import Denoiser, neighbours_of, start
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
#: The least and the greatest pixel in mm that networks take as it is, where nothing else is said.
TRAINED_PIXELS = (0.65, 1.3)
#: Finer pixels are worked on in grids of these multiples of the least, coarser ones in this part of the greatest.
#: Measured on three abdomens at a true quarter dose (docs/weights.md): 0.75 and 0.85 mm do best, a little more or less
#: the same; coarse scans gain 0.3 to 1 dB at 1.1 mm over 1.3.
_FINE, _COARSE = (1.15, 1.3), (0.85,)
#: Part of the finest grid's limit from which what a network removes tells what to remove beyond, and over how many of
#: that grid's pixels around each it is told.
_JUST_BELOW, _AROUND = 0.7, 2.0
#: HU below which there is nothing to see: padding would ring in a band-limited grid.
_LOWEST = -1024.0


def working_pixels(trained: Sequence[float] | None = None) -> tuple[float, float]:
    """Return the least and the greatest pixel in mm that a network works on: none that was not trained on, nor finer or
    coarser than is best even where some such were (a network sees only so many pixels far).

    Parameters
    ----------
    trained : sequence of float, optional
        The range of its model's card.
    """
    low, high = TRAINED_PIXELS
    if trained and max(low, trained[0]) < min(high, trained[1]):
        return max(low, trained[0]), min(high, trained[1])
    return (trained[0], trained[1]) if trained else TRAINED_PIXELS


@dataclass(frozen=True)
class Conditioning:
    """How slices are shown to a network.

    A slice of ordinary pixels without padding and metal is shown as it is.
    """

    #: Millimetres between columns and between rows; without it, pixels are taken to be ordinary.
    pixel_spacing: tuple[float, float] | None = None
    #: The least and the greatest pixel in mm that the network was trained on.
    trained: tuple[float, float] = TRAINED_PIXELS

    def sizes(self, shape: tuple[int, int]) -> list[tuple[int, int]]:
        """Return rows and columns of the grids to work on; empty where the slices' own of this shape serves."""
        if self.pixel_spacing is None:
            return []
        low, high = self.trained
        # A little finer is better left than interpolated.
        if min(self.pixel_spacing) < 0.9 * low:
            ranges = [(part * low, high) for part in _FINE]
        elif max(self.pixel_spacing) > high:
            ranges = [(low, part * high) for part in _COARSE]
        else:
            return []
        steps = self.pixel_spacing[::-1]
        return [
            tuple(max(16, round(n * step / np.clip(step, *r))) for n, step in zip(shape, steps, strict=True))
            for r in ranges
        ]

    def start(self, denoiser: Denoiser, slices: np.ndarray) -> Callable[[], np.ndarray]:
        """Begin the correction of slices, as `methods.denoiser.start`; neighbours are shown as the slices are.

        On a working grid only the correction is interpolated back: the slices keep their own sharpness.
        """
        shown, untouched = _shown(slices)
        corrected = _corrected(denoiser, slices)
        sizes = self.sizes(slices.shape[1:])
        finish = _start_on_grids(denoiser, shown, sizes) if sizes else start(denoiser, shown)
        if untouched is None:
            return finish

        def masked():
            correction = finish()
            correction[untouched[corrected]] = 0
            return correction

        return masked


def _corrected(denoiser: Denoiser, slices: np.ndarray) -> slice:
    """Return which slices of a batch are corrected: not the neighbours at its ends."""
    neighbours = neighbours_of(denoiser)
    return slice(neighbours, len(slices) - neighbours)


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


def _start_on_grids(denoiser: Denoiser, slices: np.ndarray, sizes: list[tuple[int, int]]) -> Callable[[], np.ndarray]:
    """Begin the correction of slices as the mean of those on other grids over the same field.

    Grids are changed in the discrete cosine transform, by leaving out frequencies or adding none: what a grid can hold
    comes to the network unweakened, and its correction of that comes back whole. Each frequency is the mean of the
    grids that hold it, see `_beyond` for those that none holds. Every second grid is worked on transposed, which evens
    out what a network does to directions.
    """
    fft = require("scipy.fft")
    spectrum = fft.dctn(slices.clip(_LOWEST), axes=(1, 2), norm="forward")
    begun = []
    for number, size in enumerate(sizes):
        part = _cut(spectrum, size)
        image = fft.idctn(part, axes=(1, 2), norm="forward")
        begun.append(start(denoiser, np.ascontiguousarray(image.swapaxes(1, 2) if number % 2 else image)))

    inner = spectrum[_corrected(denoiser, slices)]

    def finish():
        total, grids = np.zeros_like(inner), np.zeros(inner.shape[1:], np.float32)
        for number, (size, correction) in enumerate(zip(sizes, begun, strict=True)):
            image = correction().swapaxes(1, 2) if number % 2 else correction()
            total += _cut(fft.dctn(image, axes=(1, 2), norm="forward"), grids.shape)
            grids[: size[0], : size[1]] += 1
        total /= grids.clip(1)
        result = fft.idctn(total, axes=(1, 2), norm="forward")
        return result if grids.all() else result + _beyond(inner, total, sizes[0])

    return finish


def _beyond(spectrum: np.ndarray, correction: np.ndarray, finest: tuple[int, int]) -> np.ndarray:
    """Return the correction of frequencies that no grid holds, from the spectra of slices and of their correction.

    Fine pixels hold noise beyond what a network was shown. It is removed in the share in which the network removed what
    lies just below, place by place; and no more than is usual beside that in the slice, since the rest is an edge.
    """
    fft, ndimage = require("scipy.fft"), require("scipy.ndimage")
    size = spectrum.shape[1:]
    held, below = np.zeros(size, bool), np.zeros(size, bool)
    held[: finest[0], : finest[1]] = True
    below[: int(_JUST_BELOW * finest[0]), : int(_JUST_BELOW * finest[1])] = True
    parts = (spectrum * (held & ~below), correction * (held & ~below), spectrum * ~held)
    seen, taken, beyond = (fft.idctn(part, axes=(1, 2), norm="forward") for part in parts)
    around = (0, *(_AROUND * whole / part for whole, part in zip(size, finest, strict=True)))
    pairs = (taken, seen), (seen, seen), (beyond, beyond)
    common, power, power_beyond = (ndimage.gaussian_filter(one * other, around) for one, other in pairs)
    share, ratio = (other / power.clip(1e-3) for other in (common, power_beyond))
    usual = np.median(ratio, axis=(1, 2), keepdims=True)
    return beyond * share.clip(-1, 0) * (usual / ratio.clip(1e-9)).clip(0, 1)


def _cut(spectrum: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the lowest frequencies of spectra, zeros for those beyond."""
    rows, columns = (min(sides) for sides in zip(spectrum.shape[1:], size, strict=True))
    cut = np.zeros((len(spectrum), *size), np.float32)
    cut[:, :rows, :columns] = spectrum[:, :rows, :columns]
    return cut
