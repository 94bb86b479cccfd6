"""What file and folder names say: the dose, the role, and who the patient is."""

import re
from pathlib import PurePath

_FULL = {"full", "fulldose", "fd", "fdct", "ndct", "normaldose", "hd", "hdct", "highdose"}
_LOW = {"low", "lowdose", "ld", "ldct", "quarter", "quarterdose", "qd", "qdct"}
_ROLES = {"train": "train", "training": "train", "val": "validation", "valid": "validation",
          "validation": "validation", "test": "test", "testing": "test"}
#: Words that belong to the dose and say nothing themselves: "Full Dose Images".
_FILLERS = {"dose", "images", "image"}
#: Folders that hold patients and name none.
_COLLECTIONS = {"ldct-and-projection-data", "dicom", "patients"}
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+(?:mm)?")
#: TCIA's LDCT-and-Projection-data has projections beside the images, in DICOM files too.
_NOT_IMAGES = {"projections", "projection"}


def tokens(name: str) -> list[str]:
    """Split a name into lower-case words: at everything that is not a letter or digit, and at camelCase."""
    return [word.lower() for word in _WORD.findall(name)]


def dose_of(name: str) -> str:
    """Return "full", "low" or "" for one folder's or file's name."""
    if name.lower() in _COLLECTIONS:
        return ""
    words = set(tokens(name))
    full, low = bool(words & _FULL), bool(words & _LOW)
    return "full" if full and not low else "low" if low and not full else ""


def is_projection(path: PurePath) -> bool:
    """Whether a path names projections instead of images."""
    parts = (part for part in path.parts if part.lower() not in _COLLECTIONS)
    return any(set(tokens(part)) & _NOT_IMAGES for part in parts)


def role_of(path: PurePath) -> str:
    """Return the role that a folder of the path names, or ""."""
    return next((_ROLES[part.lower()] for part in path.parts[:-1] if part.lower() in _ROLES), "")


def without_dose(path: PurePath) -> tuple[str, ...]:
    """Return the parts of a path with the words for its dose removed: equal for the two images of a pair."""
    def kept(word: re.Match) -> str:
        return "" if word[0].lower() in _FULL | _LOW | _FILLERS else word[0]

    parts = []
    for part in path.parts:
        if dose_of(part):
            part = _WORD.sub(kept, part)
            part = re.sub(r"[-_ .]+", "_", part).strip("_")
        if part:
            parts.append(part)
    return tuple(parts)


def patient_of(path: PurePath) -> str:
    """Return a name for the patient from a path without dose words: the first folder that is no role, or the file."""
    parts = [part for part in path.parts if part.lower() not in _ROLES.keys() | _COLLECTIONS]
    return parts[0] if parts else path.name or "patient"


def name_base(name: str) -> str:
    """Return a name without a trailing letter that tells scans of one patient apart: HCC_007_a is HCC_007."""
    return re.sub(r"(?<=\d)[_-][a-zA-Z]$", "", name)
