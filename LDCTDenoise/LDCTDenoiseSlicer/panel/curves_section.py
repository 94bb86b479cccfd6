"""The section "Profile and noise spectrum": curves along a line or of a region, which they follow (desktop only)."""

import contextlib

import slicer
import slicer.util
import vtk
from LDCTDenoiseLib.errors import LDCTError
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from .. import dependencies
from ..comparison.debounce import Throttle
from ..comparison.drawing import Drawing
from ..curves_of_images import isDrawn, lineOf, newLine
from ..filling import fill, silent
from ..numbers import REFERENCE
from ..task_runner import onClicked, sentence
from .docks import addDock, removeDock
from .numbers_export import ask

#: Seconds between two measurements while a line or a region is dragged.
_BETWEEN = 0.1

#: The least width of the plot, and its greatest height as long as it is docked, where it takes from the views.
_PLOT_WIDTH, _PLOT_HEIGHT, _ANY_HEIGHT = 380, 230, 16777215

#: Pixels of the table's two-line header and its scroll bar; rows that are in sight.
_HEADER, _MOST_ROWS = 62, 8


class CurvesSection(VTKObservationMixin):
    """Draws the line, measures, and keeps curves, numbers and plot up to date while they are shown.

    Parameters
    ----------
    ui : object
        The widgets of Measure.ui by name.
    panel : Panel
        Knows images, regions and the step guard.
    requirements : str
        Path of the module's requirements.txt.
    """

    def __init__(self, ui, panel, requirements: str):
        VTKObservationMixin.__init__(self)
        self.ui, self._panel, self._requirements = ui, panel, requirements
        #: What is shown.
        self.curves = None
        self._drawing = self._measured = None
        self._dock = _PlotDock()
        self._throttle = Throttle(self._update, _BETWEEN)
        ui.profileWidthSpinBox.connect("valueChanged(double)", self._onWidth)
        onClicked(panel.guarded, (ui.profileButton, self.drawLine), (ui.curvesSaveButton, self._onSave),
                  (ui.spectrumButton, lambda: self._choose("spectrum")),
                  (ui.curvesCloseButton, lambda: self._choose("")))
        self._show()

    def setParameterNode(self, parameters) -> None:
        """Follow another scene's choice, or none."""
        self.removeObservers()
        self._throttle.stop()
        self._measured = None
        if self._drawing is not None:
            self._drawing.stop()
        if parameters is None:
            self.curves = None
            self._show()
        else:
            with silent(self.ui.profileWidthSpinBox):
                self.ui.profileWidthSpinBox.value = parameters.profileWidth
            self._watch(lineOf(slicer.mrmlScene))

    def refresh(self) -> None:
        """Measure anew if anything that is shown has changed."""
        if self._panel.parameters is not None:
            self._throttle.ask()

    def close(self) -> None:
        self.setParameterNode(None)
        self._dock.show(None)

    def hide(self) -> None:
        """Put the plot away until the next `refresh`: something else takes the views."""
        self._measured = None
        self._throttle.stop()
        self._dock.show(None)

    def drawLine(self) -> None:
        """Let the user draw the line of the profile: two clicks in any view."""
        if self._drawing is not None:
            self._drawing.stop()
        before, line = lineOf(slicer.mrmlScene), newLine(slicer.mrmlScene)

        def ended(placed: bool) -> None:
            self._drawing = None
            gone = before if placed else line
            if gone is not None and gone.GetScene() is not None:
                slicer.mrmlScene.RemoveNode(gone)
            if placed:
                if before is not None:
                    line.SetName(before.GetName())
                self._watch(line)
                self._choose("profile")
            self._sayDrawing("")

        self._sayDrawing(_("Click the two ends of the line in any view; Esc gives it up."))
        self._drawing = Drawing(line, ended)

    def _sayDrawing(self, text: str) -> None:
        if text or self.curves is None:
            self.ui.curvesLabel.text = text

    def _watch(self, line) -> None:
        self.removeObservers()
        if line is not None:
            for event in (line.PointModifiedEvent, vtk.vtkCommand.ModifiedEvent):
                self.addObserver(line, event, lambda caller, event: self.refresh())

    def _choose(self, kind: str) -> None:
        if self._panel.parameters is not None:
            self._panel.parameters.curves = kind
            self._measured = None
            self._throttle.ask()

    def _onWidth(self, width: float) -> None:
        if self._panel.parameters is not None:
            self._panel.parameters.profileWidth = width
            self._throttle.ask()

    def _update(self) -> None:
        """Measure what is chosen, when it is not what is shown already."""
        parameters = self._panel.parameters
        if parameters is None or self._drawing is not None or self._panel.reading.shown:
            return
        key = self._key(parameters)
        if key == self._measured:
            return
        self._measured = key
        try:
            self.curves = self._measure(parameters)
            self._show()
        except LDCTError as error:
            self.curves = None
            self._show(sentence(error))

    def _key(self, parameters) -> tuple:
        """Return something that changes when the curves may have."""
        kind = parameters.curves
        if not kind:
            return (kind,)
        images = {REFERENCE: parameters.referenceVolume, **self._panel.images()}
        voxels = tuple((label, node.GetID(), node.GetImageData().GetMTime(), node.GetTransformNodeID())
                       for label, node in images.items() if node is not None and node.GetImageData() is not None)
        line, region = lineOf(slicer.mrmlScene), self._region()
        where = line and (line.GetID(), line.GetMTime(), parameters.profileWidth)
        if kind == "spectrum":
            where = region and (region.state(), region.name)
        return kind, where, voxels

    def _region(self):
        """Return the selected region, or else the first background."""
        listed = self._panel.logic.regions()
        chosen = [region for region in listed if region.node is self._panel.view.roi]
        return next(iter(chosen or [region for region in listed if region.role == "background"] or listed), None)

    def _measure(self, parameters):
        logic, images, full = self._panel.logic, self._panel.images(), parameters.referenceVolume
        if parameters.curves == "spectrum":
            return logic.measureSpectrum(images, self._region(), full)
        if parameters.curves == "profile" and isDrawn(lineOf(slicer.mrmlScene)):
            return logic.measureProfile(images, None, full, parameters.profileWidth)
        return None

    def _show(self, trouble: str = "") -> None:
        ui, curves = self.ui, self.curves
        header = [] if curves is None else [_("Image"), *curves.header()]
        rows = [] if curves is None else curves.cells()
        table = ui.curvesTable
        table.setColumnCount(len(header))
        table.setHorizontalHeaderLabels([text.replace(" (", "\n(") for text in header])
        fill(table, rows)
        table.setMinimumHeight(_HEADER + table.verticalHeader().defaultSectionSize * min(len(rows), _MOST_ROWS))
        table.visible = bool(rows)
        ui.curvesLabel.text = trouble if curves is None else curves.caption()
        for button in (ui.curvesSaveButton, ui.curvesCloseButton):
            button.enabled = curves is not None
        self._dock.show(None if curves is None else self._panel.logic.showCurves(curves))

    def _onSave(self) -> None:
        path = ask(_("Save the curves"), f"{self.curves.kind}.csv", "CSV (*.csv);;PNG (*.png);;PDF (*.pdf)")
        if path:
            self.save(path)

    def save(self, path: str) -> None:
        """Write the curves as CSV, or as a figure when matplotlib is there or has been accepted."""
        if not path.lower().endswith(".csv"):
            dependencies.ensurePackages(self._requirements, ["matplotlib"], torch=False)
        self.curves.write(path)
        self._panel.say(_("Written: {path}").format(path=path))


