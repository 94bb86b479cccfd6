"""One slice at the low dose that a row would be simulated with."""

import math
from dataclasses import dataclass

import numpy as np
from LDCTDenoiseLib.scan import axial_planes, measure_noise
from LDCTDenoiseLib.simulation import ScanSettings, calibrate, low_dose_noise
from LDCTDenoiseLib.volumes import Geometry, Volume, check_ct
from LDCTDenoiseSlicer.tasks import Task
from LDCTDenoiseSlicer.torch_import import importTorch

from .patient_table import Row


@dataclass(frozen=True)
class Preview:
    """A slice at two doses."""

    #: HU, of one slice where it lies in the patient.
    full: Volume
    low: Volume
    slice: int  #: Its number among the axial slices.
    dose: float  #: The middle of the row's range: a fraction of the scan's own dose.
    noise: tuple[float, float] | None  #: SD in HU of both in flat soft tissue; None where there is too little of it.


def previewTask(row: Row) -> Task:
    """Return the simulation of a row's middle slice; its `finish` returns a `Preview`."""
    role, image = row.images[0]
    read, ranges = image.reader(role), row.simulation

    def work(report) -> Preview:
        importTorch()
        volume = check_ct(read())
        planes, spacing, _ = axial_planes(volume)
        k = len(planes) // 2
        settings = calibrate(planes, spacing, ScanSettings(
            dose=_middle(ranges.dose), photons=_middle(ranges.photons), kernel_cutoff=_middle(ranges.kernel),
        ))  # fmt: skip
        full = planes[k : k + 1]
        low = full + next(low_dose_noise(full, spacing, settings, first_slice=k, device="cpu"))[1]
        noise = [measure_noise(image, spacing[::-1]) for image in (full, low)]
        return Preview(_slice(volume, full, k), _slice(volume, np.rint(low), k), k, settings.dose,
                       tuple(n.sd for n in noise) if all(noise) else None)

    return Task(work, lambda preview: preview)


def _slice(volume: Volume, plane: np.ndarray, k: int) -> Volume:
    """Return plane k of `axial_planes`, shape (1, rows, columns), as a volume of its own in the same place."""
    geometry = volume.geometry
    directions = np.reshape(geometry.direction, (3, 3))
    axis = int(np.abs(directions[2]).argmax())
    origin = geometry.origin + directions[:, axis] * geometry.spacing[axis] * k
    array = np.ascontiguousarray(np.moveaxis(plane, 0, 2 - axis))
    return Volume(array, Geometry(geometry.spacing, tuple(origin), geometry.direction), volume.name)


def _middle(ends: tuple[float, float] | None) -> float | None:
    return math.sqrt(ends[0] * ends[1]) if ends else None
