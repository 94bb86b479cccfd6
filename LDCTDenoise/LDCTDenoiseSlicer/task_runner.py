"""Tasks beside the event loop of either module: one at a time, with what is to happen at its end (desktop only)."""

from collections.abc import Callable

import qt
import slicer
from LDCTDenoiseLib.errors import LDCTError

#: Milliseconds between two rounds of polling; with the wait of `Task.poll` the window is served every 15 ms.
_INTERVAL = 5

#: Seconds that closing waits for the batch in flight.
_PATIENCE = 5


class TaskRunner:
    """Runs a `Task` while the window goes on answering.

    Parameters
    ----------
    guarded : callable
        Called with a step to do, which may raise; shows what goes wrong.
    onChanged : callable
        Called when a task has begun or ended.
    onProgress : callable
        Called with the progress objects of the task.
    """

    def __init__(self, guarded: Callable, onChanged: Callable, onProgress: Callable = lambda progress: None):
        self._guarded, self._onChanged, self._onProgress = guarded, onChanged, onProgress
        self._task = self._then = self._onOrphaned = None
        self._ending = []
        self._timer = qt.QTimer()
        self._timer.setInterval(_INTERVAL)
        self._timer.connect("timeout()", self._onTick)

    @property
    def running(self) -> bool:
        return self._task is not None

    def run(self, task, then: Callable, onOrphaned: Callable = lambda: None) -> None:
        """Start a task; at its end call `then` with the result, or `onOrphaned` when a node of it has gone."""
        self._task, self._then, self._onOrphaned = task.start(), then, onOrphaned
        self._onChanged()
        self._timer.start()

    def stop(self) -> None:
        """Stop what runs, if anything does; nothing of it reaches the scene. Its thread ends with its batch."""
        if self.running:
            self._task.cancel()
            self._ending.append(self._task)
            self._task = self._then = None
            self._onChanged()

    def close(self) -> None:
        """Stop, and wait for the threads a little: the module is about to go."""
        self.stop()
        self._timer.stop()
        for task in self._ending:
            task.join(_PATIENCE)
        self._ending.clear()

    def _onTick(self) -> None:
        self._ending = [t for t in self._ending if t.running]
        task, then = self._task, self._then
        if task is None:
            if self._ending:
                self._ending[0].poll()
            else:
                self._timer.stop()
            return
        progress = task.poll()
        if task.orphaned:
            orphaned = self._onOrphaned
            self.stop()
            orphaned()
            return
        if progress is not None:
            self._onProgress(progress)
        if task.running:
            return
        # Idle before the result is handled: an error's message box serves events, and so this timer, while it is open.
        self._task = self._then = None
        self._guarded(lambda: then(task.finish()))
        self._onChanged()


def sentence(said) -> str:
    """Return an error, or words, with a capital at the beginning."""
    return str(said)[:1].upper() + str(said)[1:]


def guarded(step: Callable, module: str, failed: str, say: Callable) -> None:
    """Do a step; show the user's errors as the line they are, and any other with its traceback.

    Parameters
    ----------
    step : callable
    module, failed : str
        The title of a message, and what stands above a traceback.
    say : callable
        Called with a line that says what went wrong, before a message is shown.
    """
    with slicer.util.tryWithErrorDisplay(failed):
        try:
            step()
        except (LDCTError, OSError) as error:
            message = str(error) if isinstance(error, LDCTError) else _inWords(error)
            message = sentence(message)
            say(message)
            if not getattr(error, "quiet", False):
                slicer.util.errorDisplay(message, windowTitle=module)
        except Exception as error:
            # Not the line of the step before: nobody is to take that for what has come of this one.
            say(f"{failed} {error}".strip())
            raise


def onClicked(guard: Callable, *steps: tuple) -> None:
    """Have buttons do steps, given as pairs of the two, each within `guard`."""
    for button, step in steps:
        button.connect("clicked(bool)", lambda checked=False, step=step: guard(step))


def _inWords(error: OSError) -> str:
    """Return what the system refused: a full disk, a folder that has gone."""
    place = f"'{error.filename}': " if error.filename else ""
    return f"{place}{error.strerror or error}."
