"""Write beside, then rename: a killed or failed run never leaves half a file under the final name.

What a killed process had begun stays as a hidden `.NAME.xxxxxxxx.part` folder, and goes when the same name is written
the next time: each part is locked by the process that fills it, and the system takes the lock back when that dies.
"""

import errno
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from .errors import LDCTError, OutputError, disk_errors

#: Seconds to wait for whoever has a file open that is to be replaced; only Windows refuses that meanwhile.
_READERS = 3.0 if os.name == "nt" else 0.0

#: What to do where a folder cannot be written.
_ELSEWHERE = "Choose a writable place."

#: What a full or broken disk says, in the midst of a write; numpy says no number when not all was taken.
_DISK_ERRORS = {None, *(getattr(errno, name, None) for name in ("ENOSPC", "EDQUOT", "EFBIG", "EIO", "EROFS"))}


def flush(path: str | Path) -> None:
    """Have a file, or a folder with all below it, on the disk and not only in memory: some errors show no earlier."""
    path = Path(path)
    if not path.is_dir():
        _flush_one(path, os.O_RDWR)
        return
    for inner in path.iterdir():
        flush(inner)
    _flush_names(path)


def _flush_one(path: Path, mode: int) -> None:
    handle = os.open(path, mode | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _flush_names(folder: Path) -> None:
    with suppress(OSError):  # not every system can
        _flush_one(folder, os.O_RDONLY)


@contextmanager
def _disk_errors_named(path: Path, doing: str) -> Iterator[None]:
    """Turn what a full disk raises inside the block into one line; every other error passes."""
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_ERRORS and not isinstance(error, LDCTError):
            reason = error.strerror or "the data could not be stored; is the disk full?"
            raise OutputError(f"cannot {doing} '{path}': {reason}.") from error
        raise


@contextmanager
def _part_folder(name: str, place: Path) -> Iterator[Path]:
    """Give a new hidden folder in `place` for what becomes `name`; it is gone in the end. Raises OSError."""
    _remove_stale(name, place)
    while True:
        part = Path(tempfile.mkdtemp(prefix=f".{name}.", suffix=".part", dir=place))
        lock = _lock(part, wait=True)
        if part.exists():  # else another process took it for stale before it was locked
            break
        _unlock(lock)
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)
        _unlock(lock)


def _remove_stale(name: str, place: Path) -> None:
    """Remove the parts of `name` that killed processes left in `place`, as far as that can be known."""
    form = re.compile(rf"\.{re.escape(name)}\.[a-z0-9_]{{8}}\.part")
    with suppress(OSError), os.scandir(place) as entries:
        for left in [e.path for e in entries if form.fullmatch(e.name) and e.is_dir(follow_symlinks=False)]:
            if (lock := _lock(left)) is not None:
                shutil.rmtree(left, ignore_errors=True)
                _unlock(lock)


def _lock(folder: str | Path, wait: bool = False) -> int | None:
    """Lock a folder until `_unlock` or the death of this process; None where that is refused or unknown."""
    if os.name == "nt":
        return _hold(folder, wait)
    try:
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):  # a system without; a part that is gone
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another holds it, or the file system has no locks
        os.close(descriptor)
        return None
    return descriptor


def _hold(folder: str | Path, wait: bool) -> int | None:
    """Do as `_lock` where folders cannot be locked: by a file beside it, which Windows deletes with the process."""
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_TEMPORARY", 0)
    while True:
        try:
            return os.open(f"{folder}.held", flags)
        except (FileExistsError, PermissionError):  # another holds it, or just lets it go
            if not wait:
                return None
            time.sleep(0.01)
        except OSError:
            return None


def _unlock(lock: int | None) -> None:
    if lock is not None:
        os.close(lock)


