"""The live numbers: PSNR, SSIM and RMSE of the current slice or ROI, and mean and noise of its HU."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import slicer
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.hounsfield import Window
from LDCTDenoiseLib.metrics import CONDITIONS, HU_STATISTICS, METRICS, ROI, SSIM_VARIANT, Quality, Reference

from .nodes import requireVolume, volumeFromNode
from .rois import WorldToPixels

#: The columns of a table of numbers; NaN where there is no reference to measure against.
COLUMNS = (
    *("image", "slice", "roi"), *(metric.column for metric in (*METRICS, *HU_STATISTICS)), *CONDITIONS,
)

#: The label of the reference's own row.
REFERENCE = "FDCT"

#: By how much the normal of a view may differ from that of the slices (cosine), for the view to show one slice.
_PARALLEL = 0.999


@dataclass(frozen=True)
class Row:
    """One image: how near it is to the reference, when there is one, and its mean and standard deviation in HU."""

    label: str
    quality: Quality | None
    mean: float
    sd: float

    def cells(self) -> list[str]:
        """Return PSNR, SSIM, RMSE, RMSE in HU, mean and SD as a reader sees them."""
        q = self.quality
        of_hu = zip(HU_STATISTICS, (self.mean, self.sd), strict=True)
        return [*(m.text(q and getattr(q, m.key)) for m in METRICS), *(m.text(value) for m, value in of_hu)]


@dataclass(frozen=True)
class Numbers:
    """The rows of one region, and what they were measured in; written by `tables.writeTable` like a comparison.

    Attributes
    ----------
    rows : tuple of Row
        In the order of the panel.
    region : ROI
        The pixels that were measured.
    whole : bool
        Whether the region is the whole slice.
    window : Window
        The window that quality was measured in; mean and SD are those of the HU themselves.
    """

    rows: tuple[Row, ...]
    region: ROI
    whole: bool
    window: Window

    def records(self) -> list[dict]:
        """Return the table as one dict a row, keys as in `COLUMNS`, numbers unrounded."""
        roi = "" if self.whole else str(self.region)
        records = []
        for row in self.rows:
            q = row.quality
            figures = [math.nan if q is None else getattr(q, metric.key) for metric in METRICS]
            values = [row.label, self.region.k, roi, *figures, row.mean, row.sd,
                      float(self.window.lower), float(self.window.upper), 1.0, SSIM_VARIANT]
            records.append(dict(zip(COLUMNS, values, strict=True)))
        return records

    def caption(self) -> str:
        """Return the sentence that must stand beside the numbers."""
        where = f"slice {self.region.k}" if self.whole else f"ROI {self.region} (columns, rows, slice)"
        if all(row.quality is None for row in self.rows):
            return f"{where[0].upper()}{where[1:]}: mean and standard deviation in HU, no window."
        return (
            f"{where[0].upper()}{where[1:]}, in the window {self.window}, scaled to [0, 1], data range 1. "
            f"SSIM: {SSIM_VARIANT}. RMSE 1 is the window's width. Mean and SD are of the HU, no window."
        )


def measureRows(images: dict[str, np.ndarray], reference: np.ndarray | None, region: ROI, window: Window,
                known: dict[str, Row] | None = None) -> Iterator[Row]:
    """Measure image after image, so that a caller can serve events between two.

    Parameters
    ----------
    images : dict of str to numpy.ndarray
        What to measure, by label: HU, a slice of shape (rows, columns).
    reference : numpy.ndarray, optional
        The same slice at full dose; without it only mean and SD are measured.
    region : ROI
        The pixels; its slice has been chosen by the caller.
    window : Window
        For PSNR, SSIM and RMSE.
    known : dict of str to Row, optional
        Rows that have been measured already, by label; "FDCT" is the reference's.
    """
    known = known or {}
    box = (slice(region.j0, region.j1), slice(region.i0, region.i1))
    if reference is not None:
        reference = reference[box]
        yield known.get(REFERENCE) or _row(REFERENCE, reference, None)
    compared = None
    for label, image in images.items():
        if label in known:
            yield known[label]
            continue
        pixels = image[box]
        if reference is not None and compared is None:
            compared = Reference(reference, window)
        yield _row(label, pixels, None if compared is None else compared.measure(pixels))


def _row(label: str, pixels: np.ndarray, quality: Quality | None) -> Row:
    # One copy, and one pass over it for each sum: half the time of `mean` and `std`.
    values = np.array(pixels, np.float64).ravel()
    mean = float(values.mean())
    values -= mean
    # Not a dot product, for which BLAS would start threads.
    return Row(label, quality, mean, math.sqrt(np.einsum("i,i->", values, values) / values.size))


def wholeSlice(volumeNode, k: int) -> ROI:
    """Return the region of all pixels of slice k."""
    columns, rows, _slices = volumeNode.GetImageData().GetDimensions()
    return ROI(0, columns, 0, rows, k)


def sliceInView(volumeNode, sliceNode) -> int:
    """Return the index of a volume's slice that a slice view shows.

    Raises
    ------
    InputError
        If the view does not run along the volume's slices, or shows none of them.
    """
    requireVolume(volumeNode, "volume")
    volumeFromNode(volumeNode)
    toWorld = slicer.util.arrayFromVTKMatrix(sliceNode.GetSliceToRAS())
    toPixels = WorldToPixels(volumeNode)
    centre, above = toPixels(toWorld[:3, 3]), toPixels(toWorld[:3, 3] + toWorld[:3, 2])
    # The normal of the slices in the world, against that of the view; spacing does not matter to it.
    right, down = (toPixels(toWorld[:3, 3] + toWorld[:3, axis]) - centre for axis in (0, 1))
    if max(abs(right[2]), abs(down[2])) > math.sqrt(1 - _PARALLEL**2) * abs((above - centre)[2]):
        raise InputError(f"the view does not run along the slices of '{volumeNode.GetName()}'; show it axially.")
    k = math.floor(centre[2] + 0.5)
    if not 0 <= k < volumeNode.GetImageData().GetDimensions()[2]:
        raise InputError(f"the view shows no slice of '{volumeNode.GetName()}'; scroll to it.")
    return k