class _PlotDock:
    """A plot of Slicer's own at the foot of the main window, beside the numbers; nothing without a window."""

    def __init__(self):
        self._dock = None

    def show(self, chart) -> None:
        """Show a chart, or put the plot away."""
        if slicer.util.mainWindow() is None or (chart is None) and self._dock is None:
            return
        if chart is None:
            removeDock(self._dock)
            self._dock = None
            return
        scene = chart.GetScene()
        if self._dock is None:
            plot = slicer.qMRMLPlotWidget()
            plot.setMRMLScene(scene)
            plot.setMRMLPlotViewNode(self._viewNode(scene))
            plot.setMinimumSize(_PLOT_WIDTH, 120)
            plot.setMaximumHeight(_PLOT_HEIGHT)
            self._dock = addDock(_("LDCT Denoise: curves"), "LDCTDenoiseCurves", plot)
            self._dock.connect("topLevelChanged(bool)", lambda floats: plot.setMaximumHeight(
                _ANY_HEIGHT if floats else _PLOT_HEIGHT))
        self._viewNode(scene).SetPlotChartNodeID(chart.GetID())

    @staticmethod
    def _viewNode(scene):
        node = scene.GetSingletonNode("LDCTDenoiseCurves", "vtkMRMLPlotViewNode")
        if node is None:
            node = scene.CreateNodeByClass("vtkMRMLPlotViewNode")
            node.UnRegister(None)
            node.SetSingletonTag("LDCTDenoiseCurves")
            node.SetLayoutName("LDCTDenoiseCurves")
            node.SetSaveWithScene(False)
            node = scene.AddNode(node)
            with contextlib.suppress(AttributeError):  # not of every version
                node.SetInteractionMode(node.InteractionModePanView)
        return node
