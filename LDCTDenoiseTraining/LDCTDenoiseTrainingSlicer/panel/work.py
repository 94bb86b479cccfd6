"""One piece of work at a time beside the event loop, and errors as lines."""

from collections.abc import Callable

import qt
import slicer
from LDCTDenoiseLib.errors import LDCTError
from slicer.i18n import tr as _

#: Milliseconds between two rounds of polling; with the wait of `Task.poll` the window is served every 20 ms.
_INTERVAL = 5

#: Seconds that closing the panel waits for what is still at work.
_PATIENCE = 5


class Work:
    """Runs a `Task` with a bar and a button to cancel it.

    Parameters
    ----------
    ui : object
        The panel's widgets by name.
    """

    def __init__(self, ui):
        self.ui = ui
        self._task = self._then = None
        self._words = ""
        self._ending: list = []
        self._timer = qt.QTimer()
        self._timer.setInterval(_INTERVAL)
        self._timer.connect("timeout()", self._onTick)
        ui.cancelButton.connect("clicked(bool)", lambda checked=False: self.cancel(_("Cancelled.")))
        self._show(False)

    @property
    def running(self) -> bool:
        return self._task is not None

    def begin(self, task, words: str, then: Callable) -> None:
        """Follow a task that was started; `then` gets what it comes to."""
        self._task, self._then, self._words = task, then, words
        self.say(words)
        # Without a range the bar only moves.
        self.ui.workBar.maximum = 0
        self._show(True)
        self._timer.start()

    def cancel(self, reason: str) -> None:
        """Stop what is done, if anything is."""
        if self.running:
            self._task.cancel()
            self._ending.append(self._task)
            self._task = self._then = None
            self._show(False)
            self.say(reason)

    def close(self) -> None:
        """Stop, and wait a little: the module is about to go."""
        self.cancel(_("Cancelled."))
        self._timer.stop()
        for task in self._ending:
            task.join(_PATIENCE)
        self._ending.clear()

    def guarded(self, step: Callable) -> None:
        """Do a step; show the user's errors as the line they are, and any other with its traceback."""
        with slicer.util.tryWithErrorDisplay(_("LDCT Denoise Training failed.")):
            try:
                step()
            except LDCTError as error:
                message = str(error)[:1].upper() + str(error)[1:]
                self.say(message)
                slicer.util.errorDisplay(message, windowTitle=_("LDCT Denoise Training"))

    def say(self, text: str) -> None:
        """Show a line below everything."""
        self.ui.statusLabel.text = text

    def _onTick(self) -> None:
        self._ending = [task for task in self._ending if task.running]
        if self._task is None:
            if self._ending:
                self._ending[0].poll()
            else:
                self._timer.stop()
            return
        task, then = self._task, self._then
        progress = task.poll()
        if isinstance(progress, tuple):
            done, of = progress
            self.ui.workBar.maximum = of
            self.ui.workBar.value = done
            self.say(_("{words} {done} of {of}").format(words=self._words, done=done, of=of))
        if task.running:
            return
        # Idle before the result is handled: an error's message box serves events, and so this timer, while it is open.
        self._task = self._then = None
        self._show(False)
        self.say("")
        self.guarded(lambda: then(task.finish()))

    def _show(self, working: bool) -> None:
        self.ui.workBar.visible = self.ui.cancelButton.visible = working
        self.ui.sections.enabled = not working
