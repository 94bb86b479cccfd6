"""The section "Runs": start, watch, stop and resume; runs side by side."""

import time

import qt
import slicer
from LDCTDenoiseLib.errors import InputError, LDCTError
from LDCTDenoiseSlicer.dependencies import ensurePackages
from LDCTDenoiseSlicer.filling import fill, silent, tickItem
from LDCTDenoiseSlicer.task_runner import onClicked, sentence
from LDCTDenoiseSlicer.tasks import duration
from slicer.i18n import tr as _

from ..jobs.run_state import RUNNING, STOPPING, RunState
from ..jobs.training_run import TrainingRun
from ..monitoring.curves import CHARTS
from .runview import RunView
from .views_beside import ViewsBeside
from .watching import Watching
from .work import Work

_NAME = 1

#: Places in the list of charts: none, the loss, and the validation's PSNR.
_NONE, _LOSS, _PSNR = 0, 1, 2

#: Milliseconds between two rounds of the timer; seconds between two looks at what the trainings say, and while one is
#: asked to stop.
_INTERVAL = 40
_SECONDS, _STOPPING_SECONDS = 1.0, 0.2

_SETTING = "LDCTDenoiseTraining/runsFolder"


class RunsSection:
    """Shows the runs of a folder and follows those that train.

    Parameters
    ----------
    ui : object
    logic : LDCTDenoiseTrainingLogic
    work : Work
    views : ViewsBeside
        Where curves and slices are shown.
    recipe : RecipeSection
    patients : callable
        Returns the table of patients.
    requirements : str
        Path of the file with the packages that a training needs.
    onSelected : callable
        Called when another run is selected, or the selected one has ended.
    onChanged : callable
        Called when another folder was chosen, or a run was ticked.
    """

    def __init__(self, ui, logic, work: Work, views: ViewsBeside, recipe, patients, requirements: str, onSelected,
                 onChanged):
        self.ui, self.logic, self._work, self._recipe = ui, logic, work, recipe
        self._patients, self._requirements = patients, requirements
        self._onSelected, self._onChanged = onSelected, onChanged
        self.runs: list[TrainingRun] = []
        self._states: dict[TrainingRun, RunState] = {}
        self._ticked: set[TrainingRun] = set()
        self._plots, self._view, self._looked = Watching(views), RunView(ui), 0.0
        self._shownBest: tuple | None = None
        self._drawing = self._unsettled = False
        for name, step in (("start", self._start), ("stop", self._stop), ("resume", self._resume),
                           ("attach", self._attach), ("forget", self._forget), ("delete", self._delete)):
            onClicked(work.guarded, (getattr(ui, f"{name}Button"), step))
        ui.runTable.connect("itemSelectionChanged()", self._onSelection)
        ui.runTable.connect("cellChanged(int,int)", self._onTick)
        ui.keepCheckBox.connect("toggled(bool)", self._onKeep)
        ui.chartComboBox.addItem(_("not drawn"))
        for chart in CHARTS:
            ui.chartComboBox.addItem(chart[0])
        ui.chartComboBox.connect("currentIndexChanged(int)", lambda index: self.draw())
        ui.runsFolderEdit.currentPath = slicer.util.settingsValue(_SETTING, str(logic.folder))
        ui.runsFolderEdit.connect("currentPathChanged(QString)", self._onFolder)
        self._timer = qt.QTimer()
        self._timer.setInterval(_INTERVAL)
        self._timer.connect("timeout()", self._onTime)
        self._onFolder(ui.runsFolderEdit.currentPath, remember=False)

    @property
    def run(self) -> TrainingRun | None:
        """The selected run."""
        number = self.ui.runTable.currentRow()
        return self.runs[number] if 0 <= number < len(self.runs) else None

    @property
    def folder(self) -> str:
        return self.ui.runsFolderEdit.currentPath

    @property
    def ticked(self) -> list[str]:
        """The folders of the runs whose curves are drawn."""
        return [str(run.folder) for run in self.runs if run in self._ticked]

    def restore(self, folder: str, ticked: list[str]) -> None:
        """Show the runs of a folder, the user's own where it is empty, and tick some."""
        if folder and folder != self.folder:
            with silent(self.ui.runsFolderEdit):
                self.ui.runsFolderEdit.currentPath = folder
            self._onFolder(folder, remember=False)
        if ticked != self.ticked:
            self._ticked = {run for run in self.runs if str(run.folder) in ticked}
            self.look()

    def state(self, run: TrainingRun) -> RunState:
        """What is known of a run."""
        return self._states[run]

    def closing(self) -> None:
        """Slicer closes: stop what is not to go on."""
        self.logic.closing([run for run in self.runs if self._states[run].active])

    def close(self) -> None:
        """Let go; what trains goes on training."""
        self._timer.stop()
        self._plots.hide()

    def leave(self) -> None:
        """Put the user's layout back."""
        self.ui.chartComboBox.setCurrentIndex(_NONE)

    def onScene(self) -> None:
        """A scene comes or goes, and with it what the views show."""
        self._plots.forget()
        self._unsettled = True  # Slicer has not had its last word on the views: they are looked at once more

    def draw(self) -> None:
        """Bring the curves in line with the ticked runs, and the view with the chosen chart."""
        index = self.ui.chartComboBox.currentIndex
        # Slicer serves events, our timer's among them, while it adds a node or lays out a view, and while a scene comes
        # or goes.
        if self._drawing or slicer.mrmlScene.IsBatchProcessing():
            return
        self._drawing = True
        try:
            self._draw(index)
        finally:
            self._drawing = False

    def _draw(self, index: int) -> None:
        if index <= _NONE:
            self._plots.hide()
            return
        # The oldest first: a new run takes no other's colour.
        ticked = [run for run in reversed(self.runs) if run in self._ticked]
        name = CHARTS[index - 1][0]
        self.logic.showCurves(ticked, name)
        self._plots.show(self.logic.plots.chart(name), self.run)

    def judge(self) -> None:
        """Let Start be pressed when it can begin, and say beside it why not."""
        why = self._recipe.problem
        if not why:
            try:
                self.logic.requireReady(self._patients(), self._recipe.kind)
            except LDCTError as error:
                why = str(error)
        self.ui.startLabel.text = sentence(why)
        self.ui.startButton.enabled = not why

    def look(self) -> None:
        """Ask every run that trains how it is, and show it."""
        for run in self.runs:
            before = self._states.get(run)
            if before is None or before.active:
                now = self._states[run] = run.poll()
                if before is not None and not now.active:
                    self._ended(run, now)
        self._showRuns()
        best = self._best()
        if best != self._shownBest:  # a validation has found a better state
            self._shownBest = best
            self._onSelected()
        if self._plots.shown:
            self.draw()
        active = any(state.active for state in self._states.values())
        if active or self._unsettled:
            self._timer.start()
        else:
            self._timer.stop()

    def _best(self) -> tuple | None:
        """Return what changes with the selected run's best state."""
        try:
            model = self.run.model if self.run is not None else None
            return None if model is None else (self.run, model.stat().st_mtime_ns)
        except (OSError, LDCTError):  # its folder has just been deleted
            return None

    def _start(self) -> None:
        config = self._recipe.config()
        ensurePackages(self._requirements)
        task = self.logic.start.task(
            self._patients(), config, self.ui.nameEdit.text, self._recipe.device, self.ui.keepCheckBox.checked,
            self._recipe.kind, self._recipe.methods)
        self._work.begin(task, _("Writing volumes of the scene"), self._started)

    def _started(self, run: TrainingRun) -> None:
        self.ui.nameEdit.text = ""
        self._add(run)
        if self.ui.chartComboBox.currentIndex <= _NONE:
            validates = any(row.takesPart and row.role == "validation" for row in self._patients().rows)
            self.ui.chartComboBox.setCurrentIndex(_PSNR if validates else _LOSS)
        self._work.say(_("Training '{name}' in {folder}.").format(name=run.name, folder=run.folder))

    def _add(self, run: TrainingRun) -> None:
        self.runs.insert(0, run)
        self._ticked.add(run)
        self.look()
        self.ui.runTable.selectRow(0)
        self._onChanged()

    def _stop(self) -> None:
        run = self.require()
        again = self._states[run].status == STOPPING
        self.logic.stop(run, now=again)
        self.look()

    def _resume(self) -> None:
        run = self.require()
        ensurePackages(self._requirements)
        self.logic.resume(run)
        self._states[run] = run.poll()
        self.look()

    def _attach(self) -> None:
        folder = qt.QFileDialog.getExistingDirectory(None, _("Folder of a run"))
        if folder:
            self._add(self.logic.attach(folder))

    def _forget(self) -> None:
        run = self.require()
        self.logic.forget(run)
        self._remove(run)
        self._work.say(_("'{name}' is no longer listed; its files are in {folder}.").format(
            name=run.name, folder=run.folder))

    def _delete(self) -> None:
        run = self.require()
        if self._states[run].active:
            raise InputError(_("'{name}' is running; stop it first.").format(name=run.name))
        question = _("Delete the run '{name}' for good, its model and checkpoint with it?\n\n{folder}")
        if slicer.util.confirmYesNoDisplay(question.format(name=run.name, folder=run.folder)):
            self._work.begin(self.logic.delete.task(run), _("Deleting"), lambda done: self._deleted(run))

    def _deleted(self, run: TrainingRun) -> None:
        self._remove(run)
        self._work.say(_("'{name}' is deleted.").format(name=run.name))

    def _remove(self, run: TrainingRun) -> None:
        """Take a run out of the list."""
        self.runs.remove(run)
        self._ticked.discard(run)
        self._states.pop(run)
        self.look()
        self._onSelection()
        self._onChanged()

    def require(self) -> TrainingRun:
        """Return the selected run; `InputError` where none is."""
        if self.run is None:
            raise InputError(_("select a run in the table first."))
        return self.run

    def _onFolder(self, path: str, remember: bool = True) -> None:
        self.logic.folder = type(self.logic.folder)(path)
        if remember:
            qt.QSettings().setValue(_SETTING, path)
        # Runs of other folders that train now stay in view.
        self.runs = [run for run in self.runs if self._states[run].active]
        known = {run.folder for run in self.runs}
        self.runs += [run for run in self.logic.runs() if run.folder not in known]
        self._states = {run: state for run, state in self._states.items() if run in self.runs}
        self.look()
        self._onChanged()

    def _onTime(self) -> None:
        stopping = any(state.status == STOPPING for state in self._states.values())
        if time.monotonic() - self._looked >= (_STOPPING_SECONDS if stopping else _SECONDS):
            self._looked = time.monotonic()
            self._unsettled = self._unsettled and bool(slicer.mrmlScene.IsBatchProcessing())
            self.look()

    def _onSelection(self) -> None:
        run = self.run
        if run is not None:
            with silent(self.ui.keepCheckBox):
                self.ui.keepCheckBox.checked = run.keep
        self._showRun()
        if self._plots.shown:
            self.draw()
        self._onSelected()

    def _onTick(self, number: int, column: int) -> None:
        if column == 0:
            item, run = self.ui.runTable.item(number, 0), self.runs[number]
            self._ticked.add(run) if item.checkState() == qt.Qt.Checked else self._ticked.discard(run)
            self.draw()
            self._onChanged()

    def _onKeep(self, keep: bool) -> None:
        if self.run is not None and self._states[self.run].active:
            self.run.setKeep(keep)

    def _ended(self, run: TrainingRun, state: RunState) -> None:
        self._work.say(f"{run.name}: {state.message}")
        if run.outOfMemory and not self._work.running:
            task = self.logic.estimate.task(run.config, run.device)
            self._work.begin(task, _("Measuring which batch fits"),
                             lambda estimate: self._work.say(f"{run.name}: {state.message} {estimate.text}"))
        self._onSelected()

    def _showRuns(self) -> None:
        rows = []
        for run in self.runs:
            state = self._states[run]
            status = _words()[state.status]
            if state.status == RUNNING and state.secondsLeft is not None:
                status = _("{time} left").format(time=duration(state.secondsLeft))
            steps = f"{state.step:,} / {state.of:,}" if state.of else ""
            rows.append([tickItem(run in self._ticked), run.name, status, steps])
        fill(self.ui.runTable, rows, wide=_NAME)
        self._showRun()

    def _showRun(self) -> None:
        ui, run = self.ui, self.run
        state = self._states.get(run)
        ui.stopButton.enabled = state is not None and state.active
        ui.stopButton.text = _("End now") if state is not None and state.status == STOPPING else _("Stop")
        for button in (ui.resumeButton, ui.forgetButton, ui.deleteButton):
            button.enabled = state is not None and not state.active
        self._view.show(run, state)


def _words() -> dict[str, str]:
    return {"running": _("training"), "stopping": _("stopping"), "finished": _("finished"), "stopped": _("stopped"),
            "failed": _("failed"), "killed": _("killed")}
