"""What the names of files and folders say: the dose, the patient, and what an image is there for."""

import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePath

from ..volumes.suffixes import READABLE, known_suffix

_FULL = {"full", "fulldose", "fd", "fdct", "ndct", "normaldose", "hd", "hdct", "highdose"}
_LOW = {"low", "lowdose", "ld", "ldct", "quarter", "quarterdose", "qd", "qdct"}
#: Words that belong to the dose and say nothing themselves: "Full Dose Images".
_FILLERS = {"dose", "images", "image"}
#: Folders that hold patients and name none; TCIA's "LDCT-and-Projection-data" says no dose.
_COLLECTIONS = {"ldct-and-projection-data", "dicom", "patients"}
_ROLES = {"train": "train", "training": "train", "val": "validation", "valid": "validation",
          "validation": "validation", "test": "test", "testing": "test"}  # fmt: skip
#: TCIA's LDCT-and-Projection-data has projections beside the images, in DICOM files too.
_NOT_IMAGES = {"projections", "projection"}
#: Words of scans, reconstructions, regions and places in a collection: with a number or without, they name no patient.
_TECHNICAL = set(
    "ct mr scan scans series ser se study studies session ses visit image images img im i slice slices sl dicom "
    "dcm nifti nii nrrd mha volume volumes vol recon reconstruction kernel soft sharp smooth standard bone axial "
    "coronal sagittal ax cor sag phase arterial venous portal delayed contrast nc ce thin thick mm na day week "
    "month year date baseline followup follow up timepoint tp pre post abdomen abd chest thorax head neck brain "
    "pelvis lung lungs liver heart cardiac spine body knee data dataset collection raw converted anonymized "
    "anonymised export archive input output part batch group site cohort fold set version v st pos full low "
    "quarter dose".split()
)
_SIZE_OR_KERNEL = re.compile(r"\d+(?:[.,]\d+)?mm|[BDHI][a-z]?\d{2}(?:[fhs]\d?)?|[A-Z][a-z]?\d{2}[a-z]\d?")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+(?:mm)?")


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


def without_suffix(path: PurePath) -> PurePath:
    """Return the path of a volume file without the suffix of its format."""
    suffix = known_suffix(Path(path.name), READABLE)
    return path.with_name(path.name[: -len(suffix)] or path.name) if suffix else path


def stem_of(files: Sequence[Path]) -> str:
    """Return what a series' files are all called, without their numbers: "L067_FD" of "L067_FD_001.IMA"."""
    names = [re.sub(r"\.(dcm|dicom|ima)$", "", file.name, flags=re.IGNORECASE) for file in files]
    common = os.path.commonprefix(names)
    if len(names) > 1 or common[-1:].isdigit():
        cut = max(common.rfind(mark) for mark in "_- .")
        common = common[:cut] if cut > 0 else common.rstrip("0123456789")
    return common.strip("_- .") if re.search("[A-Za-z]", common) else ""


def is_projection(path: PurePath) -> bool:
    """Whether a path names projections instead of images."""
    parts = (part for part in path.parts if part.lower() not in _COLLECTIONS)
    return any(set(tokens(part)) & _NOT_IMAGES for part in parts)


def role_of(path: PurePath) -> str:
    """Return the role that a folder of the path names, or ""."""
    return next((_ROLES[part.lower()] for part in path.parts[:-1] if part.lower() in _ROLES), "")


def patient_of(path: PurePath) -> str:
    """Return a name for the patient from the path of a file, without suffix and words for its dose."""
    return patient_named(path.parts[:-1], path.name)[0] or "patient"


def patient_named(folders: Sequence[str], stem: str) -> tuple[str, str]:
    """Return the name that folders, or else a file's stem, give the patient, and which did; "" when none does.

    A folder that looks like a patient's (L067, HCC_007, patient 3) comes first, then a stem that does, then any other
    folder that names no role, collection, region, study, size or kernel ("smith", but not "abdomen" or "1mm B30").
    """
    folders = [folder for folder in folders if folder.lower() not in _ROLES.keys() | _COLLECTIONS]
    for folder in folders:
        if looks_like_patient(folder):
            return folder, "folder"
    if looks_like_patient(stem):
        words = _words(stem)
        # L067_1mm and L067_3mm are of one patient.
        return stem if len(words) == len(re.split(r"[-_ .]+", stem)) else "_".join(words), "file name"
    for folder in folders:
        if not _is_technical(folder):
            return folder, "folder"
    return (stem, "file name") if stem else next(((folder, "folder") for folder in folders), ("", ""))


def looks_like_patient(name: str) -> bool:
    """Whether a name has a number behind letters that are no word for a scan: L067, HCC_007, patient 3."""
    return bool(patient_word(name))


def patient_word(name: str) -> str:
    """Return the first part of a name that looks like a patient's: "L067" of "L067_1_1.CT.0002"; "" without one."""
    words = _words(name)
    for word in words:
        if re.search("[A-Za-z]", word) and re.search(r"\d", word) and not _is_technical(word):
            return word
    for word, number in zip(words, words[1:], strict=False):
        if len(word) > 1 and word.isalpha() and number.isdigit() and not _is_technical(word):
            return f"{word}_{number}"
    return ""


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[-_ .]+", name) if word and not _SIZE_OR_KERNEL.fullmatch(word)]


def _is_technical(name: str) -> bool:
    words = _words(name)
    told = [token for word in words for token in tokens(word) if not token.isdigit()]
    return set(told) <= _TECHNICAL and (bool(told) or not any(map(str.isdigit, words)))


def name_base(name: str) -> str:
    """Return a name without a trailing letter that tells scans of one patient apart: HCC_007_a is HCC_007."""
    return re.sub(r"(?<=\d)[_-][a-zA-Z]$", "", name)
