"""How much of a method's correction an output shows, changed after the run."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import slicer
import vtk
from LDCTDenoiseLib.errors import InputError

from .nodes import INPUT_ROLE, requireVolume, volumeFromNode

#: Slices that are blended at a time: about 10 ms for 512×512.
_SLAB = 4

#: Bytes that all volumes kept at full strength may take together.
MOST_BYTES = 2**31


def blend(low: np.ndarray, full: np.ndarray, strength: float) -> np.ndarray:
    """Return `low + strength * (full - low)`: of integers, rounded to nearest.

    Parameters
    ----------
    low, full : numpy.ndarray
        The input, and the output at strength 1; HU of one shape and type.
    strength : float
        0 to 1.
    """
    if strength >= 1:
        return full
    if strength <= 0:
        return low
    wide = np.float32 if low.dtype.itemsize < 4 or low.dtype == np.float32 else np.float64
    start = low.astype(wide)
    mixed = start + wide(strength) * (full.astype(wide) - start)
    return (np.rint(mixed) if low.dtype.kind in "iu" else mixed).astype(low.dtype)


@dataclass
class _Kept:
    """The voxels of an output at strength 1, and which of its slices they hold already."""

    full: np.ndarray
    known: np.ndarray
    node: vtk.vtkWeakReference


class Strengths:
    """The outputs whose strength can be changed without another run.

    What is needed is the output at strength 1. An output that shows it now is enough; its voxels are copied the
    first time that the strength is turned down. An output made at a lower strength can be changed when `keep` was
    called for it.
    """

    def __init__(self):
        self._kept: list[_Kept] = []

    def keep(self, output, full: np.ndarray) -> None:
        """Remember an output's voxels at strength 1, shape (slices, rows, columns)."""
        self._remember(output, full, True)

    def forget(self, output) -> None:
        """Let go of what is kept for an output: it was made anew."""
        self._kept = [kept for kept in self._kept if kept.node.Get() is not output]

    def _find(self, output) -> _Kept | None:
        # What was kept for outputs that have left the scene goes with them.
        self._kept = [kept for kept in self._kept if kept.node.Get() is not None and kept.node.Get().GetScene()]
        return next((kept for kept in self._kept if kept.node.Get() is output), None)

    def _remember(self, output, full: np.ndarray, known: bool) -> _Kept:
        self.forget(output)
        reference = vtk.vtkWeakReference()
        reference.Set(output)
        self._kept.append(_Kept(full, np.full(len(full), known), reference))
        return self._kept[-1]

    def steps(self, output, strength: float, first: int = 0, noiseLeft: str | None = None) -> Iterator[int]:
        """Change an output's strength, some slices at a time, beginning with slice `first`.

        `noiseLeft` are words for the record: that the strength was chosen by the noise to leave.

        Yields
        ------
        int
            Slices that are done. Until the iteration has ended the output is a mixture of two strengths.

        Raises
        ------
        InputError
            If the strength is not between 0 and 1, or the output at full strength is not known any more.
        """
        if not 0 <= strength <= 1:
            raise InputError(f"the strength must lie between 0 and 1, not {strength:g}.")
        shown = volumeFromNode(output, "output volume").array
        low = self._input(output, shown)
        kept = self._find(output)
        if kept is None or kept.full.shape != shown.shape or kept.full.dtype != shown.dtype:
            if float(output.GetAttribute("LDCTDenoise.Strength") or 1) != 1:
                raise InputError(
                    f"'{output.GetName()}' was not made at full strength in this session; press Apply to make it anew."
                )
            if strength == 1:
                return
            if sum(k.full.nbytes for k in self._kept) + shown.nbytes > MOST_BYTES:
                raise InputError(
                    f"there is no room to keep one more volume at full strength beside '{output.GetName()}'; press "
                    "Apply to make it anew at another strength."
                )
            kept = self._remember(output, np.empty_like(shown), False)
        done = 0
        for slab in self._slabs(len(shown), first):
            if not kept.known[slab].all():
                kept.full[slab] = shown[slab]
                kept.known[slab] = True
            shown[slab] = blend(low[slab], kept.full[slab], strength)
            done += slab.stop - slab.start
            if done <= _SLAB or done == len(shown):
                # Announced at once for the slice that is looked at, and once more for all.
                with slicer.util.NodeModify(output):
                    output.SetAttribute("LDCTDenoise.Strength", f"{strength:g}")
                    output.SetAttribute("LDCTDenoise.NoiseLeft", noiseLeft)
                    slicer.util.arrayFromVolumeModified(output)
            yield done

    def full(self, output) -> np.ndarray:
        """Return an output's voxels at strength 1, shape (slices, rows, columns), not to be written to.

        Raises
        ------
        InputError
            If they are not known any more.
        """
        shown, kept = volumeFromNode(output, "output volume").array, self._find(output)
        if kept is not None and kept.full.shape == shown.shape:
            if kept.known.all():
                return kept.full
            full = kept.full.copy()
            full[~kept.known] = shown[~kept.known]
            return full
        if float(output.GetAttribute("LDCTDenoise.Strength") or 1) != 1:
            raise InputError(
                f"'{output.GetName()}' was not made at full strength in this session; take it from the list and press "
                "Apply to make it anew."
            )
        return shown

    def set(self, output, strength: float) -> None:
        """Change an output's strength in one go; errors as for `steps`."""
        for _ in self.steps(output, strength):
            pass

    @staticmethod
    def _slabs(count: int, first: int) -> list[slice]:
        slabs = [slice(start, min(start + _SLAB, count)) for start in range(0, count, _SLAB)]
        return sorted(slabs, key=lambda slab: not slab.start <= first < slab.stop)

    @staticmethod
    def _input(output, shown: np.ndarray) -> np.ndarray:
        requireVolume(output, "output volume")
        source = output.GetNodeReference(INPUT_ROLE)
        if source is None:
            raise InputError(f"the input that '{output.GetName()}' was made from is not in the scene any more.")
        low = volumeFromNode(source, "low-dose volume").array
        if low.shape != shown.shape or low.dtype != shown.dtype:
            raise InputError(f"'{source.GetName()}' is not what '{output.GetName()}' was made from any more.")
        return low
