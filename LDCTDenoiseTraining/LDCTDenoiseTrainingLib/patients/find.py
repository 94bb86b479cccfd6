"""Make a patient set of what a folder holds."""

import os
import warnings
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from LDCTDenoiseLib.archive import find_archive
from LDCTDenoiseLib.archive.names import is_projection, role_of
from LDCTDenoiseLib.archive.pairing import Image, describe, find_partners, identify
from LDCTDenoiseLib.archive.series import Series
from LDCTDenoiseLib.errors import InputError, LDCTError, LDCTWarning, few, warn
from LDCTDenoiseLib.volumes.dicom_series import read_series_files
from LDCTDenoiseLib.volumes.suffixes import READABLE, is_text

from .patient import STATED, PatientSet, Scan

#: HU above which a voxel belongs to the body.
_BODY = -300


class Finding(NamedTuple):
    """A patient set made of a folder."""

    patients: PatientSet
    notes: list[str]  #: What was left out, and what the user should look at.
    decisions: list[str]  #: For each scan what it was taken for, and by what evidence.


def find_patients(folder: str | Path) -> Finding:
    """Make a patient set of the images below a folder.

    Known are flat folders of NIfTI, NRRD and MetaImage files, pairs by name (full/low, FD/LD, full/quarter, …, in file
    or folder names), the folders of the Mayo Low Dose CT Grand Challenge (``L067/full_3mm``, ``full_3mm/L067/…``, or
    all in one folder) and of TCIA's LDCT-and-Projection-data (``patient/study/… Full Dose Images …``), and several
    DICOM series in one folder. Who is whose patient and what is a pair: see `LDCTDenoiseLib.archive.pairing`.
    Full-dose images without a partner are to be simulated. Folders named train, validation or test give the role;
    where none does, the last three in ten patients validate, as in the paper's 7 to 3.

    An image whose dose nothing tells is taken for full dose in a folder without pairs; next to pairs it is left out.

    Raises
    ------
    InputError
        If the folder is missing or holds no CT image.

    Warns
    -----
    LDCTWarning
        If a file was left out because it is damaged.
    """
    folder = Path(folder)
    series = find_archive(folder).series
    if damaged := [f"'{folder / one.place}': {one.damage.rstrip('.')}" for one in series if one.damage]:
        warn(f"left out: {few(damaged, 1)}.")
    taken = [one for one in series if not (one.not_ct or one.damage)]
    images = [image for image in describe(taken) if not is_projection(_named_place(image))]
    images.sort(key=lambda image: (image.place.parts, image.label, image.series.uid))
    if not images:
        raise InputError(
            f"'{folder}' holds no CT images: no {', '.join(READABLE)} files and no DICOM CT series below it."
        )
    named = [image for image in images if is_text(image.series.files[0])]
    pairs, notes = _pair(identify(named, _body_of))
    notes += [f"left out {_called(i)}: its name is not UTF-8; rename it." for i in images if i not in named]
    if not pairs:
        raise InputError(f"'{folder}' holds low-dose images only; full-dose images are needed as the target.")
    shared = _folders_of_several(taken)
    scans = _with_roles([_scan(full, low, shared) for full, low, _how in pairs], notes)
    return Finding(PatientSet(tuple(scans)), notes, [_decision(*pair) for pair in pairs])


def _named_place(image: Image):
    """Return the place with what tells series in one folder apart behind it."""
    return image.place / " ".join(image.label).replace("/", " ").strip()


