"""Which full-dose series belongs to which low-dose one."""

from collections import Counter, defaultdict
from pathlib import Path, PurePath

from ..volumes.suffixes import READABLE, known_suffix
from .dose_names import dose_of, without_dose
from .series import Series


def full_dose_series(series: list[Series], only_named: bool) -> list[Series]:
    """Return the CT series that can be a reference: not named low dose; `only_named` asks for the name of full dose."""
    allowed = ("full",) if only_named else ("full", "")
    return [one for one in series if not (one.not_ct or one.damage) and _dose(one) in allowed]


def find_partners(
    low: list[Series], full: list[Series], among_low: list[Series], among_full: list[Series]
) -> list[Series | None]:
    """Return for each low-dose series the one full-dose series that belongs to it, or None.

    `among_low` and `among_full` are all series of the archives that they are from.

    They belong together when their places are the same once the words for the dose are taken out
    (``P1/quarter/3mm`` and ``P1/full/3mm``, ``P1_low.nii`` and ``P1_full.nii``), where several series share a folder
    with their descriptions as part of the place. DICOM series also when one of each dose lie side by side in a folder.
    Two full-dose series that fit are as good as none.
    """
    lows = list(zip(low, _places(low, among_low), strict=True))
    same, beside, lows_beside = defaultdict(list), defaultdict(list), Counter()
    for one, place in zip(full, _places(full, among_full), strict=True):
        same[one.is_dicom, without_dose(place)].append(one)
        beside[one.is_dicom, without_dose(place.parent)].append(one)
    for one, place in lows:
        lows_beside[one.is_dicom, without_dose(place.parent)] += 1
    partners = []
    for one, place in lows:
        partner = _only(same[one.is_dicom, without_dose(place)])
        if partner is None and one.is_dicom and lows_beside[True, without_dose(place.parent)] == 1:
            partner = _only(beside[True, without_dose(place.parent)])
        partners.append(partner)
    return partners


def _only(fitting: list[Series]) -> Series | None:
    return fitting[0] if len(fitting) == 1 else None


def _dose(one: Series) -> str:
    named = next((dose for part in reversed(_without_suffix(one).parts) if (dose := dose_of(part))), "")
    return named or dose_of(one.description)


def _places(series: list[Series], among: list[Series]) -> list[PurePath]:
    """Return where each lies; those that share a folder are told apart by their description."""
    sharing = Counter(one.place for one in among if not one.not_ct)
    return [
        one.place / (one.description or one.uid).replace("/", " ") if sharing[one.place] > 1 else _without_suffix(one)
        for one in series
    ]


def _without_suffix(one: Series) -> PurePath:
    if one.is_dicom:
        return one.place
    name = one.place.name
    return one.place.with_name(name[: len(name) - len(known_suffix(Path(name), READABLE))] or name)
