"""Once, after the events at hand."""

try:
    import qt
except ModuleNotFoundError:  # slicer-core
    qt = None


class Debounce:
    """Call something once in the next round of the event loop, however often it is asked for; at once without one.

    Parameters
    ----------
    call : callable
        Called with no argument.
    """

    def __init__(self, call):
        self._call = call
        self._timer = None
        if qt is not None:
            self._timer = qt.QTimer()
            self._timer.setSingleShot(True)
            self._timer.setInterval(0)
            self._timer.connect("timeout()", call)

    @property
    def waits(self) -> bool:
        """Whether the call comes later, and not at once."""
        return self._timer is not None

    def ask(self) -> None:
        if self._timer is not None:
            self._timer.start()
        else:
            self._call()

    def stop(self) -> None:
        """Forget what was asked for."""
        if self._timer is not None:
            self._timer.stop()
