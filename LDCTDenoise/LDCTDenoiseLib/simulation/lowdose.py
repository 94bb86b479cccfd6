"""A lower dose for a full-dose volume, slice by slice, with progress and a way to stop."""

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from ..engine import Device, Progress, choose_device
from ..errors import InputError
from ..requirements import require
from ..scan.planes import axial_planes
from ..volumes.volume import Volume
from .calibration import AIR, PADDING_BELOW, calibrate
from .settings import ScanSettings

#: Slices that share a table of samples. Bounded by pixels too, which is what takes memory.
MOST_SLICES, MOST_PIXELS = 8, 8 * 512 * 512


def simulate_low_dose(
    volume: Volume,
    *,
    noise_free: bool = False,
    first_slice: int = 0,
    device: str = "auto",
    progress: Callable[[Progress], None] | None = None,
    **scan,
) -> Volume:
    """Return a full-dose volume as a scan at a lower dose would show it.

    Parameters
    ----------
    volume : Volume
        HU.
    noise_free, first_slice, device
        See `low_dose_noise`.
    progress : callable, optional
        Called with a `Progress` after every batch.
    **scan
        Fields of `ScanSettings`: dose, photons, kernel_cutoff, seed, views.

    Returns
    -------
    Volume
        Full dose plus noise on the same grid, in the input's type.

    Raises
    ------
    InputError, DeviceError
        See `low_dose_noise`.
    """
    run = LowDoseRun(volume, ScanSettings(**scan), noise_free=noise_free, first_slice=first_slice, device=device)
    for step in run:
        if progress:
            progress(step)
    return run.output


class LowDoseRun:
    """One simulation of a lower dose; iterate it to do the work, end the loop to stop.

    Each step yields a `Progress`. Parameters and errors as for `low_dose_noise`, with a `Volume` instead of an array.

    Attributes
    ----------
    output : Volume
        Full dose plus noise, in the input's type: integers are rounded. Complete when every slice is done.
    """

    def __init__(
        self,
        volume: Volume,
        settings: ScanSettings | None = None,
        *,
        noise_free: bool = False,
        first_slice: int = 0,
        device: str = "auto",
    ):
        self._device = _device(device)
        planes, spacing, _ = axial_planes(volume)
        self._noise = low_dose_noise(
            planes, spacing, settings, noise_free=noise_free, first_slice=first_slice, device=device
        )
        self.output = volume.with_array(np.array(volume.array))

    def __iter__(self) -> Iterator[Progress]:
        array, _, _ = axial_planes(self.output)
        started = time.monotonic()
        for k, noise in self._noise:
            array[k] = _with_noise(array[k], noise)
            done = k + 1
            seconds = time.monotonic() - started
            yield Progress(done, len(array), seconds, seconds / done * (len(array) - done), self._device)


def low_dose_noise(
    array: np.ndarray,
    pixel_spacing: tuple[float, float],
    settings: ScanSettings | None = None,
    *,
    noise_free: bool = False,
    first_slice: int | Sequence[int] = 0,
    device: str = "auto",
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield, slice by slice, the noise that a lower dose adds.

    The full-dose image is projected, the noise that fewer photons add to each ray is drawn, and that noise alone is
    reconstructed: the image itself is never reconstructed again. After Yu et al., J Comput Assist Tomogr 36:477
    (2012), and Zeng et al., IEEE Trans Nucl Sci 62:2226 (2015).

    Parameters
    ----------
    array : numpy.ndarray
        HU of shape (slices, rows, columns). Values below -1500 are padding: they count as air and get no noise.
    pixel_spacing : tuple of float
        Distance in mm between neighbouring columns and between neighbouring rows.
    settings : ScanSettings, optional
        Dose, photons, kernel, seed. Default: a quarter of the dose. What it does not say of photons and kernel is
        measured in the array, see `calibrate`.
    noise_free : bool
        The image has no noise of its own (a phantom): yield all the noise of a scan at `settings.dose`, which may be
        1. Otherwise the noise is what is missing between full dose and the lower one, at a dose of 1 none.
    first_slice : int or sequence of int
        Number of the first slice, when the array is part of a larger volume, or of each: the same slice gets the same
        noise.
    device : str
        "auto", "cpu", "cuda", "cuda:N" or "mps"; in place of the last the CPU works.

    Yields
    ------
    k : int
        Index of the slice in the array.
    noise : numpy.ndarray
        HU, shape (rows, columns), float32; zero in padding and outside the scan field.

    Raises
    ------
    InputError
        If the array is not a volume of finite numbers, or a pixel spacing or the first slice makes no sense.
    DeviceError
        If the device is unknown or absent.
    """
    settings = settings or ScanSettings()
    _check(array, pixel_spacing, first_slice)
    require("torch")
    name = _device(device).name
    if noise_free:
        settings = settings.with_defaults()
    if settings.dose != 1:
        settings = calibrate(array, tuple(pixel_spacing), settings, name)
    return _noise(array, tuple(pixel_spacing), settings, noise_free, first_slice, name)


def _noise(array, pixel_spacing, settings, noise_free, first_slice, device):
    from .insertion import noise_of_slices  # torch

    batch = max(1, min(MOST_SLICES, MOST_PIXELS // array[0].size))
    numbers = range(first_slice, first_slice + len(array)) if isinstance(first_slice, int) else first_slice
    for first in range(0, len(array), batch):
        part = array[first : first + batch]
        padding = part < PADDING_BELOW
        if settings.dose == 1 and not noise_free:
            noise = np.zeros(part.shape, np.float32)
        else:
            hounsfield = np.where(padding, AIR, part).astype(np.float32)
            of_part = list(numbers[first : first + len(part)])
            noise = noise_of_slices(hounsfield, of_part, pixel_spacing, settings, noise_free, device)
            noise[padding] = 0
        yield from enumerate(noise, start=first)


def _device(choice: str) -> Device:
    """Return the device for a choice; Apple's lacks the double precision that angles are computed in."""
    device = choose_device(choice)
    return choose_device("cpu") if device.name == "mps" else device


def _check(array: np.ndarray, pixel_spacing, first_slice: int) -> None:
    """Raise `InputError` unless this is a volume of finite numbers with a pixel spacing."""
    if array.ndim != 3 or array.size == 0:
        raise InputError(f"a volume has slices, rows and columns; this array has the shape {array.shape}.")
    if array.dtype.kind not in "iuf":
        raise InputError(f"a volume holds real numbers in HU, not {array.dtype}.")
    if not np.isfinite(array).all():
        raise InputError("the volume holds values that are not numbers (NaN or infinite); replace them first.")
    if len(pixel_spacing) != 2 or not all(np.isfinite(step) and step > 0 for step in pixel_spacing):
        raise InputError(f"the pixel spacing must be two positive numbers in mm, not {tuple(pixel_spacing)}.")
    if np.min(first_slice) < 0:
        raise InputError(f"the number of the first slice must be 0 or more, not {first_slice}.")


def _with_noise(full: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Add noise in HU to a slice, in the slice's own type; noise never turns air into padding."""
    low = full.astype(np.float64) + noise
    if full.dtype.kind in "iu":
        limits = np.iinfo(full.dtype)
        low = np.rint(low).clip(limits.min, limits.max)
    return np.where(full < PADDING_BELOW, full, np.maximum(low, PADDING_BELOW).astype(full.dtype))
