"""Once, after the events at hand; and at once, but not again for a while."""

import time

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


class Throttle:
    """Call something at once when it is asked for, but not again for a while: what is asked for meanwhile comes then.

    The first call comes straight from the event that asks: a timer would have to wait until there is no event left,
    which never happens when they come faster than the views are drawn.

    Parameters
    ----------
    call : callable
        Called with no argument.
    seconds : float
        Between the end of one call and the beginning of the next.
    """

    def __init__(self, call, seconds: float):
        self._call, self._seconds, self._ended, self._timer = call, seconds, -seconds, None
        if qt is not None:
            self._timer = qt.QTimer()
            self._timer.setSingleShot(True)
            self._timer.connect("timeout()", self._now)

    def ask(self) -> None:
        wait = self._ended + self._seconds - time.monotonic()
        if self._timer is None or wait <= 0:
            self._now()
        else:
            self._timer.setInterval(int(1000 * wait) + 1)
            self._timer.start()

    def stop(self) -> None:
        """Forget what was asked for."""
        if self._timer is not None:
            self._timer.stop()

    def _now(self) -> None:
        self.stop()
        try:
            self._call()
        finally:
            self._ended = time.monotonic()
