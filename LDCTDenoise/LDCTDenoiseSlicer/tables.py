"""Numbers as a table node."""

import math

import slicer
import vtk
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.metrics import CONDITIONS, HU_STATISTICS, METRICS, Comparison

from .numbers import REFERENCE, STRENGTH, Made, Numbers, strengthsInWords
from .region_numbers import RegionNumbers

#: The attribute of a table node that holds the sentence to stand beside its numbers.
CAPTION = "LDCTDenoise.Caption"

#: The roles under which a table node refers to the volumes it compares; the images in the order of the rows.
REFERENCE_ROLE, IMAGE_ROLE = "LDCTDenoise.Reference", "LDCTDenoise.Image"

_ARRAYS = {str: vtk.vtkStringArray, int: vtk.vtkIntArray, float: vtk.vtkDoubleArray}


def requireTable(node) -> None:
    """Raise `InputError` unless a node is a table of a scene, or None."""
    if node is None:
        return
    if not isinstance(node, slicer.vtkMRMLTableNode) or node.GetScene() is None:
        raise InputError("the table must be a table node of the scene; leave it out for a new one.")


def writeTable(node, reference, images: dict, comparison: Comparison | Numbers | RegionNumbers, statistics=None):
    """Put a comparison, or the numbers of a slice, into a table node and return it.

    Parameters
    ----------
    node : vtkMRMLTableNode or None
        The node whose content is replaced; None makes a new one, named after the reference and what was measured.
    reference : vtkMRMLScalarVolumeNode or None
        What the images were measured against, if anything.
    images : dict of str to vtkMRMLScalarVolumeNode
        What was measured by label, in the order of the rows.
    comparison : Comparison, Numbers or RegionNumbers
        The columns are those of its `records`, numbers unrounded.
    statistics : dict of str to tuple of float, optional
        Of a comparison, mean and SD of each image's HU by label; full dose's own is then the first row.
    """
    caption, records = comparison.caption(), comparison.records()
    if isinstance(comparison, Comparison):
        made = {label: Made.of(image) for label, image in images.items()}
        caption += ("" if statistics is None else " Mean and SD: of all HU, no window.") + strengthsInWords(made)
        records = [{"image": record["image"], **_madeColumns(made[record["image"]]), **record} for record in records]
        if statistics is not None:
            empty = {name: math.nan if isinstance(value, float) else value for name, value in records[0].items()}
            kept = {name: records[0][name] for name in CONDITIONS}
            records.insert(0, {**empty, "image": REFERENCE, "method": "", "slices_equal": 0, **kept})
            for record in records:
                record |= dict(zip((m.column for m in HU_STATISTICS), statistics[record["image"]], strict=True))
    table = tableOf(records)
    if node is None:
        node = _newTable(reference or next(iter(images.values())), comparison)
    with slicer.util.NodeModify(node):
        node.SetAndObserveTable(table)
        node.SetAttribute(CAPTION, caption)
        node.SetNodeReferenceID(REFERENCE_ROLE, reference.GetID() if reference else None)
        node.RemoveNodeReferenceIDs(IMAGE_ROLE)
        for image in images.values():
            node.AddNodeReferenceID(IMAGE_ROLE, image.GetID())
    return node


def tableOf(records: list[dict]) -> vtk.vtkTable:
    """Return records as a table; each column has the type of its first value."""
    table = vtk.vtkTable()
    for column, first in records[0].items():
        values = _ARRAYS[type(first)]()
        values.SetName(column)
        for record in records:
            values.InsertNextValue(record[column])
        table.AddColumn(values)
    return table


def _newTable(named, comparison: Comparison | Numbers | RegionNumbers):
    scene = named.GetScene()
    what = "regions" if isinstance(comparison, RegionNumbers) else "comparison"
    if isinstance(comparison, Numbers):
        what = comparison.plane.words if comparison.whole else f"ROI {comparison.region}"
    name = f"{named.GetName()} {what}"
    name = name if scene.GetFirstNodeByName(name) is None else scene.GenerateUniqueName(name)
    return scene.AddNewNodeByClass("vtkMRMLTableNode", name)


def _madeColumns(made: Made) -> dict:
    return {"method": made.method, "strength": math.nan if made.strength is None else made.strength}


def isComparisonOf(node, reference, image) -> bool:
    """Whether a table node holds the comparison of an image (its first row) with a reference."""
    return (
        node is not None
        and node.GetTable() is not None
        and node.GetTable().GetColumnByName("slices") is not None
        and reference is not None
        and node.GetNodeReference(REFERENCE_ROLE) is reference
        and node.GetNodeReference(IMAGE_ROLE) is image
    )


def tableRecords(node) -> list[dict]:
    """Return a filled table as one dict a row, as it was written."""
    table = node.GetTable()
    columns = [table.GetColumn(index) for index in range(table.GetNumberOfColumns())]
    return [{c.GetName(): c.GetValue(row) for c in columns} for row in range(table.GetNumberOfRows())]


def shownRows(node) -> list[list[str]]:
    """Return a filled table as text to read: image, strength, each metric with its spread, mean and SD."""
    table = node.GetTable()
    rows = []
    for row in range(table.GetNumberOfRows()):
        strength = table.GetColumnByName("strength")  # of an earlier version there is none
        cells = [table.GetValueByName(row, "image").ToString(), STRENGTH.text(strength and strength.GetValue(row))]
        several = table.GetValueByName(row, "slices").ToInt() > 1
        for metric in METRICS:
            value, spread = (table.GetValueByName(row, c).ToDouble() for c in (metric.column, metric.spread_column))
            cells.append(metric.text(value, None if math.isnan(value) or not several else spread))
        for metric in HU_STATISTICS:
            column = table.GetColumnByName(metric.column)  # of an earlier version there is none
            cells.append(metric.text(column and column.GetValue(row)))
        rows.append(cells)
    return rows
