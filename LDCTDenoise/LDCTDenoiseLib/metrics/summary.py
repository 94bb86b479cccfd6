"""The metrics of a volume: the mean of its slices' values, and their spread."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import GeometryError
from ..hounsfield import PAPER, Window
from .quality import Quality, measure_slice
from .roi import ROI

#: The figures of a `Quality` that are averaged.
FIGURES = ("psnr", "ssim", "rmse", "rmse_hu")


@dataclass(frozen=True)
class Summary:
    """Mean and standard deviation of one figure over slices; the deviation is 0 for a single slice."""

    mean: float
    sd: float

    @classmethod
    def of(cls, values) -> "Summary":
        """Summarise a sequence of numbers. Slices that are identical to the reference make the mean PSNR infinite."""
        values = np.asarray(values, dtype=float)
        if np.isfinite(values).all():
            return cls(float(values.mean()), float(values.std()))
        same = bool((values == values[0]).all())
        return cls(float(values.mean()), 0.0 if same else math.nan)


@dataclass(frozen=True)
class VolumeMeasurement:
    """The metrics of a volume or an ROI against its reference.

    Attributes
    ----------
    psnr, ssim, rmse, rmse_hu : Summary
        As in `Quality`, over the slices.
    slices : list of Quality
        The values of every slice, or the single one of an ROI.
    """

    psnr: Summary
    ssim: Summary
    rmse: Summary
    rmse_hu: Summary
    slices: list[Quality]

    @property
    def window(self) -> Window:
        return self.slices[0].window


def measure_volume(
    reference: np.ndarray,
    image: np.ndarray,
    window: Window = PAPER,
    roi: ROI | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> VolumeMeasurement:
    """Measure a volume slice by slice, or an ROI of it.

    Parameters
    ----------
    reference, image : numpy.ndarray
        HU of shape (slices, rows, columns).
    window : Window
        The display window.
    roi : ROI, optional
        Measure only these pixels.
    progress : callable, optional
        Called with the slices done and the slices in all after each slice.

    Raises
    ------
    GeometryError
        If the shapes differ.
    InputError
        If the ROI lies outside, or a slice holds NaN.
    """
    reference, image = np.asarray(reference), np.asarray(image)
    if reference.shape != image.shape:
        raise GeometryError(f"the reference has shape {reference.shape} and the image {image.shape}; they must agree.")
    if roi is None:
        pairs = list(zip(reference, image, strict=True))
    else:
        roi.check(reference.shape)
        pairs = [(roi.crop(reference), roi.crop(image))]
    slices = []
    for a, b in pairs:
        slices.append(measure_slice(a, b, window))
        if progress:
            progress(len(slices), len(pairs))
    return VolumeMeasurement(**{f: Summary.of([getattr(q, f) for q in slices]) for f in FIGURES}, slices=slices)
