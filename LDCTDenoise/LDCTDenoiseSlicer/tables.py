"""A comparison as a table node."""

import slicer
import vtk
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.metrics import Comparison

#: The attribute of a table node that holds the sentence to stand beside its numbers.
CAPTION = "LDCTDenoise.Caption"

#: The roles under which a table node refers to the volumes it compares; the images in the order of the rows.
REFERENCE_ROLE, IMAGE_ROLE = "LDCTDenoise.Reference", "LDCTDenoise.Image"

#: The figures of a comparison: column, column of its standard deviation, digits to show.
FIGURES = (("psnr_db", "psnr_sd", 2), ("ssim", "ssim_sd", 3), ("rmse", "rmse_sd", 4), ("rmse_hu", "rmse_hu_sd", 1))

_ARRAYS = {str: vtk.vtkStringArray, int: vtk.vtkIntArray, float: vtk.vtkDoubleArray}


def requireTable(node) -> None:
    """Raise `InputError` unless a node is a table of a scene, or None."""
    if node is None:
        return
    if not isinstance(node, slicer.vtkMRMLTableNode) or node.GetScene() is None:
        raise InputError("the table must be a table node of the scene; leave it out for a new one.")


def writeTable(node, reference, images, comparison: Comparison):
    """Put a comparison into a table node and return it.

    Parameters
    ----------
    node : vtkMRMLTableNode or None
        The node whose content is replaced; None makes a new one named after the reference.
    reference : vtkMRMLScalarVolumeNode
        What the images were measured against.
    images : sequence of vtkMRMLScalarVolumeNode
        What was measured, in the order of the rows.
    comparison : Comparison
        The columns are those of `Comparison.records`, numbers unrounded.
    """
    records = comparison.records()
    table = vtk.vtkTable()
    for column, first in records[0].items():
        values = _ARRAYS[type(first)]()
        values.SetName(column)
        for record in records:
            values.InsertNextValue(record[column])
        table.AddColumn(values)
    if node is None:
        node = reference.GetScene().AddNewNodeByClass("vtkMRMLTableNode", f"{reference.GetName()} comparison")
    with slicer.util.NodeModify(node):
        node.SetAndObserveTable(table)
        node.SetAttribute(CAPTION, comparison.caption())
        node.SetNodeReferenceID(REFERENCE_ROLE, reference.GetID())
        node.RemoveNodeReferenceIDs(IMAGE_ROLE)
        for image in images:
            node.AddNodeReferenceID(IMAGE_ROLE, image.GetID())
    return node


def isComparisonOf(node, reference, image) -> bool:
    """Whether a table node holds the comparison of an image (its first row) with a reference."""
    return (
        node is not None
        and node.GetTable() is not None
        and node.GetTable().GetColumnByName("image") is not None
        and reference is not None
        and node.GetNodeReference(REFERENCE_ROLE) is reference
        and node.GetNodeReference(IMAGE_ROLE) is image
    )


def shownRows(node) -> list[list[str]]:
    """Return a filled table as text to read: image, PSNR in dB, SSIM, RMSE and RMSE in HU, with their spread."""
    table = node.GetTable()
    rows = []
    for row in range(table.GetNumberOfRows()):
        cells = [table.GetValueByName(row, "image").ToString()]
        several = table.GetValueByName(row, "slices").ToInt() > 1
        for mean, spread, digits in FIGURES:
            text = f"{table.GetValueByName(row, mean).ToDouble():.{digits}f}"
            if several:
                text += f" ± {table.GetValueByName(row, spread).ToDouble():.{digits}f}"
            cells.append(text)
        rows.append(cells)
    return rows
