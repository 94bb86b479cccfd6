"""What file and folder names say besides the dose: the role, and who the patient is."""

import re
from pathlib import PurePath

from LDCTDenoiseLib.archive.dose_names import COLLECTIONS, tokens

_ROLES = {"train": "train", "training": "train", "val": "validation", "valid": "validation",
          "validation": "validation", "test": "test", "testing": "test"}
#: TCIA's LDCT-and-Projection-data has projections beside the images, in DICOM files too.
_NOT_IMAGES = {"projections", "projection"}


def is_projection(path: PurePath) -> bool:
    """Whether a path names projections instead of images."""
    parts = (part for part in path.parts if part.lower() not in COLLECTIONS)
    return any(set(tokens(part)) & _NOT_IMAGES for part in parts)


def role_of(path: PurePath) -> str:
    """Return the role that a folder of the path names, or ""."""
    return next((_ROLES[part.lower()] for part in path.parts[:-1] if part.lower() in _ROLES), "")


def patient_of(path: PurePath) -> str:
    """Return a name for the patient from a path without dose words: the first folder that is no role, or the file."""
    parts = [part for part in path.parts if part.lower() not in _ROLES.keys() | COLLECTIONS]
    return parts[0] if parts else path.name or "patient"


def name_base(name: str) -> str:
    """Return a name without a trailing letter that tells scans of one patient apart: HCC_007_a is HCC_007."""
    return re.sub(r"(?<=\d)[_-][a-zA-Z]$", "", name)
