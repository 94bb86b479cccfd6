"""From the table to a patient set: volumes of the scene are written to files first."""

import shutil
from pathlib import Path

from LDCTDenoiseLib.errors import InputError, OutputError, disk_errors
from LDCTDenoiseLib.volumes import write_volume
from LDCTDenoiseTrainingLib.patients import PatientSet, Scan, file_name

from .images import SceneImage
from .patient_table import PatientTable, Row

#: Subfolder of a run for the volumes that came from the scene.
IMAGES = "images"


class Export:
    """The writing of a table's scene volumes below a folder, and the `PatientSet` that comes of it.

    The volumes are taken as they are when this is made, in the scene's thread. Rows without a tick are kept with the
    role "out"; those of them that lie in the scene only are left away.

    Raises
    ------
    InputError
        If nobody takes part, or a volume has left the scene since it was ticked.
    """

    def __init__(self, table: PatientTable, folder: str | Path):
        requirePatients(table)
        self._plans, scans, taken = [], [], {"full": set(), "low": set()}
        for row in table.rows:
            if row.takesPart or not _inScene(row):
                scans.append(self._scan(row, Path(folder), taken))
        self.patients = PatientSet(tuple(scans), tuple(table.sources))

    def _scan(self, row: Row, folder: Path, taken: dict[str, set]) -> Scan:
        places = []
        for kind, (role, image) in zip(("full", "low"), row.images, strict=False):
            if isinstance(image, SceneImage):
                path = folder / IMAGES / f"{file_name(row.patient, taken[kind])}-{kind}.nrrd"
                self._plans.append((image.reader(f"{role} ('{image.label}')"), path))
                places.append((path, ""))
            else:
                places.append((image.path, image.series))
        (full, fullSeries), (low, lowSeries) = places[0], places[1] if len(places) > 1 else (None, "")
        return Scan(row.patient, row.role if row.used else "out", full, fullSeries, low, lowSeries,
                    row.simulation if row.simulated else None, row.identity)

    def write(self, report) -> None:
        """Write the volumes; in any thread.

        Parameters
        ----------
        report : callable
            Called with (volumes written, volumes in all).

        Raises
        ------
        OutputError
            If one cannot be written.
        """
        for done, (read, path) in enumerate(self._plans, start=1):
            with disk_errors(OutputError, f"cannot make the folder '{path.parent}'"):
                path.parent.mkdir(parents=True, exist_ok=True)
            write_volume(read(), path)
            report((done, len(self._plans)))


def requirePatients(table: PatientTable) -> None:
    """Raise `InputError` unless somebody trains, every volume is still there, and the last check found no problem."""
    taking = [row for row in table.rows if row.takesPart]
    if not taking:
        raise InputError("no patient is ticked; add patients, or tick some.")
    if not any(row.role == "train" for row in taking):
        raise InputError("no patient has the role train: there is nothing to train on.")
    for row in taking:
        for gone in row.gone:
            raise InputError(gone)
    problems = [problem for row in taking for problem in row.problems]
    if problems:
        raise InputError(f"a ticked patient has a problem: {problems[0]} Put it right, or untick the patient.")


def requireSpace(table: PatientTable, folder: Path, generations: int) -> None:
    """Raise `OutputError` when the disk has no room for the images, their cache and the simulated noise.

    Of rows that were not checked nothing is known, and nothing counted.
    """
    needed = 0
    for row in (row for row in table.rows if row.takesPart and row.shape):
        voxels = 2 * row.shape[0] * row.shape[1] * row.shape[2]  # two bytes each
        needed += voxels * (1 + (row.low is not None) + _inScene(row))
        if row.simulated and row.role == "train":
            needed += voxels * generations
    place = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(place).free
    if needed > free:
        raise OutputError(
            f"'{place}' has {_size(free)} free, and the training keeps about {_size(needed)} there; free some space, "
            "choose a folder on another disk, or fewer noise_generations."
        )


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _inScene(row: Row) -> bool:
    return any(isinstance(image, SceneImage) for _, image in row.images)
