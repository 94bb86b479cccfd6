"""Lesions of known contrast and size: where each goes, how it looks, and what observers make of it."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from . import observers
from .places import REACH

#: HU, and diameter (of a blob: full width at half maximum) in mm.
CONTRASTS = (-40.0, -20.0, -10.0, -5.0, 5.0, 10.0, 20.0, 40.0)
SIZES = (3.0, 4.0, 6.0, 10.0, 15.0)
DISK, BLOB = "disk", "blob"
#: Half the side of the patch that observers look at, mm.
PATCH = 12.0
#: The ring that tells a lesion's surroundings: from and to so many radii, and from and to so many mm at the latest; but
#: so many mm from the edge of a disk, and so many mm wide, at least.
_RING, _RING_AT_MOST, _OUTSIDE, _WIDE = (1.8, 3.0), (9.0, 15.0), 1.5, 2.0


@dataclass(frozen=True)
class Lesion:
    """A kind of lesion: "disk" or "blob" (Gaussian), contrast in HU, size in mm."""

    shape: str
    contrast: float
    size: float


#: Every disk, and blobs of three sizes at ±20 HU.
LESIONS = (
    *(Lesion(DISK, contrast, size) for size in SIZES for contrast in CONTRASTS),
    *(Lesion(BLOB, contrast, size) for size in (4.0, 6.0, 10.0) for contrast in (-20.0, 20.0)),
)


def _distance(pixel: float) -> np.ndarray:
    n = int(np.ceil(REACH / pixel))
    y, x = np.mgrid[-n : n + 1, -n : n + 1]
    return np.hypot(y, x)


@lru_cache(maxsize=256)
def profile(lesion: Lesion, pixel: float) -> np.ndarray:
    """Return a lesion of contrast 1 on the square of `REACH` mm around its place; a disk's edge is one pixel wide."""
    distance = _distance(pixel)
    if lesion.shape == DISK:
        return np.clip(lesion.size / 2 / pixel + 0.5 - distance, 0, 1)
    return np.exp(-4 * np.log(2) * (distance * pixel / lesion.size) ** 2)


@dataclass(frozen=True)
class Put:
    """What was put where, one row an occurrence."""

    place: np.ndarray  #: Row of the array of places, int.
    lesion: np.ndarray  #: Index into the kinds of lesion, int.


def assign(places: int, passes: int, kinds: int) -> list[Put]:
    """Say which lesion each place gets in each pass, so that all kinds are equally frequent.

    A place gets `passes` different kinds, and neighbouring places the ones that follow.
    """
    number = np.arange(places)
    return [Put(number, (number * passes + turn) % kinds) for turn in range(passes)]


def put_into(volume: np.ndarray, places: np.ndarray, put: Put, lesions, pixel: float) -> np.ndarray:
    """Return a float32 copy of a volume with lesions added."""
    out = np.array(volume, dtype=np.float32)
    n = int(np.ceil(REACH / pixel))
    for place, lesion in zip(put.place, put.lesion, strict=True):
        k, j, i = places[place]
        out[k, j - n : j + n + 1, i - n : i + n + 1] += lesions[lesion].contrast * profile(lesions[lesion], pixel)
    return out


#: What `Reader` answers to a patch, and the observers whose channels these are.
CORE, DISK_TEMPLATE, EYE = 0, 1, 2
CHANNELS = {"LG": slice(3, 8), "DOG": slice(8, 18), "Gabor": slice(18, 34)}
OBSERVERS = ("NPW", "NPWE", "CHO-LG", "CHO-DOG", "CHO-Gabor")


class Reader:
    """Answers of all observers' templates and channels to patches, for each kind of lesion.

    All are linear, so that one matrix product makes them.
    """

    def __init__(self, lesions, pixel: float):
        self._lesions, self._n = lesions, int(np.ceil(REACH / pixel))
        self._matrices: dict[tuple[str, float], np.ndarray] = {}
        for lesion in lesions:
            key = (lesion.shape, lesion.size)
            if key not in self._matrices:
                self._matrices[key] = _matrix(lesion, pixel)

    def read(self, volume: np.ndarray, places: np.ndarray, put: Put) -> np.ndarray:
        """Return answers of shape (occurrences, 34), float64: mean of the core, disk template, NPWE, channels."""
        answers = np.empty((len(put.place), 34))
        n = self._n
        for key, matrix in self._matrices.items():
            rows = np.flatnonzero([(self._lesions[x].shape, self._lesions[x].size) == key for x in put.lesion])
            if not rows.size:
                continue
            cut = [volume[k, j - n : j + n + 1, i - n : i + n + 1].ravel() for k, j, i in places[put.place[rows]]]
            answers[rows] = np.asarray(cut, dtype=np.float64) @ matrix
        return answers


def _matrix(lesion: Lesion, pixel: float) -> np.ndarray:
    """Return templates and channels as columns over the square of `REACH` mm, shape (pixels, 34)."""
    distance, shape = _distance(pixel), profile(lesion, pixel)
    radius = lesion.size / 2 / pixel
    if lesion.shape == DISK:
        core = (shape > 0.99).astype(float)
        core /= core.sum()
    else:
        # Of a blob the contrast that fits best: the projection onto its shape.
        core = shape / (shape**2).sum()
    inner, outer = (min(r * radius, most / pixel) for r, most in zip(_RING, _RING_AT_MOST, strict=True))
    inner = max(inner, radius + _OUTSIDE / pixel)
    outer = max(outer, inner + _WIDE / pixel)
    ring = (distance > inner) & (distance < outer)
    disk = shape / shape.sum() - ring / ring.sum()
    # The other observers look at a smaller patch less its mean: taken off the templates instead.
    half, n = int(round(PATCH / pixel)), len(distance) // 2
    half = min(half, n)
    side = 2 * half + 1
    middle = (slice(n - half, n + half + 1),) * 2
    seen = shape[middle] - shape[middle].mean()
    small = np.column_stack(
        [
            observers.eye_template(seen),
            observers.laguerre_gauss(side, lesion.size / pixel),
            observers.difference_of_gaussians(side),
            observers.gabor(side),
        ]
    )
    small -= small.mean(axis=0)
    columns = np.zeros((*distance.shape, small.shape[1]))
    columns[middle] = small.reshape(side, side, -1)
    return np.column_stack([core.ravel(), disk.ravel(), columns.reshape(distance.size, -1)])


def answers_of(observer: str, present: np.ndarray, absent: np.ndarray, contrast: float):
    """Return one observer's answers to places with and without a kind of lesion, from `Reader`'s rows.

    A lesion that is darker than its surroundings makes templates answer with less: their sign is turned, so that more
    always means lesion.
    """
    if observer in ("NPW", "NPWE"):
        column = DISK_TEMPLATE if observer == "NPW" else EYE
        sign = np.sign(contrast)
        return sign * present[:, column], sign * absent[:, column]
    channels = CHANNELS[observer.removeprefix("CHO-")]
    return observers.cross_fitted(present[:, channels], absent[:, channels])
