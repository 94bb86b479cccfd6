"""The results of a benchmark as a table and as a plot."""

import json
from pathlib import Path

from ..requirements import require
from ..text_tables import markdown_rows


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def to_markdown(result: dict) -> str:
    """Return the results as a table, with what they were measured on."""
    contenders, lines = result["contenders"], []
    if "best_rival" in result:
        best, rate = contenders[result["best_rival"]], contenders["engine"]["fraction_of_matmul"]
        lines += [
            f"The engine is {result['factor_to_best_rival']:.2f} times as fast as the best other float32 program, "
            f"{result['best_rival']} ({best['words']}), and computes at {rate:.2f} of the matrix product's rate.",
            "",
        ]
    lines += [
        f"{result['device']}, {result['method']}, {result['size']}×{result['size']}, median of up to "
        f"{result['repeats']} interleaved rounds; matrix product {result['matmul_gflops']:.0f} GFLOP/s",
        "",
    ]
    engine, rows = contenders["engine"]["seconds_per_slice"], []
    for name, row in contenders.items():
        seconds, peak = row["seconds_per_slice"], row["peak_bytes"]
        rows.append([
            name, f"{seconds:.4g}", f"{row['slices_per_second']:.3g}",
            f"{seconds / engine:.2f}", _number(row["fraction_of_matmul"], ".0%"),
            _number(None if peak is None else peak / 1e6, ".0f"), _number(row["max_abs_hu_difference"], ".4f"),
            row["words"],
        ])
    lines += markdown_rows(["", "s / slice", "slices / s", "engine is faster", "of matrix product", "peak MB",
                            "max abs(dHU)", ""], rows)
    volume = result["volume"]
    peak = volume["peak_bytes"]
    if result["left_out"]:
        lines += ["", f"Not timed, for want of time (--minutes): {', '.join(result['left_out'])}."]
    lines += [
        "",
        f"Volume of {volume['slices']} slices: {volume['seconds_array_to_array']:.2f} s from array to array (first "
        f"result after {volume['seconds_to_first_slice']:.2f} s), {volume['seconds_dicom_to_dicom']:.2f} s from DICOM "
        f"to DICOM; input and output {volume['bytes_input_and_output'] / 1e6:.0f} MB"
        + (f", peak {peak / 1e6:.0f} MB." if peak is not None else "."),
        f"PSNR, SSIM and RMSE of a slice of five volumes: {1e3 * result['metrics_seconds']:.0f} ms.",
        f"Start-up: {result['start_up_seconds']:.2f} s from the start of Python to the first denoised slice.",
    ]
    return "\n".join(lines) + "\n"


def write_report(result: dict, folder: Path) -> None:
    """Write benchmark.json, benchmark.md and benchmark.png into a folder."""
    (folder / "benchmark.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    (folder / "benchmark.md").write_text(to_markdown(result), encoding="utf-8")
    figure_class = require("matplotlib.figure", "draw the plot").Figure
    names = list(result["contenders"])[::-1]
    figure = figure_class(figsize=(7, 1.2 + 0.4 * len(names)), layout="constrained")
    axes = figure.subplots()
    for place, name in enumerate(names):
        row = result["contenders"][name]
        axes.barh(place, row["seconds_per_slice"], color="tab:orange" if name == "engine" else "tab:blue")
        axes.plot(row["all_seconds"], [place] * len(row["all_seconds"]), "|", color="black")
        axes.annotate(
            f"{row['seconds_per_slice']:.3g} s", (max(row["all_seconds"]), place), (6, 0),
            textcoords="offset points", va="center",
        )
    axes.set_yticks(range(len(names)), names)
    axes.set_xscale("log")
    axes.margins(x=0.15)
    size = result["size"]
    axes.set_xlabel(f"seconds per slice of {size}×{size}, {result['device']}: median, every round |")
    figure.savefig(folder / "benchmark.png", dpi=120)
