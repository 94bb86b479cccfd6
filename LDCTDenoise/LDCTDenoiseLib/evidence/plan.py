"""What is put where in a scan: its flat tissue, the places, and which lesions and inserts go there in which pass."""

from dataclasses import dataclass, replace

import numpy as np

from ..volumes import Volume
from . import lesions, places, resolution
from .lesions import LESIONS, Lesion, assign

#: Slices that lesions are put into at most, slices that are denoised with lesions in all, and the occurrences of each
#: kind of lesion that are enough.
_LESION_SLICES, LESION_RUNS, _ENOUGH = 60, 600, 150
#: The fewest places of a tissue that lesions are put into.
LEAST_PLACES = 20
#: Neighbouring slices that inserts are put into at most, and inserts of each contrast that are enough.
_INSERT_SLICES, _INSERTS = 16, 24
#: Neighbouring slices of lung whose noise is drawn a second time.
_LUNG_SLICES = 8
#: Neighbouring slices that one dose of a curve is measured in at most.
_CURVE_SLICES = 16
#: The lesions of a dose curve, and of a quick run.
_CURVE_LESIONS = tuple(Lesion(lesions.DISK, -20.0, size) for size in (4.0, 6.0, 10.0))
_QUICK_LESIONS = tuple(Lesion(lesions.DISK, -20.0, size) for size in lesions.SIZES)
#: Pixels of air that stay around the patient.
_MARGIN = 24


@dataclass(frozen=True)
class Block:
    """Neighbouring slices."""

    first: int
    count: int

    @property
    def slices(self) -> slice:
        return slice(self.first, self.first + self.count)


