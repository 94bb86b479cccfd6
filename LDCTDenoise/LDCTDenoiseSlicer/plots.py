"""Curves as Slicer's own plot nodes, which are saved with the scene; drawn again into the same ones."""

import numpy as np
import slicer
import slicer.util
import vtk
from LDCTDenoiseLib.metrics import Curves
from vtk.util import numpy_support

from .nodes import nodesOf
from .tables import CAPTION

#: The attribute by which a chart is found again, with the kind of its curves.
_KIND = "LDCTDenoise.Curves"
#: Up to so many samples of a curve are marked.
_FEW = 10


def chartOf(scene, kind: str):
    """Return the chart of a kind of curves, or None."""
    charts = nodesOf(scene, "vtkMRMLPlotChartNode")
    return next((chart for chart in charts if chart.GetAttribute(_KIND) == kind), None)


def showCurves(scene, curves: Curves):
    """Draw curves into the chart of their kind, and return it."""
    return drawCurves(chartOf(scene, curves.kind) or newChart(scene, curves), curves)


def newChart(scene, curves: Curves):
    """Return a new chart for curves, with nothing drawn yet."""
    chart = scene.AddNewNodeByClass("vtkMRMLPlotChartNode", curves.title)
    chart.SetAttribute(_KIND, curves.kind)
    return chart


def removeChart(chart) -> None:
    """Take a chart out of its scene, with all that was drawn into it."""
    for node in (*_seriesOf(chart).values(), chart.GetNodeReference(_KIND), chart):
        if node is not None:
            chart.GetScene().RemoveNode(node)


def tableOfColumns(columns: dict) -> vtk.vtkTable:
    """Return numbers by the names of their columns as a table."""
    content = vtk.vtkTable()
    for name, values in columns.items():
        column = numpy_support.numpy_to_vtk(np.asarray(values, dtype=float), deep=True)
        column.SetName(name)
        content.AddColumn(column)
    return content


def rgb(color: str) -> list[float]:
    """Return red, green and blue, 0 to 1, of "#rrggbb"."""
    return [int(color[n : n + 2], 16) / 255 for n in (1, 3, 5)]


def drawCurves(chart, curves: Curves):
    """Draw curves into a chart of `newChart`, and return it: a series an image, and one table of all of them."""
    scene, series = chart.GetScene(), _seriesOf(chart)
    table = chart.GetNodeReference(_KIND)
    if table is None:
        table = scene.AddNewNodeByClass("vtkMRMLTableNode", curves.title)
        chart.SetNodeReferenceID(_KIND, table.GetID())
    table.SetAndObserveTable(tableOfColumns({curves.x_title: curves.x, **curves.y}))
    table.SetAttribute(CAPTION, curves.caption())
    with slicer.util.NodeModify(chart):
        for label in list(series):
            if label not in curves.y:
                chart.RemovePlotSeriesNodeID(series[label].GetID())
                scene.RemoveNode(series.pop(label))
        for label in curves.y:
            if label not in series:
                series[label] = scene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", label)
                chart.AddAndObservePlotSeriesNodeID(series[label].GetID())
            _draw(series[label], table, label, curves)
        chart.SetTitle(curves.title)
        # It stands below the views, where there is little room.
        chart.SetTitleFontSize(13)
        for part in ("AxisTitle", "AxisLabel", "Legend"):
            getattr(chart, f"Set{part}FontSize")(11)
        chart.SetXAxisTitle(curves.x_title)
        chart.SetYAxisTitle(curves.y_title)
    return chart


def _seriesOf(chart) -> dict:
    return {node.GetName(): node for node in map(chart.GetNthPlotSeriesNode, range(chart.GetNumberOfPlotSeriesNodes()))
            if node is not None}


def _draw(series, table, label: str, curves: Curves) -> None:
    with slicer.util.NodeModify(series):
        series.SetAndObserveTableNodeID(table.GetID())
        series.SetXColumnName(curves.x_title)
        series.SetYColumnName(label)
        series.SetPlotType(series.PlotTypeScatter)
        few = len(curves.x) <= _FEW
        series.SetMarkerStyle(series.MarkerStyleCircle if few else series.MarkerStyleNone)
        series.SetLineWidth(2)
        series.SetColor(*rgb(curves.colors.get(label, "#000000")))
