"""Work that can run beside the event loop: numbers in a worker thread, Qt and MRML never outside the caller's."""

import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass


class Cancelled(Exception):
    """The work was stopped on request before it was complete."""


@dataclass(frozen=True)
class Counted:
    """How far work has come that goes one by one: what is done, and what there is in all."""

    done: int
    of: int

    @property
    def fraction(self) -> float:
        return self.done / self.of if self.of else 1.0


def duration(seconds: float) -> str:
    """Return how long work takes, in the two units that matter."""
    for unit, size, below, smaller in (("days", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if seconds >= size:
            whole, rest = divmod(round(seconds / smaller), size // smaller)
            return f"{whole} {unit} {rest} {below}"
    return f"{seconds:.0f} s" if seconds >= 1 else f"{max(seconds, 0.1):.1f} s"


class Task:
    """A piece of work in two parts: `work`, which knows no scene, and `finish`, which puts its result into the scene.

    There are two ways to run it. `run()` does everything in the caller's thread. `start()` does the work in a thread
    of its own while the caller calls `poll()` between two rounds of the event loop, and `finish()` once `running` is
    false.

    Parameters
    ----------
    work : callable
        Called with a function `report(progress)`, to be called between two batches; it raises `Cancelled` when the
        task has been asked to stop. Must touch neither Qt nor MRML.
    finish : callable
        Called in the caller's thread with what `work` returned; puts it into the scene and returns what is asked for.
    nodes : sequence of vtkMRMLNode
        The nodes that the task reads or writes. A task whose node has left the scene writes nothing.
    """

    def __init__(self, work: Callable, finish: Callable, nodes=()):
        self._work, self._finish = work, finish
        self._nodes = [(node, node.GetScene()) for node in nodes]
        self._stop = threading.Event()
        # Set by the worker at each report and at its end, so that a waiting caller wakes up at once.
        self._news = threading.Event()
        self._thread = None
        self._progress = self._result = self._error = None

    def run(self, progress: Callable | None = None):
        """Do the work here and finish it.

        Parameters
        ----------
        progress : callable, optional
            Called with each progress object. When it returns False the task stops and this returns None; what it
            raises passes through. The scene is as it was in both cases.
        """

        def report(state) -> None:
            if progress is not None and progress(state) is False:
                self.cancel()
            self._raiseIfCancelled()

        try:
            self._result = self._work(report)
            return self.finish()
        except Cancelled:
            return None

    def start(self) -> "Task":
        """Begin the work in a thread of its own, and return the task."""
        # Not a daemon: at exit Python then waits for the batch in flight, which torch would not survive.
        self._thread = threading.Thread(target=self._runWorker, name="LDCTDenoise")
        self._thread.start()
        return self

    def poll(self, wait: float = 0.01):
        """Return the newest progress object since the last call, or None.

        Waits at most `wait` seconds for one. The wait is what lets the worker run: in Slicer's event loop the main
        thread keeps Python's lock, and only a wait inside Python gives it away. So it is short enough for the window
        to answer, and long enough for the worker.
        """
        self._news.wait(wait)
        self._news.clear()
        progress, self._progress = self._progress, None
        return progress

    @property
    def running(self) -> bool:
        """Whether the worker is still at it."""
        return self._thread is not None and self._thread.is_alive()

    def cancel(self) -> None:
        """Ask the work to stop; it does so at its next report, that is within one batch.

        In Slicer go on calling `poll()` while it is `running`: without it the worker gets no turn to end.
        """
        self._stop.set()

    def join(self, seconds: float) -> None:
        """Wait for the worker to end, at most so long."""
        if self._thread is not None:
            self._thread.join(seconds)

    @property
    def cancelled(self) -> bool:
        return self._stop.is_set()

    @property
    def orphaned(self) -> bool:
        """Whether a node of the task has left its scene (deleted, or the scene was closed)."""
        return any(node.GetScene() is not scene for node, scene in self._nodes)

    def finish(self):
        """Put the result into the scene and return it; in the thread that owns the scene, after the work has ended.

        Raises
        ------
        Cancelled
            If the task was asked to stop, or a node of it has left the scene; the scene is untouched.
        Exception
            What the work raised.
        """
        if self._thread is not None:
            self._thread.join()
        if self._error is not None and not self.cancelled:
            raise self._error
        if self.orphaned:
            self.cancel()
        self._raiseIfCancelled()
        return self._finish(self._result)

    def _runWorker(self) -> None:
        try:
            self._result = self._work(self._report)
        except Exception as error:  # handed to the main thread, which shows it
            self._error = error
        finally:
            self._news.set()

    def _report(self, state) -> None:
        self._raiseIfCancelled()
        self._progress = state
        self._news.set()

    def _raiseIfCancelled(self) -> None:
        if self.cancelled:
            raise Cancelled("the work was stopped")


class longCall:
    """A method that returns a `Task`, turned into a call that does it.

    ::

        logic.compare(full, low)                    # does it here; with `progress=`, told how far it has come
        task = logic.compare.task(full, low)        # the task: `run()` it, or `start()`, `poll()` and `finish()` it

    A `progress` that returns False stops the work; the call then returns None, and the scene is as it was.
    """

    def __init__(self, make: Callable):
        functools.update_wrapper(self, make)
        self._make = make

    def __set_name__(self, owner, name: str) -> None:
        # What scripts of earlier versions call: `startCompare` for `compare.task(…).start()`.
        def start(instance, *arguments, **named) -> Task:
            return self._make(instance, *arguments, **named).start()

        setattr(owner, f"start{name[0].upper()}{name[1:]}", start)

    def __get__(self, instance, owner=None):
        if instance is None:
            return self

        @functools.wraps(self._make)
        def call(*arguments, progress: Callable | None = None, **named):
            return self._make(instance, *arguments, **named).run(progress)

        call.task = functools.partial(self._make, instance)
        return call
