"""Volumes as memory-mapped int16 files: read and checked once, then opened in no time by any number of processes."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from LDCTDenoiseLib.errors import OutputError, disk_errors
from LDCTDenoiseLib.files import write_atomic, write_text
from LDCTDenoiseLib.methods.denoiser import numbers_read
from LDCTDenoiseLib.scan import axial_planes
from LDCTDenoiseLib.strict_json import as_fields, parse_json, read_text

from ..patients.check import PatientSetError, split_problems
from ..patients.inspect import inspect_scan
from ..patients.patient import PatientSet, Scan

#: HU that a cached voxel can have: the 12-bit range of CT. Padding (-2000) becomes air, metal beyond 12 bits its end.
LOWER, UPPER = -1024, 3071
#: HU above which a voxel belongs to the body, and the side in pixels of the blocks in which it is counted.
BODY, BLOCK = -500, 8
#: Mean HU of a block that shows bone or a contrast-filled vessel and not their edge alone.
BONE = (215, 1500)
#: Raised when the files' meaning changes.
_VERSION = 2


@dataclass(frozen=True)
class CachedScan:
    """A scan in the cache; arrays are opened when they are first used."""

    scan: Scan
    folder: Path  #: The cache.
    key: str  #: Stands for the files and their state: path, size and time of change.
    shape: tuple[int, int, int]  #: (slices, rows, columns).
    spacing: tuple[float, float]  #: Millimetres between columns and between rows.
    slice_spacing: float  #: Millimetres between slices; they are axial, whichever way the file stores them.
    digest: str  #: SHA-256 of the full-dose values.
    #: Whether its rows run to the front, and its columns to the right: pictures for people are turned back.
    turned: tuple[bool, bool] = (False, False)

    @cached_property
    def full(self) -> np.ndarray:
        """Full-dose HU, int16, memory-mapped, shape (slices, rows, columns)."""
        return np.load(self.folder / f"{self.key}-full.npy", mmap_mode="r")

    @cached_property
    def low(self) -> np.ndarray:
        """Low-dose HU as `full`; only of scans that are not simulated."""
        return np.load(self.folder / f"{self.key}-low.npy", mmap_mode="r")

    @cached_property
    def body(self) -> np.ndarray:
        """Number of body voxels above and left of each block's corner, shape (slices, rows // 8 + 1, columns // 8 + 1).

        A summed-area table: four look-ups tell how much of a patch is body.
        """
        return np.load(self.folder / f"{self.key}-body.npy")

    @cached_property
    def bone(self) -> np.ndarray:
        """Blocks of bone and contrast-filled vessels: slice, and row and column of the block; shape (blocks, 3)."""
        return bone_blocks(self.full)

    def __getstate__(self):
        # A process gets the names and opens the files itself: mapped arrays would travel as copies.
        return {k: v for k, v in self.__dict__.items() if k not in ("full", "low", "body", "bone")}


def cache_scans(
    patients: PatientSet, folder: Path, patch: int, progress: Callable[[int, int], None] | None = None
) -> list[CachedScan]:
    """Check every scan that takes part and put it into the cache, unless it lies there already.

    Parameters
    ----------
    patients : PatientSet
    folder : Path
        The cache; made when it is missing.
    patch : int
        Side of the patches that are to be cut out.
    progress : callable, optional
        Called with the scans done and the scans in all.

    Raises
    ------
    PatientSetError
        If anything is wrong with an image or the split; holds all problems.
    OutputError
        If the cache cannot be written.
    """
    with disk_errors(OutputError, f"cannot make the cache '{folder}'"):
        folder.mkdir(parents=True, exist_ok=True)
    scans = patients.with_role("train", "validation", "test")
    cached, problems = [], []
    for done, scan in enumerate(scans, start=1):
        try:
            key = _key(scan)
        except OSError as error:
            problems.append(f"'{error.filename or scan.full}': {error.strerror or error}; is it still there?")
            continue
        entry = _open(scan, folder, key)
        if entry is None:
            inspected, found = inspect_scan(scan, patch)
            problems += found
            if inspected:
                entry = _store(scan, folder, key, inspected)
        elif min(entry.shape[1:]) < patch:
            problems.append(f"'{scan.full}': its slices are smaller than a patch of {patch}×{patch}.")
        if entry:
            cached.append(entry)
        if progress:
            progress(done, len(scans))
    problems = split_problems(scans, {c.scan: c.digest for c in cached}) + problems
    if problems:
        raise PatientSetError(problems)
    return cached


def _key(scan: Scan) -> str:
    """Name the state of a scan's files. Raises OSError when one is missing."""
    facts: list = [_VERSION]
    for path, series in ((scan.full, scan.full_series), (scan.low, scan.low_series)):
        if path is None:
            continue
        path = path.resolve()
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        facts += [str(path), series, [(f.name, s.st_size, s.st_mtime_ns) for f in files for s in [f.stat()]]]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:20]


