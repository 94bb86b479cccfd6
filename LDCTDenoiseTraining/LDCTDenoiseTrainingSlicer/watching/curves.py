"""The curves of runs as plot series, side by side in shared charts."""

import slicer
import slicer.util
import vtk
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.hounsfield import PAPER
from LDCTDenoiseTrainingLib.runs.curves import Curves, read_curves

#: Charts: name, title of the y axis, then where the figure is found in the log.
CHARTS = (
    ("Training loss", "mean absolute error (units of the loss window)", "losses", "l1"),
    ("Validation PSNR", f"PSNR (dB), {PAPER}", "validation", "psnr"),
    ("Validation SSIM", f"SSIM, {PAPER}", "validation", "ssim"),
    ("Validation RMSE", f"RMSE, {PAPER} scaled to [0, 1]", "validation", "rmse"),
    ("Validation texture", "texture (1 = that of full dose)", "validation", "texture"),
    ("Wasserstein estimate", "Wasserstein estimate of the critic", "losses", "wasserstein"),
)

_COLOURS = ((0.12, 0.47, 0.71), (1.0, 0.5, 0.05), (0.17, 0.63, 0.17), (0.84, 0.15, 0.16), (0.58, 0.4, 0.74),
            (0.55, 0.34, 0.29), (0.89, 0.47, 0.76), (0.5, 0.5, 0.5))
_GREY = (0.6, 0.6, 0.6)

#: The attribute by which a node that is made here is found again.
_KEY = "LDCTDenoiseTraining.Curve"


class CurvePlots:
    """Plot nodes for any number of runs. Each figure is a chart, each run a series in it.

    A run's low dose is a grey line in the charts of PSNR, SSIM and RMSE.
    """

    def __init__(self):
        self._seen: dict[str, tuple] = {}

    def update(self, logs: dict) -> bool:
        """Draw these logs, and nothing else; return whether anything has changed.

        Parameters
        ----------
        logs : dict of str to Path
            Label to log.jsonl; one that is not there yet has no curve yet.
        """
        state = {label: _state(path) for label, path in logs.items()}
        if state == self._seen and all(_find("vtkMRMLPlotChartNode", chart[0]) for chart in CHARTS):
            return False
        curves = {}
        for label, path in logs.items():
            try:
                curves[label] = read_curves(path)
            except InputError:
                continue
        for name, axis, kind, figure in CHARTS:
            self._draw(name, axis, kind, figure, curves)
        self._seen = state
        return True

    def chart(self, name: str):
        """Return the vtkMRMLPlotChartNode of one of `CHARTS`, or None before the first update."""
        return _find("vtkMRMLPlotChartNode", name)

    def _draw(self, name: str, axis: str, kind: str, figure: str, curves: dict[str, Curves]) -> None:
        chart = _node("vtkMRMLPlotChartNode", name)
        with slicer.util.NodeModify(chart):
            chart.SetTitle(name)
            chart.SetXAxisTitle("generator step")
            chart.SetYAxisTitle(axis)
            chart.RemoveAllPlotSeriesNodeIDs()
            for number, (label, curve) in enumerate(curves.items()):
                colour = _COLOURS[number % len(_COLOURS)]
                line = curve.line(kind, figure)
                if line[0]:
                    _series(chart, f"{name}: {label}", label, figure, line, colour, kind == "validation")
                if kind == "validation" and figure != "texture" and line[0]:
                    low = [curve.validation[step]["low"][figure] for step in line[0]]
                    _series(chart, f"{name}: {label}, low dose", f"{label}, low dose", figure, (line[0], low), _GREY,
                            False)


def _series(chart, key: str, label: str, figure: str, line, colour, markers: bool) -> None:
    table = _node("vtkMRMLTableNode", key)
    content = vtk.vtkTable()
    for name, values in (("step", line[0]), (figure, line[1])):
        column = vtk.vtkDoubleArray()
        column.SetName(name)
        for value in values:
            column.InsertNextValue(value)
        content.AddColumn(column)
    table.SetAndObserveTable(content)
    series = _node("vtkMRMLPlotSeriesNode", key)
    with slicer.util.NodeModify(series):
        series.SetName(label)
        series.SetAndObserveTableNodeID(table.GetID())
        series.SetXColumnName("step")
        series.SetYColumnName(figure)
        series.SetPlotType(series.PlotTypeScatter)
        series.SetColor(*colour)
        series.SetMarkerStyle(series.MarkerStyleCircle if markers else series.MarkerStyleNone)
    chart.AddAndObservePlotSeriesNodeID(series.GetID())


def _find(kind: str, key: str):
    return next((node for node in slicer.util.getNodesByClass(kind) if node.GetAttribute(_KEY) == key), None)


def _node(kind: str, key: str):
    node = _find(kind, key)
    if node is None:
        node = slicer.mrmlScene.AddNewNodeByClass(kind, key)
        node.SetAttribute(_KEY, key)
        # Curves are of the runs on this computer, and not of the scene.
        node.SetSaveWithScene(False)
    return node


def _state(path) -> tuple:
    try:
        facts = path.stat()
    except OSError:
        return ()
    return str(path), facts.st_size, facts.st_mtime_ns
