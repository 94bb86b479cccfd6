"""One slice at the low dose that a row would be simulated with."""

import math
from dataclasses import dataclass

import numpy as np
from LDCTDenoiseLib.simulation import simulate_low_dose
from LDCTDenoiseLib.volumes import check_ct
from LDCTDenoiseSlicer.tasks import Task
from LDCTDenoiseSlicer.torch_import import importTorch

from .patient_table import Row


@dataclass(frozen=True)
class Preview:
    """A slice at two doses.

    Attributes
    ----------
    full, low : numpy.ndarray
        HU, shape (rows, columns).
    slice : int
        Its index k.
    dose, photons, kernel : float
        The middle of the row's ranges.
    """

    full: np.ndarray
    low: np.ndarray
    slice: int
    dose: float
    photons: float
    kernel: float


def previewTask(row: Row) -> Task:
    """Return the simulation of a row's middle slice; its `finish` returns a `Preview`."""
    role, image = row.images[0]
    read, ranges = image.reader(role), row.simulation
    dose, photons = (math.sqrt(lower * upper) for lower, upper in (ranges.dose, ranges.photons))
    kernel = sum(ranges.kernel) / 2

    def work(report) -> Preview:
        importTorch()
        volume = check_ct(read())
        k = len(volume.array) // 2
        full = volume.array[k : k + 1]
        low = simulate_low_dose(volume.with_array(full), first_slice=k, dose=dose, photons=photons,
                                kernel_cutoff=kernel, device="cpu")
        return Preview(np.array(full[0]), low.array[0], k, dose, photons, kernel)

    return Task(work, lambda preview: preview)
