"""What a training tells: a bar for people, one JSON object a line for programs, TensorBoard files for both."""

import json
import math
import sys
import time
from pathlib import Path

from LDCTDenoiseLib.cli.bars import progress_bar
from LDCTDenoiseLib.errors import OutputError, disk_errors
from LDCTDenoiseLib.requirements import require

from .config import LOG

#: Said once at the start of every adversarial training.
CRITIC_NOTE = (
    "The critic's loss is minus the Wasserstein estimate plus the gradient penalty, so it is negative as long as the "
    "critic tells full dose from output; that is no error. 'wasserstein' is the estimate: it should rise above zero "
    "soon and fall slowly as the output comes nearer. If it stays at zero, the critic has learned nothing."
)


class RunLog:
    """Writes log.jsonl and TensorBoard files in a run's folder, and shows progress. Silent in all but one process.

    Parameters
    ----------
    folder : Path
    speaks : bool
        False for all processes but the first.
    json_lines : bool
        Write each record to standard output, and show no bar.
    step : int
        Where the training goes on.
    """

    def __init__(self, folder: Path, speaks: bool, json_lines: bool, step: int):
        self._speaks, self._json_lines = speaks, json_lines
        self._bar, self._doing = None, ""
        self._told = ("", 0.0)
        if not speaks:
            return
        with disk_errors(OutputError, f"cannot write the log in '{folder}'"):
            self._file = (folder / LOG).open("a", encoding="utf-8")
        writer = require("tensorboardX").SummaryWriter
        self._board = writer(str(folder / "tensorboard"), purge_step=step or None, flush_secs=30)

    def record(self, **values) -> None:
        """Write one record."""
        if not self._speaks:
            return
        line = json.dumps(_plain(values))
        whole = "The last checkpoint is whole: free some space and go on with --resume."
        with disk_errors(OutputError, "cannot write the log", whole):
            self._file.write(line + "\n")
            self._file.flush()
        if self._json_lines:
            print(line, flush=True)
        for name, number in _scalars(values):
            self._board.add_scalar(name, number, values.get("step", 0))

    def note(self, text: str, **values) -> None:
        """Tell people something, and write it down."""
        self.record(note=text, **values)
        if self._speaks and not self._json_lines:
            if self._bar is not None:
                self._bar.clear()
            print(f"ldct-train: {text}", file=sys.stderr)

    def progress(self, what: str, done: int, of: int, **shown) -> None:
        """Show how far a piece of work is; as JSON at most once a second, on standard output and not in the log."""
        if not self._speaks:
            return
        if self._json_lines:
            # The steps are told by records.
            if not shown and (done == of or self._told[0] != what or time.monotonic() - self._told[1] > 1):
                self._told = (what, time.monotonic())
                print(json.dumps({"phase": what, "done": done, "of": of}), flush=True)
            return
        if self._bar is None or self._doing != what:
            self.end_bar()
            self._bar, self._doing = progress_bar(of, what, "it", done), what
        self._bar.update(done - self._bar.n)
        if shown:
            self._bar.set_postfix({k: f"{v:.4g}" for k, v in shown.items()})

    def end_bar(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def close(self) -> None:
        """Close bar and files."""
        self.end_bar()
        if self._speaks:
            self._file.close()
            self._board.close()


def _scalars(values: dict, prefix: str = ""):
    """Yield the numbers of a record for TensorBoard; those of single patients are left to the log."""
    for key, value in values.items():
        if isinstance(value, dict) and key != "patients":
            yield from _scalars(value, f"{prefix}{key}/")
        elif isinstance(value, (int, float)) and prefix and math.isfinite(value):
            yield f"{prefix}{key}", value


def _plain(value):
    """Replace NaN and infinity, which JSON lacks, by None."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
