"""What an interrupted run has finished, as files, so that the same run goes on from there."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np

from ..files import write_atomic


class Kept:
    """Arrays of finished steps by name.

    Parameters
    ----------
    folder : path or None
        Where they lie; None keeps nothing.
    asked : object
        What the results depend on, as JSON, and `volumes`, whose voxels count: another question finds nothing.
    """

    def __init__(self, folder: str | Path | None, asked=None, volumes=()):
        self._folder = self._parent = None
        if folder is None:
            return
        digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode())
        for volume in volumes:
            digest.update(f"{volume.name} {volume.geometry}".encode())
            digest.update(np.ascontiguousarray(volume.array))
        self._parent = Path(folder)
        self._folder = self._parent / digest.hexdigest()[:16]
        self._folder.mkdir(parents=True, exist_ok=True)

    def step(self, name: str, kind: str, slices: float, work):
        """Do a step, a generator that returns its arrays, or take them from an earlier run; yield what it yields."""
        path = self._folder and self._folder / f"{name}.npz"
        if path and path.exists():
            with np.load(path) as file:
                arrays = dict(file)
            yield kind, slices, f"{name} was done before"
            return arrays
        arrays = yield from work
        if path:
            with write_atomic(path) as part, part.open("wb") as file:
                np.savez(file, **arrays)
        return arrays

    def forget(self) -> None:
        """Remove all of it, once the report is written."""
        if self._parent:
            shutil.rmtree(self._parent, ignore_errors=True)
