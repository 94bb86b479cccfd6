"""The noise level of a scan: how much noisier it is than scans of its kernel and slices are used to be at full dose.

Networks see some pixels around each, too few to tell whether noise is a low dose or a sharp kernel. The mean frequency
of the noise tells the kernel, kernel and slice thickness how much noise a full dose has, within a factor of 1.5: what a
scan has beyond it tells the dose.
"""

import math

import numpy as np

from ..volumes.volume import Volume
from .noise import OwnNoise, measure_noise
from .planes import measured_planes

#: Over 145 scans of full dose the logarithm of the SD in HU is the first, plus the second times that of the mean
#: frequency in 1/mm, plus the third times what this exceeds the fourth by (kernels that sharpen), plus the fifth times
#: the logarithm of the slices' mm, within 0.39 (one SD, patients left out in turn). Models are trained with these
#: numbers, so they stay what they are.
_USUAL, _FREQUENCY, _SHARPER, _SHARP, _THICKNESS = 3.68, 0.57, 2.6, math.log(0.40), -0.36
#: Between which mm slices are taken to be, and what they are taken for where nothing is known of them.
_SLICES, _SLICE = (0.6, 10.0), 2.5
#: Levels beyond these say no more.
_ENDS = (-1.5, 2.5)
#: The level that a network is told where nothing is measured.
EXPECTED = 0.75
#: What it is told of a measured one: at a mean frequency in 1/mm, in between and beyond, a measured level, what is told
#: of it, and how much of what a scan has less and more is added. Kernels of 0.44 to 0.50 / mm differ most at full dose.
#: Chosen on scans that train and patients that validate, see docs/weights.md.
_TOLD = np.array([
    (0.38, 0.55, EXPECTED, 0.5, 1.25),
    (0.44, 1.2, 0.33, 0.1, 1.0),
    (0.50, 1.2, 0.33, 0.1, 1.0),
    (0.56, 0.55, 0.6, 0.5, 1.25),
])
#: Millimetres of a pixel where nothing is said of it.
_PIXEL = 0.75


def level_of_noise(sd: float, mean_frequency: float, slice_mm: float = 0.0) -> float:
    """Return the level of noise: 0 as usual at full dose, 0.69 twice that.

    Parameters
    ----------
    sd, mean_frequency : float
        HU and 1/mm, see `OwnNoise`.
    slice_mm : float
        Thickness of the slices in mm, or else their spacing; 0 where neither is known.
    """
    if sd <= 0 or mean_frequency <= 0:
        return _ENDS[0]
    kernel, slices = math.log(mean_frequency), math.log(np.clip(slice_mm or _SLICE, *_SLICES))
    usual = _USUAL + _FREQUENCY * kernel + _SHARPER * max(0.0, kernel - _SHARP) + _THICKNESS * slices
    return float(np.clip(math.log(sd) - usual, *_ENDS))


def told_level(noise: OwnNoise | None, slice_mm: float = 0.0) -> float:
    """Return the level that a network is told of a scan: what is measured, below a quarter dose's drawn towards that.

    Scans differ at full dose by as much as half a dose from a quarter, so that little noise is only partly believed,
    and less where the kernel is sharp: taken as it is, it costs 0.5 dB at a quarter dose on scans that have less noise
    than is usual (docs/weights.md). So much noise as hardly any scan has at a quarter dose is a lower one's.

    Parameters
    ----------
    noise : OwnNoise or None
        None where it cannot be measured.
    slice_mm : float
        See `level_of_noise`.
    """
    if noise is None:
        return EXPECTED
    frequencies, *columns = _TOLD.T
    at, told, less, more = (float(np.interp(noise.mean_frequency, frequencies, column)) for column in columns)
    beyond = level_of_noise(noise.sd, noise.mean_frequency, slice_mm) - at
    return told + (more if beyond > 0 else less) * beyond


def measure_level(volume) -> float:
    """Return what is told of a `Volume`, or of HU of shape (slices, rows, columns) with pixels of ordinary size."""
    if not isinstance(volume, Volume):
        return told_level(measure_noise(volume, (_PIXEL, _PIXEL)))
    planes, (columns, rows), apart = measured_planes(volume)
    return told_level(measure_noise(planes, (rows, columns)), slice_thickness(volume, apart))


def slice_thickness(volume: Volume, apart: float) -> float:
    """Return the mm of a volume's slices: what headers say, or their distance; 0 where a lone slice has none."""
    # Files of a lone slice have 1 mm where nobody gave a distance.
    unknown = len(volume.array) == 1 and apart == 1
    return volume.facts.get("thickness") or (0.0 if unknown else apart)
