"""Whole volumes, timed from array to array and from DICOM files to DICOM files."""

import tempfile
import time
from pathlib import Path

import numpy as np

from ..derived import Provenance, write_derived_series
from ..engine import DenoiseRun, Device
from ..methods import make_denoiser
from ..phantom import write_series
from ..volumes import read_volume


def seconds_of_arrays(method: str, device: Device, volume: np.ndarray) -> dict[str, float]:
    """Return the seconds to the first and to the last denoised slice of a volume in memory."""
    started = time.perf_counter()
    first = 0.0
    for _ in DenoiseRun(volume, make_denoiser(method), device):
        first = first or time.perf_counter() - started
    return {"seconds_to_first_slice": first, "seconds_array_to_array": time.perf_counter() - started}


def seconds_of_dicom(method: str, device: Device, volume: np.ndarray) -> float:
    """Return the seconds from a folder with a DICOM series to a folder with the denoised one."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "source"), Path(folder, "target")
        write_series(volume, source)
        started = time.perf_counter()
        low = read_volume(source)
        run = DenoiseRun(low.array, make_denoiser(method), device)
        for _ in run:
            pass
        write_derived_series(low, run.output, target, Provenance.of_run(run))
        return time.perf_counter() - started
