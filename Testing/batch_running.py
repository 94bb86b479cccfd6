"""Run `ldct-denoise batch` in this process, and read what it leaves."""

import csv

from LDCTDenoiseLib.cli.main import main


def batch(*arguments, method="TV"):
    """Run the command and return its exit code."""
    try:
        return main(["batch", *map(str, arguments), "--method", method])
    except SystemExit as ended:
        return ended.code


def report_of(output):
    with (output / "report.csv").open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return {row["series_uid"] or row["source"]: row for row in csv.DictReader(file)}


def results(output):
    return {uid: row["result"] for uid, row in report_of(output).items()}


def check_nothing_half_made(output):
    assert not any((output / ".ldct-denoise" / "work").iterdir()) and not list(output.rglob("*.part"))
