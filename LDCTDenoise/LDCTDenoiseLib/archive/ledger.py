"""What became of each series, kept so that a kill at any moment loses nothing and does nothing twice.

One file a series, each written beside and renamed. A series counts as done when its record says so *and* its output is
there. The record is written first, the output then appears by one rename: killed in between, the series is done again,
and half an output is never seen. A record knows the sizes and checksums of what was read and of what was made, so that
a later run tells when either has changed. While a process works on a series it holds a lock on it, which the operating
system takes back when the process dies.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath

from ..errors import OutputError, disk_errors
from ..files import flush, put_in_place
from ..requirements import require
from ..sending import Journal
from ..strict_json import as_fields, parse_json, read_text
from .file_facts import are_facts, difference, facts_of
from .series import Series

FOLDER = ".ldct-denoise"

#: Raised when the meaning of a record changes; a folder of another format is refused as one of another method is.
FORMAT = 2

DONE, FAILED, SKIPPED = "done", "failed", "skipped"

_PART = ".json.part"


@dataclass
class Record:
    """What became of one series."""

    #: `Series.key`, its UID and its place.
    key: str
    series: str
    source: str
    output: str = ""  #: Relative to the output folder; empty when only metrics were asked for.
    result: str = FAILED  #: "done", "failed" or, of what reading showed to be no CT, "skipped".
    error: str = ""  #: Why it is not done.
    notes: list[str] = field(default_factory=list)  #: What the user must know although it is done.
    slices: int = 0
    #: `Facts` of the files that were read, of those that it was measured against, and of those that were made.
    sources: dict = field(default_factory=dict)
    partners: dict = field(default_factory=dict)
    outputs: dict = field(default_factory=dict)
    attempts: int = 0  #: How many times it was tried.
    device: str = ""  #: In words.
    seconds_read: float = 0.0
    seconds_compute: float = 0.0
    seconds_measure: float = 0.0
    seconds_write: float = 0.0
    seconds_send: float = 0.0
    partner: str = ""  #: The full-dose series that it was measured against.
    metrics: dict = field(default_factory=dict)  #: Columns of the report; empty without a partner.
    sent: list[str] = field(default_factory=list)  #: The servers that have all of it.
    sendings: int = 0  #: How many times it was tried to send it.
    send_error: str = ""  #: Why the last sending failed.

    @classmethod
    def of(cls, facts, key: str) -> "Record":
        """Return the record of a series from its JSON; raises ValueError when that is none of that series."""
        record = cls(**as_fields(cls, facts))
        if record.key != key or record.result not in (DONE, FAILED, SKIPPED):
            raise ValueError("it is of another series or of no known result")
        if not all(map(are_facts, (record.sources, record.partners, record.outputs))):
            raise ValueError("it has no sizes and checksums")
        output = PurePosixPath(record.output)
        if output.is_absolute() or ".." in output.parts:
            raise ValueError("its output lies elsewhere")
        return record


class Ledger:
    """The records of one output folder.

    Parameters
    ----------
    root : path
        The output folder; the ledger is the hidden folder `.ldct-denoise` in it.
    """

    def __init__(self, root: str | Path):
        self.root = Path(root)
        self.folder = self.root / FOLDER

    def begin(self, settings: dict) -> None:
        """Make the ledger, or go on with one of the same settings.

        Raises
        ------
        OutputError
            If the folder cannot be written, or holds results that were made otherwise.
        MissingDependencyError
            If filelock is not installed.
        """
        require("filelock", "share the work with other processes")
        try:
            with disk_errors(OutputError, f"cannot write into '{self.root}'", "Choose a writable place."):
                for name in ("series", "claims", "work", "sent"):
                    (self.folder / name).mkdir(parents=True, exist_ok=True)
                with self.alone("batch") as part:
                    self.require_settings(settings)
                    if not self._settings_path.exists():
                        _write_json(self._settings_path, {**settings, "ledger": FORMAT}, part)
        except NotImplementedError as error:
            raise OutputError(f"the file system of '{self.root}' has no locks; give an output on one.") from error

    def require_settings(self, settings: dict) -> None:
        """Raise `OutputError` when the folder holds results that were made otherwise, or that may have been.

        Results of two methods must never mix, so what cannot be read stops everything.
        """
        begun = any(self._records())
        try:
            before = _read_json(self._settings_path)
            if not isinstance(before, dict):
                raise ValueError("it is not a JSON object")
        except FileNotFoundError:
            if not begun:
                return
            before = "it is missing"
        except (OSError, ValueError) as error:
            before = getattr(error, "strerror", None) or str(error)
        if isinstance(before, str):
            raise OutputError(
                f"'{self._settings_path}', which says how the results in '{self.root}' were made, cannot be used: "
                f"{before}. Give another output folder, or put the file back."
            )
        settings = {**settings, "ledger": FORMAT}
        told = [f"{name} {before.get(name)} instead of {settings[name]}" for name in settings
                if before.get(name) != settings[name]]  # fmt: skip
        if told:
            raise OutputError(
                f"'{self.root}' holds results of a batch with {', '.join(told)}; give another output folder, so that "
                "nothing is mixed."
            )

    def _records(self) -> Iterator[Path]:
        with suppress(OSError):
            yield from (self.folder / "series").iterdir()

    @property
    def _settings_path(self) -> Path:
        return self.folder / "batch.json"

    def record(self, key: str) -> Record | None:
        """Return the record of a series, or None when there is none; `OutputError` when it cannot be read."""
        path = self._record_path(key)
        try:
            return Record.of(_read_json(path), key)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise OutputError(
                f"its record '{path}' cannot be used: {reason}; remove that, and what was made of this series, to have "
                "it done again."
            ) from error

    def write(self, record: Record) -> None:
        """Keep the record of a claimed series in place of the one before."""
        _write_json(self._record_path(record.key), asdict(record), self.folder / "work" / f"{record.key}{_PART}")

    def is_done(self, record: Record | None) -> bool:
        """Whether a series needs no more work: recorded as done, and its output there."""
        if record is None or record.result != DONE:
            return False
        return not record.output or _is_filled(self.root / record.output)

    def what_changed(self, record: Record, series: Series, partner: Series | None) -> str:
        """Say in a few words what is not as it was when a series was done; "" when everything is."""
        if changed := difference(record.sources, series.files, series.folder):
            return f"has changed since it was done ({changed})"
        if partner and record.partners and (changed := difference(record.partners, partner.files, partner.folder)):
            return f"was measured against what has changed ({changed})"
        # What others put beside the images is theirs.
        if changed := difference(record.outputs, (), (self.root / record.output).parent):
            return f"was done, but the result is not what it was ({changed})"
        return ""

    def claim(self, key: str):
        """Return a lock on a series that is `release()`d in the end, or None while another process holds it."""
        lock = self._lock(key)
        try:
            return lock.acquire(timeout=0) and lock
        except require("filelock").Timeout:
            return None

    @contextmanager
    def alone(self, name: str) -> Iterator[Path]:
        """Wait until no other process is in such a block; give a name to write to before renaming."""
        with self._lock(name):
            yield self.folder / "work" / f"{name}{_PART}"

    def _lock(self, name: str):
        # The thread that reads takes it, the one that writes gives it back.
        return require("filelock").FileLock(str(self.folder / "claims" / f"{name}.lock"), thread_local=False)

    def _record_path(self, key: str) -> Path:
        return self.folder / "series" / f"{key}.json"

    def work_folder(self, key: str) -> Path:
        """Return an empty folder for what is being made of a claimed series; what a killed process left goes."""
        folder = self.folder / "work" / key
        self.clear_work(key)
        folder.mkdir()
        return folder

    def clear_work(self, key: str) -> None:
        """Remove what is being made of a claimed series."""
        work = self.folder / "work"
        (work / f"{key}{_PART}").unlink(missing_ok=True)
        if (work / key).exists():
            shutil.rmtree(work / key)

    def clean(self) -> None:
        """Remove what killed processes left of series that nobody works on."""
        for key in sorted({left.name.removesuffix(_PART) for left in (self.folder / "work").iterdir()}):
            if claim := self.claim(key):
                try:
                    self.clear_work(key)
                finally:
                    claim.release()

    def publish(self, made: Path, record: Record) -> None:
        """Record a claimed series as done and let its output appear, by one rename.

        Raises
        ------
        OutputError
            If something lies in its place already, or it cannot be written.
        """
        target = self.root / record.output
        require_free(target)
        with disk_errors(OutputError, f"cannot write '{target}'"):
            flush(made)
            facts = facts_of(_files(made), made.parent)
            record.outputs = {name.replace(made.name, target.name, 1): facts[name] for name in facts}
            self.write(record)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.rename(made, target)

    def journal(self, key: str) -> Journal:
        """Return the journal of what servers have taken of a series."""
        return Journal(self.folder / "sent" / f"{key}.txt")


def new_record(series: Series, before: Record | None) -> Record:
    """Return a record for one more attempt at a series."""
    return Record(
        key=series.key, series=series.uid, source=series.place.as_posix(), slices=series.slices,
        attempts=(before.attempts if before else 0) + 1,
        sendings=before.sendings if before else 0,
    )  # fmt: skip


def require_free(target: Path) -> None:
    """Raise `OutputError` when something lies where an output is to appear."""
    if target.is_dir() and not _is_filled(target):
        target.rmdir()
    if os.path.lexists(target):
        raise OutputError(f"'{target}' exists and is not of this batch; move it away or give another output folder.")


def _is_filled(path: Path) -> bool:
    """Whether there is a file, or a folder with something in it."""
    return path.is_file() or (path.is_dir() and any(path.iterdir()))


def _files(output: Path) -> list[Path]:
    """Return the files of an output: of a series its images, or the one volume file."""
    if not output.is_dir():
        return [output]
    return sorted(path for path in output.iterdir() if not path.name.startswith("."))


def _read_json(path: Path):
    return parse_json(read_text(path), lenient=True)


def _write_json(path: Path, facts: dict, part: Path) -> None:
    """Write to a name that is this process's alone while it holds the lock, then rename."""
    with part.open("w", encoding="utf-8") as file:
        json.dump(facts, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    put_in_place(part, path)
