"""What a training process says, as it says it."""

import json
from collections import deque
from pathlib import Path

#: Lines that are kept for people to read.
_KEPT = 200


class Follower:
    """Reads the lines that were added to a file since the last time.

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
    errors : list of str
        Lines that are no records and say what went wrong.
    """

    def __init__(self, path: Path):
        self.path = path
        self.restart()

    def restart(self) -> None:
        """Begin anew, with the file's beginning."""
        self._offset, self._rest = 0, b""
        self.last, self.phase, self.stopped = {}, {}, False
        self.lines: deque[str] = deque(maxlen=_KEPT)
        self.errors: list[str] = []

    @property
    def spoken(self) -> bool:
        return self._offset > 0

    def read(self) -> bool:
        """Take what is new; return whether there was anything."""
        try:
            with self.path.open("rb") as file:
                if file.seek(0, 2) < self._offset:  # it was begun anew
                    self.restart()
                file.seek(self._offset)
                content = file.read()
        except OSError:
            return False
        self._offset += len(content)
        *whole, self._rest = (self._rest + content).split(b"\n")
        for line in whole:
            self._take(line.decode("utf-8", "replace").rstrip("\r"))
        return bool(whole)

    def _take(self, line: str) -> None:
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            if line.strip():
                self.lines.append(line)
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
        self.lines.append(shown(record))


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
