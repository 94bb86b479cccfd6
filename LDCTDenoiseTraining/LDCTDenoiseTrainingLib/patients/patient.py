"""What a patient set is made of."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from textwrap import shorten

from LDCTDenoiseLib.errors import InputError

#: What a patient is there for. "out" keeps a patient in the file and out of everything.
ROLES = ("train", "validation", "test", "out")

#: How a patient set says that the PatientIDs of its images are to be ignored: who is who is as stated there.
STATED = "stated"

#: The least and the greatest value that each range of a simulation may hold.
_BOUNDS = {"dose": (0.01, 0.9), "photons": (10.0, 1e6), "kernel": (0.3, 2.0)}


@dataclass(frozen=True)
class SimulationRanges:
    """From which ranges the simulated scans of a patient are drawn."""

    dose: tuple[float, float] = (0.1, 0.6)  #: Fraction of the scan's own dose, drawn evenly in the logarithm.
    #: Photons that the central rays of the full-dose scan detect, see `LDCTDenoiseLib.simulation.ScanSettings`. Left
    #: out, they are those that give the scan its own noise.
    photons: tuple[float, float] | None = None
    #: Cut-off of the reconstruction kernel in units of the detector's Nyquist frequency. Left out, the kernel is the
    #: scan's own.
    kernel: tuple[float, float] | None = None

    def __post_init__(self):
        for name, (least, most) in _BOUNDS.items():
            values = getattr(self, name)
            if values is None and name != "dose":
                continue
            try:
                if not isinstance(values, (list, tuple)) or any(isinstance(v, bool) for v in values):
                    raise ValueError
                lower, upper = (float(v) for v in values)
            except (TypeError, ValueError, OverflowError) as error:
                told = shorten(repr(values), 80)
                raise InputError(f"the range of '{name}' must be two numbers, not {told}.") from error
            if not least <= lower <= upper <= most:
                raise InputError(
                    f"the range of '{name}' must rise and lie within {least:g} to {most:g}, not {lower:g} to {upper:g}."
                )
            object.__setattr__(self, name, (lower, upper))


@dataclass(frozen=True)
class Scan:
    """One scan of a patient: a full-dose image, and a low-dose one or how to simulate it.

    A patient may have several scans; they carry the same `patient` and the same role.
    """

    patient: str  #: A name for the patient: a pseudonym, since it is written into logs and tables.
    role: str  #: One of `ROLES`.
    full: Path  #: File or DICOM folder.
    full_series: str = ""  #: SeriesInstanceUID where the folder holds several series, else empty.
    low: Path | None = None  #: As `full`; None where low dose is simulated.
    low_series: str = ""
    simulation: SimulationRanges | None = None  #: Not None exactly when `low` is None.
    #: Empty, or "stated": the patient is who `patient` says, whatever the PatientID of the image.
    identity: str = ""

    def __post_init__(self):
        if not self.patient:
            raise InputError(f"the scan '{self.full}' has no patient; give it a name.")
        if self.role not in ROLES:
            raise InputError(
                f"patient '{self.patient}' has the role '{self.role}'; choose from {', '.join(ROLES)}."
            )
        if self.identity not in ("", STATED):
            raise InputError(f"the identity of patient '{self.patient}' must be '{STATED}', not '{self.identity}'.")
        if self.low is not None and self.simulation is not None:
            raise InputError(f"patient '{self.patient}' has a low-dose image and a simulation; give one of the two.")
        if self.low is None and self.simulation is None:
            object.__setattr__(self, "simulation", SimulationRanges())

    @property
    def label(self) -> str:
        """What to call the scan in messages."""
        return f"{self.patient} ({self.full.name})"


@dataclass(frozen=True)
class PatientSet:
    """The scans of all patients, and where the data come from."""

    scans: tuple[Scan, ...]
    #: Collections, each with `name`, `licence` and `citation`: they go into the model card.
    sources: tuple[dict, ...] = field(default=())

    def with_role(self, *roles: str) -> list[Scan]:
        """Return the scans of patients in these roles, in the order of the file."""
        return [scan for scan in self.scans if scan.role in roles]

    def at_dose(self, dose: tuple[float, float]) -> "PatientSet":
        """Return the set with one range of doses for all scans whose low dose is simulated.

        Raises
        ------
        InputError
            If there is no such range.
        """
        def changed(scan: Scan) -> Scan:
            return replace(scan, simulation=scan.simulation and replace(scan.simulation, dose=dose))

        return replace(self, scans=tuple(map(changed, self.scans)))

    def patients(self, *roles: str) -> list[str]:
        """Return the names of the patients in these roles (default: all but "out"), each once, in order."""
        return list(dict.fromkeys(scan.patient for scan in self.with_role(*(roles or ROLES[:-1]))))


def file_name(patient: str, taken: set[str]) -> str:
    """Return what a patient's files can be called on every system, unlike the names in `taken`, where it is put.

    Names that differ in case alone are one where file systems do not tell them apart.
    """
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", patient)[:60].rstrip(".") or "_"
    name, number = plain, 1
    while name.lower() in taken:
        number += 1
        name = f"{plain}-{number}"
    taken.add(name.lower())
    return name
