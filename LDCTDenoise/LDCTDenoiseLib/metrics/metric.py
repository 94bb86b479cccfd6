"""What a metric is called, counted in and shown with: one row a metric, read by tables, panels, figures and curves."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes
    ----------
    key : str
        Its name in code, logs and model cards.
    label, unit : str
        For people; a ratio has no unit.
    digits : int
        Behind the point, for people.
    better : str
        "more", "less" or "one", which is nearest to full dose; empty where none is better.
    """

    key: str
    label: str
    digits: int
    unit: str = ""
    better: str = ""

    @property
    def heading(self) -> str:
        """The label with the unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    @property
    def column(self) -> str:
        """The name of its column in a table for machines: the key with the unit behind it."""
        return self.key if self.key.endswith(unit := f"_{self.unit.lower()}".rstrip("_")) else self.key + unit

    @property
    def spread_column(self) -> str:
        """The name of the column of its standard deviation."""
        return f"{self.key}_sd"

    def text(self, value: float | None, spread: float | None = None) -> str:
        """Return a value as people read it, with its standard deviation when there is one; a dash for none or NaN."""
        if value is None or math.isnan(value):
            return "–"
        return f"{value:.{self.digits}f}" + ("" if spread is None else f" ± {spread:.{self.digits}f}")

    def score(self, value: float) -> float:
        """Return a number that is the higher the better."""
        if self.better == "one":
            return -abs(math.log(value)) if value > 0 else -math.inf
        return -value if self.better == "less" else value
