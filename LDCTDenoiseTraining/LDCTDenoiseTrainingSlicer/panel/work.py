"""The bar at the top of the panel: one task at a time, with a button to cancel it, and errors as lines."""

from collections.abc import Callable

import slicer.util
from LDCTDenoiseSlicer.task_runner import TaskRunner, guarded
from slicer.i18n import tr as _


class Work:
    """Runs a `Task` with a bar and a button to cancel it.

    Parameters
    ----------
    ui : object
        The panel's widgets by name.
    """

    def __init__(self, ui):
        self.ui = ui
        self._words, self._place = "", 0
        self._runner = TaskRunner(self.guarded, self._show, self._onProgress)
        ui.cancelButton.connect("clicked(bool)", lambda checked=False: self.cancel(_("Cancelled.")))
        self.say("")
        self._show()

    @property
    def running(self) -> bool:
        return self._runner.running

    def begin(self, task, words: str, then: Callable) -> None:
        """Start a task; `then` gets what it comes to."""

        def ended(result) -> None:
            self.say("")
            then(result)

        self._words = words
        self.say(words)
        # Without a range the bar only moves.
        self.ui.workBar.maximum = 0
        self._runner.run(task, ended, lambda: self.say(_("Stopped: a volume in use was removed from the scene.")))

    def cancel(self, reason: str) -> None:
        """Stop what is done, if anything is."""
        if self.running:
            self._runner.stop()
            self.say(reason)

    def close(self) -> None:
        """Stop, and wait a little: the module is about to go."""
        self._runner.close()

    def guarded(self, step: Callable) -> None:
        """Do a step; show the user's errors as the line they are, and any other with its traceback."""
        guarded(step, _("LDCT Denoise Training"), _("LDCT Denoise Training failed."), self.say)

    def say(self, text: str) -> None:
        """Show a line above everything, and in Slicer's status bar: the panel may be scrolled."""
        self.ui.statusLabel.text = text
        self.ui.statusLabel.visible = bool(text)
        slicer.util.showStatusMessage(text)

    def _onProgress(self, progress) -> None:
        if isinstance(progress, tuple):
            done, of = progress
            self.ui.workBar.maximum = of
            self.ui.workBar.value = done
            self.say(_("{words}: {done} of {of}.").format(words=self._words, done=done, of=of))

    def _show(self) -> None:
        self.ui.workBar.visible = self.ui.cancelButton.visible = self.running
        self.ui.sections.enabled = not self.running
        area = self.ui.workBar
        while area is not None and area.className() != "QScrollArea":
            area = area.parent()
        if area is not None:
            # What is done is said at the top; afterwards the user is where the button was pressed.
            bar = area.verticalScrollBar()
            place, self._place = (0, bar.value) if self.running else (self._place, 0)
            bar.setValue(place)