def _open(scan: Scan, folder: Path, key: str) -> CachedScan | None:
    """Return what lies in the cache for a scan; None when it is not whole, so that it is made anew."""
    # The facts are written last: where they are, the arrays are whole, unless someone else has been there.
    try:
        facts = _Facts(**as_fields(_Facts, parse_json(read_text(folder / f"{key}.json"))))
        slices, rows, columns = facts.shape
        shapes = {"full": facts.shape, "body": [slices, rows // BLOCK + 1, columns // BLOCK + 1]}
        if scan.low is not None:
            shapes["low"] = facts.shape
        whole = [
            is_whole(folder / f"{key}-{name}.npy", shape, np.int32 if name == "body" else np.int16)
            for name, shape in shapes.items()
        ]
    except (OSError, ValueError):
        return None
    return _cached(scan, folder, key, facts) if all(whole) else None


def is_whole(path: Path, shape: Sequence[int], dtype=np.int16) -> bool:
    """Whether a numpy file is there with all of an array of that shape and type; one that is not is made anew."""
    try:
        array = np.load(path, mmap_mode="r")  # to map a file that is too short is an error
        return array.shape == tuple(shape) and array.dtype == dtype
    except Exception:  # noqa: BLE001 - a damaged header makes numpy raise anything
        return False


@dataclass(frozen=True)
class _Facts:
    """What is kept beside the arrays of a scan, as in `CachedScan`."""

    shape: list[int]
    spacing: list[float]
    slice_spacing: float
    digest: str
    turned: list[bool] = field(default_factory=lambda: [False, False])


def _cached(scan: Scan, folder: Path, key: str, facts: _Facts) -> CachedScan:
    return CachedScan(scan, folder, key, tuple(facts.shape), tuple(facts.spacing), facts.slice_spacing, facts.digest,
                      tuple(facts.turned))


def _store(scan: Scan, folder: Path, key: str, inspected) -> CachedScan:
    planes, spacing, slice_spacing = axial_planes(inspected.full)
    full = to_int16(planes)
    arrays = {"full": full, "body": body_table(full)}
    if inspected.low is not None:
        arrays["low"] = to_int16(axial_planes(inspected.low)[0])
    for name, array in arrays.items():
        save_array(folder / f"{key}-{name}.npy", array)
    columns, rows = (axis[n] for n, axis in enumerate(np.reshape(inspected.full.geometry.direction, (3, 3)).T[:2]))
    turned = [bool(rows < 0), bool(columns < 0)]
    facts = _Facts(list(full.shape), list(spacing), slice_spacing, inspected.digest, turned)
    write_text(folder / f"{key}.json", json.dumps(asdict(facts)))
    return _cached(scan, folder, key, facts)


def with_neighbours(slices, count: int, neighbours: int, averaged: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return which slices of a scan are read for some of them, and where among these each stands.

    Parameters
    ----------
    slices : sequence of int
        The first of the slices that are averaged to each.
    count : int
        Slices of the scan.
    neighbours : int
        Slices on either side of each that are read, too, averaged alike; which, says `numbers_read`.
    averaged : int

    Returns
    -------
    numbers : numpy.ndarray
        By the first slice that is averaged to each; without neighbours these are `slices`.
    places : numpy.ndarray
        Each slice between its neighbours, as places in `numbers`: shape (slices, 2 neighbours + 1).
    """
    if not neighbours:
        return np.array(slices), np.arange(len(slices))[:, None]
    stacks = []
    for first in slices:
        number, rest = divmod(first, averaged)
        stacks.append(averaged * numbers_read(number, number + 1, (count - rest) // averaged, neighbours) + rest)
    numbers, places = np.unique(stacks, return_inverse=True)
    return numbers, places.reshape(np.shape(stacks))


def to_int16(hounsfield: np.ndarray) -> np.ndarray:
    """Round HU and keep them within the 12-bit range."""
    return np.rint(np.clip(hounsfield, LOWER, UPPER)).astype(np.int16)


def save_array(path: Path, array: np.ndarray) -> None:
    """Write a numpy file, whole or not at all."""
    with write_atomic(path) as part:
        np.save(part, array)


def body_table(full: np.ndarray) -> np.ndarray:
    """Return the summed-area table of the body voxels of blocks, see `CachedScan.body`."""
    slices, rows, columns = (n // s for n, s in zip(full.shape, (1, BLOCK, BLOCK), strict=True))
    blocks = (full[:, : rows * BLOCK, : columns * BLOCK] > BODY).reshape(slices, rows, BLOCK, columns, BLOCK)
    table = np.zeros((slices, rows + 1, columns + 1), np.int32)
    table[:, 1:, 1:] = blocks.sum(axis=(2, 4)).cumsum(1).cumsum(2)
    return table


def bone_blocks(full: np.ndarray) -> np.ndarray:
    """Return the blocks of bone and contrast-filled vessels, see `CachedScan.bone`."""
    rows, columns = (n // BLOCK for n in full.shape[1:])
    found = []
    for k, image in enumerate(full):
        # One axis after the other: five times as fast as both at once.
        sums = image[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, -1).sum(axis=1, dtype=np.int32)
        means = sums.reshape(rows, columns, BLOCK).sum(axis=2) / BLOCK**2
        places = np.argwhere((means > BONE[0]) & (means < BONE[1]))
        found.append(np.insert(places, 0, k, axis=1))
    return np.concatenate(found)
