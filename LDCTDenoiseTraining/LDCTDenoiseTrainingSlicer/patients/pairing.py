"""Which low-dose volume belongs to which full-dose one, proposed from names and grids."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from pathlib import PurePath
from typing import NamedTuple

from LDCTDenoiseLib.archive.names import dose_of, patient_of, without_dose
from LDCTDenoiseLib.archive.pairing import Image, find_partners
from LDCTDenoiseLib.archive.series import Series


class Candidate(NamedTuple):
    """An image that may be half of a pair."""

    name: str  #: What it is called; the words for a dose in it say what it is.
    image: object
    grid: Hashable  #: Equal for images on one grid; None where that is not known.


class Pair(NamedTuple):
    patient: str
    full: object
    low: object | None


def proposePairs(candidates: Sequence[Candidate]) -> tuple[list[Pair], list[str]]:
    """Pair images by name ("A full" with "A low") and grid, see `LDCTDenoiseLib.archive.pairing.find_partners`.

    Images whose name says no dose are full dose; those without a partner are to be simulated.

    Returns
    -------
    pairs : list of Pair
    notes : list of str
        Which low-dose images were left out.
    """
    images = {id(image): (candidate, image) for candidate in candidates for image in [_described(candidate)]}
    lows = [image for _, image in images.values() if image.dose == "low"]
    fulls = [image for _, image in images.values() if image.dose != "low"]
    partners, notes = defaultdict(list), []
    for low, (full, _how) in zip(lows, find_partners(lows, fulls), strict=True):
        if full is None:
            notes.append(f"left out '{low.place}': no full-dose image belongs to this low-dose one.")
        else:
            partners[id(full)].append(images[id(low)][0].image)
    pairs = []
    for full in fulls:
        name = patient_of(PurePath(*without_dose(full.place)))
        pairs += [Pair(name, images[id(full)][0].image, low) for low in partners[id(full)] or [None]]
    return pairs, notes


def _described(candidate: Candidate) -> Image:
    place = PurePath(candidate.name.replace("/", "_"))
    return Image(Series("", place, (), grid=candidate.grid or ()), place, ("", ""), dose_of(candidate.name), "name")
