"""What the engine asks of a method."""

from collections.abc import Callable, Sequence
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
    neighbours : int
        Slices on either side of each that it reads. A method that has no such attribute reads none.
    """

    name: str
    on_device: bool

    def prepare(self, device: str) -> None:
        """Make ready to compute on a device, by torch's name for it."""
        ...

    def correction(self, hounsfield: np.ndarray) -> np.ndarray:
        """Return what to add to a batch of slices, in HU: float32 of shape (slices, rows, columns) both ways.

        A method that reads neighbours is given so many slices more before and after the batch, see `numbers_read`.
        """
        ...


def neighbours_of(denoiser: Denoiser) -> int:
    """Return how many slices on either side of each a method reads."""
    return getattr(denoiser, "neighbours", 0)


def numbers_read(start: int, stop: int, count: int, neighbours: int, gaps: Sequence[int] = ()) -> np.ndarray:
    """Return the numbers of neighbouring slices and of those on either side of them that a method reads.

    Beyond an end of the volume, and beyond a gap, the last slice before it stands for those that are missing: a lone
    slice is its own neighbour on either side.

    Parameters
    ----------
    start, stop : int
        Which slices; no gap lies between them.
    count : int
        Slices of the volume.
    neighbours : int
        How many are read on either side, see `neighbours_of`.
    gaps : sequence of int
        Slices that the next one is no neighbour of, see `Geometry.gaps`.

    Returns
    -------
    numpy.ndarray
        Shape (stop - start + 2 * neighbours,).
    """
    first = max((k + 1 for k in gaps if k < start), default=0)
    last = min((k for k in gaps if k >= stop - 1), default=count - 1)
    return np.arange(start - neighbours, stop + neighbours).clip(first, last)


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
