"""Results per patient, and the table of them."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from LDCTDenoiseLib.files import write_text
from LDCTDenoiseLib.hounsfield import PAPER
from LDCTDenoiseLib.metrics import SSIM_VARIANT
from LDCTDenoiseLib.text_tables import markdown_rows, records_to_csv

from ..validation_metrics import ALL_METRICS, METRICS

#: What is to be known of a column.
_NOTES = {
    "ssim": f"SSIM: {SSIM_VARIANT}.",
    "texture": "Texture: amount of fine structure in soft tissue as a part of full dose's.",
    "shift_soft": "Shift: mean HU off in soft tissue.",
    "specks_ppm": "Specks: soft-tissue voxels off by more than 100 HU, in a million.",
    "noise_sd": "Noise: SD in flat soft tissue.",
    "lesion_kept": "Lesion kept: which part of the contrast of disks of 6 mm and -20 HU is left.",
}


def caption_of(columns: Iterable[str], several: bool = True) -> str:
    """Say what a table's figures are measured in, as far as it has these columns, and how patients are summed up."""
    notes = [_NOTES[key] for key in _NOTES if key in set(columns)]
    window = f"Whole slices in the window {PAPER}, scaled to [0, 1], data range 1."
    return " ".join([window, *notes, *(["Mean ± SD over the patients."] if several else [])])


def summarise(rows: list[dict]) -> list[dict]:
    """Return the mean of each image over the patients, and the SD where there are several, as such rows.

    Parameters
    ----------
    rows : list of dict
        {"image", "patient", figures…}; in those that are returned the patient is "mean" or "sd".
    """
    table = []
    for image in dict.fromkeys(row["image"] for row in rows):
        members = [row for row in rows if row["image"] == image]
        for kind, what in (("mean", np.mean), ("sd", np.std))[: min(2, len(members))]:
            entry = {"image": image, "patient": kind}
            for metric in ALL_METRICS:
                known = [row[metric.key] for row in members if row.get(metric.key) is not None]
                entry[metric.key] = float(what(known)) if known else None
            table.append(entry)
    return table


def to_csv(rows: list[dict]) -> str:
    """Return the rows, and where there are several patients their means and SDs, as CSV."""
    totals = summarise(rows) if _several(rows) else []
    return records_to_csv(rows + totals, ["image", "patient", *(metric.key for metric in ALL_METRICS)])


def to_markdown(rows: list[dict]) -> str:
    """Return mean ± SD of each image, then every patient, as Markdown with the caption below."""
    headings, lines = [metric.heading for metric in METRICS], []
    if _several(rows):
        totals = {(row["image"], row["patient"]): row for row in summarise(rows)}
        means = []
        for image in dict.fromkeys(row["image"] for row in rows):
            mean, sd = (totals.get((image, kind), {}) for kind in ("mean", "sd"))
            means.append([image, *(metric.text(mean[metric.key], sd.get(metric.key)) for metric in METRICS)])
        lines += [*markdown_rows(["image", *headings], means), ""]
    single = [[f"{row['patient']}, {row['image']}", *(metric.text(row[metric.key]) for metric in METRICS)]
              for row in sorted(rows, key=lambda r: r["patient"])]
    lines += markdown_rows(["patient, image", *headings], single)
    return "\n".join([*lines, "", caption_of([metric.key for metric in METRICS], _several(rows)), ""])


def _several(rows: list[dict]) -> bool:
    return len({row["patient"] for row in rows}) > 1


def write_tables(folder: Path, rows: list[dict], after: str = "") -> None:
    """Write table.csv and table.md, the latter with `after` below the table."""
    for name, text in (("table.csv", to_csv(rows)), ("table.md", to_markdown(rows) + after)):
        write_text(folder / name, text)
