"""What the panel shows of the selected run: progress, message and log."""

from ..jobs.log_follower import KEPT
from ..jobs.run_state import RunState
from ..jobs.training_run import TrainingRun


class RunView:
    """Shows one run at a time; what has not changed is not drawn again.

    Parameters
    ----------
    ui : object
    """

    def __init__(self, ui):
        self.ui = ui
        self._log: tuple[TrainingRun | None, int] = (None, 0)
        ui.logText.maximumBlockCount = KEPT

    def show(self, run: TrainingRun | None, state: RunState | None) -> None:
        """Show a run, or nothing."""
        ui = self.ui
        ui.progressBar.visible = run is not None
        if run is None:
            ui.runLabel.text = ""
            ui.logText.setPlainText("")
            self._log = None, 0
            return
        ui.progressBar.maximum = 1000
        ui.progressBar.value = int(1000 * state.fraction)
        ui.runLabel.text = " ".join(part for part in (f"{run.name}:", state.phase, state.message) if part)
        self._showLog(run)

    def _showLog(self, run: TrainingRun) -> None:
        """Add what the run has said since the last time."""
        text, (shown, before) = self.ui.logText, self._log
        new = run.told - before
        if shown is not run or not 0 <= new < len(run.lines):
            text.setPlainText("\n".join(run.lines))
            bar = text.verticalScrollBar()
            bar.setValue(bar.maximum)
        elif new:
            text.appendPlainText("\n".join(run.lines[-new:]))
        self._log = run, run.told
