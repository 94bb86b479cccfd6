"""Refuse what is not CT before any work is done on it."""

import math
from dataclasses import replace

import numpy as np

from ..errors import InputError, warn
from .hu_check import has_air, looks_like_hounsfield, looks_like_labels, looks_offset, not_hounsfield
from .volume import Volume

# float32 counts every whole number up to here; no HU is near it.
_LARGEST = 1 << 24
_INT16 = np.iinfo(np.int16)


def check_ct(volume: Volume, hu_offset: float | None = None) -> Volume:
    """Check that a volume can be CT in HU.

    Parameters
    ----------
    volume : Volume
        Shape (slices, rows, columns).
    hu_offset : float, optional
        What to add to every value to make it HU, such as -1024 for HU that were stored with 1024 added. With 0 the
        user says that the values are HU, and whether they look so is not asked.

    Returns
    -------
    Volume
        The same object, or with `hu_offset` a new one: int16 when the values allow it, else float32 (float64 stays).

    Raises
    ------
    InputError
        If the volume is empty, not numeric, constant, has NaN or infinite values, is a label map, or has values that
        do not look like HU.

    Warns
    -----
    LDCTWarning
        If there is no air in it, so that nothing tells the scale.
    """
    name, array = volume.name, volume.array
    if array.size == 0:
        raise InputError(f"'{name}' has no voxels; give a CT volume.")
    if array.ndim != 3:
        raise InputError(f"'{name}' has {array.ndim} axes instead of slices, rows and columns; give one CT volume.")
    if array.dtype.kind not in "biuf":
        raise InputError(f"'{name}' holds values of type {array.dtype}, not numbers; give a CT volume.")
    _require_finite(name, array)
    lowest, highest = array.min(), array.max()
    if lowest == highest:
        raise InputError(f"'{name}' is empty: every voxel is {lowest:g}; give a CT volume with an image in it.")
    is_offset = array.dtype.kind != "b" and looks_offset(array)
    # A phantom without noise has few values as well: soft tissue near 1050 tells it from a label map.
    if array.dtype.kind == "b" or (not is_offset and looks_like_labels(array)):
        raise InputError(
            f"'{name}' looks like a label map (segmentation), with few whole numbers from {int(lowest)} to "
            f"{int(highest)}; give the CT volume it was made from."
        )
    if hu_offset:
        offset = float(hu_offset)
        volume = replace(volume, array=_add(name, array, offset), facts=_shifted(volume.facts, offset))
        array, is_offset = volume.array, looks_offset(volume.array)
    if hu_offset != 0:
        _require_hounsfield(name, array, is_offset)
    return volume


def _require_hounsfield(name: str, array: np.ndarray, is_offset: bool) -> None:
    if is_offset:
        raise InputError(
            f"'{name}' is not in HU: its values look stored with an offset of +1024 (or +1000), with soft tissue near "
            "1050 and nothing below 0; add -1024 (or -1000) to every value, on the command line with --hu-offset -1024."
        )
    if why := not_hounsfield(array):
        raise InputError(
            f"'{name}' is not in HU: its values from {array.min():g} to {array.max():g} {why}; give the CT volume with "
            "its original values (--hu-offset 0 takes them as HU all the same)."
        )
    if not has_air(array):
        warn(
            f"'{name}' has no air in it by which its scale could be known; its values from {array.min():g} to "
            f"{array.max():g} are taken as HU.",
            up=2,
        )


def _require_finite(name: str, array: np.ndarray) -> None:
    if array.dtype.kind != "f":
        return
    bad = ~np.isfinite(array)
    count = int(np.count_nonzero(bad))
    if count:
        k, j, i = np.unravel_index(int(bad.argmax()), array.shape)
        raise InputError(
            f"'{name}' has {count} voxel{'s' * (count != 1)} that {'are' if count != 1 else 'is'} NaN or infinite, the "
            f"first at (i, j, k) = ({i}, {j}, {k}); replace them, for example with -1024 (air)."
        )


def _shifted(facts: dict, offset: float) -> dict:
    """Return the facts of a volume whose values were shifted: what is written back to DICOM must know."""
    if "slices" not in facts:
        return facts
    return {**facts, "slices": [part.shifted(offset) for part in facts["slices"]]}


def _add(name: str, array: np.ndarray, offset: float) -> np.ndarray:
    """Add an offset in a type that holds the result."""
    if not math.isfinite(offset) or abs(offset) > 32768:
        raise InputError(f"a HU offset of {offset:g} cannot be; give a number such as -1024.")
    if offset <= -500 and looks_like_hounsfield(array):
        raise InputError(f"'{name}' is in HU already, with air near -1000; leave out --hu-offset {offset:g}.")
    lowest, highest = float(array.min()) + offset, float(array.max()) + offset
    if max(-lowest, highest) > _LARGEST:
        raise InputError(f"'{name}' has values up to {max(-lowest, highest):g}, too large for HU; give a CT volume.")
    if array.dtype.kind == "f":
        return array + array.dtype.type(offset) if array.dtype.itemsize >= 4 else array.astype(np.float32) + offset
    if offset.is_integer() and _INT16.min <= lowest and highest <= _INT16.max:
        return (array.astype(np.int64) + int(offset)).astype(np.int16)
    return (array.astype(np.float64) + offset).astype(np.float32)
