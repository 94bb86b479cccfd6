"""The numbers below the views while the comparison is laid out, and in the panel else (desktop only)."""

import qt
import slicer.util
from slicer.i18n import tr as _

from ..comparison.debounce import Debounce
from .docks import addDock, removeDock

#: Pixels of the dock's title, and by which the table's own hint falls short of its frame and header.
_SPARE = 48

#: Its least width in pixels beside another dock: a narrow caption is high.
_LEAST_WIDTH = 520


class NumbersDock:
    """Moves the section "Numbers" between the panel and the foot of the main window.

    Parameters
    ----------
    ui : object
        The panel's widgets by name.
    """

    def __init__(self, ui):
        self._ui, self._dock = ui, None
        # Another dock beside it makes it narrower, and its caption higher.
        self._fitSoon, self._watcher = Debounce(self.fit), None

    def show(self, below: bool) -> None:
        """Put the section below the views, or back into the panel; where there is no main window it stays there."""
        ui = self._ui
        if below == (self._dock is not None) or slicer.util.mainWindow() is None:
            return
        if below:
            self._dock = addDock(_("LDCT Denoise: numbers"), "LDCTDenoiseNumbers", ui.numbersButton,
                                 before="LDCTDenoiseCurves")
            self._dock.setMinimumWidth(_LEAST_WIDTH)
            self._watcher = _watch(self._dock, self._fitSoon.ask)
            # As low as it can be: what it takes the views lose.
            ui.regionRow.layout().addWidget(ui.numbersButtons, 6)
            ui.numbersButton.show()
        else:
            ui.numbersPlace.layout().addWidget(ui.numbersButton)
            ui.numbersButton.layout().addWidget(ui.numbersButtons)
            ui.numbersButton.show()
            self._fitSoon.stop()
            self._dock.removeEventFilter(self._watcher)
            removeDock(self._dock)
            self._dock = self._watcher = None

    def fit(self) -> None:
        """Take no more height than the numbers need: the views have the rest."""
        if self._dock is not None:
            height = self._ui.numbersButton.layout().heightForWidth(self._dock.width)
            self._dock.setMaximumHeight(height + _SPARE)


def _watch(dock, onResized):
    """Call when a dock has another width; return what keeps that alive."""

    class Watcher(qt.QObject):
        def eventFilter(self, watched, event):
            if event.type() == qt.QEvent.Resize and event.size().width() != event.oldSize().width():
                onResized()
            return False

    watcher = Watcher()
    dock.installEventFilter(watcher)
    return watcher
