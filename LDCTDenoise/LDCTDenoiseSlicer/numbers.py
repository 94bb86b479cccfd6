"""The live numbers: PSNR, SSIM and RMSE of the current plane or ROI, and mean and noise of its HU."""

import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
from LDCTDenoiseLib.hounsfield import Window
from LDCTDenoiseLib.metrics import CONDITIONS, HU_STATISTICS, METRICS, ROI, SSIM_VARIANT, Metric, Quality, Reference

from .planes import Plane

#: The error of all HU, and its twin that is clipped to the window that quality is measured in.
RMSE = Metric("rmse_unclipped", "RMSE", 1, "HU", better="less")
IN_WINDOW = next(replace(metric, label="RMSE in window") for metric in METRICS if metric.key == "rmse_hu")

#: How much of a method's correction an output shows.
STRENGTH = Metric("strength", "Strength", 2)

#: What is shown of an image, in the order of the columns.
SHOWN = (STRENGTH, *(m for m in METRICS if not m.key.startswith("rmse")), RMSE, IN_WINDOW, *HU_STATISTICS)

#: The columns of a table of numbers; NaN where there is no reference to measure against. Index and ROI count from 0.
COLUMNS = ("image", "method", "plane", "slice_index", "roi", *(metric.column for metric in SHOWN), *CONDITIONS)

#: SSIM is a mean over squares of so many pixels; a smaller region has none.
SSIM_PIXELS = 11

#: The label of the reference's own row, and of the low dose's.
REFERENCE, LOW = "FDCT", "LDCT"


@dataclass(frozen=True)
class Made:
    """How an image came about: the method, and how much of its correction is shown; None for what no method made."""

    method: str = ""
    strength: float | None = None

    @classmethod
    def of(cls, node) -> "Made":
        """Read it from a volume node's attributes."""
        method = node.GetAttribute("LDCTDenoise.Method") or ""
        try:
            return cls(method, float(node.GetAttribute("LDCTDenoise.Strength") or 1) if method else None)
        except ValueError:  # a scene that was edited by hand
            return cls(method)

    def label(self, label: str) -> str:
        """Return a label with the strength behind it, where that is not full."""
        return label if self.strength in (None, 1) else f"{label}, strength {self.strength:g}"


def strengthsInWords(made: dict[str, Made]) -> str:
    """Return the sentence that says the strengths of images, by label; empty where no method made one."""
    strengths = {label: m.strength for label, m in made.items() if m.strength is not None}
    if not strengths:
        return ""
    if len(set(strengths.values())) == 1:
        return f" Strength {next(iter(strengths.values())):g}."
    return " Strength: " + ", ".join(f"{label} {strength:g}" for label, strength in strengths.items()) + "."


@dataclass(frozen=True)
class Row:
    """One image: how near it is to the reference, when there is one, and its mean and standard deviation in HU.

    `rmse` is the error of all HU, that of `quality` is clipped to the window.
    """

    label: str
    quality: Quality | None
    rmse: float | None
    mean: float
    sd: float

    def values(self, made: Made) -> list[float | None]:
        """Return its numbers in the order of `SHOWN`; None for what it has not."""
        own = {STRENGTH: made.strength, RMSE: self.rmse, **dict(zip(HU_STATISTICS, (self.mean, self.sd), strict=True))}
        return [own[m] if m in own else self.quality and getattr(self.quality, m.key) for m in SHOWN]


@dataclass(frozen=True)
class Numbers:
    """The rows of one region, and what they were measured in; written by `tables.writeTable` like a comparison."""

    rows: tuple[Row, ...]  #: In the order of the panel.
    region: ROI  #: The pixels that were measured: columns and rows of the plane.
    whole: bool  #: Whether the region is the whole plane.
    #: The window that quality was measured in; RMSE, mean and SD are those of the HU themselves.
    window: Window
    plane: Plane  #: The slice, or the plane across rows or columns.
    made: dict[str, Made] = field(default_factory=dict)  #: How the images came about, by label.

    def records(self) -> list[dict]:
        """Return the table as one dict a row, keys as in `COLUMNS`, numbers unrounded."""
        roi = "" if self.whole else str(self.region)
        records = []
        for row in self.rows:
            made = self.made.get(row.label, Made())
            values = [math.nan if value is None else value for value in row.values(made)]
            conditions = float(self.window.lower), float(self.window.upper), 1.0, SSIM_VARIANT
            records.append(dict(zip(
                COLUMNS, [row.label, made.method, self.plane.name, self.region.k, roi, *values, *conditions],
                strict=True)))
        return records

    def cells(self) -> list[list[str]]:
        """Return label and numbers of each row as a reader sees them, in the order of `SHOWN`."""
        return [[row.label, *(m.text(v) for m, v in zip(SHOWN, row.values(self.made.get(row.label, Made())),
                                                        strict=True))] for row in self.rows]

    def caption(self) -> str:
        """Return the sentence that must stand beside the numbers."""
        where = self.plane.words if self.whole else f"ROI {self.region} (counted from 0), {self.plane.words}"
        strengths = strengthsInWords(self.made)
        if all(row.quality is None for row in self.rows):
            return f"{where[0].upper()}{where[1:]}: mean and standard deviation in HU, no window.{strengths}"
        similarity = f"SSIM: {SSIM_VARIANT}."
        columns, rows = self.region.i1 - self.region.i0, self.region.j1 - self.region.j0
        if min(columns, rows) < SSIM_PIXELS:
            similarity = f"No SSIM: it needs {SSIM_PIXELS}×{SSIM_PIXELS} pixels, and here are {columns}×{rows}."
        return (
            f"{where[0].upper()}{where[1:]}. PSNR, SSIM and RMSE in window: in {self.window}, data range 1. "
            f"{similarity} RMSE, mean and SD are of the HU, no window.{strengths}"
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
        yield known.get(REFERENCE) or _row(REFERENCE, reference, None, None)
    new = [label for label in images if label not in known]
    compared = Reference(reference, window) if reference is not None and new else None
    # An image a thread: what takes the time leaves Python's lock.
    with ThreadPoolExecutor(max(min(len(new), os.cpu_count() or 1), 1)) as pool:
        rows = {label: pool.submit(_row, label, images[label][box], compared, reference) for label in new}
        for label in images:
            yield known[label] if label in known else rows[label].result()


def _row(label: str, pixels: np.ndarray, compared: Reference | None, reference: np.ndarray | None) -> Row:
    quality = None if compared is None else compared.measure(pixels)
    # One copy, and one pass over it for each sum: half the time of `mean` and `std`.
    values = np.array(pixels, np.float64).ravel()
    mean = float(values.mean())
    values -= mean
    sd = _rootMeanSquare(values)
    if reference is None:
        return Row(label, quality, None, mean, sd)
    values += mean
    values -= np.ravel(reference)
    return Row(label, quality, _rootMeanSquare(values), mean, sd)


def _rootMeanSquare(values: np.ndarray) -> float:
    # Not a dot product, for which BLAS would start threads.
    return math.sqrt(np.einsum("i,i->", values, values) / values.size)


def wholePlane(volumeNode, plane: Plane) -> ROI:
    """Return the region of all pixels of a plane, its index as the slice."""
    counts = volumeNode.GetImageData().GetDimensions()
    columns, rows = (count for axis, count in enumerate(counts) if axis != plane.axis)
    return ROI(0, columns, 0, rows, plane.index)
