"""The logic of LDCT Denoise Training: what the panel does, as calls for the Python console and scripts."""

from collections.abc import Sequence
from pathlib import Path

import slicer
from LDCTDenoiseSlicer.tasks import Task, longCall
from LDCTDenoiseTrainingLib.patients import write_patient_set
from LDCTDenoiseTrainingLib.training.config import TrainingConfig, read_settings

from .estimate import estimateTask
from .jobs import RunState, TrainingRun, findRuns, runsFolder
from .jobs.beginning import Beginning, requireReady
from .jobs.run_state import LEAVE_ONE_OUT, TABLE, TRAINING
from .jobs.runs_folder import delete, forget, newName, remember, requireName
from .monitoring import result_tables
from .monitoring.curves import CurvePlots
from .patients import PatientTable
from .patients.check import checkTask
from .patients.database_series import DicomSeries, listSeries
from .patients.patient_table import Row
from .patients.phantoms import sampleTask
from .patients.scene_export import Export
from .patients.simulation_preview import previewTask

__all__ = ["LDCTDenoiseTrainingLogic"]

#: What experiments are called where the user gives no name.
_NAMES = {LEAVE_ONE_OUT: "Leave-one-out", TABLE: "Table"}


class LDCTDenoiseTrainingLogic:
    """Train networks on patients of one's own, from Slicer's Python console, a script or slicer-core::

        logic = LDCTDenoiseTrainingLogic()
        patients = logic.newPatients()
        patients.addVolumes()                                  # or addFolder, addFile, addDicom
        patients.splitSevenToThree()
        print(logic.check(patients))                           # problems; none is []
        run = logic.start(patients, logic.config("DCSCN", steps=2000))
        print(logic.poll(run))                                 # as often as you like
        logic.stop(run)                                        # leaves a checkpoint
        logic.resume(run)
        model = logic.useModel(run)                            # LDCT Denoise lists it at once

    The calls that take long, marked `longCall`, do their work and return what it comes to; with `.task` before the
    parameters they return it as a `Task`, see `LDCTDenoiseSlicer.tasks`.

    Parameters
    ----------
    folder : path, optional
        Where runs lie. Default: beside the user's models.

    Attributes
    ----------
    folder : Path
    plots : CurvePlots
        The plot nodes of `showCurves`.
    """

    def __init__(self, folder: str | Path | None = None):
        self.folder = Path(folder or runsFolder())
        self.plots = CurvePlots()

    #
    # Patients
    #

    def newPatients(self) -> PatientTable:
        """Return an empty table of patients."""
        return PatientTable()

    def dicomSeries(self, database=None) -> list[DicomSeries]:
        """Return the CT series of a DICOM database, to choose from for `addDicom`; `slicer.dicomDatabase` by default.

        Raises
        ------
        InputError
            If no database is open.
        """
        return listSeries(getattr(slicer, "dicomDatabase", None) if database is None else database)

    @longCall
    def check(self, patients: PatientTable, patch: int = 80) -> Task:
        """Read and check every image that takes part; return all problems, which the rows hold, too.

        Parameters
        ----------
        patients : PatientTable
        patch : int
        progress : callable, optional
            Called with (rows done, rows in all). Returning False stops, and this returns None.
        """
        return checkTask(patients, patch)

    @longCall
    def preview(self, row: Row) -> Task:
        """Return the middle slice of a row at full dose and as it would be simulated, as a `Preview`."""
        return previewTask(row)

    @longCall
    def addSample(self, patients: PatientTable) -> Task:
        """Scan three small phantom patients, and add them to the scene and to a table; return what one should know.

        They are those of `LDCTDenoiseTrainingLib.patients.sample`, as pairs of volumes.
        """
        return sampleTask(patients)

    def savePatients(self, patients: PatientTable, path: str | Path) -> None:
        """Write a patient-set file, JSON or CSV by its suffix; volumes of the scene are written beside it.

        Raises
        ------
        InputError
            If nobody takes part, or a volume has left the scene.
        OutputError
            If it cannot be written.
        """
        path = Path(path)
        export = Export(patients, path.parent / f"{path.stem}-volumes")
        export.write(lambda done: None)
        write_patient_set(export.patients, path)

    def notes(self, patients: PatientTable) -> list[str]:
        """Return what is no error and yet worth knowing before a start."""
        taking = [row for row in patients.rows if row.takesPart]
        names = {row.patient for row in taking}
        if len(names) == 1:
            return ["There is one patient only: nobody validates, so the last state is the result and nothing says how "
                    "good it is on others."]
        if taking and not any(row.role == "validation" for row in taking):
            return ["Nobody validates: the last state is the result. Split 7/3 chooses patients for it."]
        return []

    #
    # Recipe
    #

    def config(self, method: str, file: str | Path | None = None, **settings) -> TrainingConfig:
        """Return the settings of a training: the method's defaults, then those of a config file, then these.

        Raises
        ------
        InputError
            If a setting is unknown or does not fit.
        """
        stored = read_settings(file) if file else {}
        stored.pop("method", None)
        return TrainingConfig.of_method(method).changed({**stored, **settings})

    @longCall
    def estimate(self, config: TrainingConfig, device: str = "auto", patients: PatientTable | None = None) -> Task:
        """Measure a few steps and say how long the training will take here, and which batch fits, as an `Estimate`.

        Raises
        ------
        LDCTError
            If the device is missing or has too little memory for a single pair.
        """
        return estimateTask(config, device, _validating(patients))

    #
    # Runs
    #

    @longCall
    def start(self, patients: PatientTable, config: TrainingConfig, name: str | None = None, device: str = "auto",
              keep: bool = False, kind: str = TRAINING, methods: Sequence[str] = ()) -> Task:
        """Start a training in a process of its own and return it at once.

        Parameters
        ----------
        patients : PatientTable
            Volumes of the scene are first written into the run's folder.
        config : TrainingConfig
        name : str, optional
            The run's folder within `folder`. Default: the method, with a number.
        device : str
            "auto", "cpu", "cuda", "cuda:N" or "mps".
        keep : bool
            Whether it goes on when Slicer closes.
        kind : str
            "train": one training. "cross-validate": one for each patient that is left out, and the table of all.
            "reproduce": the four methods, and their table beside the paper's.
        methods : sequence of str
            Further methods of a leave-one-out. What belongs to one method is taken from `config` for its own, and the
            default for the others; all else they have in common.
        progress : callable, optional
            Called with (volumes written, volumes in all).

        Raises
        ------
        InputError
            If nobody takes part, a ticked patient has a problem, a volume has left the scene, the name is none for
            a folder, or the folder holds another run.
        OutputError
            If the folder cannot be written, or the disk has no room.
        MissingDependencyError
            If a package that a training needs, such as torch, is not installed.
        """
        return self._beginning(patients, config, name, device, keep, kind, methods).task()

    def requireReady(self, patients: PatientTable, kind: str = TRAINING) -> None:
        """Raise `InputError` when a run of a kind could not begin with these patients; nothing is read."""
        requireReady(patients, kind)

    def poll(self, run: TrainingRun) -> RunState:
        """Say how far a run is; takes milliseconds."""
        return run.poll()

    def stop(self, run: TrainingRun, now: bool = False) -> None:
        """Stop a run. It writes a checkpoint and ends within a second or two; with `now` it is ended without one."""
        run.stopNow() if now else run.stop()

    def resume(self, run: TrainingRun, **settings) -> None:
        """Go on from a run's last checkpoint, see `TrainingRun.resume`."""
        run.resume(settings)

    def attach(self, folder: str | Path) -> TrainingRun:
        """Return the run in a folder: of an earlier session, of the command line, or one that was forgotten."""
        run = TrainingRun(folder)
        remember(run.folder)
        return run

    def forget(self, run: TrainingRun) -> None:
        """List a run no more, see `runs_folder.forget`; its files stay, and `attach` brings it back."""
        forget(run)

    @longCall
    def delete(self, run: TrainingRun) -> Task:
        """Delete a run's folder with all that it made, see `runs_folder.delete`."""
        return Task(lambda report: delete(run), lambda done: None)

    def runs(self) -> list[TrainingRun]:
        """Return the runs in `folder`, the newest first."""
        return findRuns(self.folder)

    def closing(self, runs) -> None:
        """Stop those of the runs that are not to go on when Slicer closes; returns at once, they write a checkpoint."""
        for run in runs:
            if not run.keep:
                run.stop()

    #
    # Results
    #

    def showCurves(self, runs, chart: str | None = None) -> bool:
        """Bring the plot nodes of one chart, or of all, in line with these runs; return whether anything changed."""
        return self.plots.update({label: log for run in runs for label, log in run.logs.items()}, chart)

    def result(self, run: TrainingRun, tableNode=None):
        """Return a run's figures as a vtkMRMLTableNode, see `result_tables.resultTable`."""
        return result_tables.resultTable(run, tableNode)

    def saveResult(self, run: TrainingRun, path: str | Path) -> None:
        """Write a run's figures as CSV."""
        result_tables.writeResults(run, path)

    @longCall
    def useModel(self, run: TrainingRun, name: str | None = None) -> Task:
        """Check a run's model and add it to those that LDCT Denoise lists; return its file."""
        return result_tables.useModelTask(run, name)

    def _beginning(self, patients, config, name, device, keep, kind, methods) -> Beginning:
        name = (name or "").strip() or newName(_NAMES.get(kind, config.method), self.folder)
        requireName(name)
        return Beginning(patients, config, self.folder / name, device, keep, kind, methods)


def _validating(patients: PatientTable | None) -> int:
    return sum(row.takesPart and row.role == "validation" for row in patients.rows) if patients else 0
