"""The table of a comparison: one row for each image, every number with its window and variant."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass

from ..hounsfield import PAPER, Window
from ..text_tables import markdown_rows, records_to_csv
from ..volumes import Volume, require_same_grid
from .quality import DATA_RANGE, METRICS, SSIM_VARIANT, Metric
from .roi import ROI
from .summary import VolumeMeasurement, measure_volumes

#: Of a whole volume, beside the means over its slices.
PSNR_ALL = Metric("psnr_all", "PSNR of all voxels", 2, "dB", better="more")

#: The columns that say how near an image is, and those that say what the numbers are measured in.
FIGURES = (*(metric.column for metric in METRICS), PSNR_ALL.column, "slices_equal")
CONDITIONS = ("window_lower_hu", "window_upper_hu", "data_range", "ssim_variant")

#: Slices that are named one by one in a caption, at most.
_MOST_NAMED = 8


@dataclass(frozen=True)
class Row:
    """One image of a comparison: its label and its measurement."""

    label: str
    measurement: VolumeMeasurement


@dataclass(frozen=True)
class Comparison:
    """The measured images in the order they were given, and what they were measured in."""

    rows: list[Row]
    window: Window
    roi: ROI | None = None

    def records(self) -> list[dict]:
        """Return the table as one dict a row, numbers unrounded.

        Metrics are means over the `slices` that differ from the reference, `_sd` their standard deviation;
        `slices_equal` are those that are left out.
        """
        conditions = (self.window.lower, self.window.upper, DATA_RANGE, SSIM_VARIANT)
        records = []
        for row in self.rows:
            measured, record = row.measurement, {"image": row.label}
            for metric in METRICS:
                summary = measured[metric.key]
                record |= {metric.column: summary.mean, metric.spread_column: summary.sd}
            record |= {
                PSNR_ALL.column: measured.psnr_all,
                "slices": len(measured.slices) - len(measured.equal),
                "slices_equal": len(measured.equal),
                "roi": str(self.roi) if self.roi else "",
            }
            records.append(record | dict(zip(CONDITIONS, conditions, strict=True)))
        return records

    def caption(self) -> str:
        """Return the sentences that must stand beside the numbers."""
        region = "whole slices, mean ± SD over the slices"
        if self.roi:
            region = f"ROI {self.roi} (columns, rows, slice; counted from 0)"
        small = any(math.isnan(row.measurement["ssim"].mean) for row in self.rows)
        return (
            f"In the window {self.window}, scaled to [0, 1], data range {DATA_RANGE:g}; {region}. "
            f"SSIM: {SSIM_VARIANT}{', of 11×11 pixels and more' if small else ''}. RMSE 1 is the window's width."
            f"{self._left_out()}"
        )

    def _left_out(self) -> str:
        """Say which slices are left out of the means, counted from 1, and of which images."""
        images: dict[tuple, list[str]] = {}
        for row in self.rows:
            images.setdefault(tuple(row.measurement.equal), []).append(row.label)
        parts = []
        for slices, labels in images.items():
            if slices:
                named = ", ".join(str(k + 1) for k in slices) if len(slices) <= _MOST_NAMED else ""
                word = "slice" if len(slices) == 1 else "slices"
                which = f"{word} {named}" if named else f"{len(slices)} slices"
                parts.append(f"{which} of {'all images' if len(labels) == len(self.rows) > 1 else ', '.join(labels)}")
        why = "Left out of the means, as equal to the reference in this window (counted from 1)"
        return f" {why}: {'; '.join(parts)}." if parts else ""

    def to_csv(self) -> str:
        """Return the table as CSV with a header line."""
        return records_to_csv(self.records())

    def to_json(self) -> str:
        """Return the table as JSON; infinity and NaN, which JSON lacks, become the strings "inf" and "nan"."""
        def plain(value):
            return str(value) if isinstance(value, float) and not math.isfinite(value) else value

        records = [{k: plain(v) for k, v in record.items()} for record in self.records()]
        return json.dumps({"caption": self.caption(), "rows": records}, indent=2) + "\n"

    def to_markdown(self) -> str:
        """Return the table as Markdown, rounded for reading, with its caption below."""
        several = any(len(row.measurement.slices) > 1 for row in self.rows)
        metrics = (*METRICS, PSNR_ALL) if several else METRICS
        rows = [[row.label, *self.cells(row)] + ([PSNR_ALL.text(row.measurement.psnr_all)] if several else [])
                for row in self.rows]
        table = markdown_rows(["", *(metric.heading for metric in metrics)], rows)
        return "\n".join([*table, "", self.caption(), ""])

    def cells(self, row: Row) -> list[str]:
        """Return the metrics of a row as a reader sees them."""
        measured = row.measurement
        several = len(measured.slices) > 1
        return [m.text(measured[m.key].mean, measured[m.key].sd if several else None) for m in METRICS]


def compare_volumes(
    reference: Volume,
    images: dict[str, Volume],
    window: Window = PAPER,
    roi: ROI | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Measure every image against the reference.

    Parameters
    ----------
    reference : Volume
        The full-dose volume.
    images : dict of str to Volume
        What to measure, by label, in the order of the table.
    window, roi, progress
        As for `measure_volumes`.

    Raises
    ------
    GeometryError
        If an image does not lie on the reference's grid; the message says what differs.
    InputError
        If the ROI lies outside the volume, or a volume holds NaN.
    """
    for image in images.values():
        require_same_grid(reference, image)
    arrays = {label: image.array for label, image in images.items()}
    measured = measure_volumes(reference.array, arrays, window, roi, progress)
    return Comparison([Row(label, measurement) for label, measurement in measured.items()], window, roi)
