"""Curves of several images over one axis, with the numbers that stand beside them: as table, CSV and figure."""

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..files import write_figure, write_text
from ..requirements import require
from ..text_tables import records_to_csv
from .quality import Metric


@dataclass(frozen=True)
class Curves:
    """Curves of images, and what was read off them."""

    kind: str  #: "profile" or "spectrum".
    title: str  #: Of the chart.
    x_title: str  #: With the unit.
    y_title: str  #: With the unit.
    x: np.ndarray  #: Shape (samples,).
    y: dict[str, np.ndarray]  #: By the image's label, shape (samples,); NaN where there is no value.
    metrics: tuple[Metric, ...]  #: What is read off a curve.
    values: dict[str, tuple[float, ...]]  #: These numbers, by label; NaN where there is none.
    words: str  #: The sentences that must stand beside them.
    colors: dict[str, str] = field(default_factory=dict)  #: "#rrggbb" by label.
    facts: dict = field(default_factory=dict)  #: What else a row says, of all images alike: where it was measured.

    def header(self) -> list[str]:
        return [metric.heading for metric in self.metrics]

    def cells(self) -> list[list[str]]:
        """Return label and numbers of each row as a reader sees them."""
        return [[label, *(m.text(v) for m, v in zip(self.metrics, self.values[label], strict=True))]
                for label in self.y]

    def records(self) -> list[dict]:
        """Return the numbers as one dict an image, unrounded."""
        return [{"image": label, **dict(zip((m.column for m in self.metrics), self.values[label], strict=True)),
                 **self.facts} for label in self.y]

    def points(self) -> list[dict]:
        """Return the curves as one dict a sample: the axis, then a column an image."""
        return [{self.x_title: float(x), **{label: float(y[n]) for label, y in self.y.items()}}
                for n, x in enumerate(self.x)]

    def caption(self) -> str:
        return self.words

    def write(self, path: str | Path) -> None:
        """Write the curves: as CSV, their numbers first, or as a figure by the name's ending.

        Raises
        ------
        OutputError
            If it ends in neither .csv nor a format of matplotlib's, or cannot be written.
        MissingDependencyError
            If it is a figure and matplotlib is not installed.
        """
        if Path(path).suffix.lower() == ".csv":
            write_text(path, f"{records_to_csv(self.records())}\n{records_to_csv(self.points())}")
        else:
            write_figure(path, self.figure(), ".csv for its numbers, .png")

    def figure(self):
        """Return a matplotlib figure of the curves, their numbers in the legend."""
        figure = require("matplotlib.figure").Figure(figsize=(8, 5), dpi=200, layout="constrained")
        axes = figure.add_subplot()
        for label, *cells in self.cells():
            read = ", ".join(f"{m.label} {text} {m.unit}".rstrip() for m, text in
                             zip(self.metrics[:2], cells, strict=False) if text != "–")
            axes.plot(self.x, self.y[label], color=self.colors.get(label), lw=1.6,
                      label=f"{label}: {read}" if read else label)
        axes.set_xlabel(self.x_title)
        axes.set_ylabel(self.y_title)
        axes.set_title(self.title, parse_math=False)
        axes.grid(alpha=0.3)
        axes.margins(x=0)
        legend = axes.legend(fontsize=8)
        for text in legend.get_texts():
            text.set_parse_math(False)
        return figure


def read_off(found, metrics) -> tuple[float, ...]:
    """Return the numbers of an `Edge` or a `NoiseSpectrum`; NaN where there is none."""
    return tuple(math.nan if found is None else found.value(metric) for metric in metrics)