@contextmanager
def _folder_beside(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside `path`, so that a file in it can keep all its suffixes and then be moved."""
    if path.is_dir():
        raise OutputError(f"cannot write '{path}': it is a folder; give a file name.")
    with ExitStack() as stack:
        with disk_errors(OutputError, f"cannot write '{path}'", "Choose a folder that exists and is writable."):
            folder = stack.enter_context(_part_folder(path.name, path.parent))
        yield folder


def put_in_place(part: Path, path: Path) -> None:
    """Give a file its name, in place of what is there; raises OSError."""
    until = time.monotonic() + _READERS
    while True:
        try:
            os.replace(part, path)
            return
        except PermissionError:
            if time.monotonic() >= until:
                raise
            time.sleep(0.02)


def check_place(path: str | Path) -> None:
    """Raise `OutputError` when no file can be written to `path`; to find out before minutes of work, not after."""
    with _folder_beside(Path(path)):
        pass


@contextmanager
def write_atomic(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path` (same name) and move it to `path` when the block ends well.

    What was written is on the disk before it has its name. When the block raises, Ctrl-C included, the temporary file
    is removed and what stood at `path` stays.

    Raises
    ------
    OutputError
        If the folder does not exist or cannot be written, `path` is a folder, or the disk is full.
    """
    path = Path(path)
    with _folder_beside(path) as folder:
        part = folder / path.name
        with _disk_errors_named(path, "write"):
            yield part
        with disk_errors(OutputError, f"cannot write '{path}'"):
            flush(part)
            put_in_place(part, path)
        _flush_names(path.parent)


def write_figure(path: str | Path, figure, usual: str = ".png") -> None:
    """Write a figure of matplotlib, in its own resolution, whole or not at all; `usual` endings come first in errors.

    Raises
    ------
    OutputError
        If the suffix is no image format, such as .png or .pdf, or the file cannot be written.
    """
    kinds = figure.canvas.get_supported_filetypes()
    if Path(path).suffix.lower().lstrip(".") not in kinds:
        others = ", ".join(kinds)
        raise OutputError(f"cannot write '{path}': a figure's name ends in {usual} (or in another of {others}).")
    with write_atomic(path) as part:
        figure.savefig(part, dpi="figure")


def write_text(path: str | Path, text: str) -> None:
    """Write a text in UTF-8, whole or not at all; raises as `write_atomic`."""
    with write_atomic(path) as part:
        part.write_text(text, encoding="utf-8")


def check_folder(path: str | Path) -> None:
    """Check that a new folder can appear at `path`; to find out before minutes of work, not after.

    Raises
    ------
    OutputError
        If it holds something already, is a file, or cannot be made or written.
    """
    path = Path(path)
    cannot = f"cannot write into '{path}'"
    with disk_errors(OutputError, cannot, _ELSEWHERE):
        if path.is_dir() and any(path.iterdir()):
            raise OutputError(f"{cannot}: it is not empty; give a new folder, so that nothing is mixed.")
        existing = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
        if not existing.is_dir():
            raise OutputError(f"{cannot}: '{existing}' is a file; give a folder.")
        tempfile.TemporaryDirectory(prefix=".", suffix=".part", dir=existing).cleanup()


@contextmanager
def replace_folder(path: str | Path) -> Iterator[Path]:
    """Give an empty temporary folder beside `path` and put its files into `path` when the block ends well.

    A `path` that is not there yet, or empty, appears with all files at once. Of a filled one, files of other names
    stay, and files of the same name are replaced one by one; so are those of a mount point, which cannot be replaced.
    """
    path = Path(path)
    new_parents: list[Path] = []
    with ExitStack() as stack:
        stack.callback(_remove_empty, new_parents)
        with disk_errors(OutputError, f"cannot write into '{path}'", _ELSEWHERE):
            target = path.resolve()
            new_parents += [parent for parent in target.parents if not parent.exists()]
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists() and not target.is_dir():
                raise OutputError(f"cannot write into '{path}': it is a file; give a folder.")
            # What is mounted is another file system than the folder it lies in: nothing can be moved across.
            mounted = target.is_dir() and os.path.ismount(target)
            part = stack.enter_context(_part_folder(target.name, target if mounted else target.parent))
        with _disk_errors_named(path, "write into"):
            yield part
        with disk_errors(OutputError, f"cannot write into '{path}'"):
            flush(part)
            if mounted or (target.exists() and any(target.iterdir())):
                for file in sorted(part.iterdir()):
                    put_in_place(file, target / file.name)
            else:
                # With the rights of an ordinary new folder; those of a temporary one are for its owner alone.
                target.mkdir(exist_ok=True)
                part.chmod(target.stat().st_mode)
                target.rmdir()
                part.rename(target)
            _flush_names(target)
            _flush_names(target.parent)


def _remove_empty(folders: list[Path]) -> None:
    """Remove new folders, from the innermost on; one with something in it stays."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()
