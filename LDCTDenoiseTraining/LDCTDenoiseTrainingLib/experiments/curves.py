"""The course of trainings, from their logs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from LDCTDenoiseLib.errors import InputError, disk_errors
from LDCTDenoiseLib.files import write_figure
from LDCTDenoiseLib.hounsfield import PAPER
from LDCTDenoiseLib.methods import colours_of
from LDCTDenoiseLib.requirements import require

from ..validation_metrics import METRIC

#: What is drawn: a title, then where it is found.
_PANELS = (
    ("Training: mean absolute error\n(units of the loss window)", "losses", "l1"),
    (f"Validation: {METRIC['psnr'].heading}", "validation", "psnr"),
    ("Validation: texture\n(1 = that of full dose)", "validation", "texture"),
    ("Adversarial: Wasserstein estimate", "losses", "wasserstein"),
)


@dataclass
class Curves:
    """What a log holds."""

    #: Step to the record of that step; a step that a resumed run repeated is there once.
    losses: dict[int, dict] = field(default_factory=dict)
    validation: dict[int, dict] = field(default_factory=dict)

    def line(self, kind: str, name: str) -> tuple[list[int], list[float]]:
        """Return the steps and values of one figure, those that are no number left out."""
        records = self.losses if kind == "losses" else {k: v["result"] for k, v in self.validation.items()}
        points = [(step, r[name]) for step, r in sorted(records.items()) if r.get(name) is not None]
        return [step for step, _ in points], [value for _, value in points]


def read_curves(path: Path) -> Curves:
    """Read a run's log.jsonl.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    curves = Curves()
    with disk_errors(InputError, f"cannot read the log '{path}'"):
        lines = path.read_text(encoding="utf-8").splitlines()
    for line in lines:
        take_record(curves, line)
    return curves


def take_record(curves: Curves, line: str | bytes) -> None:
    """Add one line of a log to curves."""
    try:
        record = json.loads(line)
    except ValueError:
        return  # the last line of a run that was killed while it wrote
    for kind in ("losses", "validation"):
        if kind in record:
            getattr(curves, kind)[record["step"]] = record[kind]


def save_curves(path: Path, logs: Mapping[str, Path]) -> Path:
    """Draw the course of several runs into a PNG file.

    Parameters
    ----------
    path : Path
    logs : mapping
        Label to log.jsonl, in the order of the legend.

    Raises
    ------
    InputError
        If a log cannot be read.
    MissingDependencyError
        If matplotlib is not installed.
    """
    runs = {label: read_curves(log) for label, log in logs.items()}
    figure = require("matplotlib.figure", "draw curves").Figure(figsize=(11, 7), dpi=120, layout="constrained")
    drawn, colours = {}, colours_of(runs)
    for axes, (title, kind, name) in zip(figure.subplots(2, 2).flat, _PANELS, strict=True):
        axes.set_title(title, fontsize=10)
        for number, (label, curves) in enumerate(runs.items()):
            steps, values = curves.line(kind, name)
            if steps:
                # A colour that comes again has another stroke.
                style = ("-", "--", ":")[list(colours.values())[:number].count(colours[label]) % 3]
                marker = "." if kind == "validation" else ""
                drawn[label] = axes.plot(steps, values, style, color=colours[label], label=label, marker=marker)[0]
        if name == "psnr":
            low = {v["low"]["psnr"] for c in runs.values() for v in c.validation.values()}
            for value in low:
                axes.axhline(value, color="0.6", linestyle=":")
        axes.set_xlabel("generator step")
        axes.grid(alpha=0.3)
        axes.set_visible(bool(axes.lines))  # L1 methods have no critic
    if handles := [drawn[label] for label in runs if label in drawn]:
        # Beside the panels: inside it would hide curves where they end.
        figure.legend(handles=handles, loc="outside right upper", fontsize=8)
    figure.supxlabel(f"Validation on whole slices in {PAPER}, data range 1; dotted: low dose.", fontsize=8)
    write_figure(path, figure)
    return path
