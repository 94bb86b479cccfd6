"""What file and folder names say of the dose."""

import re
from pathlib import PurePath

_FULL = {"full", "fulldose", "fd", "fdct", "ndct", "normaldose", "hd", "hdct", "highdose"}
_LOW = {"low", "lowdose", "ld", "ldct", "quarter", "quarterdose", "qd", "qdct"}
#: Words that belong to the dose and say nothing themselves: "Full Dose Images".
_FILLERS = {"dose", "images", "image"}
#: Folders that hold patients and name none; TCIA's "LDCT-and-Projection-data" says no dose.
COLLECTIONS = {"ldct-and-projection-data", "dicom", "patients"}
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+(?:mm)?")


def tokens(name: str) -> list[str]:
    """Split a name into lower-case words: at everything that is not a letter or digit, and at camelCase."""
    return [word.lower() for word in _WORD.findall(name)]


def dose_of(name: str) -> str:
    """Return "full", "low" or "" for one folder's or file's name."""
    if name.lower() in COLLECTIONS:
        return ""
    words = set(tokens(name))
    full, low = bool(words & _FULL), bool(words & _LOW)
    return "full" if full and not low else "low" if low and not full else ""


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
