"""Three small phantom patients, so that a training can be tried without data."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from LDCTDenoiseLib.phantom import abdomen_phantom
from LDCTDenoiseLib.simulation import as_scanned, phantom_scan
from LDCTDenoiseLib.volumes import Geometry, Volume, write_volume

from .file import write_patient_set
from .patient import PatientSet, Scan


@dataclass(frozen=True)
class SamplePatient:
    """A patient who is none."""

    name: str  #: What it is, as it is called in tables.
    role: str  #: One of `ROLES`.
    first: int  #: The first of its two slices of the phantom.
    pixels: int  #: Across the phantom, each of the same size: more are a larger body.
    mirrored: bool = False  #: Whether left and right are exchanged.

    @property
    def names(self) -> tuple[str, str]:
        """The names of its volumes, full dose and low dose."""
        return f"{self.name} full", f"{self.name} low"


PATIENTS = (
    SamplePatient("Phantom-small", "train", 0, 240),
    SamplePatient("Phantom-mirrored", "train", 2, 256, mirrored=True),
    SamplePatient("Phantom-large", "validation", 4, 272),
)

#: Slices of a patient, and those of all at both doses.
_EACH = 2
SLICES = 2 * _EACH * len(PATIENTS)

#: Pixels across the phantom of ordinary size.
_PIXELS = 256

SOURCE = {
    "name": "LDCTDenoise phantom", "licence": "Apache-2.0",
    "citation": "An abdomen that was drawn and not scanned: two neighbouring slices of it a patient, as they are or "
                "mirrored, at three sizes. It shows that a training works, and not what it is worth on people.",
}  # fmt: skip


def scan_sample(
    report: Callable[[tuple[int, int]], None] = lambda progress: None, device: str = "auto"
) -> list[tuple[SamplePatient, Volume, Volume]]:
    """Scan `PATIENTS` at full and at a quarter dose.

    Parameters
    ----------
    report : callable
        Called with (slices scanned, slices in all); what it raises stops the scanning.
    device : str

    Returns
    -------
    list of tuple
        Each patient with its full-dose and its low-dose scan: int16 HU, 2 slices of about 256×256 voxels of
        1.5×1.5×5 mm; the noise of both is drawn anew for each patient.
    """
    spacing = abdomen_phantom(1, _PIXELS).geometry.spacing
    found, done = [], 0
    report((done, SLICES))
    for number, patient in enumerate(PATIENTS):
        drawn = abdomen_phantom(size=patient.pixels).array[patient.first : patient.first + _EACH]
        phantom = Volume(drawn[..., :: -1 if patient.mirrored else 1].copy(), Geometry(spacing), patient.name)
        scans = []
        for part, (name, dose) in enumerate(zip(patient.names, (1.0, 0.25), strict=True)):
            run = phantom_scan(phantom, dose, seed=2 * number + part + 1, device=device)
            for _ in run:
                done += 1
                report((done, SLICES))
            scans.append(as_scanned(run, name))
        found.append((patient, *scans))
    return found


def write_sample(folder: Path, scans: list[tuple[SamplePatient, Volume, Volume]]) -> Path:
    """Write what `scan_sample` returns into a folder, as NRRD files and a patient set; return the latter's path.

    Raises
    ------
    OutputError
        If they cannot be written.
    """
    written = []
    for patient, *volumes in scans:
        paths = [folder / f"{name}.nrrd" for name in patient.names]
        for path, volume in zip(paths, volumes, strict=True):
            write_volume(volume, path)
        written.append(Scan(patient.name, patient.role, paths[0], low=paths[1]))
    place = folder / "patients.json"
    write_patient_set(PatientSet(tuple(written), (SOURCE,)), place)
    return place
