"""Who the patient of an image is, what its dose is, and which full dose belongs to which low dose.

One order of evidence for archives and training. The patient: the DICOM PatientID, unless it is a placeholder or shared
by images of different people; then the folder; then the file's name. The dose: the innermost name that says it, of the
file, then of its folders; then the SeriesDescription. A pair: see `find_partners`.
"""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from pathlib import PurePath

from .names import (
    dose_of,
    looks_like_patient,
    name_base,
    patient_named,
    patient_word,
    stem_of,
    without_dose,
    without_suffix,
)
from .series import Series

#: PatientIDs that anonymisers write for everybody, without what is neither letter nor digit.
_PLACEHOLDER = re.compile(
    r"0+|x+|(.)\1{2,}|(patient|subject|case)?(id|name|number)?|test|phantom|nobody|no(ne|name|id|patient)?"
    r"|(pat|patient|subject)?anon(ym(ous|i[sz]ed)?)?(patient|subject|id)?|de?identified|deid|un(known|named|identified)"
    r"|null|na|nan|removed|redacted|hidden|private|confidential|masked|blank|empty"
)

_COUNTED = re.compile("0?1234(5(6(7(8(90?)?)?)?)?)?")

#: Bodies of two people differ by more than this in width or height, those of one patient in two scans seldom.
_OTHER_BODY = 1.2

#: As many patients' folders, all with one PatientID, and it says nothing.
_MANY = 3


def is_placeholder(patient_id: str) -> bool:
    """Whether a PatientID is none, or one that an anonymiser writes for everybody."""
    told = patient_id.strip().lower()
    return bool(_PLACEHOLDER.fullmatch(re.sub(r"[\W_]", "", told)) or _COUNTED.fullmatch(told))


@dataclass(frozen=True)
class Image:
    """A series of an archive, and what is known of its patient and dose."""

    series: Series
    place: PurePath  #: Relative to the archive, without suffix.
    #: What tells series in one folder apart: the stem of the file names, the description. Empty where it is alone.
    label: tuple[str, str]
    #: "full", "low" or "", and what says so.
    dose: str
    dose_by: str
    #: A name for the patient, and what tells this patient from others: "PatientID", "folder" or "file name".
    patient: str = ""
    patient_by: str = ""
    why_not_id: str = ""  #: Why the PatientID does not, where there is one.


def describe(series: list[Series]) -> list[Image]:
    """Return the images of an archive with their doses, and patients by folder or file name."""
    sharing = Counter(one.place for one in series if not one.not_ct)
    images = [_describe(one, one.is_dicom and sharing[one.place] > 1) for one in series]
    folders = [_folders(image) for image in images]
    common = len(os.path.commonprefix(folders)) if folders else 0
    deep = [patient_named(f[common:], _stem(image)) for f, image in zip(folders, images, strict=True)]
    # "Mayo2016/L067/…": a folder that all have in common names no patient where deeper ones do.
    if not (len(set(deep)) > 1 and all(looks_like_patient(name) for name, _ in deep)):
        deep = [patient_named(f, _stem(image)) for f, image in zip(folders, images, strict=True)]
    bases = Counter(name_base(name) for name in {name for name, _ in deep})
    named = [(name_base(name) if bases[name_base(name)] > 1 else name or "patient", by) for name, by in deep]
    return [replace(i, patient=name, patient_by=by) for i, (name, by) in zip(images, named, strict=True)]


def _describe(one: Series, shares: bool) -> Image:
    stem = stem_of(one.files) if one.is_dicom else ""
    place = one.place if one.is_dicom else without_suffix(one.place)
    names = [(stem, "file name")] if one.is_dicom else [(place.name, "file name")]
    names += [(part, "folder") for part in reversed(place.parts if one.is_dicom else place.parts[:-1])]
    names.append((one.description, "description"))
    dose, by = next(((dose, by) for name, by in names if (dose := dose_of(name))), ("", ""))
    return Image(one, place, (stem, one.description) if shares else ("", ""), dose, by)


def _folders(image: Image) -> tuple[str, ...]:
    return without_dose(image.place if image.series.is_dicom else image.place.parent)


def _stem(image: Image) -> str:
    """Return what the file's name says of the patient; a DICOM file's is full of other numbers."""
    stem = "_".join(without_dose(PurePath(image.label[0] if image.series.is_dicom else image.place.name)))
    return patient_word(stem) or stem if image.series.is_dicom else stem


