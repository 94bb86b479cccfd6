"""Patient sets as files that people can edit: JSON, or CSV for a spreadsheet."""

import csv
import io
import json
import os
from pathlib import Path
from textwrap import shorten

from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.files import write_text
from LDCTDenoiseLib.strict_json import parse_json, read_text

from .patient import PatientSet, Scan, SimulationRanges

FORMAT = "LDCTDenoise patient set 1"

_RANGES = ("dose", "photons", "kernel")
_SCAN_KEYS = ("patient", "role", "full", "full_series", "low", "low_series", "identity", "simulation")
_COLUMNS = (*_SCAN_KEYS[:-1], *(f"{name}_{end}" for name in _RANGES for end in ("min", "max")))


def read_patient_set(path: str | Path) -> PatientSet:
    """Read a patient set; the suffix .csv means CSV, any other JSON. See docs/training.md for both.

    Paths in the file are relative to the file's own folder.

    Raises
    ------
    InputError
        If the file cannot be read, or an entry is wrong; the message names the entry.
    """
    path = Path(path)
    try:
        text = read_text(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot read the patient set '{path}': {reason}.") from error
    entries, sources, default = _from_csv(path, text) if path.suffix.lower() == ".csv" else _from_json(path, text)
    scans = []
    for number, entry in enumerate(entries, start=1):
        try:
            scans.append(_scan(entry, path.parent, default))
        except InputError as error:
            raise InputError(f"'{path}', entry {number}: {error}") from error
    if not scans:
        raise InputError(f"the patient set '{path}' names no patient.")
    return PatientSet(tuple(scans), tuple(sources))


def write_patient_set(patients: PatientSet, path: str | Path) -> None:
    """Write a patient set, JSON or CSV by the suffix, with paths relative to the file's folder where they lie below it.

    CSV has no place for `sources`.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    path = Path(path)
    entries = [_entry(scan, path.parent.resolve()) for scan in patients.scans]
    if path.suffix.lower() == ".csv":
        table = io.StringIO()
        writer = csv.DictWriter(table, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        for entry in entries:
            for name, (lower, upper) in entry.pop("simulation", {}).items():
                entry[f"{name}_min"], entry[f"{name}_max"] = lower, upper
            writer.writerow(entry)
        text = table.getvalue()
    else:
        content = {"format": FORMAT, "sources": list(patients.sources), "patients": entries}
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    write_text(path, text)


def _entry(scan: Scan, folder: Path) -> dict:
    def shown(file: Path) -> str:
        file = file.resolve()
        return Path(os.path.relpath(file, folder)).as_posix() if file.is_relative_to(folder) else str(file)

    entry = {"patient": scan.patient, "role": scan.role, "full": shown(scan.full), "full_series": scan.full_series}
    if scan.low is not None:
        entry |= {"low": shown(scan.low), "low_series": scan.low_series}
    if scan.identity:
        entry["identity"] = scan.identity
    if scan.simulation is not None:
        entry["simulation"] = {n: list(r) for n in _RANGES if (r := getattr(scan.simulation, n)) is not None}
    return {key: value for key, value in entry.items() if value != ""}


def _from_json(path: Path, text: str) -> tuple[list, list, dict]:
    try:
        content = parse_json(text)
    except ValueError as error:
        raise InputError(f"cannot read the patient set '{path}': {error}.") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"'{path}' is not a patient set: it needs \"format\": \"{FORMAT}\" (see docs/training.md).")
    _refuse_unknown(content, ("format", "sources", "simulation", "patients"), f"'{path}'")
    entries, sources = content.get("patients", []), content.get("sources", [])
    if not all(isinstance(part, list) and all(isinstance(e, dict) for e in part) for part in (entries, sources)):
        raise InputError(f"'{path}': \"patients\" and \"sources\" must be lists of objects.")
    return entries, sources, content.get("simulation", {})


def _from_csv(path: Path, text: str) -> tuple[list, list, dict]:
    if "\0" in text:
        raise InputError(f"cannot read the patient set '{path}': it holds a NUL, which no text does.")
    try:
        return _from_rows(path, csv.DictReader(io.StringIO(text), restkey=""))
    except csv.Error as error:
        raise InputError(f"cannot read the patient set '{path}': it is not valid CSV: {error}.") from error


def _from_rows(path: Path, rows: csv.DictReader) -> tuple[list, list, dict]:
    _refuse_unknown(rows.fieldnames or (), _COLUMNS, f"'{path}'")
    entries = []
    for row in rows:
        if "" in row:
            raise InputError(f"'{path}', line {rows.line_num}: there are more values than columns.")
        entry = {key: value.strip() for key, value in row.items() if value and value.strip()}
        simulation = {}
        for name in _RANGES:
            ends = [entry.pop(f"{name}_{end}", None) for end in ("min", "max")]
            if ends != [None, None]:
                simulation[name] = ends
        if simulation:
            entry["simulation"] = simulation
        if entry:
            entries.append(entry)
    return entries, [], {}


def _refuse_unknown(keys, known, where: str) -> None:
    unknown = [str(key) for key in keys if key not in known]
    if unknown:
        told = shorten(", ".join(unknown), 80)
        raise InputError(f"{where} has the unknown entry {told}; known are {', '.join(known)}.")


def _scan(entry: dict, folder: Path, default: dict) -> Scan:
    _refuse_unknown(entry, _SCAN_KEYS, "it")
    for key in ("patient", "role", "full"):
        if not entry.get(key):
            raise InputError(f"'{key}' is missing.")
    texts = {key: entry.get(key, "") for key in _SCAN_KEYS[:-1]}
    wrong = [key for key, value in texts.items() if not isinstance(value, str)]
    if wrong:
        raise InputError(f"'{wrong[0]}' must be text.")
    simulation = None
    if not texts["low"]:
        ranges = {**_object(default), **_object(entry.get("simulation", {}))}
        _refuse_unknown(ranges, _RANGES, "the simulation")
        simulation = SimulationRanges(**ranges)
    elif "simulation" in entry:
        raise InputError("it has a low-dose image and a simulation; give one of the two.")
    return Scan(
        patient=texts["patient"], role=texts["role"], full=folder / texts["full"], full_series=texts["full_series"],
        low=folder / texts["low"] if texts["low"] else None, low_series=texts["low_series"], simulation=simulation,
        identity=texts["identity"],
    )


def _object(value) -> dict:
    if not isinstance(value, dict):
        raise InputError(f"a simulation is an object of ranges, not {shorten(repr(value), 80)}.")
    return value
