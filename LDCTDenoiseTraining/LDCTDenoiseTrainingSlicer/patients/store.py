"""The table of patients as text and node references, for the parameter node: it is saved with the scene."""

import json
from collections.abc import Sequence
from pathlib import Path

from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseTrainingLib.patients import ROLES, SimulationRanges

from .images import FileImage, SceneImage
from .patient_table import PatientTable, Row

_RANGES = ("dose", "photons", "kernel")


def writeTable(table: PatientTable) -> tuple[str, list]:
    """Return a table as JSON, and the volume nodes that it refers to by their places in the list."""
    nodes: list = []
    rows = [
        {
            "patient": row.patient, "role": row.role, "used": row.used, "full": _written(row.full, nodes),
            "low": row.low and _written(row.low, nodes), "shape": row.shape, "problems": row.problems,
            "simulation": {name: getattr(row.simulation, name) for name in _RANGES}, "identity": row.identity,
        }
        for row in table.rows
    ]
    return json.dumps({"rows": rows, "sources": table.sources} if rows else {}), nodes


def readTable(text: str, nodes: Sequence) -> PatientTable:
    """Return the table that `writeTable` has written.

    Images that are no longer there stay in their rows, which say so.

    Parameters
    ----------
    text : str
    nodes : sequence of vtkMRMLScalarVolumeNode or None
        None for a volume that is not in the scene any more.

    Raises
    ------
    InputError
        If the text cannot be understood.
    """
    table = PatientTable()
    try:
        content = json.loads(text or "{}")
        table.sources = list(content.get("sources", []))
        table.rows = [_row(row, nodes) for row in content.get("rows", [])]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError("the table of patients in this scene cannot be read; add the patients again.") from error
    return table


def _written(image, nodes: list) -> dict:
    if isinstance(image, FileImage):
        return {"path": str(image.path), "series": image.series, "words": image.words}
    if not image.there:
        return {"volume": None, "name": image.label}
    nodes.append(image.node)
    return {"volume": len(nodes) - 1, "name": image.label}


def _row(stored: dict, nodes: Sequence) -> Row:
    if stored["role"] not in ROLES:
        raise ValueError(stored["role"])
    full, low = (stored[kind] and _image(stored[kind], nodes) for kind in ("full", "low"))
    row = Row(str(stored["patient"]), stored["role"], full, low, SimulationRanges(**stored["simulation"]),
              bool(stored["used"]), stored["shape"] and tuple(stored["shape"]), list(stored["problems"]),
              str(stored.get("identity", "")))
    gone = [image.path for _, image in row.images if isinstance(image, FileImage) and not image.path.exists()]
    if gone and not row.problems:
        row.problems = [f"'{path}' is not there." for path in gone]
    return row


def _image(stored: dict, nodes: Sequence):
    if "path" in stored:
        return FileImage(Path(stored["path"]), stored["series"], stored["words"])
    number = stored["volume"]
    node = nodes[number] if number is not None and number < len(nodes) else None
    return SceneImage(node, stored["name"])
