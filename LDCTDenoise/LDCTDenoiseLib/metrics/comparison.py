"""The table of a comparison: one row for each image, every number with its window and variant."""

import csv
import io
import json
import math
from collections.abc import Callable
from dataclasses import dataclass

from ..hounsfield import PAPER, Window
from ..volumes import Volume, require_same_grid
from .quality import DATA_RANGE, SSIM_VARIANT
from .roi import ROI
from .summary import FIGURES, VolumeMeasurement, measure_volumes

#: The columns of the table. Figures are means over the slices, `_sd` their standard deviation.
COLUMNS = (
    *("image", "psnr_db", "psnr_sd", "ssim", "ssim_sd", "rmse", "rmse_sd", "rmse_hu", "rmse_hu_sd", "slices", "roi"),
    *("window_lower_hu", "window_upper_hu", "data_range", "ssim_variant"),
)


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
        """Return the table as one dict a row, keys as in `COLUMNS`, numbers unrounded."""
        records = []
        for row in self.rows:
            m = row.measurement
            values = [row.label]
            for figure in FIGURES:
                summary = getattr(m, figure)
                values += [summary.mean, summary.sd]
            values += [len(m.slices), str(self.roi) if self.roi else "", self.window.lower, self.window.upper,
                       DATA_RANGE, SSIM_VARIANT]
            records.append(dict(zip(COLUMNS, values, strict=True)))
        return records

    def caption(self) -> str:
        """Return the sentence that must stand beside the numbers."""
        region = f"ROI {self.roi} (columns, rows, slice)" if self.roi else "whole slices, mean ± SD over the slices"
        return (
            f"In the window {self.window}, scaled to [0, 1], data range {DATA_RANGE:g}; {region}. "
            f"SSIM: {SSIM_VARIANT}. RMSE 1 is the window's width."
        )

    def to_csv(self) -> str:
        """Return the table as CSV with a header line."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in r.items()} for r in self.records())
        return text.getvalue()

    def to_json(self) -> str:
        """Return the table as JSON; infinity and NaN, which JSON lacks, become the strings "inf" and "nan"."""
        def plain(value):
            return str(value) if isinstance(value, float) and not math.isfinite(value) else value

        records = [{k: plain(v) for k, v in record.items()} for record in self.records()]
        return json.dumps({"caption": self.caption(), "rows": records}, indent=2) + "\n"

    def to_markdown(self) -> str:
        """Return the table as Markdown, rounded for reading, with its caption below."""
        lines = ["| | PSNR (dB) | SSIM | RMSE | RMSE (HU) |", "|---|---|---|---|---|"]
        for row in self.rows:
            lines.append("| " + " | ".join([row.label, *self.cells(row)]) + " |")
        return "\n".join([*lines, "", self.caption(), ""])

    def cells(self, row: Row) -> list[str]:
        """Return PSNR, SSIM, RMSE and RMSE in HU of a row as a reader sees them."""
        cells = []
        for figure, digits in zip(FIGURES, (2, 3, 4, 1), strict=True):
            summary = getattr(row.measurement, figure)
            spread = f" ± {summary.sd:.{digits}f}" if len(row.measurement.slices) > 1 else ""
            cells.append(f"{summary.mean:.{digits}f}{spread}")
        return cells


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
