"""The section *Evidence*: do lesions survive the ticked methods, on the chosen pair?"""

import qt
import slicer
from LDCTDenoiseLib.errors import InputError
from slicer.i18n import tr as _

from .. import dependencies
from ..evidence_of_pair import REPORT, chartsOf, evidenceCells
from ..tables import CAPTION
from ..task_runner import onClicked

#: The plot view of Slicer's layouts; others belong to panels.
_PLOT = "PlotView1"
#: Backgrounds on which black text is read.
_COLOURS = {"green": "#bfe5c8", "amber": "#fbe0a6", "red": "#f4b8b0"}


class EvidenceSection:
    """A button that collects evidence in the background, and the table of what it says.

    Parameters
    ----------
    uiPath : str
        Path of Evidence.ui.
    panel : Panel
        Knows parameters, methods and what runs.
    requirements : str
        Path of the module's requirements.txt.
    """

    def __init__(self, uiPath: str, panel, requirements: str):
        self._panel, self._requirements = panel, requirements
        self.widget = slicer.util.loadUI(uiPath)
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self._report, self._charts, self._layoutBefore, self._collecting = "", [], None, False
        onClicked(panel.guarded, (self.ui.evidenceRunButton, self._run),
                  (self.ui.evidenceReportButton, self._openReport))
        self.ui.evidenceCurvesButton.connect("clicked(bool)", self._onCurves)
        self._show(None)

    def refresh(self) -> None:
        """Offer what can be done with what is chosen."""
        parameters, running = self._panel.parameters, self._panel.running
        full = None if parameters is None else parameters.referenceVolume
        if self._collecting and not running:  # stopped, or failed
            self._collecting, self.ui.evidenceCaption.text = False, ""
        button = self.ui.evidenceRunButton
        button.enabled = full is not None and bool(self._panel.methods.labels()) and not running
        if full is None:
            button.toolTip = _("Choose a full-dose reference first")
        elif not self._panel.methods.labels():
            button.toolTip = _("Tick a method first")
        else:
            button.toolTip = _("Put lesions into both volumes of the pair, denoise, and measure what is left of them; "
                               "without a low-dose volume the dose is lowered to a quarter. It takes minutes.")

    def _run(self) -> None:
        panel, parameters, jobs = self._panel, self._panel.parameters, self._panel.methods.jobs()
        folder = qt.QFileDialog.getExistingDirectory(None, _("A new, empty folder for the report"), "")
        if not folder:
            return
        if parameters.referenceVolume is None:
            raise InputError(_("Choose a full-dose reference to put lesions into."))
        dependencies.ensurePackages(self._requirements, ["matplotlib"], torch=any(job.isNetwork for job in jobs))
        task = panel.logic.collectEvidence.task(
            parameters.referenceVolume, parameters.inputVolume,
            [job.method for job in jobs if job.model is None], [job.model for job in jobs if job.model],
            device=parameters.device, folder=folder,
        )

        def collected(node) -> None:
            self._show(node)
            panel.say(_("Evidence: the report is {path}").format(path=node.GetAttribute(REPORT)))

        panel.say(_("Collecting evidence…"))
        panel.run(task, collected)
        # The bar may be out of sight from here.
        self._collecting = True
        self.ui.evidenceCaption.text = _("Collecting; how far it is, and Cancel, stand below Apply.")

    def _openReport(self) -> None:
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(self._report))

    def _onCurves(self, checked: bool = False) -> None:
        """Show the curves in place of the images, or put the layout back."""
        layout = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")
        if layout is None:
            return
        # Alone, for beside three slice views a plot is too wide for a small screen.
        plots = layout.SlicerLayoutOneUpPlotView
        if checked:
            self._layoutBefore = layout.GetViewArrangement()
            layout.SetViewArrangement(plots)
            for view in slicer.util.getNodesByClass("vtkMRMLPlotViewNode"):
                if view.GetSingletonTag() == _PLOT:
                    view.SetPlotChartNodeID(self._charts[0].GetID())
        elif self._layoutBefore is not None and layout.GetViewArrangement() == plots:
            layout.SetViewArrangement(self._layoutBefore)

    def _show(self, node) -> None:
        """Show the words of a table node, or nothing yet."""
        self._collecting = False
        table, sizes, cells = self.ui.evidenceTable, [], []
        if node is not None:
            sizes, cells = evidenceCells(node)
            self._report, self._charts = node.GetAttribute(REPORT) or "", chartsOf(node)
        table.setColumnCount(len(sizes) + 1)
        table.setHorizontalHeaderLabels([_("Method"), *sizes])
        table.setRowCount(len(cells))
        for row, line in enumerate(cells):
            for column, (text, colour) in enumerate(line):
                item = qt.QTableWidgetItem(text)
                if colour:
                    item.setBackground(qt.QBrush(qt.QColor(_COLOURS[colour])))
                    item.setForeground(qt.QBrush(qt.QColor("#000000")))
                table.setItem(row, column, item)
        table.resizeColumnsToContents()
        table.visible = bool(cells)
        self.ui.evidenceCaption.text = "" if node is None else node.GetAttribute(CAPTION) or ""
        self.ui.evidenceReportButton.enabled = bool(self._report)
        self.ui.evidenceCurvesButton.enabled = bool(self._charts)
