"""What leaves the panel: the table as text, CSV or node, and the figure."""

import qt
import slicer
from LDCTDenoiseLib.files import write_text
from LDCTDenoiseLib.text_tables import records_to_csv
from slicer.i18n import tr as _

from .. import dependencies
from ..tables import tableRecords
from ..task_runner import onClicked


class NumbersExport:
    """The buttons below the table.

    Parameters
    ----------
    ui : object
        The panel's widgets by name.
    measure : object
        Those of Measure.ui.
    panel : Panel
        Knows volumes, numbers and what runs.
    requirements : str
        Path of the module's requirements.txt.
    """

    def __init__(self, ui, measure, panel, requirements: str):
        self._panel, self._requirements = panel, requirements
        onClicked(panel.guarded, (ui.copyNumbersButton, self._copy), (ui.csvButton, self._toCSV),
                  (ui.tableButton, self._toTable), (ui.figureButton, self._toFigure),
                  (measure.logButton, self._addToLog), (measure.writeLogButton, self._toFolder))

    def _copy(self) -> None:
        qt.QApplication.clipboard().setText(self._panel.numbers.text())

    def _toCSV(self) -> None:
        path = ask(_("Write the numbers"), "numbers.csv", "CSV (*.csv)")
        if path:
            self.writeCSV(path)

    def writeCSV(self, path: str) -> None:
        """Write what the table shows, unrounded, with what it was measured in in columns of its own."""
        numbers = self._panel.numbers.numbers
        records = tableRecords(self._panel.parameters.comparisonTable) if numbers is None else numbers.records()
        write_text(path, records_to_csv(records))
        self._panel.say(_("Written: {path}").format(path=path))

    def _toTable(self) -> None:
        panel, numbers = self._panel, self._panel.numbers.numbers
        node = panel.parameters.comparisonTable
        if numbers is not None:
            # A new one each time: what was put aside before stays.
            node = panel.logic.writeNumbers(numbers, panel.parameters.referenceVolume, panel.images())
        panel.say(_("In the table '{name}'.").format(name=node.GetName()))

    def _toFigure(self) -> None:
        path = ask(_("Save the figure"), "comparison.png", "PNG (*.png)")
        if path:
            self._panel.saveFigure(path)

    def _addToLog(self) -> None:
        panel, numbers = self._panel, self._panel.numbers.numbers
        parameters = panel.parameters
        log = panel.logic.addToLog(parameters.comparisonTable if numbers is None else numbers, panel.images(),
                                   parameters.referenceVolume)
        entries = len({record["entry"] for record in tableRecords(log)})
        panel.say(_("In the results log '{name}', which has {count} entries now.").format(
            name=log.GetName(), count=entries))

    def _toFolder(self) -> None:
        folder = qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), _("A folder for the results log"), "")
        if folder:
            self.writeLog(folder)

    def writeLog(self, folder: str) -> None:
        """Write log.csv and its figures, when matplotlib is there or has been accepted."""
        panel = self._panel

        def written(result) -> None:
            paths, notes = result
            panel.say(" ".join([_("Written: {path}, {count} figures.").format(path=paths[0], count=len(paths) - 1),
                                *notes]))

        dependencies.ensurePackages(self._requirements, ["matplotlib"], torch=False)
        task = panel.logic.writeLog.task(folder)
        panel.say(_("Drawing the figures…"))
        panel.run(task, written)


def ask(title: str, name: str, kinds: str) -> str:
    """Ask for a file to write; an empty answer means none."""
    return qt.QFileDialog.getSaveFileName(slicer.util.mainWindow(), title, name, kinds)
