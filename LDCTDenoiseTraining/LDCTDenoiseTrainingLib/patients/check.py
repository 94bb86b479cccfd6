"""Check a whole patient set, and name every problem with its file, all at once."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable

from LDCTDenoiseLib.archive import owner_at
from LDCTDenoiseLib.archive.names import name_base
from LDCTDenoiseLib.errors import InputError

from .inspect import inspect_scan
from .patient import STATED, PatientSet, Scan

#: Roles that must not share a patient; "out" takes part in nothing.
_SIDES = ("train", "validation", "test")


class PatientSetError(InputError):
    """A patient set has problems; `problems` holds one line for each."""

    def __init__(self, problems: list[str]):
        self.problems = problems
        count = len(problems)
        super().__init__(f"the patient set has {count} problem{'s' * (count != 1)}: " + " | ".join(problems))


def check_patients(patients: PatientSet, patch: int = 0, progress: Callable[[Scan], None] | None = None) -> None:
    """Read and check every image of a set, and the split.

    Parameters
    ----------
    patients : PatientSet
    patch : int
        Side of the patches that are to be cut out of its slices.
    progress : callable, optional
        Called with each scan when it is done.

    Raises
    ------
    PatientSetError
        If anything is wrong; holds all problems.
    """
    problems, digests = [], {}
    for scan in patients.with_role(*_SIDES):
        inspected, found = inspect_scan(scan, patch)
        problems += found
        if inspected:
            digests[scan] = inspected.digest
        if progress:
            progress(scan)
    problems = split_problems(patients.scans, digests) + problems
    if problems:
        raise PatientSetError(problems)


def split_problems(scans: Iterable[Scan], digests: dict[Scan, str]) -> list[str]:
    """Say which patients stand on two sides of the split: by name, by DICOM PatientID, by identical images.

    Parameters
    ----------
    scans : iterable of Scan
    digests : dict
        SHA-256 of the full-dose values, of the scans that could be read.
    """
    scans = [scan for scan in scans if scan.role in _SIDES]
    problems = []
    if not any(scan.role == "train" for scan in scans):
        problems.append("no patient has the role train: there is nothing to train on.")
    # PatientIDs stay in memory and are only compared; no message shows one.
    believed = [scan for scan in scans if scan.identity != STATED and os.path.exists(scan.full)]
    owners = {scan: owner_at(scan.full, scan.full_series) for scan in believed}
    for why, key in (
        ("has two roles", lambda scan: scan.patient),
        ("is one patient under two names with different roles", lambda scan: name_base(scan.patient)),
        (f'has one DICOM PatientID in different roles (if these are several people, say "identity": "{STATED}" in the '
         "patient set)", lambda scan: owners.get(scan, "")),
        ("has the same image in different roles", lambda scan: digests.get(scan, "")),
    ):
        problems += _across(scans, key, why, problems)
    images = defaultdict(list)
    for scan, value in digests.items():
        images[value].append(scan)
    for same in images.values():
        if len({scan.patient for scan in same}) > 1 and len({scan.role for scan in same}) == 1:
            problems.append(f"{_listed(same)}: the same image stands under two patients' names.")
        elif len(same) > 1 and len({scan.role for scan in same}) == 1 and len({scan.low for scan in same}) == 1:
            problems.append(f"{_listed(same)}: the same image is named twice.")
    return problems


def _across(scans: list[Scan], key, why: str, before: list[str]) -> list[str]:
    groups = defaultdict(list)
    for scan in scans:
        if key(scan):
            groups[key(scan)].append(scan)
    found = []
    for members in groups.values():
        if len({scan.role for scan in members}) > 1:
            files = _listed(members)
            if not any(line.startswith(f"{files}: patient") for line in before):
                name = members[0].patient
                found.append(f"{files}: patient '{name}' {why}; nobody may stand on two sides of a split.")
    return found


def _listed(scans: list[Scan]) -> str:
    return ", ".join(f"'{scan.full}' ({scan.role})" for scan in scans)
