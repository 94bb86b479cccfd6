"""A process of its own that outlives Slicer, known by a small file in its run's folder."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from LDCTDenoiseLib.errors import OutputError, disk_errors
from LDCTDenoiseLib.files import write_text

from .identity import identity
from .interpreter import environment

#: In the run's folder: who trains, and all that the process says.
RUN_FILE, OUTPUT = "run.json", "process.log"

#: Seconds between asking a process to end and ending it.
_PATIENCE = 5.0


#: How a process is started that is ended with all it has started itself.
APART = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW} if os.name == "nt" else \
    {"start_new_session": True}


@dataclass(frozen=True)
class ProcessFile:
    """What is kept of a process."""

    pid: int
    began: str  #: Its `identity`: a process with this number and another beginning is a stranger.
    arguments: list[str]  #: Of `ldct-train`, without --resume.
    keep: bool  #: Whether it goes on when Slicer closes.

    @property
    def alive(self) -> bool:
        """Whether that very process still runs."""
        return bool(self.began) and identity(self.pid) == self.began

    def write(self, folder: Path) -> None:
        """Write it into the run's folder."""
        write_text(folder / RUN_FILE, json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> "ProcessFile | None":
        """Read it, or return None when a folder has none that can be understood."""
        try:
            content = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
            return cls(int(content["pid"]), str(content["began"]), [str(a) for a in content["arguments"]],
                       bool(content["keep"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None


def launch(command: Sequence[str], folder: Path) -> subprocess.Popen:
    """Start a command in a session of its own, its words going to the folder's process.log.

    Raises
    ------
    OutputError
        If the file cannot be written, or the command not be started.
    """
    with disk_errors(OutputError, f"cannot start the training in '{folder}'"):
        with (folder / OUTPUT).open("wb") as output:
            return subprocess.Popen(list(command), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                    env=environment(), cwd=folder, **APART)


def terminate(process: ProcessFile, patience: float = _PATIENCE) -> None:
    """End a process and its helpers, when it is still the one that was started; after `patience` seconds by force."""
    if not process.alive:
        return
    if os.name != "nt":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGTERM)
        until = time.monotonic() + patience
        while process.alive and time.monotonic() < until:
            time.sleep(0.02)
    if process.alive:
        endAtOnce(process.pid)


def endAtOnce(pid: int) -> None:
    """End a process that was started `APART`, and all that it has started: PythonSlicer only starts the Python."""
    if os.name == "nt":
        subprocess.run(["taskkill", "/PID", str(pid), "/T", "/F"], capture_output=True, check=False)
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
