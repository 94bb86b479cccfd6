"""The patients as the user edits them: one row a scan."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from LDCTDenoiseLib.archive.names import name_base
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseTrainingLib.patients import ROLES, PatientSet, SimulationRanges, find_patients, read_patient_set

from . import scene_volumes
from .database_series import chosenSeries, pairSeries
from .images import FileImage, SceneImage
from .pairing import Candidate, Pair, proposePairs


@dataclass(eq=False)
class Row:
    """One scan of a patient."""

    patient: str  #: A pseudonym; it is written into logs and tables.
    role: str  #: One of `LDCTDenoiseTrainingLib.patients.ROLES`.
    full: FileImage | SceneImage
    low: FileImage | SceneImage | None = None  #: None where low dose is simulated.
    simulation: SimulationRanges = field(default_factory=SimulationRanges)  #: How, where `low` is None.
    used: bool = True  #: The tick; a row without it takes part in nothing.
    shape: tuple[int, int, int] | None = None  #: (slices, rows, columns), known once the row was checked.
    problems: list[str] = field(default_factory=list)  #: What the check found.
    identity: str = ""  #: As in `LDCTDenoiseTrainingLib.patients.Scan`.

    @property
    def simulated(self) -> bool:
        return self.low is None

    @property
    def takesPart(self) -> bool:
        return self.used and self.role != "out"

    @property
    def images(self) -> list[tuple[str, FileImage | SceneImage]]:
        """Its images, each with what it is."""
        images = [(f"full-dose volume of patient '{self.patient}'", self.full)]
        if self.low is not None:
            images.append((f"low-dose volume of patient '{self.patient}'", self.low))
        return images

    @property
    def gone(self) -> list[str]:
        """Which of its volumes have left the scene."""
        return [f"'{image.label}', the {role}, has been deleted from the scene; untick the patient, or load the volume "
                "and add it again." for role, image in self.images if isinstance(image, SceneImage) and not image.there]

    @property
    def troubles(self) -> list[str]:
        """What stands against a start: volumes that have left the scene, and what the check found."""
        return self.gone + self.problems


class PatientTable:
    """Rows that can be added and changed, so that no patient ever stands on two sides of the split.

    Attributes
    ----------
    rows : list of Row
    sources : list of dict
        Where the data come from, for the model card: `name`, `licence`, `citation`.
    """

    def __init__(self):
        self.rows: list[Row] = []
        self.sources: list[dict] = []

    @property
    def series(self) -> set[str]:
        """SeriesInstanceUIDs of the DICOM series in the table."""
        images = (image for row in self.rows for _, image in row.images)
        return {image.series for image in images if isinstance(image, FileImage) and image.series}

    def addVolumes(self) -> list[str]:
        """Add the CT volumes of the scene but outputs of a denoising, paired by name and grid.

        Returns what the user should know; raises `InputError` if there is none.
        """
        known = {image.node for row in self.rows for _, image in row.images if isinstance(image, SceneImage)}
        candidates = [Candidate(n.GetName(), SceneImage(n), scene_volumes.gridOf(n))
                      for n in scene_volumes.ctVolumes() if n not in known]
        if not candidates:
            raise InputError("the scene holds no volume that is not in the table; load full-dose CT first.")
        return self._addPairs(*proposePairs(candidates))

    def addPair(self, full, low=None, patient: str | None = None, role: str = "train") -> Row:
        """Add a full-dose volume node, with its low-dose one or to be simulated."""
        scene_volumes.requireVolume(full, "full-dose volume")
        if low is not None:
            scene_volumes.requireVolume(low, "low-dose volume")
        row = Row(patient or full.GetName(), role, SceneImage(full), low and SceneImage(low))
        self._add([row])
        return row

    def addFolder(self, folder: str | Path) -> list[str]:
        """Add what a folder is understood to hold, see docs/training.md; returns what the user should know."""
        patients, notes, _decisions = find_patients(folder)
        return notes + self._addSet(patients)

    def addFile(self, path: str | Path) -> list[str]:
        """Add the patients of a patient-set file; returns what the user should know."""
        return self._addSet(read_patient_set(path))

    def addDicom(self, database, series: Sequence[str] | None = None) -> list[str]:
        """Add CT series of Slicer's DICOM database, `slicer.dicomDatabase`; returns what the user should know.

        Parameters
        ----------
        database : ctkDICOMDatabase
        series : sequence of str, optional
            SeriesInstanceUIDs, see `LDCTDenoiseTrainingLogic.dicomSeries`. Default: every CT series but localizers and
            exports of LDCT Denoise. Those in the table already are passed over.

        Raises
        ------
        InputError
            If no database is open, a series is unknown or in no folder, its files have left the disk, or all are in
            the table already.
        """
        found = chosenSeries(database, series)
        known = self.series
        new = {one.uid: (one, folder) for one, folder in found if one.uid not in known}
        if not new:
            raise InputError("these series are in the table already; choose others, or import more.")
        images = {uid: FileImage(folder, uid, one.label) for uid, (one, folder) in new.items()}
        pairs, notes = pairSeries([one for one, _folder in new.values()])
        return self._addPairs([Pair(p.patient, images[p.full.uid], p.low and images[p.low.uid]) for p in pairs], notes)

    def remove(self, rows: Sequence[Row]) -> None:
        """Take rows out of the table."""
        self.rows = [row for row in self.rows if row not in rows]

    def rename(self, row: Row, patient: str) -> None:
        """Give a scan to another patient, whose role it takes."""
        if not patient.strip():
            raise InputError("a patient needs a name; a pseudonym will do.")
        row.patient = patient.strip()
        others = [other for other in self.samePatient(row) if other is not row]
        if others:
            row.role = others[0].role

    def setRole(self, row: Row, role: str) -> None:
        """Give a patient, with all scans, a role."""
        if role not in ROLES:
            raise InputError(f"the role '{role}' is unknown; choose from {', '.join(ROLES)}.")
        for same in self.samePatient(row):
            same.role = role

    def setLow(self, row: Row, image) -> None:
        """Choose the low-dose image of a row; None simulates it."""
        if image is not None and image == row.full:
            raise InputError(f"'{image.label}' is the full-dose image of patient '{row.patient}'; choose another.")
        row.low, row.problems, row.shape = image, [], None

    def splitSevenToThree(self) -> None:
        """Let the last three in ten patients validate and the others train, as the paper's 7 to 3.

        Patients for the test, and those left out, stay what they are.

        Raises
        ------
        InputError
            If there are fewer than two patients.
        """
        names = self._sides()
        if len(names) < 2:
            raise InputError("a split needs at least two patients; add more, or train without validation.")
        self.chooseValidation(names[len(names) - max(1, round(0.3 * len(names))):])

    def chooseValidation(self, patients: Sequence[str]) -> None:
        """Let exactly these patients validate, and the others train."""
        names = self._sides()
        unknown = [name for name in patients if name_base(name) not in names]
        if unknown:
            raise InputError(f"there is no patient '{unknown[0]}' in the table; there are {', '.join(names)}.")
        validating = {name_base(name) for name in patients}
        if not set(names) - validating:
            raise InputError("with these patients in validation nobody is left to train on; choose fewer.")
        for row in self.rows:
            if row.takesPart and row.role != "test":
                row.role = "validation" if name_base(row.patient) in validating else "train"

    def _sides(self) -> list[str]:
        return list(dict.fromkeys(name_base(r.patient) for r in self.rows if r.takesPart and r.role != "test"))

    def samePatient(self, row: Row) -> list[Row]:
        """Return the rows of a row's patient, itself among them."""
        return [other for other in self.rows if name_base(other.patient) == name_base(row.patient)]

    def _addSet(self, patients: PatientSet) -> list[str]:
        rows = [
            Row(scan.patient, scan.role, FileImage(scan.full, scan.full_series),
                scan.low and FileImage(scan.low, scan.low_series), scan.simulation or SimulationRanges(),
                identity=scan.identity)
            for scan in patients.scans
        ]
        asked = [row.role for row in rows]
        self._add(rows)
        self.sources += [source for source in patients.sources if source not in self.sources]
        return [f"patient '{row.patient}' is in the table already and keeps the role {row.role}."
                for row, role in zip(rows, asked, strict=True) if row.role != role]

    def _addPairs(self, pairs: Sequence[Pair], notes: list[str]) -> list[str]:
        if not pairs:
            raise InputError("there are low-dose images only; full-dose images are needed as the target. "
                             + " ".join(notes))
        self._add([Row(pair.patient, "train", pair.full, pair.low) for pair in pairs])
        return notes

    def _add(self, rows: list[Row]) -> None:
        """Append rows; a patient who is in the table already keeps the role, whatever the new rows say."""
        for row in rows:
            known = self.samePatient(row)
            if known:
                row.role = known[0].role
            self.rows.append(row)