def identify(images: list[Image], body_of: Callable[[Series], tuple[float, float] | None]) -> list[Image]:
    """Return images with their patients by all evidence.

    Parameters
    ----------
    images : list of Image
        From `describe`.
    body_of : callable
        Measures width and height in mm of the body in a series; asked only where PatientIDs are in doubt.
    """
    by_owner: dict[str, list[Image]] = defaultdict(list)
    for image in images:
        if image.series.owner:
            by_owner[image.series.owner].append(image)
    names: dict[str, str] = {}
    doubts: dict[str, str] = {}
    for owner, theirs in by_owner.items():
        if why := _why_not_one(theirs, len(by_owner) == 1 and len(theirs) == len(images), body_of):
            doubts[owner] = why
            continue
        name = theirs[0].patient
        taken = set(names.values())
        names[owner] = name if name not in taken else next(
            new for n in range(2, len(by_owner) + 2) if (new := f"{name} {n}") not in taken
        )  # fmt: skip
    found = []
    for image in images:
        owner = image.series.owner
        if owner in names:
            found.append(replace(image, patient=names[owner], patient_by="PatientID"))
        else:
            why = doubts.get(owner, "" if not image.series.is_dicom else "the PatientID is missing or a placeholder")
            found.append(replace(image, why_not_id=why))
    return found


def _why_not_one(theirs: list[Image], everybody: bool, body_of) -> str:
    """Say why images with one PatientID are not of one person; "" when nothing speaks against it."""
    by_name: dict[str, list[Image]] = defaultdict(list)
    for image in theirs:
        by_name[image.patient].append(image)
    studies = [{image.series.study for image in mine} for mine in by_name.values()]
    if len(by_name) < 2 or sum(map(len, studies)) > len(set().union(*studies)):
        return ""  # one name; or a study with images under two names, so these are one person
    first, *others = (mine[0].series for mine in by_name.values())
    if any(_is_other_person(first, other) for other in others):
        return "one PatientID is on images of different people"
    if everybody and len(by_name) >= _MANY and all(map(looks_like_patient, by_name)):
        return f"all images have one PatientID, and the names tell {len(by_name)} patients"
    body = body_of(first)
    for other in others:
        sizes = body, body_of(other)
        if all(sizes) and any(max(ends) > _OTHER_BODY * min(ends) for ends in zip(*sizes, strict=True)):
            return "one PatientID is on images of different anatomy and study"
    return ""


def _is_other_person(one: Series, other: Series) -> bool:
    return any(a and b and a != b for a, b in zip(one.person, other.person, strict=True))


def full_dose_images(images: list[Image], only_named: bool) -> list[Image]:
    """Return the images that can be a reference: not named low dose; `only_named` asks for the name of full dose."""
    allowed = ("full",) if only_named else ("full", "")
    return [i for i in images if not (i.series.not_ct or i.series.damage) and i.dose in allowed]


def find_partners(lows: list[Image], fulls: list[Image]) -> list[tuple[Image | None, str]]:
    """Return for each low-dose image the one full-dose image that belongs to it, or None, and what says so.

    1. Their names are the same once the words for the dose are taken out (``P1/quarter/3mm`` and ``P1/full/3mm``,
       ``P1_low.nii`` and ``P1_full.nii``); where several series share a folder, with the stems of their files or their
       descriptions as part of the name.
    2. They are the only two of that patient on one grid (DICOM).
    3. They are the only two side by side in a folder (DICOM; TCIA's LDCT-and-Projection-data).

    Two PatientIDs that can be trusted make no pair, and two full-dose images that fit are as good as none, unless one
    of them has the grid of the low dose.
    """
    found: list[tuple[Image | None, str]] = [(None, "")] * len(lows)
    for how, key_of, alone in _WAYS:
        buckets, rivals = defaultdict(list), Counter(map(key_of, lows))
        for image in fulls:
            buckets[key_of(image)].append(image)
        for n, low in enumerate(lows):
            key = key_of(low)
            if found[n][0] is not None or key is None or (alone and rivals[key] > 1):
                continue
            fitting = [full for full in buckets[key] if _may_be_one_person(low, full)]
            if len(fitting) > 1 and not alone:
                fitting = [full for full in fitting if low.series.grid and full.series.grid == low.series.grid]
            if len(fitting) == 1:
                found[n] = fitting[0], how
    return found


def _may_be_one_person(one: Image, other: Image) -> bool:
    ids = {image.series.owner for image in (one, other) if not image.why_not_id}
    return len(ids - {""}) < 2


def _parts(text: str) -> tuple[str, ...]:
    return without_dose(PurePath(text.replace("/", " ")))


def _by_all_names(image: Image) -> Hashable:
    return image.series.is_dicom, without_dose(image.place), *map(_parts, image.label)


def _by_stem(image: Image) -> Hashable:
    return (without_dose(image.place), _parts(image.label[0])) if image.label[0] else None


def _by_description(image: Image) -> Hashable:
    return (without_dose(image.place), _parts(image.label[1])) if image.label[1] else None


def _by_grid(image: Image) -> Hashable:
    return (image.patient, image.series.grid) if image.series.grid else None


def _by_folder(image: Image) -> Hashable:
    folder = image.place if any(image.label) else image.place.parent
    return without_dose(folder) if image.series.is_dicom else None


#: How, the key that is equal for a pair, and whether no other image may have it.
_WAYS = (
    ("names", _by_all_names, False),
    ("file names", _by_stem, False),
    ("descriptions", _by_description, False),
    ("one grid", _by_grid, True),
    ("side by side", _by_folder, True),
)
