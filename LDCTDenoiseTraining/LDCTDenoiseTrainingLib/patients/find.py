"""Make a patient set of what a folder holds."""

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from LDCTDenoiseLib.archive.dose_names import dose_of, without_dose
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.volumes.suffixes import READABLE, known_suffix

from .names import is_projection, name_base, patient_of, role_of
from .patient import PatientSet, Scan
from .series import Image, find_images


@dataclass(frozen=True)
class _Candidate:
    image: Image
    place: PurePath  # relative to the folder, without suffix
    dose: str

    @property
    def key(self) -> tuple[str, ...]:
        """Equal for the two images of a pair."""
        return without_dose(self.place)


def find_patients(folder: str | Path) -> tuple[PatientSet, list[str]]:
    """Make a patient set of the images below a folder.

    Known are flat folders of NIfTI, NRRD and MetaImage files, pairs by name (full/low, FD/LD, full/quarter, …, in file
    or folder names), the folders of the Mayo Low Dose CT Grand Challenge (``L067/full_3mm``, ``L067/quarter_3mm``) and
    of TCIA's LDCT-and-Projection-data (``patient/study/… Full Dose Images …``), and several DICOM series in one folder.
    Full-dose images without a partner are to be simulated. Folders named train, validation or test give the role;
    where none does, the last three in ten patients validate, as in the paper's 7 to 3.

    Returns
    -------
    patients : PatientSet
    notes : list of str
        What was left out, and what the user should look at.

    Raises
    ------
    InputError
        If the folder is missing or holds no CT image.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"there is no folder '{folder}'; check the path.")
    candidates = [_candidate(image, folder) for image in find_images(folder)]
    candidates = [c for c in candidates if not is_projection(c.place)]
    if not candidates:
        raise InputError(
            f"'{folder}' holds no CT images: no {', '.join(READABLE)} files and no DICOM CT series below it."
        )
    pairs, notes = _pair(candidates)
    if not pairs:
        raise InputError(f"'{folder}' holds low-dose images only; full-dose images are needed as the target.")
    return PatientSet(tuple(_with_roles(_scans(pairs), notes))), notes


def _candidate(image: Image, folder: Path) -> _Candidate:
    place = image.path.relative_to(folder)
    suffix = known_suffix(place, READABLE)
    place = PurePath(*place.parts[:-1], place.name[: len(place.name) - len(suffix)]) if suffix else PurePath(place)
    if image.series:  # several series share the folder: the description tells them apart
        place = place / (image.description or image.series)
    named = next((dose for part in reversed(place.parts) if (dose := dose_of(part))), "")
    return _Candidate(image, place, named or dose_of(image.description))


def _pair(candidates: list[_Candidate]) -> tuple[list[tuple[_Candidate, _Candidate | None]], list[str]]:
    """Pair by the path without dose words; DICOM folders also when one full and one low lie side by side (TCIA)."""
    notes: list[str] = []
    full = [c for c in candidates if c.dose != "low"]
    low = [c for c in candidates if c.dose == "low"]
    partner: dict[int, _Candidate] = {}
    for group in (lambda c: c.key, lambda c: c.place.parent if c.image.path.is_dir() else c.place):
        fulls, lows = defaultdict(list), defaultdict(list)
        for c in full:
            if id(c) not in partner:
                fulls[group(c)].append(c)
        for c in low:
            lows[group(c)].append(c)
        for key, members in lows.items():
            if len(members) == 1 and len(fulls[key]) == 1:
                partner[id(fulls[key][0])] = members[0]
                low.remove(members[0])
    notes += [f"left out '{c.image.path}': no full-dose image belongs to this low-dose one." for c in low]
    return [(c, partner.get(id(c))) for c in full], notes


def _scans(pairs: list[tuple[_Candidate, _Candidate | None]]) -> list[Scan]:
    names = [patient_of(PurePath(*c.key)) for c, _ in pairs]
    bases = Counter(name_base(name) for name in set(names))
    owners: dict[str, str] = {}
    scans = []
    for name, (full, low) in zip(names, pairs, strict=True):
        if bases[name_base(name)] > 1:
            name = name_base(name)
        if full.image.owner:  # whatever the folders are called, one PatientID is one patient
            name = owners.setdefault(full.image.owner, name)
        scans.append(Scan(
            patient=name, role=role_of(full.place) or "out", full=full.image.path, full_series=full.image.series,
            low=low.image.path if low else None, low_series=low.image.series if low else "",
        ))
    return scans


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
