"""The section "Results": the selected run's figures, and its model."""

import qt
import slicer.util
from LDCTDenoiseLib.errors import LDCTError
from LDCTDenoiseSlicer.filling import fill
from LDCTDenoiseSlicer.logic import LDCTDenoiseLogic
from LDCTDenoiseSlicer.task_runner import onClicked, sentence
from LDCTDenoiseTrainingLib.validation_metrics import METRIC
from slicer.i18n import tr as _

from ..monitoring.result_tables import caption, resultRows
from .work import Work

#: Where they are known; the last two tell what PSNR does not.
_SHOWN = ("psnr", "ssim", "noise_sd", "lesion_kept")


class ResultsSection:
    """Shows what the selected run has come to.

    Parameters
    ----------
    ui : object
    logic : LDCTDenoiseTrainingLogic
    work : Work
    runs : RunsSection
        Knows the selected run.
    """

    def __init__(self, ui, logic, work: Work, runs):
        self.ui, self.logic, self._work, self._runs = ui, logic, work, runs
        for name, step in (("table", self._table), ("csv", self._csv), ("use", self._use)):
            onClicked(work.guarded, (getattr(ui, f"{name}Button"), step))
        self.refresh()

    def refresh(self) -> None:
        """Show the figures of the selected run, when it has some."""
        run, rows, why = self._runs.run, [], _("Select a run to see its figures.")
        if run is not None:
            try:
                # The means, then each patient; how they spread is in the table node and in the file.
                rows = sorted((row for row in resultRows(run) if row["patient"] != "sd"),
                              key=lambda row: (row["patient"] != "mean", row["patient"]))
            except LDCTError as error:
                why = sentence(error)
        shown = [key for key in _SHOWN if any(row[key] for row in rows)]
        patients = {row["patient"] for row in rows}
        named = ["image"] if len(patients) == 1 else ["image", "patient"]
        headings = [_("Image"), _("Patient")][: len(named)]
        self.ui.resultTable.setColumnCount(len(named) + len(shown))
        # In two lines: a table that scrolls sideways hides what there is.
        self.ui.resultTable.setHorizontalHeaderLabels(
            [*headings, *(METRIC[key].heading.replace(" ", "\n") for key in shown)])
        fill(self.ui.resultTable, [
            [*(row[name] for name in named),
             *(METRIC[key].text(float(row[key])) if row[key] else "" for key in shown)]
            for row in rows
        ], wide=len(named) - 1)
        told = " ".join(patients) + ". " if len(patients) == 1 else ""
        self.ui.captionLabel.text = told + caption(run, shown, rows) if rows else why
        self.ui.tableButton.enabled = self.ui.csvButton.enabled = bool(rows)
        self.ui.useButton.enabled = run is not None and run.model is not None

    def _table(self) -> None:
        node = self.logic.result(self._runs.require())
        self._work.say(_("Table node '{name}'.").format(name=node.GetName()))

    def _csv(self) -> None:
        run = self._runs.require()
        path = qt.QFileDialog.getSaveFileName(None, _("Save figures"), f"{run.name}.csv", _("CSV (*.csv)"))
        if path:
            self.logic.saveResult(run, path)
            self._work.say(_("Saved as {path}.").format(path=path))

    def _use(self) -> None:
        def added(path) -> None:
            LDCTDenoiseLogic().chooseModel(path)
            self._work.say(_("'{name}' is among your models, and ticked in LDCT Denoise.").format(name=path.stem))
            slicer.util.selectModule("LDCTDenoise")

        self._work.begin(self.logic.useModel.task(self._runs.require()), _("Checking the model"), added)
