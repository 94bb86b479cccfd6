"""What `compare` and `demo` leave behind: the table as CSV, Markdown and JSON, and the figure."""

import json
from pathlib import Path

from ..figure import save_comparison
from ..metrics import ROI, Comparison, compare_volumes
from ..volumes import Volume
from .options import progress_bar


def measure(full: Volume, images: dict[str, Volume], window, roi: ROI | None) -> list[Comparison]:
    """Measure all images over whole slices and, when there is an ROI, over the ROI as well."""
    with progress_bar(len(images) * len(full.array), "metrics") as bar:
        comparisons = [compare_volumes(full, images, window, progress=lambda done, _of: bar.update(done - bar.n))]
    if roi:
        comparisons.append(compare_volumes(full, images, window, roi))
    return comparisons


def write_tables(folder: Path, comparisons: list[Comparison]) -> None:
    """Write table.csv, table.md and table.json into a folder; rows of the ROI follow those of the volume."""
    first, *others = (c.to_csv() for c in comparisons)
    (folder / "table.csv").write_text(first + "".join(text.split("\n", 1)[1] for text in others), encoding="utf-8")
    (folder / "table.md").write_text("\n".join(c.to_markdown() for c in comparisons), encoding="utf-8")
    (folder / "table.json").write_text(json.dumps(as_object(comparisons), indent=2) + "\n", "utf-8")


def as_object(comparisons: list[Comparison]) -> dict:
    """Return what table.json holds: `captions` and `rows`."""
    parsed = [json.loads(c.to_json()) for c in comparisons]
    return {
        "captions": [comparison["caption"] for comparison in parsed],
        "rows": [row for comparison in parsed for row in comparison["rows"]],
    }


def write_figure(
    folder: Path, full: Volume, comparisons: list[Comparison], images: dict[str, Volume], roi: ROI | None
) -> None:
    """Write comparison.png: the ROI's slice, or the middle one, of the full dose and of every image.

    The numbers below are those of the ROI, where there is one: it is what is enlarged above them.
    """
    k = roi.k if roi else len(full.array) // 2
    panels = [("FDCT", full.array[k]), *((label, volume.array[k]) for label, volume in images.items())]
    measured = comparisons[-1]
    save_comparison(
        folder / "comparison.png",
        panels,
        roi=roi,
        window=measured.window,
        metrics={row.label: row.measurement.slices[0 if roi else k] for row in measured.rows},
        pixel_aspect=full.geometry.spacing[1] / full.geometry.spacing[0],
        metrics_of_roi=roi is not None,
    )
