"""The report as files: one HTML page that needs nothing else, tables as CSV, and everything as JSON."""

import json
import math
from dataclasses import asdict
from pathlib import Path

from .. import __version__
from ..text_tables import records_to_csv
from .findings import COLUMNS, QUANTITIES
from .phantom_page import PhantomPage
from .result import Evidence
from .scan_page import ScanPage
from .words import DEFINITION, sentences, verdicts


def write_report(evidence: Evidence, folder: str | Path) -> None:
    """Write report.html, evidence.csv, evidence.json and, where lesions went, lesions.csv into a folder."""
    folder = Path(folder)
    (folder / "evidence.csv").write_text(to_csv(evidence), encoding="utf-8")
    put = evidence.occurrences
    if put:
        (folder / "lesions.csv").write_text(records_to_csv(put), encoding="utf-8")
    (folder / "evidence.json").write_text(to_json(evidence), encoding="utf-8")
    (folder / "report.html").write_text(to_html(evidence), encoding="utf-8")


def to_csv(evidence: Evidence) -> str:
    """Return every number as a row: what, of which image, value, interval, sample size and unit."""
    return records_to_csv([finding.record() for finding in evidence.findings], COLUMNS)


def to_json(evidence: Evidence) -> str:
    """Return everything but the pictures as JSON; what JSON cannot say (a frequency beyond Nyquist) is null."""

    def plain(value):
        return None if isinstance(value, float) and not math.isfinite(value) else value

    content = {
        "version": __version__,
        "options": asdict(evidence.options),
        "methods": evidence.methods,
        "images": evidence.images,
        "scans": evidence.scans,
        "seconds": round(evidence.seconds, 1),
        "definitions": {key: asdict(quantity) for key, quantity in QUANTITIES.items()},
        "word_definition": DEFINITION,
        "verdicts": [{**asdict(v), "word": v.word} for v in verdicts(evidence)],
        "sentences": [asdict(s) for s in sentences(evidence)],
        "notes": evidence.notes,
        "findings": [{k: plain(v) for k, v in f.record().items()} for f in evidence.findings],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def to_html(evidence: Evidence) -> str:
    """Return the page."""
    of_phantom = any("phantom" in scan for scan in evidence.scans)
    return (PhantomPage if of_phantom else ScanPage)(evidence).as_html()
