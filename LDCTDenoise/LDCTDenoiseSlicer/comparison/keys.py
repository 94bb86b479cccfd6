"""The keys of the comparison: they work while the pointer is over its views."""

from . import widgets

try:
    import qt

    from .shortcuts import Shortcuts
except ModuleNotFoundError:  # slicer-core
    qt = None

#: The windows of the images by key; "default" is the low dose's own.
WINDOW_KEYS = {"F1": "paper", "F2": "liver", "F3": "mediastinum", "F4": "lung", "F5": "bone", "F6": "default"}

#: Held, it shows the differences.
HOLD = "D"


class Keys:
    """What each key does to a comparison; on the desktop, while it is laid out, as shortcuts of the views.

    Parameters
    ----------
    comparison : SideBySide
    """

    def __init__(self, comparison):
        self._comparison = comparison
        self._shortcuts = self._held = None

    def press(self, key: str) -> None:
        """Do what a key does: "1" to "9", "Space", "D", "PgUp", "PgDown", "Esc" or one of `WINDOW_KEYS`."""
        comparison = self._comparison
        if not comparison.shown:
            return
        if key in WINDOW_KEYS:
            comparison.showWindow(WINDOW_KEYS[key])
        elif key.isdigit() and int(key) <= len(comparison.request.images):
            comparison.showImage(int(key))
        elif key == "Space":
            comparison.peek("" if comparison.peeked == "reference" else "reference")
        elif key == HOLD:
            comparison.peek("difference")
        elif key in ("PgUp", "PgDown"):
            comparison.scroll(1 if key == "PgDown" else -1)
        elif key == "Esc":
            comparison.showAll()

    def release(self, key: str) -> None:
        """Let go of a key: only the one that is held does something then."""
        if key == HOLD and self._comparison.peeked == "difference":
            self._comparison.peek("")

    def start(self) -> None:
        """Let the views take keys; without a window there are none to take."""
        viewport = widgets.viewport()
        if viewport is not None and self._shortcuts is None:
            # Only in the views: in the panel, space still ticks a box and digits are typed.
            keys = (*"123456789", "Space", HOLD, "PgUp", "PgDown", "Esc", *WINDOW_KEYS)
            self._shortcuts = Shortcuts(keys, viewport, self._onPressed)

    def stop(self) -> None:
        """Take the keys back."""
        self._letGo()
        if self._shortcuts is not None:
            self._shortcuts.release()
            self._shortcuts = None

    def _onPressed(self, key: str) -> None:
        self.press(key)
        if key == HOLD and self._held is None:
            # A shortcut does not say when its key is let go of, but whoever has the focus hears it.
            self._held = _watch(qt.QApplication.focusWidget() or widgets.viewport(), self._letGo)

    def _letGo(self) -> None:
        if self._held is not None:
            widget, watcher, self._held = *self._held, None
            widget.removeEventFilter(watcher)
            self.release(HOLD)


def _watch(widget, onReleased) -> tuple:
    """Call when the held key is let go of, or the widget loses the focus; return what keeps that alive."""

    class Watcher(qt.QObject):
        def eventFilter(self, watched, event):
            if event.type() == qt.QEvent.FocusOut or (
                event.type() == qt.QEvent.KeyRelease and not event.isAutoRepeat()
            ):
                onReleased()
            return False

    watcher = Watcher()
    widget.installEventFilter(watcher)
    return widget, watcher
