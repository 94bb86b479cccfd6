"""The curves of runs as plot series, side by side in shared charts."""

import slicer
import slicer.util
from LDCTDenoiseLib.hounsfield import PAPER
from LDCTDenoiseLib.methods import colours_of
from LDCTDenoiseSlicer.plots import rgb, tableOfColumns
from LDCTDenoiseTrainingLib.experiments.curves import Curves, take_record
from LDCTDenoiseTrainingLib.validation_metrics import METRIC

from ..jobs.log_follower import GrowingFile

#: Without brackets, which VTK's axes draw as round ones.
_WINDOW = f"{PAPER.lower:g} to {PAPER.upper:g} HU"

#: Charts: name, title of the y axis, then where the figure is found in the log.
CHARTS = (
    ("Training loss", "mean absolute error, loss window = 1", "losses", "l1"),
    *((f"Validation {METRIC[key].label}", f"{METRIC[key].heading}, {where}", "validation", key) for key, where in (
        ("psnr", _WINDOW), ("ssim", _WINDOW), ("rmse", f"{_WINDOW} as 0 to 1"), ("texture", "1 = that of full dose"))),
    ("Wasserstein estimate", "Wasserstein estimate of the critic", "losses", "wasserstein"),
)

_GREY = (0.6, 0.6, 0.6)

#: The attribute by which a node that is made here is found again.
_KEY = "LDCTDenoiseTraining.Curve"


class CurvePlots:
    """Plot nodes for any number of runs. Each figure is a chart, each run a series in it.

    A run's low dose is a grey line in the charts of PSNR, SSIM and RMSE.
    """

    def __init__(self):
        self._seen: dict[str, dict[str, tuple]] = {}
        self._logs: dict[str, _Log] = {}

    def update(self, logs: dict, only: str | None = None) -> bool:
        """Draw these logs, and nothing else; return whether anything has changed.

        Parameters
        ----------
        logs : dict of str to Path
            Label to log.jsonl; one that is not there yet has no curve yet.
        only : str, optional
            The name of the one chart that is wanted. Default: all.
        """
        state = {label: _state(path) for label, path in logs.items()}
        charts = [chart for chart in CHARTS if only in (None, chart[0])
                  and (state != self._seen.get(chart[0]) or _find("vtkMRMLPlotChartNode", chart[0]) is None)]
        if not charts:
            return False
        self._logs = {str(path): self._logs.get(str(path)) or _Log(path) for path in logs.values()}
        curves = {label: self._logs[str(path)].read() for label, path in logs.items() if state[label]}
        for name, axis, kind, figure in charts:
            self._draw(name, axis, kind, figure, curves)
            self._seen[name] = state
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
            values: list[float] = []
            colours = colours_of(curves)
            for label, curve in curves.items():
                colour, line = rgb(colours[label]), curve.line(kind, figure)
                values += line[1]
                if line[0]:
                    _series(chart, f"{name}: {label}", label, figure, line, colour, kind == "validation")
                if kind == "validation" and figure != "texture" and line[0]:
                    low = [curve.validation[step]["low"][figure] for step in line[0]]
                    values += [value for value in low if value is not None]
                    _series(chart, f"{name}: {label}, low dose", f"{label}, low dose", figure, (line[0], low), _GREY,
                            False)
            _makeRoom(chart, values if kind == "validation" and figure != "rmse" else [])


def _makeRoom(chart, values: list[float]) -> None:
    """Leave room above curves that rise: the legend stands at the upper right."""
    chart.SetYAxisRangeAuto(not values)
    if values:
        lower, upper = min(values), max(values)
        height = upper - lower or abs(upper) or 1.0
        above = min(0.12 * chart.GetNumberOfPlotSeriesNodes() + 0.08, 1.0)
        chart.SetYAxisRange(lower - 0.05 * height, upper + above * height)


class _Log:
    """A log that grows, and its curves."""

    def __init__(self, path):
        self._file, self._curves = GrowingFile(path), Curves()

    def read(self) -> Curves:
        """Return all its curves."""
        for line in self._file.lines(lambda: setattr(self, "_curves", Curves())):
            take_record(self._curves, line)
        return self._curves


def _series(chart, key: str, label: str, figure: str, line, colour, markers: bool) -> None:
    table = _node("vtkMRMLTableNode", key)
    table.SetAndObserveTable(tableOfColumns({"step": line[0], figure: line[1]}))
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
