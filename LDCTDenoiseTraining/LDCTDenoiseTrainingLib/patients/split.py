"""Who validates: a choice of patients, or each patient in turn."""

from dataclasses import replace

from LDCTDenoiseLib.errors import InputError

from .patient import PatientSet


def choose_validation(patients: PatientSet, names: list[str]) -> PatientSet:
    """Return the set with exactly these patients in validation and the other training patients in training.

    Patients with the role "test" or "out" keep it unless they are named.

    Raises
    ------
    InputError
        If a name is not in the set, or nobody is left to train on.
    """
    known = patients.patients("train", "validation", "test", "out")
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        wanted = ", ".join(unknown) or "of an empty name"
        raise InputError(f"the patient set has no patient {wanted}; choose from {', '.join(known)}.")
    scans = tuple(
        replace(scan, role="validation") if scan.patient in names
        else replace(scan, role="train") if scan.role == "validation" else scan
        for scan in patients.scans
    )
    chosen = replace(patients, scans=scans)
    if not chosen.with_role("train"):
        raise InputError("with these patients in validation nobody is left to train on; name fewer.")
    return chosen


def leave_one_out(patients: PatientSet) -> dict[str, PatientSet]:
    """Map every patient that trains or validates to the set in which it alone validates.

    Raises
    ------
    InputError
        If there are fewer than two such patients.
    """
    names = patients.patients("train", "validation")
    if len(names) < 2:
        raise InputError("leave-one-out needs at least two patients with the role train or validation.")
    return {name: choose_validation(patients, [name]) for name in names}
