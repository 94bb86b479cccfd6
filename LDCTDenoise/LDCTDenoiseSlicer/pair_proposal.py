"""Which volumes of a scene are low dose and full dose: by their names, and else by their noise."""

import re
from dataclasses import dataclass

import numpy as np
import slicer.util
from LDCTDenoiseLib.errors import LDCTError

from .measuring import requireSameGrid
from .nodes import INPUT_ROLE, nodesOf

_FULL = re.compile(r"(?<![a-z])(fdct|ndct|full|normal|routine|standard)(?![a-z])", re.IGNORECASE)
_LOW = re.compile(r"(?<![a-z])(ldct|low|quarter|half|reduced|ultra.?low|uld)(?![a-z])", re.IGNORECASE)

#: HU of soft tissue, in which noise is looked for; and how much noisier low dose must be to be told by that.
_TISSUE, _NOISIER = (-60, 160), 1.15

#: From the median of the absolute difference of two neighbours to the SD of white noise.
_TO_SD = 1 / (0.6745 * np.sqrt(2))


@dataclass(frozen=True)
class PairProposal:
    """What is proposed, and why."""

    low: object = None
    full: object = None
    words: str = ""  #: For the user; empty where there is nothing to propose.


def proposePair(scene) -> PairProposal:
    """Propose low dose and full dose among the volumes of a scene that no method made.

    Two on one grid are told apart by words in their names ("low", "LDCT", "quarter"; "full", "FDCT", "routine"), else
    by the noise between neighbouring pixels of soft tissue. One alone is taken for low dose.
    """
    # By class name: label maps and vector volumes are scalar volumes, too, by inheritance.
    volumes = [v for v in nodesOf(scene, "vtkMRMLScalarVolumeNode")
               if v.GetClassName() == "vtkMRMLScalarVolumeNode" and not v.GetHideFromEditors()
               and v.GetImageData() is not None and v.GetNodeReference(INPUT_ROLE) is None]
    if not volumes:
        return PairProposal()
    named = [v for v in volumes if _LOW.search(v.GetName())]
    for low in named or volumes:
        for full in volumes:
            if full is low or not _onOneGrid(low, full):
                continue
            if _LOW.search(low.GetName()) and not _LOW.search(full.GetName()):
                return PairProposal(low, full, f"By their names: '{low.GetName()}' is low dose, '{full.GetName()}' is "
                                               "full dose. Swap them if it is the other way round.")
            if _FULL.search(full.GetName()) and not _FULL.search(low.GetName()):
                return PairProposal(low, full, f"By its name '{full.GetName()}' is full dose, and "
                                               f"'{low.GetName()}' its low dose. Swap them if it is not so.")
            noises = [roughNoise(v) for v in (low, full)]
            if all(noises) and max(noises) > _NOISIER * min(noises):
                low, full = (low, full) if noises[0] > noises[1] else (full, low)
                noises.sort(reverse=True)
                return PairProposal(
                    low, full, f"By their noise: '{low.GetName()}' (about {noises[0]:.0f} HU between pixels) is low "
                               f"dose, '{full.GetName()}' ({noises[1]:.0f} HU) full dose. Swap them if it is not so.")
    low = (named or volumes)[0]
    return PairProposal(low, None, f"'{low.GetName()}' is taken for low dose; choose another if it is not.")


def roughNoise(node) -> float | None:
    """Return the SD in HU of noise between neighbouring pixels of soft tissue in the middle slice, or None."""
    array = slicer.util.arrayFromVolume(node)
    if array.ndim != 3:
        return None
    image = array[len(array) // 2].astype(np.float32)
    left, right = image[:, :-1], image[:, 1:]
    tissue = (left > _TISSUE[0]) & (left < _TISSUE[1]) & (right > _TISSUE[0]) & (right < _TISSUE[1])
    if np.count_nonzero(tissue) < 100:
        return None
    return float(np.median(np.abs(left - right)[tissue]) * _TO_SD) or None


def _onOneGrid(first, second) -> bool:
    try:
        requireSameGrid(first, second)
    except LDCTError:
        return False
    return True
