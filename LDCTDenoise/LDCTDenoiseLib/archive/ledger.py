"""What became of each series, kept so that a kill at any moment loses nothing and does nothing twice.

One file a series, each written beside and renamed. A series counts as done when its record says so *and* its output is
there. The record is written first, the output then appears by one rename: killed in between, the series is done again,
and half an output is never seen. While a process works on a series it holds a lock on it, which the operating system
takes back when the process dies.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from ..errors import OutputError
from ..requirements import require
from .series import Series

FOLDER = ".ldct-denoise"

DONE, FAILED, SKIPPED = "done", "failed", "skipped"

_PART = ".json.part"


@dataclass
class Record:
    """What became of one series.

    Attributes
    ----------
    key, series, source : str
        `Series.key`, its UID and its place.
    output : str
        Relative to the output folder; empty when only metrics were asked for.
    result : str
        "done", "failed" or, of what reading showed to be no CT, "skipped".
    error : str
        Why it is not done.
    notes : list of str
        What the user must know although it is done.
    slices : int
    fingerprint : str
        Of the source when it was read.
    attempts : int
        How many times it was tried.
    device : str
        In words.
    seconds_read, seconds_compute, seconds_measure, seconds_write, seconds_send : float
    partner : str
        The full-dose series that it was measured against.
    metrics : dict
        Columns of the report; empty without a partner.
    sent : list of str
        The servers that have all of it.
    sendings : int
        How many times it was tried to send it.
    send_error : str
        Why the last sending failed.
    """

    key: str
    series: str
    source: str
    output: str = ""
    result: str = FAILED
    error: str = ""
    notes: list[str] = field(default_factory=list)
    slices: int = 0
    fingerprint: str = ""
    attempts: int = 0
    device: str = ""
    seconds_read: float = 0.0
    seconds_compute: float = 0.0
    seconds_measure: float = 0.0
    seconds_write: float = 0.0
    seconds_send: float = 0.0
    partner: str = ""
    metrics: dict = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    sendings: int = 0
    send_error: str = ""


_FIELDS = {f.name for f in fields(Record)}


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
            for name in ("series", "claims", "work", "sent"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            with self.alone("batch") as part:
                self.require_settings(settings)
                if not self._settings_path.exists():
                    _write_json(self._settings_path, settings, part)
        except OutputError:
            raise
        except NotImplementedError as error:
            raise OutputError(f"the file system of '{self.root}' has no locks; give an output on one.") from error
        except OSError as error:
            reason = error.strerror or error
            raise OutputError(f"cannot write into '{self.root}': {reason}. Choose a writable place.") from error

    def require_settings(self, settings: dict) -> None:
        """Raise `OutputError` when the folder holds results that were made otherwise."""
        before = _read_json(self._settings_path)
        if before is None:
            return
        told = [f"{name} {before.get(name)} instead of {settings[name]}" for name in settings
                if before.get(name) != settings[name]]  # fmt: skip
        if told:
            raise OutputError(
                f"'{self.root}' holds results of a batch with {', '.join(told)}; give another output folder, so that "
                "nothing is mixed."
            )

    @property
    def _settings_path(self) -> Path:
        return self.folder / "batch.json"

    def record(self, key: str) -> Record | None:
        """Return the record of a series, or None when there is none that can be read."""
        facts = _read_json(self._record_path(key))
        try:
            return Record(**{name: value for name, value in facts.items() if name in _FIELDS})
        except (AttributeError, TypeError):
            return None

    def write(self, record: Record) -> None:
        """Keep the record of a claimed series in place of the one before."""
        _write_json(self._record_path(record.key), asdict(record), self.folder / "work" / f"{record.key}{_PART}")

    def is_done(self, record: Record | None) -> bool:
        """Whether a series needs no more work: recorded as done, and its output there."""
        if record is None or record.result != DONE:
            return False
        return not record.output or _is_filled(self.root / record.output)

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
            If something lies in its place already.
        """
        target = self.root / record.output
        require_free(target)
        self.write(record)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.rename(made, target)
        except OSError as error:
            raise OutputError(f"cannot write '{target}': {error.strerror or error}.") from error

    def sent(self, key: str, server: str) -> set[str]:
        """Return the SOP Instance UIDs of a series that a server has taken."""
        try:
            lines = self._sent_path(key).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return set()
        return {uid for line in lines for uid, _, where in [line.partition(" ")] if where == server}

    def note_sent(self, key: str, server: str, uid: str) -> None:
        """Keep that a server has taken an image, before the next one is sent."""
        with self._sent_path(key).open("a", encoding="utf-8") as file:
            file.write(f"{uid} {server}\n")

    def _sent_path(self, key: str) -> Path:
        return self.folder / "sent" / f"{key}.txt"


def new_record(series: Series, before: Record | None) -> Record:
    """Return a record for one more attempt at a series."""
    return Record(
        key=series.key, series=series.uid, source=series.place.as_posix(), slices=series.slices,
        fingerprint=series.fingerprint, attempts=(before.attempts if before else 0) + 1,
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


def _read_json(path: Path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def _write_json(path: Path, facts: dict, part: Path) -> None:
    """Write to a name that is this process's alone while it holds the lock, then rename."""
    with part.open("w", encoding="utf-8") as file:
        json.dump(facts, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
