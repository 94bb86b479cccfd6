"""How HU are stored: whole numbers with a slope of 1, so that every value is written exactly as rounded."""

from dataclasses import dataclass

import numpy as np

from ..errors import InputError, OutputError
from ..volumes import Volume
from ..volumes.dicom_frames import SourceSlice


@dataclass(frozen=True)
class Storage:
    """The stored form of a series; HU = stored + intercept."""

    signed: bool  #: Whether stored values are signed.
    bits: int  #: How many bits of 16 count.
    intercept: int | None = None  #: Of all slices; None leaves each slice the one of its source.

    @property
    def limits(self) -> tuple[int, int]:
        """The lowest and the highest stored value."""
        return (-(1 << self.bits - 1), (1 << self.bits - 1) - 1) if self.signed else (0, (1 << self.bits) - 1)

    def intercept_of(self, source: SourceSlice) -> int:
        return int(source.intercept) if self.intercept is None else self.intercept

    def stored(self, values: np.ndarray, source: SourceSlice) -> np.ndarray:
        """Return whole HU as stored values, little endian."""
        return (values - self.intercept_of(source)).astype("<i2" if self.signed else "<u2")

    def holds(self, lowest: int, highest: int, source: SourceSlice) -> bool:
        """Whether whole HU of that range can be stored in a slice."""
        low, high = self.limits
        intercept = self.intercept_of(source)
        return low <= lowest - intercept and highest - intercept <= high

    def is_that_of(self, source: SourceSlice) -> bool:
        """Whether the source is stored in this form, so that what its header says of stored values still holds."""
        same = (self.signed, self.bits) == (source.signed, source.bits)
        return same and source.slope == 1 and self.intercept_of(source) == source.intercept


def whole_hu(volume: Volume, array: np.ndarray, k: int) -> np.ndarray:
    """Return slice k of `array` rounded to whole HU (int64), with what was outside the image in `volume` as it was."""
    source = volume.facts["slices"][k]
    values = np.rint(array[k]).astype(np.int64)
    if source.padding:
        before = volume.array[k]
        # Fractions in float32 are compared with ends that were rounded like them.
        lowest, highest = np.array(source.padding).astype(before.dtype if before.dtype.kind == "f" else np.float64)
        outside = (before >= lowest) & (before <= highest)
        values[outside] = np.rint(before[outside]).astype(np.int64)
    return values


def _whole_intercepts(slices: list[SourceSlice]) -> bool:
    return all(float(s.intercept).is_integer() for s in slices)


def _source_storage(slices: list[SourceSlice]) -> Storage | None:
    """Return the form of the source, which is taken when it holds all values; None when it is no form for a series."""
    first = slices[0]
    same = len({(s.signed, s.bits) for s in slices}) == 1 and 12 <= first.bits <= 16
    return Storage(first.signed, first.bits) if same and _whole_intercepts(slices) else None


def choose_storage(volume: Volume, array: np.ndarray) -> Storage:
    """Return the form of the source when it holds every value, else the nearest one that does.

    Raises
    ------
    InputError
        If the array is not that of the volume's grid, or not of finite numbers.
    OutputError
        If no 16 bits hold the range of the values.
    """
    if array.shape != volume.array.shape:
        raise InputError(f"the values have the shape {array.shape}, '{volume.name}' has {volume.array.shape}.")
    if array.dtype.kind not in "iuf" or (array.dtype.kind == "f" and not np.isfinite(array).all()):
        raise InputError(f"the values for '{volume.name}' are not finite numbers; nothing was written.")
    slices = volume.facts["slices"]
    ends = []
    for k in range(len(slices)):
        values = whole_hu(volume, array, k)
        ends.append((int(values.min()), int(values.max())))
    lowest, highest = min(e[0] for e in ends), max(e[1] for e in ends)
    choices = [storage for storage in [_source_storage(slices)] if storage]
    if _whole_intercepts(slices):
        choices.append(Storage(True, 16))
    choices += [Storage(True, 16, 0), Storage(True, 16, lowest + 32768)]
    for storage in choices:
        if all(storage.holds(*end, source) for source, end in zip(slices, ends, strict=True)):
            return storage
    raise OutputError(
        f"'{volume.name}' has values from {lowest} to {highest} HU, more than 16 bits of DICOM hold exactly; "
        "write it to an .nrrd file instead."
    )
