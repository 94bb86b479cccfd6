"""Results per patient, and the table of them."""

import math
from pathlib import Path

import numpy as np
from LDCTDenoiseLib.files import write_atomic
from LDCTDenoiseLib.hounsfield import PAPER
from LDCTDenoiseLib.metrics import SSIM_VARIANT, records_to_csv

from ..validation_metrics import ALL_METRICS, METRICS

CAPTION = (
    f"Whole slices in the window {PAPER}, scaled to [0, 1], data range 1; SSIM: {SSIM_VARIANT}. Texture: amount of "
    "fine structure in soft tissue as a part of full dose's. Shift: mean HU off in soft tissue. Specks: soft-tissue "
    "voxels off by more than 100 HU, in a million. Mean ± SD over the patients."
)


def summarise(rows: list[dict]) -> list[dict]:
    """Return the mean and SD over the patients of each image, rows as {"image", "patient", figures…}."""
    table = []
    for image in dict.fromkeys(row["image"] for row in rows):
        members = [row for row in rows if row["image"] == image]
        for kind, what in (("mean", np.mean), ("sd", np.std)):
            entry = {"image": image, "patient": kind}
            for metric in ALL_METRICS:
                known = [row[metric.key] for row in members if row.get(metric.key) is not None]
                entry[metric.key] = float(what(known)) if known else math.nan
            table.append(entry)
    return table


def to_csv(rows: list[dict]) -> str:
    """Return the rows and their means and SDs as CSV."""
    return records_to_csv(rows + summarise(rows), ["image", "patient", *(metric.key for metric in ALL_METRICS)])


def to_markdown(rows: list[dict]) -> str:
    """Return mean ± SD of each image, then every patient, as Markdown with the caption below."""
    head = "| {} | " + " | ".join(metric.heading for metric in METRICS) + " |"
    rule = "|---" * (len(METRICS) + 1) + "|"
    lines = [head.format("image"), rule]
    totals = summarise(rows)
    for mean, sd in zip(totals[::2], totals[1::2], strict=True):
        cells = [metric.text(mean[metric.key], sd[metric.key]) for metric in METRICS]
        lines.append(f"| {mean['image']} | " + " | ".join(cells) + " |")
    lines += ["", head.format("patient, image"), rule]
    for row in sorted(rows, key=lambda r: r["patient"]):
        cells = [metric.text(row[metric.key]) for metric in METRICS]
        lines.append(f"| {row['patient']}, {row['image']} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", CAPTION, ""])


def write_tables(folder: Path, rows: list[dict], after: str = "") -> None:
    """Write table.csv and table.md, the latter with `after` below the table."""
    for name, text in (("table.csv", to_csv(rows)), ("table.md", to_markdown(rows) + after)):
        with write_atomic(folder / name) as part:
            part.write_text(text, encoding="utf-8")
