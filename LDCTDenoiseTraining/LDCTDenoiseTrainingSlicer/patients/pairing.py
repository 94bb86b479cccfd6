"""Which low-dose volume belongs to which full-dose one, proposed from names and grids."""

from collections.abc import Hashable, Sequence
from pathlib import PurePath
from typing import NamedTuple

from LDCTDenoiseLib.archive.names import dose_of, patient_of, without_dose


class Candidate(NamedTuple):
    """An image that may be half of a pair.

    Attributes
    ----------
    name : str
        What it is called; the words for a dose in it say what it is.
    image : FileImage or SceneImage
    grid : hashable
        Equal for images on one grid; None where that is not known.
    """

    name: str
    image: object
    grid: Hashable


class Pair(NamedTuple):
    patient: str
    full: object
    low: object | None


def proposePairs(candidates: Sequence[Candidate]) -> tuple[list[Pair], list[str]]:
    """Pair images by name ("A full" with "A low"), then a low-dose image with the only full-dose one on its grid.

    Images whose name says no dose are full dose; those without a partner are to be simulated.

    Returns
    -------
    pairs : list of Pair
    notes : list of str
        Which low-dose images were left out.
    """
    full = [c for c in candidates if dose_of(c.name) != "low"]
    low = [c for c in candidates if dose_of(c.name) == "low"]
    partners: dict[int, Candidate] = {}
    for alike in (_sameName, _sameGrid):
        for one in list(low):
            fitting = [c for c in full if id(c) not in partners and alike(one, c)]
            rivals = [c for c in low if c is not one and fitting and alike(c, fitting[0])]
            if len(fitting) == 1 and not rivals:
                partners[id(fitting[0])] = one
                low.remove(one)
    notes = [f"left out '{c.name}': no full-dose image belongs to this low-dose one." for c in low]
    pairs = []
    for c in full:
        partner = partners.get(id(c))
        pairs.append(Pair(patient_of(PurePath(*_key(c))), c.image, partner and partner.image))
    return pairs, notes


def _key(candidate: Candidate) -> tuple[str, ...]:
    return without_dose(PurePath(candidate.name.replace("/", "_")))


def _sameName(one: Candidate, other: Candidate) -> bool:
    return _key(one) == _key(other)


def _sameGrid(one: Candidate, other: Candidate) -> bool:
    return one.grid is not None and one.grid == other.grid
