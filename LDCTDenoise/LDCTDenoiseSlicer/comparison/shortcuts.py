"""Keys that are taken while something is shown, and given back (desktop only)."""

import qt


class Shortcuts:
    """Takes keys of a widget, or of the whole window that it is in.

    Parameters
    ----------
    keys : sequence of str
    widget : QWidget
    onPressed : callable
        Called with the key.
    everywhere : bool
        Whether they are taken wherever the focus is in the window, and not only in the widget.
    """

    def __init__(self, keys, widget, onPressed, everywhere: bool = False):
        self._shortcuts = []
        for key in keys:
            shortcut = qt.QShortcut(widget)
            shortcut.setKey(qt.QKeySequence(key))
            shortcut.setContext(qt.Qt.WindowShortcut if everywhere else qt.Qt.WidgetWithChildrenShortcut)
            shortcut.setAutoRepeat(False)
            # Where a key of another module is the same, ours is meant as long as ours are the views.
            for signal in ("activated()", "activatedAmbiguously()"):
                shortcut.connect(signal, lambda key=key: onPressed(key))
            self._shortcuts.append(shortcut)

    def release(self) -> None:
        """Give them back."""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        self._shortcuts.clear()
