"""Where lesions go and noise is measured: flat soft tissue, liver and lung."""

from dataclasses import dataclass, field

import numpy as np

from ..errors import InputError
from ..requirements import require

SOFT, LIVER, LUNG = "soft tissue", "liver", "lung"
TISSUES = (SOFT, LIVER, LUNG)

#: Of the slice smoothed by `_SMOOTHING` mm: the HU of a tissue. It is flat where the slope of that and its two
#: neighbouring slices (weights 1, 2, 1) is below so many HU per mm: the first of these at which `_ENOUGH` places are
#: found, so that what is around a lesion is as even as the scan allows. d' at full dose rests on it: with 1.2 instead
#: of 0.8 that of a 10 mm lesion falls by a fifth, for anatomy is what it is told from. In lung the vessels that are
#: left are part of that.
_SMOOTHING, _NEIGHBOURS = 3.0, (0.25, 0.5, 0.25)
_HU = {SOFT: (20.0, 150.0), LUNG: (-950.0, -700.0)}
_STEEPEST = {SOFT: (0.8, 1.2, 1.6, 2.2, 3.0), LUNG: (4.0, 6.0, 8.0, 12.0)}
_ENOUGH = 100
#: Flat tissue reaches at least this many mm from a place, and the next place of the slice is no nearer than this.
CLEARANCE, APART = 8.0, 25.0
#: Half the side of the square around a place that must lie in the image, mm.
REACH = 16.0

#: What counts as the liver: the largest even region of soft tissue on the patient's right, of at least so many ml and
#: with at least so many cm² in one slice, within so many HU of its median.
_LEAST_VOLUME, _LEAST_AREA, _EVENNESS = 150.0, 30.0, 20.0
#: Grid in mm on which it is looked for, and how far from the edges of flat tissue.
_COARSE, _INSET = 4.0, 5.0


@dataclass(frozen=True)
class Tissues:
    """Flat tissue of a scan."""

    #: For each of `TISSUES` where its flat part is, bool of the volume's shape. Liver is a part of soft tissue too and
    #: all False where none was found.
    masks: dict[str, np.ndarray]
    #: Where the patient is, of the same shape: what is denser than -350 HU and largest in its slice, with its holes.
    body: np.ndarray
    pixel: float  #: Side of a pixel, mm.
    #: The slope in HU per mm up to which soft tissue and lung count as flat in this scan.
    steepest: dict[str, float] = field(default_factory=dict)

    def places(self, tissue: str, clearance: float = CLEARANCE, apart: float = APART):
        """Return places in a tissue, `REACH` mm or more inside the image: slice, row and column, int (places, 3).

        Parameters
        ----------
        clearance : float
            The tissue is flat in a disk of this radius in mm around each place.
        apart : float
            Places of a slice are at least so many mm apart.
        """
        margin = int(np.ceil(REACH / self.pixel))
        y, x = _disk_offsets(apart / self.pixel)
        found = []
        for k, mask in enumerate(self.masks[tissue]):
            if not mask.any():
                continue
            free = depth(mask, self.pixel) > clearance
            free[:margin] = free[-margin:] = False
            free[:, :margin] = free[:, -margin:] = False
            for j, i in first_true(free):
                found.append((k, j, i))
                rows, columns = j + y, i + x
                inside = (rows >= 0) & (rows < free.shape[0]) & (columns >= 0) & (columns < free.shape[1])
                free[rows[inside], columns[inside]] = False
        return np.array(found, dtype=int).reshape(-1, 3)


def depth(mask: np.ndarray, pixel: float) -> np.ndarray:
    """Return how far each pixel of a slice's mask is from what is outside of it, mm; the slice's border is outside."""
    return require("scipy.ndimage").distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1] * pixel


def first_true(free: np.ndarray):
    """Yield row and column of the first pixel that is True, then of the next that still is; the caller clears some."""
    flat, at = free.reshape(-1), 0
    while flat[at:].any():
        at += int(np.argmax(flat[at:]))
        yield divmod(at, free.shape[1])
        at += 1