def _pair(images: list[Image]) -> tuple[list[tuple[Image, Image | None, str]], list[str]]:
    """Return (full dose, low dose or None, what makes them a pair) for each target, and what was left out."""
    notes: list[str] = []
    lows = [image for image in images if image.dose == "low"]
    others = [image for image in images if image.dose != "low"]
    partners: dict[int, list[tuple[Image, str]]] = defaultdict(list)
    for low, (full, how) in zip(lows, find_partners(lows, others), strict=True):
        # Of an image that no name calls full dose, that it lies beside is not enough.
        if full is None or (how in ("one grid", "side by side") and full.dose != "full"):
            notes.append(f"left out {_called(low)}: no full-dose image belongs to this low-dose one.")
        else:
            partners[id(full)].append((low, how))
    alike = Counter(_looks(image) for image in others if not image.dose and id(image) not in partners)
    pairs: list[tuple[Image, Image | None, str]] = []
    for image in others:
        if mine := partners[id(image)]:
            pairs += [(image, low, how) for low, how in mine]
        elif image.dose == "full":
            pairs.append((image, None, ""))
        elif any(partners.values()):
            notes.append(f"left out {_called(image)}: nothing tells its dose, and others are pairs of two doses.")
        else:
            pairs.append((image, None, ""))
            if alike[_looks(image)] > 1:
                notes.append(
                    f"look at {_called(image)}: another image shows the same slices with the same kernel, and nothing "
                    "tells the dose of either; both are taken for full dose."
                )
    return pairs, notes


def _looks(image: Image):
    """Return what is equal for two images of the same slices and kernel; never equal where that is not known."""
    one = image.series
    return (one.study, one.grid, one.kernel) if one.grid else id(image)


def _called(image: Image) -> str:
    # Not the description, into which people write names.
    place = os.fsencode(image.series.place / image.label[0]).decode(errors="backslashreplace")
    return f"'{place}'" + (f" (series {image.series.uid})" if any(image.label) else "")


def _decision(full: Image, low: Image | None, how: str) -> str:
    """Say in one line what a scan was taken for, and why."""
    by = f"{full.patient_by}{f', as {full.why_not_id}' * bool(full.why_not_id)}"
    dose = f"full dose by its {full.dose_by}" if full.dose else "taken for full dose"
    if low is None:
        return f"{full.patient} (by {by}): {_called(full)}, {dose}, to be simulated"
    return f"{full.patient} (by {by}): {_called(full)}, {dose}, with {_called(low)}, low dose by its {low.dose_by}; " \
        f"a pair by {how}"


def _folders_of_several(series: list[Series]) -> set[Path]:
    """Return the folders below which more than one DICOM series lies: there a UID must say which."""
    counts = Counter()
    for one in series:
        if one.is_dicom:
            counts.update([one.folder, *one.folder.parents])
    return {folder for folder, count in counts.items() if count > 1}


def _scan(full: Image, low: Image | None, shared: set[Path]) -> Scan:
    def at(image: Image) -> tuple[Path, str]:
        one = image.series
        return (one.folder, one.uid if one.folder in shared else "") if one.is_dicom else (one.files[0], "")

    (path, uid), (low_path, low_uid) = at(full), at(low) if low else (None, "")
    # Where the PatientID was not believed, the check must not believe it either.
    stated = bool(full.series.owner and full.why_not_id)
    return Scan(full.patient, role_of(_named_place(full)) or "out", path, uid, low_path, low_uid,
                identity=STATED if stated else "")  # fmt: skip


def _with_roles(scans: list[Scan], notes: list[str]) -> list[Scan]:
    names = list(dict.fromkeys(scan.patient for scan in scans))
    if any(scan.role != "out" for scan in scans):
        lost = [scan for scan in scans if scan.role == "out"]
        notes += [f"'{scan.full}' lies in no train, validation or test folder: its role is 'out'." for scan in lost]
        return scans
    validating = set(names[len(names) - round(0.3 * len(names)):]) if len(names) > 1 else set()
    if validating:
        notes.append(f"no folder names a role, so the last patients validate: {', '.join(sorted(validating))}.")
    else:
        notes.append("there is one patient only, so nobody validates; add patients or choose another validation.")
    return [replace(scan, role="validation" if scan.patient in validating else "train") for scan in scans]


def _body_of(series: Series) -> tuple[float, float] | None:
    """Return width and height in mm of what is no air in the middle slice of a series; None when it cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LDCTWarning)
            volume = read_series_files([series.files[len(series.files) // 2]], os.path.basename(series.place))
    except LDCTError:
        return None
    body = volume.array[len(volume.array) // 2] > _BODY
    lengths = [np.ptp(np.flatnonzero(body.any(axis=axis))) + 1 if body.any() else 0 for axis in (0, 1)]
    width, height = (float(n * s) for n, s in zip(lengths, volume.geometry.spacing, strict=False))
    return (width, height) if width and height else None
