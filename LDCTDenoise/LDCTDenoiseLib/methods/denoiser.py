"""What the engine asks of a method."""

from collections.abc import Callable
from typing import Protocol

import numpy as np


class Denoiser(Protocol):
    """A method that can correct a batch of slices.

    Attributes
    ----------
    name : str
        The method's name, as the user reads it.
    on_device : bool
        Whether the work runs on the device that `prepare` was given; methods that do not always use the CPU.
    """

    name: str
    on_device: bool

    def prepare(self, device: str) -> None:
        """Make ready to compute on a device, by torch's name for it."""
        ...

    def correction(self, hounsfield: np.ndarray) -> np.ndarray:
        """Return what to add to a batch of slices, in HU: float32 of shape (slices, rows, columns) both ways."""
        ...


def told(denoiser: Denoiser, level: Callable[[], float]) -> Denoiser:
    """Return the denoiser of scans of a noise level (`scan.level`), asked for only where the method reads it."""
    return denoiser.at_noise_level(level()) if getattr(denoiser, "reads_noise_level", False) else denoiser


def start(denoiser: Denoiser, hounsfield: np.ndarray) -> Callable[[], np.ndarray]:
    """Begin a correction and return a callable that waits for it and returns it.

    A denoiser that can work while its caller does something else has a method `start(hounsfield)` of this kind; one
    that has none does all its work when the result is asked for.
    """
    begin = getattr(denoiser, "start", None)
    return begin(hounsfield) if begin else lambda: denoiser.correction(hounsfield)
