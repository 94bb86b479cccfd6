"""A run: a folder with a training in it, whoever started it."""

import contextlib
import json
import subprocess
import time
from pathlib import Path

from LDCTDenoiseLib.errors import InputError, LDCTError
from LDCTDenoiseTrainingLib.training.config import (
    CHECKPOINT,
    CONFIG,
    LOG,
    MODEL,
    PATIENTS,
    TrainingConfig,
    read_run_config,
)
from LDCTDenoiseTrainingLib.training.stopping import STOP_FILE

from .identity import identity
from .interpreter import command, requirePackages
from .log_follower import Follower, lastStep
from .process import OUTPUT, ProcessFile, launch, terminate
from .run_state import (
    FAILED,
    FINISHED,
    KILLED,
    LEAVE_ONE_OUT,
    RUNNING,
    STOPPED,
    STOPPING,
    TABLE,
    TRAINING,
    RunState,
)

#: What an experiment of several trainings writes last.
_LAST = {LEAVE_ONE_OUT: "table.csv", TABLE: "curves.png"}

#: Seconds that a process which has stopped may take to end.
_ENDING = 5.0


class TrainingRun:
    """A folder with a training; `poll` says how far it is, whoever started it and when.

    Parameters
    ----------
    folder : path

    Raises
    ------
    InputError
        If the folder holds no training.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self._process = ProcessFile.read(self.folder)
        self._child: subprocess.Popen | None = None
        if self._process is None and not ((self.folder / CONFIG).is_file() and (self.folder / LOG).is_file()):
            raise InputError(f"'{self.folder}' holds no training; choose the folder of a run.")
        self._output = Follower(self.folder / (OUTPUT if self._process else LOG), lastStep(self.folder / LOG))

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def config(self) -> TrainingConfig:
        """Its settings."""
        return read_run_config(self.folder / CONFIG)

    @property
    def device(self) -> str:
        """The device that was asked for."""
        arguments = self._process.arguments if self._process else []
        return arguments[arguments.index("--device") + 1] if "--device" in arguments else "auto"

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        return self._process.arguments[0] if self._process is not None else TRAINING

    @property
    def keep(self) -> bool:
        """Whether it goes on when Slicer closes; what others started does."""
        return self._process is None or self._process.keep

    @property
    def model(self) -> Path | None:
        """The model file of the best state so far, or None before the first validation.

        Of the paper's table it is that of the method whose recipe it has; a leave-one-out has none to keep.
        """
        if self.kind == LEAVE_ONE_OUT:
            return None
        path = self.folder / MODEL if self.kind == TRAINING else self.folder / self.config.method / MODEL
        return path if path.is_file() else None

    @property
    def logs(self) -> dict[str, Path]:
        """The log of each training in it, by label: its own, or one for each method, and fold."""
        if self.kind == TRAINING:
            return {self.name: self.folder / LOG}
        found = sorted(self.folder.glob(f"fold-*/*/{LOG}" if self.kind == LEAVE_ONE_OUT else f"*/{LOG}"))
        parts = (log.parent.relative_to(self.folder).as_posix().removeprefix("fold-") for log in found)
        return {f"{self.name}, {part}": log for part, log in zip(parts, found, strict=True)}

    def _part(self) -> str:
        """Which of several trainings it is at."""
        with contextlib.suppress(OSError, ValueError):
            newest = max((log.stat().st_mtime, label) for label, log in self.logs.items())[1]
            return newest.removeprefix(f"{self.name}, ")
        return "beginning"

    @property
    def lines(self) -> list[str]:
        """The last lines that the training said."""
        return list(self._output.lines)

    @property
    def told(self) -> int:
        """How many lines it has said in all."""
        return self._output.told

    @classmethod
    def begin(cls, folder: Path, arguments: list[str], keep: bool) -> "TrainingRun":
        """Start `ldct-train` with these arguments as the training of a folder."""
        run = cls.__new__(cls)
        run.folder, run._process, run._child = Path(folder), ProcessFile(0, "", list(arguments), keep), None
        run._launch([])
        return run

    def poll(self) -> RunState:
        """Say how far it is, from what it has said so far. Takes milliseconds."""
        alive = self._alive()  # before reading: what a process said before its end is then complete
        while self._output.read():
            pass
        last, phase = self._output.last, self._output.phase
        told = [self._part()] if self.kind != TRAINING else []
        told += [f"{phase['phase']} {phase['done']} of {phase['of']}"] if phase else []
        told += [] if self._output.spoken else ["starting"]
        if alive and self._output.stopped:  # its checkpoint is written, and only its end is awaited
            alive = False
        status = (STOPPING if self._stopFile.exists() else RUNNING) if alive else self._outcome()
        left = last.get("seconds_left") if alive else None
        return RunState(status, int(last.get("step", 0)), int(last.get("of", 0)), left,
                        ", ".join(told) if alive else "", self._message(status))

    def stop(self) -> None:
        """Ask it to write a checkpoint and to end; returns at once, and it ends within a second or two.

        One that has not begun, since it still imports torch, has nothing to write and is ended here.
        """
        if not self._alive():
            return
        self._output.read()
        if self._process is not None and not self._output.spoken:
            self.stopNow()
            self._say({"note": "stopped on request before it had begun.", "stopped": True})
            return
        try:
            self._stopFile.touch()
        except OSError:  # a folder that has turned read-only
            self.stopNow()

    def stopNow(self) -> None:
        """End it at once: what it did since its last checkpoint is lost."""
        if self._process is not None:
            terminate(self._process)
        if self._child is not None:
            self._child.wait(10)

    def resume(self, settings: dict | None = None) -> None:
        """Go on from the last checkpoint, or begin anew where there is none.

        Parameters
        ----------
        settings : dict, optional
            Other values of settings that do not change the training: steps, log_every, …

        Raises
        ------
        InputError
            If it runs.
        MissingDependencyError
            If a package that it needs is not installed.
        """
        self.requireOver()
        if self._process is None:
            arguments = ["train", "--patients", str(self.folder / PATIENTS), "--output", str(self.folder),
                         "--config", str(self.folder / CONFIG)]
            self._process = ProcessFile(0, "", arguments, True)
        requirePackages()
        self._launch(["--resume", *(f"--set={key}={settingText(value)}" for key, value in (settings or {}).items())])

    def requireOver(self) -> None:
        """Raise `InputError` when it runs; the process of one that has stopped is gone afterwards."""
        if self.poll().active:
            raise InputError(f"'{self.name}' is running; stop it first.")
        if self._process is not None:
            terminate(self._process, 0.2)
        until = time.monotonic() + _ENDING
        while self._alive() and time.monotonic() < until:
            time.sleep(0.02)
        if self._alive():
            raise InputError(f"'{self.name}' has stopped, and its process is about to end; try again in a moment.")

    def setKeep(self, keep: bool) -> None:
        """Say whether it goes on when Slicer closes."""
        if self._process is not None and keep != self._process.keep:
            self._process = ProcessFile(self._process.pid, self._process.began, self._process.arguments, keep)
            self._process.write(self.folder)

    def _say(self, record: dict) -> None:
        """Add a record to what the process said."""
        with contextlib.suppress(OSError), (self.folder / OUTPUT).open("a", encoding="utf-8") as output:
            output.write(json.dumps(record) + "\n")

    @property
    def _stopFile(self) -> Path:
        return self.folder / STOP_FILE

    def _launch(self, more: list[str]) -> None:
        self._stopFile.unlink(missing_ok=True)
        arguments = self._process.arguments
        self._child = launch(command([*arguments, "--json", *more]), self.folder)
        self._process = ProcessFile(self._child.pid, identity(self._child.pid) or "", arguments, self._process.keep)
        self._process.write(self.folder)
        self._output = Follower(self.folder / OUTPUT, lastStep(self.folder / LOG))

    def _alive(self) -> bool:
        if self._child is not None:
            return self._child.poll() is None
        if self._process is None:  # started elsewhere: whoever trains holds the folder's lock
            return _locked(self.folder / ".lock")
        return self._process.alive

    def _outcome(self) -> str:
        output = self._output
        code = self._child.returncode if self._child is not None else None
        if self.kind == TRAINING:
            complete = output.last.get("step", 0) == output.last.get("of", -1) and self.model is not None
        else:
            complete = (self.folder / _LAST[self.kind]).is_file()
        if output.stopped:
            return STOPPED
        if code == 0 or (code is None and complete and not self._reasons()):
            return FINISHED
        # A process that ends by itself with an exit status was not ended from outside, whatever it said or did not say;
        # from 128 on the status is that of a signal.
        return FAILED if self._reasons() or (code is not None and 0 < code < 128) else KILLED

    def _reasons(self) -> list[str]:
        """Return the lines that say why it failed, without warnings."""
        told = [line.partition("error: ")[2] for line in self._output.errors if line.startswith("ldct-train: error: ")]
        if not told and any(line.startswith("Traceback") for line in self._output.errors):
            told = self._output.errors[-1:]
        return told

    def _message(self, status: str) -> str:
        resumes = self.kind != TRAINING or (self.folder / CHECKPOINT).exists()
        again = "Resume goes on from the last checkpoint." if resumes else \
            "There is no checkpoint yet; Resume begins anew."
        if status == STOPPING:
            return "Stopping: a checkpoint is written."
        if status == STOPPED:
            return f"Stopped. {again}"
        last = f"Its last line ({OUTPUT}): {self._output.errors[-1]!r}." if self._output.errors else \
            f"It said nothing ({OUTPUT} is empty)." if not self._output.spoken else ""
        if status == FAILED:
            code = self._child.returncode if self._child is not None else None
            why = " ".join(self._reasons()) or f"the process ended with exit status {code}. {last}".strip()
            return f"It failed: {why} {again}"
        if status == KILLED:
            return " ".join(filter(None, (f"The training process was ended from outside{self._signal()}, by the system "
                                          "or somebody.", last, again)))
        return "Finished." if status == FINISHED else ""

    def _signal(self) -> str:
        code = self._child.returncode if self._child is not None else None
        signal = 0 if code is None else -code if code < 0 else code - 128
        return f" (signal {signal})" if signal > 0 else ""

    @property
    def outOfMemory(self) -> bool:
        """Whether it failed because the device has too little memory for its batch."""
        return any("too little memory for a batch" in line for line in self._output.errors)


def _locked(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        from filelock import FileLock, Timeout
    except ModuleNotFoundError:
        return False
    try:
        with FileLock(path).acquire(blocking=False):
            return False
    except Timeout:
        return True
    except (OSError, LDCTError):
        return False


def settingText(value) -> str:
    """Return a setting's value as the command line takes it."""
    return ",".join(str(v) for v in value) if isinstance(value, (tuple, list)) else str(value)
