"""What exposure and kernel a scan was made with, as far as its own noise tells."""

import math
from dataclasses import replace

import numpy as np

from ..errors import warn
from ..hounsfield import NEVER_TOUCHED
from ..scan.noise import FEWEST_WINDOWS, HIGHEST_FREQUENCY, OwnNoise, noise_in, scan_windows
from .settings import DEFAULT_PHOTONS, ScanSettings

#: HU below this are padding outside the scanner's field, and HU that padding counts as in the projections.
PADDING_BELOW, AIR = NEVER_TOUCHED[0], -1000.0

#: Slices, views and rounds of the simulations that the exposure is found with, and when the noise is near enough.
_SLICES, _VIEWS, _ROUNDS, _NEAR = 6, 288, 4, 0.015
#: Part of the windows of the slice with most that a slice needs to be looked at, and for the spectrum to rest on it.
_SHARE_FOR_SD, _SHARE_FOR_SPECTRUM = 0.25, 0.4
#: Dose at which the noise is compared: what a lower dose adds is what matters, and this lies in the middle.
_DOSE = 0.25
#: 1/mm between which every kernel follows the ramp, and below which a spectrum of windows of 10 mm says little.
_RAMP = (0.1, 0.22)
#: At how many frequencies a kernel is told.
_POINTS = 33
#: How much a kernel may be raised or lowered in one round, and its largest value.
_LARGEST_CHANGE, _LARGEST_GAIN = 2.5, 12.0


def calibrate(
    array: np.ndarray, pixel_spacing: tuple[float, float], settings: ScanSettings | None = None, device: str = "cpu"
) -> ScanSettings:
    """Return settings whose simulated noise is the scan's own: its SD and its spectrum in flat soft tissue.

    A scan's noise of variance v becomes v / a at a dose a, so that the lower dose adds (1 - a) / a · v. Nothing about
    this needs to be known but v, which is measured; exposure and kernel are then chosen so that a quarter dose adds
    √3 of the scan's own SD where it was measured, with its frequencies. Elsewhere physics decides.

    Parameters
    ----------
    array : numpy.ndarray
        HU, shape (slices, rows, columns), axial slices.
    pixel_spacing : tuple of float
        Millimetres between columns and between rows.
    settings : ScanSettings, optional
        What it says of photons or kernel stays.
    device : str
        By torch's name.

    Returns
    -------
    ScanSettings
        Complete. Where the noise cannot be measured, photons and kernel are defaults and an `LDCTWarning` says so.
    """
    settings = settings or ScanSettings()
    if settings.complete:
        return settings
    pixel = (pixel_spacing[1], pixel_spacing[0])
    windows = scan_windows(array, pixel)
    if len(windows) < FEWEST_WINDOWS:
        return _default(settings)
    part, places, fullest = _full_slices(array, windows)
    own = _noise_in(part, pixel, places, fullest)
    if own.sd < 0.5:
        return _default(settings)
    photons = settings.photons or DEFAULT_PHOTONS * (13 / own.sd) ** 2
    kernel = settings.kernel
    if kernel is None and settings.kernel_cutoff is None:
        kernel = _kernel_of(own)
    found = replace(settings, photons=photons, kernel=kernel)
    wanted = own.sd * math.sqrt(1 / _DOSE - 1)
    for _ in range(_ROUNDS):
        noise = _simulated(part, pixel_spacing, replace(found, dose=_DOSE, seed=0, views=_VIEWS), device)
        made = _noise_in(noise, pixel, places, fullest)
        ratio = made.sd / wanted
        if settings.kernel is None and settings.kernel_cutoff is None:
            found = replace(found, kernel=_corrected(found.kernel, own, made))
        if settings.photons is None:
            found = replace(found, photons=float(np.clip(found.photons * ratio**2, 5.0, 1e7)))
        if abs(ratio - 1) < _NEAR and abs(made.mean_frequency / own.mean_frequency - 1) < 2 * _NEAR:
            break
    overall = noise_in(array, pixel, windows)
    return replace(found, slice_correlation=settings.slice_correlation or round(overall.slice_correlation, 3))


