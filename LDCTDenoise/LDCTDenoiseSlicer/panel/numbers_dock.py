"""The numbers below the views while the comparison is laid out, and in the panel else (desktop only)."""

import slicer
import slicer.util
from slicer.i18n import tr as _

from .docks import addDock, removeDock

#: Pixels of the dock's title, and by which the table's own hint falls short of its frame and header.
_SPARE = 48


class NumbersDock:
    """Moves the section "Numbers" between the panel and the foot of the main window.

    Parameters
    ----------
    ui : object
        The panel's widgets by name.
    """

    def __init__(self, ui):
        self._ui, self._dock = ui, None

    def show(self, below: bool) -> None:
        """Put the section below the views, or back into the panel; where there is no main window it stays there."""
        ui = self._ui
        if below == (self._dock is not None) or slicer.util.mainWindow() is None:
            return
        if below:
            self._dock = addDock(_("LDCT Denoise: numbers"), "LDCTDenoiseNumbers", ui.numbersButton)
            # As low as it can be: what it takes the views lose.
            ui.regionRow.layout().addWidget(ui.numbersButtons, 6)
            ui.numbersButton.show()
        else:
            ui.numbersPlace.layout().addWidget(ui.numbersButton)
            ui.numbersButton.layout().addWidget(ui.numbersButtons)
            ui.numbersButton.show()
            removeDock(self._dock)
            self._dock = None

    def fit(self) -> None:
        """Take no more height than the numbers need: the views have the rest."""
        if self._dock is not None:
            content = self._ui.numbersButton
            # It is as wide as the views are, also before it has been laid out.
            width = slicer.app.layoutManager().viewport().width
            self._dock.setMaximumHeight(content.layout().heightForWidth(width) + _SPARE)
