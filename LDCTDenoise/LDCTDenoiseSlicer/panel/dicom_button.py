"""The button that exports the outputs to the DICOM database."""

import qt
from slicer.i18n import tr as _

from ..dicom_export import cameFromDICOM
from ..task_runner import onClicked


class DICOMExport:
    """One button, which makes a DICOM series of each output of the last run.

    Parameters
    ----------
    panel : Panel
        Knows the outputs and what runs.
    layout : QLayout
        The button goes to its end.
    """

    def __init__(self, panel, layout):
        self._panel = panel
        self.button = qt.QPushButton()
        self.button.text = _("Export to DICOM database")
        onClicked(panel.guarded, (self.button, self._export))
        layout.addWidget(self.button)

    def refresh(self) -> None:
        """Show the button for a volume from the DICOM database, and offer it when there is something to export."""
        parameters = self._panel.parameters
        low = None if parameters is None else parameters.inputVolume
        outputs = {} if self._panel.running else self._panel.outputs()
        self.button.visible = low is not None and cameFromDICOM(low)
        self.button.enabled = bool(outputs)
        if outputs:
            self.button.toolTip = _("Write each output as a DICOM series beside the one its input was loaded from")
        else:
            self.button.toolTip = _("Denoise the low-dose volume first")

    def _export(self) -> None:
        panel = self._panel
        # An output whose strength is still being changed is not what its attributes say.
        panel.follower.finish()
        task = panel.logic.exportToDICOM.task(list(panel.outputs().values()))
        panel.say(_("Writing DICOM…"))
        panel.run(task, lambda uids: panel.say(
            _("In the DICOM database, below the same study: {count} new series.").format(count=len(uids))))
