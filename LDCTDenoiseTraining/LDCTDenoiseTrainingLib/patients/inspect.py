"""Look into the images of a scan before any training: can they be a pair of CT volumes?"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from LDCTDenoiseLib.errors import LDCTError
from LDCTDenoiseLib.volumes import Geometry, Volume, check_ct, read_volume, require_same_grid

from .patient import Scan

#: Low and full dose differ by noise, which averages out: their means differ by less than this many HU.
_LARGEST_SHIFT = 60.0


@dataclass(frozen=True)
class Inspected:
    """The images of a scan that passed, and what tells them from others."""

    full: Volume
    low: Volume | None
    digest: str  #: SHA-256 of the full-dose values, to find one image under two names.

    @property
    def geometry(self) -> Geometry:
        return self.full.geometry


def inspect_scan(scan: Scan, patch: int = 0) -> tuple[Inspected | None, list[str]]:
    """Read the images of a scan and check them.

    Parameters
    ----------
    scan : Scan
    patch : int
        Side of the patches that are to be cut out of its slices.

    Returns
    -------
    inspected : Inspected or None
        None when there is a problem.
    problems : list of str
        One line each, with the file's path.
    """
    return inspect_images(
        lambda: read_volume(scan.full, scan.full_series or None), str(scan.full),
        (lambda: read_volume(scan.low, scan.low_series or None)) if scan.low else None, str(scan.low), patch,
    )


def inspect_images(
    read_full: Callable[[], Volume], full_name: str, read_low: Callable[[], Volume] | None, low_name: str, patch: int
) -> tuple[Inspected | None, list[str]]:
    """Check two images wherever they come from; as `inspect_scan`, with functions that give them and their names."""
    problems: list[str] = []
    full = _read(read_full, full_name, problems)
    low = _read(read_low, low_name, problems) if read_low else None
    if full is not None and min(full.array.shape[1:]) < patch:
        rows, columns = full.array.shape[1:]
        problems.append(f"'{full_name}': its slices of {columns}×{rows} are smaller than a patch of {patch}×{patch}.")
    if full is not None and low is not None:
        try:
            require_same_grid(low, full)
        except LDCTError as error:
            problems.append(f"'{low_name}' and '{full_name}': {error}")
        else:
            shift = float(np.mean(np.clip(low.array, -1024, 3071)) - np.mean(np.clip(full.array, -1024, 3071)))
            if abs(shift) > _LARGEST_SHIFT:
                problems.append(
                    f"'{low_name}' lies {shift:+.0f} HU off '{full_name}' on the mean: they show different things."
                )
            elif np.array_equal(low.array, full.array):
                problems.append(f"'{low_name}' and '{full_name}' are the same image; there is nothing to learn.")
    if problems or full is None:
        return None, problems
    return Inspected(full, low, digest(full.array)), []


def digest(array: np.ndarray) -> str:
    """Return the SHA-256 of an image's values in whole HU, whatever type they are stored in."""
    return hashlib.sha256(np.rint(array).astype("<i4").tobytes()).hexdigest()


def _read(read: Callable[[], Volume], name: str, problems: list[str]) -> Volume | None:
    try:
        return check_ct(read())
    except LDCTError as error:
        told = " ".join(str(error).split())
        problems.append(told if name in told else f"'{name}': {told}")
        return None
