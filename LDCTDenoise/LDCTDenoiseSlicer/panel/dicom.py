"""The button that exports the outputs to the DICOM database."""

import qt
from slicer.i18n import tr as _


class DICOMExport:
    """One button, which makes a DICOM series of each output of the last run.

    Parameters
    ----------
    panel : Panel
        Knows the outputs and what runs.
    layout : QLayout
        Where the button goes: its end.
    """

    def __init__(self, panel, layout):
        self._panel = panel
        self.button = qt.QPushButton(_("Export to DICOM database"))
        self.button.connect("clicked(bool)", self._onClicked)
        layout.addWidget(self.button)
        self.refresh()

    def refresh(self) -> None:
        """Offer the button when there is something to export."""
        outputs = {} if self._panel.running else self._panel.outputs()
        self.button.enabled = bool(outputs)
        self.button.toolTip = (
            _("Write each output as a DICOM series beside the one its input was loaded from, and import it into the "
              "DICOM database") if outputs else _("Denoise a volume that was loaded from the DICOM database first")
        )

    def _onClicked(self, checked: bool = False) -> None:
        panel = self._panel

        def start() -> None:
            # An output whose strength is still being changed is not what its attributes say.
            panel.follower.finish()
            task = panel.logic.startExportToDICOM(list(panel.outputs().values()))
            panel.say(_("Writing DICOM…"))
            panel.run(task, lambda uids: panel.say(_("In the DICOM database: {count} new series.").format(
                count=len(uids))))

        panel.guarded(start)