def _disk_offsets(radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and columns of a disk's pixels from its centre."""
    n = int(radius)
    y, x = np.mgrid[-n : n + 1, -n : n + 1]
    inside = np.hypot(y, x) < radius
    return y[inside], x[inside]


def square_pixel(spacing: tuple[float, float, float]) -> float:
    """Return the side of a pixel in mm, or raise `InputError` when pixels are not square."""
    across, down = spacing[:2]
    if abs(across - down) > 0.02 * max(across, down):
        raise InputError(
            f"pixels of {across:g}×{down:g} mm are not square; resample the scan to square pixels, or read its axial "
            "slices."
        )
    return float((across + down) / 2)


def find_tissues(full: np.ndarray, spacing: tuple[float, float, float], right_is_low: bool = True) -> Tissues:
    """Find flat tissue in the image with the least noise.

    Parameters
    ----------
    full : numpy.ndarray
        HU, shape (slices, rows, columns).
    spacing : tuple of float
        Of columns, rows and slices, mm.
    right_is_low : bool
        Whether the patient's right is at low column numbers.
    """
    ndimage = require("scipy.ndimage")
    pixel = square_pixel(spacing)
    smooth, slope = np.empty(full.shape, np.float32), np.empty(full.shape, np.float32)
    body = np.zeros(full.shape, bool)
    for k, image in enumerate(full):
        smooth[k] = ndimage.gaussian_filter(image.astype(np.float32), _SMOOTHING / pixel)
        body[k] = _body(smooth[k])
    even = ndimage.correlate1d(smooth, _NEIGHBOURS, axis=0, mode="nearest")
    for k, image in enumerate(even):
        slope[k] = np.hypot(ndimage.sobel(image, 0), ndimage.sobel(image, 1)) / 8 / pixel
    found = Tissues({}, body, pixel)
    for tissue, (lower, upper) in _HU.items():
        inside = body & (smooth > lower) & (smooth < upper)
        if tissue == SOFT:
            liver = _liver(smooth, inside & (slope < _STEEPEST[SOFT][-1]), pixel, spacing[2], right_is_low)
        for steepest in _STEEPEST[tissue]:
            found.masks[tissue], found.steepest[tissue] = inside & (slope < steepest), steepest
            if len(found.places(tissue)) >= _ENOUGH:
                break
    found.masks[LIVER] = liver & found.masks[SOFT]
    return found


def _body(smooth: np.ndarray) -> np.ndarray:
    ndimage = require("scipy.ndimage")
    regions, count = ndimage.label(smooth > -350)
    if not count:
        return np.zeros(smooth.shape, bool)
    return ndimage.binary_fill_holes(regions == 1 + np.argmax(np.bincount(regions.ravel())[1:]))


def _liver(smooth, soft, pixel, slice_spacing, right_is_low) -> np.ndarray:
    ndimage = require("scipy.ndimage")
    step = max(1, round(_COARSE / pixel))
    inset = np.stack([depth(s, pixel) > _INSET for s in soft])
    coarse, values = inset[:, ::step, ::step], smooth[:, ::step, ::step]
    voxel = (step * pixel) ** 2
    regions, count = ndimage.label(coarse)
    best, best_size = None, 0
    columns = np.arange(coarse.shape[2])
    body = (values > -300).any(axis=(0, 1))
    middle = columns[body].mean() if body.any() else coarse.shape[2] / 2
    sizes = np.bincount(regions.ravel(), minlength=count + 1)[1:]
    for label in 1 + np.argsort(sizes)[::-1][:6]:
        region = regions == label
        even = region & (np.abs(values - np.median(values[region])) < _EVENNESS)
        size, area = even.sum() * voxel * slice_spacing / 1000, even.sum(axis=(1, 2)).max() * voxel / 100
        on_the_right = ((columns * even.sum(axis=(0, 1))).sum() / max(1, even.sum()) < middle) == right_is_low
        # A few thick or thin slices show no whole liver, so volume is asked for in what is shown only.
        enough = size >= min(_LEAST_VOLUME, _LEAST_AREA / 10 * slice_spacing * len(coarse))
        if on_the_right and enough and area >= _LEAST_AREA and size > best_size:
            best, best_size = even, size
    found = np.zeros(soft.shape, bool)
    if best is not None:
        # Back to full size, and from the inset edge to where the flat tissue ends.
        for k, plane in enumerate(best):
            grown = np.repeat(np.repeat(plane, step, axis=0), step, axis=1)
            whole = np.zeros(soft.shape[1:], bool)
            rows, cols = (min(a, b) for a, b in zip(grown.shape, whole.shape, strict=True))
            whole[:rows, :cols] = grown[:rows, :cols]
            near = ndimage.distance_transform_edt(~whole) * pixel <= _INSET if whole.any() else whole
            found[k] = near & soft[k]
    return found
