"""Views that move are drawn in turns, a few at a time: mouse and numbers need not wait for all of them."""

import time

from . import widgets

try:
    import qt
except ModuleNotFoundError:  # slicer-core
    qt = None

#: Seconds of drawing in one round of the event loop; one view is always drawn.
_BUDGET = 0.03

#: Seconds without a move after which the views are Slicer's again.
_REST = 0.3

#: Milliseconds between two rounds: in between, what is posted comes first, such as the table's new numbers.
_BETWEEN = 2


class Turns:
    """Draws views of the comparison while they move; does nothing where there are no widgets.

    A dozen views that are drawn one after the other in one round of the event loop keep it for half a second where
    there is no graphics card. Here the one under the mouse is drawn in each round, and of the others as many as there
    is time for; the next round goes on with the next ones. Each view has one redraw pending at most.

    Parameters
    ----------
    names : sequence of str
        Of the views.
    """

    def __init__(self, names):
        found = (widgets.sliceWidget(name) for name in names)
        self._views = [widget.sliceView() for widget in found if widget is not None]
        self._moved, self._waiting = None, 0
        if self._views:
            self._timer = qt.QTimer()
            self._timer.setInterval(_BETWEEN)
            self._timer.connect("timeout()", self._onTick)

    def begin(self) -> None:
        """Note that the views move."""
        if not self._views:
            return
        if self._moved is None:
            for view in self._views:
                view.pauseRender()
            self._timer.start()
        # Each is to be drawn once more, however long that takes.
        self._moved, self._waiting = time.monotonic(), len(self._views)

    def close(self) -> None:
        """Leave the views to Slicer."""
        if self._moved is not None:
            self._moved = None
            self._timer.stop()
            for view in self._views:
                view.resumeRender()

    def _onTick(self) -> None:
        if self._waiting <= 0 and time.monotonic() - self._moved > _REST:
            self.close()
            return
        until = time.monotonic() + _BUDGET
        # What is under the mouse first; the others as they have waited.
        self._views.sort(key=lambda view: not view.underMouse())
        for view in list(self._views):
            # Draws it now, if it has something new to show.
            view.resumeRender()
            view.pauseRender()
            self._views.remove(view)
            self._views.append(view)
            self._waiting -= 1
            if time.monotonic() > until:
                break
