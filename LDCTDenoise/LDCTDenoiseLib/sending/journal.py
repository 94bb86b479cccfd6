"""Which images a server has taken, kept so that no kill makes one arrive twice or never."""

import os
from pathlib import Path

from ..errors import OutputError, disk_errors


class Journal:
    """A text file with one line for each image that a server has taken: its SOP Instance UID and the server."""

    def __init__(self, path: Path):
        self._path = path

    def sent(self, server: str) -> set[str]:
        """Return the SOP Instance UIDs that a server has taken; a line that a kill cut short counts as none."""
        try:
            lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
        except FileNotFoundError:
            return set()
        return {line.partition(" ")[0] for line in lines if line.partition(" ")[2] == f"{server}\n"}

    def note(self, server: str, uid: str) -> None:
        """Keep that a server has taken an image, before the next one is sent; `OutputError` when that cannot be."""
        with disk_errors(OutputError, f"cannot write '{self._path}'"):
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{uid} {server}\n")
                file.flush()
                os.fsync(file.fileno())
