"""The report of a batch: one line a series, and one line about them all."""

import csv
from collections import Counter
from dataclasses import dataclass

from ..errors import OutputError, disk_errors
from ..files import put_in_place
from .ledger import DONE, FAILED, SKIPPED, Ledger, Record
from .plan import DONE_BEFORE, FAIL, SKIP, BatchOptions, Task
from .steps import METRIC_COLUMNS

REPORT = "report.csv"

#: What a series can have come to; "open" is one that an interrupted batch did not reach.
NOT_SENT, OPEN = "not sent", "open"

_SECONDS = ("seconds_read", "seconds_compute", "seconds_measure", "seconds_write", "seconds_send")
COLUMNS = (
    *("result", "error", "series_uid", "source", "output", "slices", "device", *_SECONDS),
    *("partner", *METRIC_COLUMNS, "sent_to", "notes"),
)


#: How a cell begins that a spreadsheet computes instead of showing it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Report:
    """What became of every series of a plan: a list of dicts with `COLUMNS` as keys."""

    rows: list[dict]

    @property
    def all_well(self) -> bool:
        return not any(row["result"] in (FAILED, NOT_SENT, OPEN) for row in self.rows)

    def summary(self) -> str:
        """Return one line: how many series came to what."""
        counts = Counter(row["result"] for row in self.rows)
        told = [f"{counts[what]} {what}" for what in (DONE, NOT_SENT, SKIPPED, FAILED, OPEN) if counts[what]]
        return f"{len(self.rows)} series: {', '.join(told)}" if told else "no series"

    def write(self, ledger: Ledger) -> None:
        """Write report.csv into the output folder, in place of an earlier one; `OutputError` when it cannot be."""
        path = ledger.root / REPORT
        with disk_errors(OutputError, f"cannot write '{path}'"):
            with ledger.alone("report") as part:
                with part.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
                    writer = csv.DictWriter(file, COLUMNS)
                    writer.writeheader()
                    writer.writerows({name: as_text(cell) for name, cell in row.items()} for row in self.rows)
                put_in_place(part, path)


def make_report(tasks: list[Task], ledger: Ledger, options: BatchOptions, records: dict[str, Record]) -> Report:
    """Return the report of a plan as the ledger has it now; `records` are those of this process."""
    return Report([_row(task, ledger, options, records.get(task.series.key)) for task in tasks])


def as_text(cell):
    """Return a cell of a table; a text that a spreadsheet would take for a formula begins with an apostrophe."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) and not _is_number(cell) else cell


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _row(task: Task, ledger: Ledger, options: BatchOptions, mine: Record | None) -> dict:
    series = task.series
    row = dict.fromkeys(COLUMNS, "")
    row |= {"series_uid": series.uid, "source": series.place.as_posix(), "slices": series.slices or ""}
    if task.action == FAIL or (task.action == SKIP and task.reason != DONE_BEFORE):
        return row | {"result": FAILED if task.action == FAIL else SKIPPED, "error": task.reason}
    try:
        record = ledger.record(series.key) or mine
    except OutputError as error:
        return row | {"result": FAILED, "error": str(error)}
    if mine and record.result == DONE != mine.result:
        record = mine  # it could not be written down
    if record is None or (record.attempts <= task.attempts and not ledger.is_done(record)):
        return row | {"result": OPEN}
    row |= {"result": record.result, "error": record.error, "output": record.output, "slices": record.slices or ""}
    row |= {"device": record.device, "partner": record.partner, "sent_to": " ".join(record.sent)}
    row |= {name: f"{getattr(record, name):.3f}" for name in _SECONDS} | record.metrics
    row["notes"] = "; ".join(record.notes + ([task.reason] if task.reason else []))
    if options.server and record.result == DONE and record.output and options.server not in record.sent:
        if series.is_dicom:
            row |= {"result": NOT_SENT, "error": record.send_error}
        else:
            row["notes"] = "; ".join(filter(None, (row["notes"], "only DICOM is sent")))
    return row
