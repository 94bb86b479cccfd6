"""Results per patient, and the table of them."""

import csv
import io
import math
from pathlib import Path

import numpy as np
from LDCTDenoiseLib.files import write_whole
from LDCTDenoiseLib.hounsfield import PAPER
from LDCTDenoiseLib.metrics import SSIM_VARIANT

#: The figures of the table and their digits.
FIGURES = {"psnr": 2, "ssim": 3, "rmse": 4, "texture": 2, "shift_soft": 2, "specks_ppm": 0}

#: As `FIGURES`, and the mean HU off in the other tissues.
COLUMNS = {**FIGURES, "shift_fat": 2, "shift_bone": 2, "shift_lung": 2}

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
            for figure in COLUMNS:
                known = [row[figure] for row in members if row.get(figure) is not None]
                entry[figure] = float(what(known)) if known else math.nan
            table.append(entry)
    return table


def to_csv(rows: list[dict]) -> str:
    """Return the rows and their means and SDs as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ["image", "patient", *COLUMNS], lineterminator="\n")
    writer.writeheader()
    for row in rows + summarise(rows):
        writer.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()})
    return text.getvalue()


def to_markdown(rows: list[dict]) -> str:
    """Return mean ± SD of each image, then every patient, as Markdown with the caption below."""
    head = "| {} | PSNR (dB) | SSIM | RMSE | texture | shift (HU) | specks (ppm) |"
    rule = "|---|---|---|---|---|---|---|"
    lines = [head.format("image"), rule]
    totals = summarise(rows)
    for mean, sd in zip(totals[::2], totals[1::2], strict=True):
        cells = [f"{mean[f]:.{digits}f} ± {sd[f]:.{digits}f}" for f, digits in FIGURES.items()]
        lines.append(f"| {mean['image']} | " + " | ".join(cells) + " |")
    lines += ["", head.format("patient, image"), rule]
    for row in sorted(rows, key=lambda r: r["patient"]):
        cells = ["–" if row[f] is None else f"{row[f]:.{digits}f}" for f, digits in FIGURES.items()]
        lines.append(f"| {row['patient']}, {row['image']} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", CAPTION, ""])


def write_tables(folder: Path, rows: list[dict], after: str = "") -> None:
    """Write table.csv and table.md, the latter with `after` below the table."""
    for name, text in (("table.csv", to_csv(rows)), ("table.md", to_markdown(rows) + after)):
        with write_whole(folder / name) as part:
            part.write_text(text, encoding="utf-8")
