"""The logic of LDCT Denoise Training: what the panel does, as calls for the Python console and scripts."""

from collections.abc import Callable, Sequence
from pathlib import Path

import slicer
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseSlicer.background import Task
from LDCTDenoiseTrainingLib.loop.config import TrainingConfig, read_settings
from LDCTDenoiseTrainingLib.patients import write_patient_set

from .estimate import Estimate, estimateTask
from .patients import PatientTable
from .patients.check import checkTask
from .patients.dicom import DicomSeries, listSeries
from .patients.export import Export
from .patients.preview import Preview, previewTask
from .patients.table import Row
from .running import RunState, TrainingRun, findRuns, runsFolder
from .running.beginning import Beginning
from .running.runs import delete, forget, newName, remember
from .running.state import LEAVE_ONE_OUT, TABLE, TRAINING
from .watching import results
from .watching.curves import CurvePlots

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

    def check(self, patients: PatientTable, patch: int = 80, progress: Callable | None = None) -> list[str] | None:
        """Read and check every image that takes part; return all problems, which the rows hold, too.

        Parameters
        ----------
        patients : PatientTable
        patch : int
        progress : callable, optional
            Called with (rows done, rows in all). Returning False stops, and this returns None.
        """
        return checkTask(patients, patch).run(progress)

    def startCheck(self, patients: PatientTable, patch: int = 80) -> Task:
        """Begin `check` in a thread of its own."""
        return _started(checkTask(patients, patch))

    def preview(self, row: Row) -> Preview:
        """Return the middle slice of a row at full dose and as it would be simulated."""
        return previewTask(row).run()

    def startPreview(self, row: Row) -> Task:
        """Begin `preview` in a thread of its own."""
        return _started(previewTask(row))

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

    def estimate(self, config: TrainingConfig, device: str = "auto", patients: PatientTable | None = None) -> Estimate:
        """Measure a few steps and say how long the training will take here, and which batch fits.

        Raises
        ------
        LDCTError
            If the device is missing or has too little memory for a single pair.
        """
        return estimateTask(config, device, _validating(patients)).run()

    def startEstimate(self, config: TrainingConfig, device: str = "auto", patients: PatientTable | None = None) -> Task:
        """Begin `estimate` in a thread of its own."""
        return _started(estimateTask(config, device, _validating(patients)))

    #
    # Runs
    #

    def start(self, patients: PatientTable, config: TrainingConfig, name: str | None = None, device: str = "auto",
              keep: bool = False, kind: str = TRAINING, methods: Sequence[str] = (),
              progress: Callable | None = None) -> TrainingRun:
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
            If nobody takes part, a ticked patient has a problem, a volume has left the scene, or the folder holds
            another run.
        OutputError
            If the folder cannot be written, or the disk has no room.
        MissingDependencyError
            If a package that a training needs, such as torch, is not installed.
        """
        return self._beginning(patients, config, name, device, keep, kind, methods).task().run(progress)

    def startStart(self, patients: PatientTable, config: TrainingConfig, name: str | None = None, device: str = "auto",
                   keep: bool = False, kind: str = TRAINING, methods: Sequence[str] = ()) -> Task:
        """Begin `start` in a thread of its own, since writing volumes takes a while; `finish` returns the run."""
        return _started(self._beginning(patients, config, name, device, keep, kind, methods).task())

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
        """List a run no more, see `runs.forget`; its files stay, and `attach` brings it back."""
        forget(run)

    def delete(self, run: TrainingRun) -> None:
        """Delete a run's folder with all that it made, see `runs.delete`."""
        delete(run)

    def startDelete(self, run: TrainingRun) -> Task:
        """Begin `delete` in a thread of its own, since a run can be large."""
        return _started(Task(lambda report: delete(run), lambda done: None))

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
        """Return a run's figures as a vtkMRMLTableNode, see `results.resultTable`."""
        return results.resultTable(run, tableNode)

    def saveResult(self, run: TrainingRun, path: str | Path) -> None:
        """Write a run's figures as CSV."""
        results.writeResults(run, path)

    def useModel(self, run: TrainingRun, name: str | None = None) -> Path:
        """Add a run's model to those that LDCT Denoise lists; return its file."""
        return results.useModelTask(run, name).run()

    def startUse(self, run: TrainingRun, name: str | None = None) -> Task:
        """Begin `useModel` in a thread of its own, since checking the model takes torch; `finish` returns the file."""
        return _started(results.useModelTask(run, name))

    def _beginning(self, patients, config, name, device, keep, kind, methods) -> Beginning:
        name = (name or "").strip() or newName(_NAMES.get(kind, config.method), self.folder)
        if Path(name).name != name or name in (".", ".."):
            raise InputError(f"'{name}' cannot be the name of a run; give a plain name without slashes.")
        return Beginning(patients, config, self.folder / name, device, keep, kind, methods)


def _started(task: Task) -> Task:
    task.start()
    return task


def _validating(patients: PatientTable | None) -> int:
    return sum(row.takesPart and row.role == "validation" for row in patients.rows) if patients else 0