class Plan:
    """What is put where.

    Parameters
    ----------
    volume : Volume
        Full dose.
    quick : bool
        See `Options`.
    curve : bool
        Whether it is one dose of a curve: few lesions, no inserts.
    draws_again : bool
        Whether the noise of the lower dose can be drawn a second time.
    """

    def __init__(self, volume: Volume, quick: bool, curve: bool, draws_again: bool):
        geometry = volume.geometry
        self.notes: list[str] = []  #: What cannot be measured and why.
        self.pixel = places.square_pixel(geometry.spacing)  #: mm.
        found = places.find_tissues(volume.array, geometry.spacing, geometry.direction[0] >= 0)
        self.box = _around(found.body)  #: The patient and some air in the volume; all else is in pixels of this crop.
        self.full = np.ascontiguousarray(volume.array[self.box])  #: Full dose, cropped.
        masks = {tissue: mask[self.box] for tissue, mask in found.masks.items()}
        self.tissues = replace(found, masks=masks, body=found.body[self.box])  #: Flat tissue, cropped.
        self.kinds = _CURVE_LESIONS if curve else _QUICK_LESIONS if quick else LESIONS
        where = {tissue: self.tissues.places(tissue) for tissue in (places.SOFT, places.LUNG)}
        self._put_lesions(where)
        #: Slices of lung whose noise is drawn again; none where it cannot be. `inserts`: slices that get inserts.
        self.lung = self._densest(where[places.LUNG], _LUNG_SLICES if draws_again and not curve else 0)
        self._put_inserts(where[places.SOFT], not (quick or curve))

    def _put_lesions(self, where: dict[str, np.ndarray]) -> None:
        slices = np.unique(np.concatenate([w[:, 0] for w in where.values()]))
        if len(slices) > _LESION_SLICES:
            slices = slices[np.linspace(0, len(slices) - 1, _LESION_SLICES).round().astype(int)]
        kept = {tissue: w[np.isin(w[:, 0], slices)] for tissue, w in where.items()}
        for tissue, w in kept.items():
            if len(w) < LEAST_PLACES:
                self.notes.append(
                    f"lesions in {tissue} were not measured: places that are flat for {places.CLEARANCE:g} mm around: "
                    f"{len(w)}; {LEAST_PLACES} are needed."
                )
        kept = {tissue: w if len(w) >= LEAST_PLACES else w[:0] for tissue, w in kept.items()}
        kinds, fewest = len(self.kinds), min((len(w) for w in kept.values() if len(w)), default=0)
        passes = min(kinds, max(1, LESION_RUNS // len(slices)), -(-kinds * _ENOUGH // fewest)) if fewest else 0
        #: Slices that get lesions, int; then slice, row and column of each place, int of shape (places, 3).
        self.slices, self.places = slices, np.concatenate(list(kept.values()))
        #: Soft tissue or lung, of each place; and whether it lies in the liver.
        self.tissue_of = np.array([tissue for tissue, w in kept.items() for _ in w], dtype=object)
        self.in_liver = self.tissues.masks[places.LIVER][tuple(self.places.T)]
        offset, each = 0, []
        for w in kept.values():
            each.append([(p.place + offset, p.lesion) for p in assign(len(w), passes, kinds)])
            offset += len(w)
        #: What each pass puts where, and the occurrences of all passes, one after another.
        self.puts = [_joined(turn) for turn in zip(*each, strict=True)]
        self.occurrences = _joined([(p.place, p.lesion) for p in self.puts]) if self.puts else None

    def _put_inserts(self, soft: np.ndarray, wanted: bool) -> None:
        self.inserts = self._densest(soft, _INSERT_SLICES if wanted else 0)
        first, contrasts = self.inserts.first, len(resolution.CONTRASTS)
        self.insert_places = soft[(soft[:, 0] >= first) & (soft[:, 0] < first + self.inserts.count)]
        enough = -(-contrasts * _INSERTS // max(1, len(self.insert_places)))
        # Each slice has one contrast a pass, and the next slice the next.
        every = contrasts + 1 - self.inserts.count
        self.insert_passes = min(contrasts, max(enough, every)) if self.inserts.count else 0

    def _densest(self, where: np.ndarray, most: int) -> Block:
        """Return at most `most` neighbouring slices with the most places, or none where there is no place."""
        slices = len(self.full)
        count = min(most, slices)
        if not count or not len(where):
            return Block(0, 0)
        held = np.convolve(np.bincount(where[:, 0], minlength=slices), np.ones(count, int), "valid")
        return Block(int(np.argmax(held)), count)

    def for_curve(self) -> Block:
        """Return the slices that a dose curve is measured in."""
        return self._densest(self.places, _CURVE_SLICES)

    def middle(self) -> int:
        """Return the slice with the most places."""
        return int(np.argmax(np.bincount(self.places[:, 0]))) if len(self.places) else len(self.full) // 2

    def again(self) -> int:
        """Return the slices whose dose is lowered once more, in all."""
        return self.insert_passes * self.inserts.count + self.lung.count

    def as_rows(self, scan: str) -> list[dict]:
        """Return each lesion that is put in as a row, in pixels of the whole volume."""
        corner = [0, self.box[1].start, self.box[2].start]
        rows = []
        for put in self.puts:
            for place, lesion in zip(put.place, put.lesion, strict=True):
                k, j, i = (int(n) for n in self.places[place] + corner)
                where = {"scan": scan, "tissue": self.tissue_of[place], "slice": k, "row": j, "column": i}
                rows.append({**where, **vars(self.kinds[lesion])})
        return rows


def _joined(puts) -> lesions.Put:
    return lesions.Put(*(np.concatenate(part) for part in zip(*puts, strict=True)))


def _around(body: np.ndarray) -> tuple[slice, ...]:
    """Return the box of the patient: the air beyond it takes time to denoise and tells nothing."""
    shown, box = body.any(axis=0), [slice(None)]
    for axis in (1, 0):
        inside, size = np.flatnonzero(shown.any(axis=axis)), shown.shape[1 - axis]
        low, high = (inside[0], inside[-1] + 1) if inside.size else (0, size)
        box.append(slice(max(0, low - _MARGIN), min(size, high + _MARGIN)))
    return tuple(box)
