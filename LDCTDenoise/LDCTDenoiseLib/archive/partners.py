"""Which full-dose series belongs to which low-dose one."""

from collections import defaultdict
from pathlib import Path, PurePath

from ..volumes.suffixes import READABLE, known_suffix
from .dose_names import dose_of, without_dose
from .series import Series


def full_dose_series(series: list[Series], only_named: bool) -> list[Series]:
    """Return the CT series that can be a reference: not named low dose; `only_named` asks for the name of full dose."""
    allowed = ("full",) if only_named else ("full", "")
    return [one for one in series if not (one.not_ct or one.damage) and _dose(one) in allowed]


def find_partners(low: list[Series], full: list[Series]) -> list[Series | None]:
    """Return for each low-dose series the one full-dose series that belongs to it, or None.

    They belong together when their places are the same once the words for the dose are taken out
    (``P1/quarter/3mm`` and ``P1/full/3mm``, ``P1_low.nii`` and ``P1_full.nii``), where several series share a folder
    with their descriptions as part of the place. DICOM series also when they lie side by side: the only full-dose
    series below the folder above the one of the low dose. Two that fit are as good as none.
    """
    partners: list[Series | None] = [None] * len(low)
    low_places, full_places = _places(low), _places(full)
    for group in (_same_but_for_the_dose, _side_by_side):
        members = defaultdict(list)
        for one, place in zip(full, full_places, strict=True):
            members[group(one, place)].append(one)
        for n, (one, place) in enumerate(zip(low, low_places, strict=True)):
            fitting = members.get(group(one, place), [])
            if partners[n] is None and len(fitting) == 1:
                partners[n] = fitting[0]
    return partners


def _same_but_for_the_dose(one: Series, place: PurePath):
    return one.is_dicom, without_dose(place)


def _side_by_side(one: Series, place: PurePath):
    return one.is_dicom, without_dose(place.parent if one.is_dicom else place)


def _dose(one: Series) -> str:
    named = next((dose for part in reversed(_without_suffix(one).parts) if (dose := dose_of(part))), "")
    return named or dose_of(one.description)


def _places(series: list[Series]) -> list[PurePath]:
    """Return where each lies; those that share a folder are told apart by their description."""
    sharing = defaultdict(int)
    for one in series:
        sharing[one.place] += 1
    return [
        one.place / (one.description or one.uid).replace("/", " ") if sharing[one.place] > 1 else _without_suffix(one)
        for one in series
    ]


def _without_suffix(one: Series) -> PurePath:
    if one.is_dicom:
        return one.place
    name = one.place.name
    return one.place.with_name(name[: len(name) - len(known_suffix(Path(name), READABLE))] or name)
