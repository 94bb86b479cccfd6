"""What a training process says, as it says it."""

import json
from collections import deque
from collections.abc import Callable
from pathlib import Path

#: Lines that are kept for people to read.
KEPT = 200

#: Bytes at the end of a log that hold a whole record.
_TAIL = 65536


class GrowingFile:
    """A file that a process adds lines to: what was read is not read again."""

    def __init__(self, path: Path):
        self.path, self.offset = path, 0

    def lines(self, onBegunAnew: Callable[[], None]) -> list[bytes]:
        """Return the whole lines that are new; of a file that was begun anew all, once that was told."""
        try:
            with self.path.open("rb") as file:
                if file.seek(0, 2) < self.offset:
                    self.offset = 0
                    onBegunAnew()
                file.seek(self.offset)
                whole, newline, _rest = file.read().rpartition(b"\n")
        except OSError:
            return []
        self.offset += len(whole) + len(newline)
        return whole.split(b"\n") if newline else []


class Follower:
    """Reads the lines that were added to a file since the last time.

    Parameters
    ----------
    path : Path
    last : dict, optional
        The newest record with a step before what the file holds.

    Attributes
    ----------
    last : dict
        The newest record with a step.
    phase : dict
        What is done beside the steps now: `phase`, `done`, `of`; empty while steps are done.
    stopped : bool
        Whether a record said that it stopped on request.
    spoken : bool
        Whether it has said anything.
    lines : deque of str
        The last lines, for people.
    told : int
        How many lines for people there were, those that are no longer kept among them.
    errors : list of str
        Lines that are no records and say what went wrong.
    """

    def __init__(self, path: Path, last: dict | None = None):
        self._file, self._before = GrowingFile(path), last or {}
        self.restart()

    def restart(self) -> None:
        """Begin anew, with the file's beginning."""
        self._file.offset = 0
        self.last, self.phase, self.stopped = dict(self._before), {}, False
        self.lines: deque[str] = deque(maxlen=KEPT)
        self.told = 0
        self.errors: list[str] = []

    @property
    def spoken(self) -> bool:
        return self._file.offset > 0

    def read(self) -> bool:
        """Take what is new; return whether there was anything."""
        lines = self._file.lines(self.restart)
        for line in lines:
            self._take(line.decode("utf-8", "replace").rstrip("\r"))
        return bool(lines)

    def _take(self, line: str) -> None:
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            if line.strip():
                self._keep(line)
                self.errors.append(line)
            return
        if "phase" in record:
            self.phase = record
            return
        # A step after a stop: the run was resumed.
        self.stopped = bool(record.get("stopped")) or (self.stopped and "step" not in record)
        if "step" in record:
            # Before the first step's record a run only says where it begins.
            self.last, self.phase = {**self.last, **record} if "losses" not in record else record, {}
        self._keep(shown(record))

    def _keep(self, line: str) -> None:
        self.lines.append(line)
        self.told += 1


def lastStep(path: Path) -> dict:
    """Return the step of a log's last record that has one, as `step` and `of`; read from its end."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _TAIL))
            lines = file.read().splitlines()
    except OSError:
        return {}
    for line in reversed(lines):
        try:
            record = json.loads(line)
            return {"step": int(record["step"]), "of": int(record["of"])}
        except (ValueError, KeyError, TypeError):
            continue
    return {}


def shown(record: dict) -> str:
    """Return a record as a line to read."""
    if "note" in record:
        return record["note"]
    place = f"step {record.get('step')} of {record.get('of')}"
    if "losses" in record:
        losses = ", ".join(f"{name} {_number(value)}" for name, value in record["losses"].items())
        return f"{place}: {losses}, {_number(record.get('patches_per_second'))} patches/s"
    if "validation" in record:
        low, result = record["validation"]["low"], record["validation"]["result"]
        figures = ("psnr", "ssim", "rmse")
        text = ", ".join(f"{f.upper()} {_number(low[f])} to {_number(result[f])}" for f in figures)
        return f"{place}: validation, {text}" + (", the best so far" if record.get("best") else "")
    return f"{place}: on {record.get('device', 'an unknown device')}"


def _number(value) -> str:
    return "?" if value is None else f"{value:.4g}"
