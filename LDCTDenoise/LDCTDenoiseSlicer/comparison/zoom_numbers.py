"""The numbers that stand in the zooms: error and similarity of the region, and its mean and noise."""

import math
from dataclasses import dataclass

import numpy as np
import slicer.util
from LDCTDenoiseLib.errors import LDCTError
from LDCTDenoiseLib.metrics import METRICS, Reference

from ..measuring import requireSameGrid
from ..numbers import RMSE, SSIM_PIXELS
from ..region_numbers import MEAN, SD, RegionStatistics, measureRegion

_SSIM = next(metric for metric in METRICS if metric.key == "ssim")


@dataclass(frozen=True)
class ZoomNumbers:
    """The numbers of one image; `ssim` is None where there is none."""

    statistics: RegionStatistics
    ssim: float | None = None


def measureZoom(images: dict, reference, region, window) -> dict[str, ZoomNumbers]:
    """Measure the region that is zoomed; of a region that no volume holds, nothing.

    Parameters
    ----------
    images : dict of str to vtkMRMLScalarVolumeNode
        On one grid; those on another than the first are left out.
    reference : vtkMRMLScalarVolumeNode or None
    region : Region
    window : Window
        What SSIM is measured in: of a flat box of 11×11 pixels or more that is not of one value in it.
    """
    found, full, compared = {}, None, None
    try:
        first = reference or next(iter(images.values()))
        voxels = region.voxels(first)
        if reference is not None:
            full = slicer.util.arrayFromVolume(reference)
            flat = np.squeeze(full[voxels.box])
            if voxels.mask is None and flat.ndim == 2 and min(flat.shape) >= SSIM_PIXELS:
                # Of air, which the window makes one value, every image is as similar as the next.
                compared = Reference(flat, window) if np.ptp(np.clip(flat, window.lower, window.upper)) else None
    except LDCTError:  # not placed yet, or dragged out of the image
        return found
    for label, node in images.items():
        try:
            requireSameGrid(first, node)
        except LDCTError:
            continue
        array = slicer.util.arrayFromVolume(node)
        against = None if node is reference else full
        ssim = None if against is None or compared is None else compared.measure(np.squeeze(array[voxels.box])).ssim
        found[label] = ZoomNumbers(measureRegion(array, against, voxels), ssim)
    return found


def inLines(numbers: dict[str, ZoomNumbers]) -> dict[str, tuple]:
    """Return two lines of parts for each image, as `furniture.Words` has them: the best error and similarity marked.

    Of a tie, in the digits that are shown, nothing is marked.
    """
    best = {}
    for metric, of in ((RMSE, lambda n: n.statistics.rmse), (_SSIM, lambda n: n.ssim)):
        values = {label: of(n) for label, n in numbers.items() if of(n) is not None and not math.isnan(of(n))}
        ranked = sorted(values, key=lambda label: metric.score(values[label]), reverse=True)
        texts = {metric.text(values[label]) for label in ranked[:2]}
        best[metric] = ranked[0] if len(texts) > 1 else None
    lines = {}
    for label, n in numbers.items():
        own = n.statistics
        compared = tuple(
            (f"{metric.label} {metric.text(value)}{f' {metric.unit}' if metric.unit else ''}", label == best[metric])
            for metric, value in ((RMSE, own.rmse), (_SSIM, n.ssim)) if value is not None
        )
        mean = (f"{MEAN.text(own.mean)} ± {SD.text(own.sd)} HU", False)
        lines[label] = (compared, (mean,)) if compared else ((mean,),)
    return lines
