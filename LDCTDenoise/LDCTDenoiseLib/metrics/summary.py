"""The metrics of a volume: the mean of its slices' values, and their spread."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..errors import GeometryError
from ..hounsfield import PAPER, Window
from .quality import Quality, Reference, psnr_of
from .roi import ROI


@dataclass(frozen=True)
class Summary:
    """Mean and standard deviation of one metric over slices; the deviation is 0 for a single slice."""

    mean: float
    sd: float


@dataclass(frozen=True)
class VolumeMeasurement:
    """The metrics of a volume or an ROI against its reference.

    `measurement["psnr"]` is the `Summary` of a metric, by its key, over the slices that differ from the reference.
    A slice that is equal to it within the window, such as one of air, has no PSNR, and would make a mean better than
    any denoiser: `equal` names those. When all are equal, all count.
    """

    slices: list[Quality]  #: The values of every slice, or the single one of an ROI.

    @property
    def equal(self) -> list[int]:
        """The slices that are left out of the means, by their place in `slices`."""
        equal = [k for k, quality in enumerate(self.slices) if quality.equal]
        return equal if len(equal) < len(self.slices) else []

    def __getitem__(self, metric: str) -> Summary:
        left_out = set(self.equal)
        values = [getattr(quality, metric) for k, quality in enumerate(self.slices) if k not in left_out]
        if all(value == values[0] for value in values):  # also where all are infinite, whose SD numpy makes NaN
            return Summary(values[0], 0.0)
        return Summary(float(np.mean(values)), float(np.std(values)))

    @property
    def psnr_all(self) -> float:
        """PSNR in dB over the voxels of all slices at once, those that are equal included."""
        return psnr_of(math.sqrt(np.mean([quality.rmse**2 for quality in self.slices])))

    @property
    def window(self) -> Window:
        return self.slices[0].window


def measure_volumes(
    reference: np.ndarray,
    images: dict[str, np.ndarray],
    window: Window = PAPER,
    roi: ROI | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, VolumeMeasurement]:
    """Measure volumes slice by slice, or an ROI of each, against one reference.

    Parameters
    ----------
    reference : numpy.ndarray
        HU of shape (slices, rows, columns).
    images : dict of str to numpy.ndarray
        What to measure, by label, of the same shape.
    window : Window
        The display window.
    roi : ROI, optional
        Measure only these pixels.
    progress : callable, optional
        Called after each slice of each image with those done and those in all.

    Raises
    ------
    GeometryError
        If the shapes differ.
    InputError
        If the ROI lies outside, or a slice holds NaN.
    """
    reference, images = np.asarray(reference), {label: np.asarray(image) for label, image in images.items()}
    for image in images.values():
        if reference.shape != image.shape:
            raise GeometryError(
                f"the reference has shape {reference.shape} and the image {image.shape}; they must agree."
            )
    if roi is not None:
        roi.check(reference.shape)
    qualities: dict[str, list[Quality]] = {label: [] for label in images}
    count = len(reference) if roi is None else 1
    for k in range(count):
        part = roi.crop if roi is not None else partial(_slice, k)
        # Prepared once for all images, which is a third of the work.
        compared = Reference(part(reference), window)
        for n, (label, image) in enumerate(images.items(), 1):
            qualities[label].append(compared.measure(part(image)))
            if progress:
                progress(k * len(images) + n, count * len(images))
    return {label: VolumeMeasurement(slices) for label, slices in qualities.items()}


def hu_statistics(array: np.ndarray, roi: ROI | None = None) -> tuple[float, float]:
    """Return mean and standard deviation in HU of all voxels, or of an ROI; slice by slice, in float64."""
    slices = array if roi is None else roi.crop(array)[None]
    count = slices.size
    mean = sum(float(s.sum(dtype=np.float64)) for s in slices) / count
    return mean, math.sqrt(sum(float(np.square(s - mean, dtype=np.float64).sum()) for s in slices) / count)


def _slice(k: int, volume: np.ndarray) -> np.ndarray:
    return volume[k]
