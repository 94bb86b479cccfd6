"""The results log: numbers that were put aside, a row an image and region, in a table that is saved with the scene."""

import hashlib
import math
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import slicer
import slicer.util
from LDCTDenoiseLib.errors import InputError, LDCTError
from LDCTDenoiseLib.files import replace_folder
from LDCTDenoiseLib.hounsfield import PAPER, Window
from LDCTDenoiseLib.metrics import HU_STATISTICS, METRICS
from LDCTDenoiseLib.text_tables import records_to_csv

from .measuring import drawingOf
from .nodes import nodesOf
from .numbers import REFERENCE, RMSE, Made, Numbers
from .region_numbers import CNR, CONTRAST, NOISE, RegionNumbers
from .regions import regionsOf
from .tables import tableOf, tableRecords
from .tasks import Counted, Task

#: The attribute of the table that is the log, the role under which it refers to the images of an entry, and the
#: attribute of a volume with a pseudonym that the user has given it.
_LOG, _ROLE, PSEUDONYM = "LDCTDenoise.ResultsLog", "LDCTDenoise.Entry", "LDCTDenoise.Pseudonym"

#: Every metric that is shown anywhere, by the name of its column; NaN where an entry has it not.
_METRICS = (*(m.column for m in METRICS), *(m.spread_column for m in METRICS), RMSE.column,
            *(m.column for m in (*HU_STATISTICS, CNR, CONTRAST, NOISE)))  # fmt: skip

#: What an entry has been measured of.
SLICE, REGIONS, VOLUME = "slice", "regions", "volume"

_TEXTS = ("time", "volume", "measured", "region", "role", "place", "plane", "slice_index")
COLUMNS = ("entry", *_TEXTS, "window_lower_hu", "window_upper_hu", "image", "method", "strength", "noise_left",
           "model_sha256", "voxels_sha256", *_METRICS)


def logOf(scene):
    """Return the log's table, or None."""
    return next((node for node in nodesOf(scene, "vtkMRMLTableNode") if node.GetAttribute(_LOG)), None)


def pseudonymOf(volumeNode) -> str:
    """Return what a volume is called in the log: its own pseudonym, or one made of its voxels, alike in any scene.

    Names of nodes may be those of patients; a hash of voxels says nothing of one.
    """
    return volumeNode.GetAttribute(PSEUDONYM) or f"CT-{_digest(volumeNode)[:8]}"


def addToLog(numbers, nodes: dict, reference=None):
    """Append what has been measured to the log of the scene, made when there is none, and return its node.

    Parameters
    ----------
    numbers : Numbers, RegionNumbers, or the table node of a whole volume
    nodes : dict of str to vtkMRMLScalarVolumeNode
        The images by label, the low dose first.
    reference : vtkMRMLScalarVolumeNode, optional

    Raises
    ------
    InputError
        If there are no numbers, or they are of an image that is not given.
    """
    first = next(iter(nodes.values()))
    rows, scene = _rowsOf(numbers), first.GetScene()
    shown = ({} if reference is None else {REFERENCE: reference}) | nodes
    images = list(dict.fromkeys(row["image"] for row in rows))
    gone = [label for label in images if label not in shown]
    if gone:
        raise InputError(f"'{gone[0]}' was measured and is not among the images any more; measure again.")
    log = logOf(scene)
    known = [] if log is None else tableRecords(log)
    entry = 1 + max((record["entry"] for record in known), default=0)
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    begun = {"entry": entry, **dict.fromkeys(_TEXTS, ""), "time": now, "volume": pseudonymOf(first)}
    made = {label: madeOf(shown[label]) for label in images}
    records = [dict.fromkeys(COLUMNS, math.nan) | begun | made[row["image"]] | row for row in rows]
    if log is None:
        log = scene.AddNewNodeByClass("vtkMRMLTableNode", scene.GenerateUniqueName("LDCT Denoise log"))
        log.SetAttribute(_LOG, "1")
    log.SetAndObserveTable(tableOf([*known, *records]))
    for number, label in enumerate(images):
        log.SetNodeReferenceID(f"{_ROLE}{entry}.{number}", shown[label].GetID())
    return log


