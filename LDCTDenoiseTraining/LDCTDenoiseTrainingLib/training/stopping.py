"""A stop that is asked for by a file: it works alike on every system, and from a process that started nothing.

The loop looks for the file between two pieces of work. A piece can be long: a step of a large batch, the reading of a
scan. In a process that only trains (`immediate_stop`) a thread looks meanwhile, writes the state as it was before the
piece, and ends the process.
"""

import _thread
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from LDCTDenoiseLib.cli.shell import EXIT_INTERRUPTED, EXIT_USER

from .log import RunLog

#: In the run's folder.
STOP_FILE = "stop"

#: Seconds between two looks; that the loop has to come to it by itself; and that it has to unwind after a stop.
_LOOK, _GRACE, _PATIENCE = 0.1, 0.3, 1.0

#: Steps that take less than `_SHORT` seconds, or less than `_COSTS` times a copy of the state, are waited for; but not
#: those that take more than `_LONG`.
_SHORT, _COSTS, _LONG = 0.5, 30, 5.0


def stop_asked(path: Path) -> bool:
    """Say whether the file is there, and take it away: it stops one training once."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError:  # it is there and cannot be removed: a folder that turned read-only
        return path.exists()
    return True


class Stops:
    """The stops of one training: between its pieces of work, and in the middle of one.

    Parameters
    ----------
    file : Path
        What asks for a stop.
    checkpoint : Path
        What is written then.
    heeded : bool
        Of several processes that train together none stops by itself.
    """

    def __init__(self, file: Path, checkpoint: Path, heeded: bool):
        self._file, self._checkpoint, self._heeded = file, checkpoint, heeded

    def here(self, state, log: RunLog) -> None:
        """When that is asked, write a checkpoint of a `State`, say so, and raise `KeyboardInterrupt`."""
        if self._heeded and stop_asked(self._file):
            state.save(self._checkpoint)
            _tell(log, state.step)
            raise KeyboardInterrupt

    def teller(self, what: str, state, log: RunLog):
        """Return a function for pieces of work between two steps: it shows progress and stops when that is asked."""
        return lambda done, of: (log.progress(what, done, of), self.here(state, log))

    def within(self, state, log: RunLog, step: bool = False):
        """Return the context of a `piece` of the training."""
        return piece(state, self._checkpoint, log, step)


def _tell(log: RunLog, step: int) -> None:
    log.note(f"stopped on request at step {step}; go on with --resume.", stopped=True)


def _nothing_to_write() -> None:
    print(json.dumps({"note": "stopped on request; go on with --resume.", "stopped": True}), flush=True)


class _Watch:
    """The thread that looks for the file, and the state that it may write."""

    def __init__(self, file: Path):
        self.file = file
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.taken = False
        self._leave = self._content = None
        self._step, self._copying = float("inf"), 0.0
        self.thread = threading.Thread(target=self._run, name="stop", daemon=True)

    @contextmanager
    def piece(self, state, checkpoint: Path | None, log: RunLog | None, step: bool) -> Iterator[None]:
        started = time.monotonic()
        if not step or self._step > max(_SHORT, min(_COSTS * self._copying, _LONG)):
            self._keep(state, checkpoint, log)
        try:
            yield
        finally:
            with self.lock:  # what the thread has begun to write it writes first
                self._leave = None
            if self.taken:
                raise KeyboardInterrupt
            if step:
                self._step = time.monotonic() - started

    def _keep(self, state, checkpoint, log) -> None:
        if state is None:
            self._leave = _nothing_to_write
            return
        started = time.monotonic()
        self._content = content = state.copy(self._content)
        self._copying = time.monotonic() - started

        def leave() -> None:
            state.write(content, checkpoint)
            _tell(log, content["step"])

        self._leave = leave

    def _run(self) -> None:
        while not self.over.wait(_LOOK):
            if not self.file.exists() or self.over.wait(_GRACE):
                continue
            with self.lock:
                if self._leave is None or not stop_asked(self.file):
                    continue
                try:
                    self._leave()
                except Exception as error:  # nobody else would hear of it
                    print(f"ldct-train: error: {error}", file=sys.stderr, flush=True)
                    os._exit(EXIT_USER)
                self.taken = True
                _thread.interrupt_main()
            if not self.over.wait(_PATIENCE):
                os._exit(EXIT_INTERRUPTED)  # deep in one long call
            return


_watch: _Watch | None = None


@contextmanager
def immediate_stop(file: Path) -> Iterator[None]:
    """While this lasts, `file` ends this process within about a second, whatever is done in a `piece`.

    Only for a process that does nothing but train: one that does not unwind in time is ended there and then.
    """
    global _watch
    watch = _watch = _Watch(file)
    watch.thread.start()
    try:
        yield
    finally:
        _watch = None
        watch.over.set()
        watch.thread.join()


@contextmanager
def piece(state=None, checkpoint: Path | None = None, log: RunLog | None = None, step: bool = False) -> Iterator[None]:
    """What is done in here may be thrown away by an `immediate_stop`, which writes the state as it is on entering.

    Parameters
    ----------
    state : State, optional
        None where there is nothing to write.
    checkpoint : Path, optional
    log : RunLog, optional
    step : bool
        One of many: short ones are not worth a copy of the state.
    """
    if _watch is None:
        yield
        return
    with _watch.piece(state, checkpoint, log, step):
        yield
