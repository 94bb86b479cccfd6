"""Sizes, times and checksums of files, by which it is known later whether they are still what they were."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

#: Of each file, by its name: size in bytes, time of change in nanoseconds, SHA-256.
Facts = dict[str, list]


def facts_of(files: Iterable[Path], base: Path) -> Facts:
    """Return the facts of files, with names relative to `base`. Raises OSError."""
    facts = {}
    for path in files:
        state = path.stat()
        facts[path.relative_to(base).as_posix()] = [state.st_size, state.st_mtime_ns, _checksum(path)]
    return facts


def difference(facts: Facts, files: Iterable[Path], base: Path) -> str:
    """Say in a few words what differs between files and what was known of them; "" when nothing does.

    Only where a file's time has changed its content is read, so that an archive that is as it was costs no reading.
    """
    new = {path.relative_to(base).as_posix() for path in files} - facts.keys()
    if new:
        return f"'{min(new)}' is new"
    for name, (size, changed, checksum) in facts.items():
        try:
            state = (base / name).stat()
            if state.st_size != size:
                return f"'{name}' has {state.st_size} bytes instead of {size}"
            if state.st_mtime_ns != changed and _checksum(base / name) != checksum:
                return f"'{name}' has another content"
        except FileNotFoundError:
            return f"'{name}' is missing"
        except OSError as error:
            return f"'{name}' cannot be read: {error.strerror or error}"
    return ""


def are_facts(value) -> bool:
    """Whether a value of JSON has the form of `Facts`."""
    forms = [[type(part) for part in one] if isinstance(one, list) else one for one in value.values()]
    return all(form == [int, int, str] for form in forms)


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
