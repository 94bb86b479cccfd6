"""Tables as text: CSV for programs, Markdown for pages."""

import csv
import io
from collections.abc import Iterable


def records_to_csv(records: list[dict], columns: Iterable[str] = ()) -> str:
    """Return records as CSV with a header line, numbers to six digits; without `columns`, those of the first record."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns) or list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in r.items()} for r in records)
    return text.getvalue()


def markdown_rows(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Return a table as lines of Markdown."""
    heads = list(heads)
    return [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|", *(f"| {' | '.join(row)} |" for row in rows)]