def logTask(log, folder) -> Task:
    """Return the task of `LDCTDenoiseLogic.writeLog`; parameters and errors as there."""
    if log is None:
        raise InputError("the results log is empty; add numbers to it first.")
    records = tableRecords(log)
    text, notes, figures = records_to_csv(records, COLUMNS), [], {}
    for entry in dict.fromkeys(record["entry"] for record in records):
        rows = [record for record in records if record["entry"] == entry]
        try:
            for number, draw in enumerate(_drawingsOf(log, rows), 1):
                figures[f"entry-{entry:03d}-{number}.png"] = draw
        except LDCTError as error:
            notes.append(f"Entry {entry} has no figure: {error}")

    def work(report):
        with replace_folder(folder) as place:
            (place / "log.csv").write_text(text, encoding="utf-8")
            for done, (name, draw) in enumerate(figures.items()):
                report(Counted(done, len(figures)))
                draw(place / name)
        return [Path(folder) / name for name in ("log.csv", *figures)], notes

    return Task(work, lambda written: written, [log])


def _rowsOf(numbers) -> list[dict]:
    """Return what was measured as rows, with those of `COLUMNS` that they have."""
    if isinstance(numbers, Numbers):
        return [{name: value for name, value in record.items() if name in COLUMNS} | {
            "measured": SLICE, "region": record["roi"], "place": numbers.plane.words,
            "slice_index": str(record["slice_index"])}
            for record in numbers.records()]
    if isinstance(numbers, RegionNumbers):
        return [{"measured": REGIONS, "region": region.heading, "role": region.role, "image": label,
                 "place": numbers.places[region.number]}
                | {c.metric.column: float(numbers.value(label, c)) for c in numbers.columns()
                   if c.region is not None and c.region.number == region.number}
                for region in numbers.regions for label in numbers.statistics]
    if getattr(numbers, "GetTable", None) and numbers.GetTable() and numbers.GetTable().GetColumnByName("slices"):
        return [{name: value for name, value in record.items() if name in COLUMNS} | {"measured": VOLUME}
                for record in tableRecords(numbers)]
    raise InputError("there are no numbers to put into the log; measure first.")


def madeOf(node) -> dict:
    """Return how an image came about, and by what its voxels are known again."""
    made = Made.of(node)
    return {
        "method": made.method, "strength": math.nan if made.strength is None else made.strength,
        "noise_left": node.GetAttribute("LDCTDenoise.NoiseLeft") or "",
        "model_sha256": node.GetAttribute("LDCTDenoise.ModelSHA256") or "", "voxels_sha256": _digest(node)[:16],
    }


def _digest(node) -> str:
    """Return the SHA-256 of a volume's size and middle slice: of all voxels it would take seconds."""
    array = slicer.util.arrayFromVolume(node)
    middle = np.ascontiguousarray(array[len(array) // 2])
    return hashlib.sha256(str((array.shape, array.dtype.str)).encode() + middle.tobytes()).hexdigest()


def _drawingsOf(log, rows: list[dict]) -> list:
    """Return what draws the figures of an entry: of its slice, or of each of its regions.

    Raises
    ------
    InputError
        If an image or a region has gone, or is another now: the figure would not show what was measured.
    """
    images, what = {}, rows[0]
    if what["measured"] == VOLUME:
        return []
    for number, row in enumerate({row["image"]: row for row in rows}.values()):
        node = log.GetNodeReference(f"{_ROLE}{row['entry']}.{number}")
        if node is None or node.GetImageData() is None or _digest(node)[:16] != row["voxels_sha256"]:
            raise InputError(f"'{row['image']}' has changed since, or has left the scene.")
        images[row["image"]] = node
    reference = images.pop(REFERENCE, None)
    if what["measured"] == SLICE:
        window = Window(what["window_lower_hu"], what["window_upper_hu"])
        window = PAPER if math.isnan(window.lower) else window
        return [drawingOf(reference, images, int(what["slice_index"]), what["region"] or None, window, what["plane"])]
    first, drawn = next(iter(images.values())), {row["region"]: row["place"] for row in rows}
    found = {region.heading: region for region in regionsOf(log.GetScene())}
    for heading, place in drawn.items():
        if heading not in found or found[heading].voxels(first).words != place:
            raise InputError(f"the region '{heading}' has changed since, or is not in the list any more.")
    return [drawingOf(reference, images, None, found[heading], PAPER, None) for heading in drawn]