def _default(settings: ScanSettings) -> ScanSettings:
    settings = settings.with_defaults()
    warn(
        "the scan's own noise cannot be measured (too little flat soft tissue, or none of it noisy): a dose is "
        f"simulated as of {settings.photons:g} photons with a standard kernel; give --photons and "
        "--kernel-cutoff to choose.",
        up=3,
    )
    return settings


def _full_slices(array: np.ndarray, windows):
    """Return slices with many windows, spread over the scan, without padding, these windows, and those of the fullest.

    Where the tube's current changes along the patient, slices of the chest have another noise than its physics says,
    so that two of the less full count for the SD. Few windows hide anatomy: the spectrum rests on the fullest slices.
    """
    numbers, counts = np.unique([k for k, _, _ in windows], return_counts=True)
    share = counts / counts.max()
    fullest = _spread(numbers[share >= _SHARE_FOR_SPECTRUM], _SLICES)
    chosen = sorted(fullest + _spread(numbers[(share >= _SHARE_FOR_SD) & (share < _SHARE_FOR_SPECTRUM)], 2))
    part = array[chosen].astype(np.float32)
    part[part < PADDING_BELOW] = AIR
    places = [(chosen.index(k), j, i) for k, j, i in windows if k in chosen]
    return part, places, [place for place in places if chosen[place[0]] in fullest]


def _spread(numbers: np.ndarray, count: int) -> list[int]:
    """Return at most `count` of sorted numbers, evenly from the first to the last."""
    return sorted({int(numbers[int(n)]) for n in np.linspace(0, len(numbers) - 1, min(count, len(numbers)))})


def _noise_in(array: np.ndarray, pixel: tuple[float, float], places, fullest) -> OwnNoise:
    """Return the noise whose SD is that of all places, and whose spectrum that of the fullest slices'."""
    noise = noise_in(array, pixel, places, across=False)
    if len(fullest) == len(places):
        return noise
    return replace(noise_in(array, pixel, fullest, across=False), sd=noise.sd)


def _simulated(part: np.ndarray, pixel_spacing, settings: ScanSettings, device: str) -> np.ndarray:
    from .insertion import noise_of_slices  # torch

    return noise_of_slices(part, list(range(len(part))), pixel_spacing, settings, False, device)


def _kernel_of(noise: OwnNoise) -> tuple[float, ...]:
    """Return the kernel of a spectrum: a reconstruction's noise power is frequency times kernel².

    The spectrum's lowest frequencies hold anatomy, and every kernel keeps the mean: there the gain is that of `_RAMP`.
    """
    frequency, power = np.array(noise.frequency), np.array(noise.power)
    gain = np.sqrt(power / frequency.clip(frequency[1]))
    return _tabulated(frequency, gain)


def _corrected(kernel: tuple[float, ...], own: OwnNoise, made: OwnNoise) -> tuple[float, ...]:
    """Return the kernel that brings the spectrum of the noise that was made nearer to the scan's own."""
    frequency = np.array(own.frequency)
    wanted, found = (np.array(n.power) / n.sd**2 for n in (own, made))
    floor = 0.02 * found.max()
    change = np.sqrt((wanted + floor) / (found + floor)).clip(1 / _LARGEST_CHANGE, _LARGEST_CHANGE)
    return _tabulated(frequency, change * np.interp(frequency, np.linspace(0, frequency[-1], len(kernel)), kernel))


def _tabulated(frequency: np.ndarray, gain: np.ndarray) -> tuple[float, ...]:
    ramp = (frequency >= _RAMP[0]) & (frequency <= _RAMP[1])
    gain = gain / (gain[ramp].mean() or 1.0)
    gain[frequency < _RAMP[0]] = 1.0
    points = np.linspace(0, HIGHEST_FREQUENCY, _POINTS)
    return tuple(round(float(g), 4) for g in np.interp(points, frequency, gain.clip(0, _LARGEST_GAIN)))
