"""One display window for several volumes, wherever it is changed."""

import vtk
from LDCTDenoiseLib.hounsfield import Window
from slicer.util import VTKObservationMixin

from ..nodes import INPUT_ROLE
from .saved_display import isOverridden, kept, override, restore, restoreLike


class SharedWindow(VTKObservationMixin):
    """Hold the displays of volumes in one window; a window that the user drags in one view goes to all.

    Parameters
    ----------
    window : Window
        What to show first.
    symmetric : bool
        Hold the window about zero, as differences need it: only its width can be dragged.
    onChanged : callable, optional
        Called with no argument when the user has dragged it.
    """

    def __init__(self, window: Window, symmetric: bool = False, onChanged=None):
        VTKObservationMixin.__init__(self)
        self._window, self._symmetric, self._onChanged = window, symmetric, onChanged
        self._volumes = []
        self._setting = False

    @property
    def window(self) -> Window:
        return self._window

    def hold(self, volumes, window: Window) -> None:
        """Hold these volumes in a window, and no others: those get back what they had."""
        self.removeObservers()
        for volume in self._volumes:
            if volume not in volumes:
                self._release(volume)
        self._window, self._volumes = window, list(volumes)
        for volume in self._volumes:
            volume.CreateDefaultDisplayNodes()
            source = volume.GetNodeReference(INPUT_ROLE)
            if source in self._volumes and source.GetDisplayNode() is not None:
                # An output took over its input's window when it was made; that one may have been borrowed already.
                display, shown = volume.GetDisplayNode(), source.GetDisplayNode()
                if isOverridden(shown) and _windowOf(display) == _windowOf(shown):
                    restoreLike(display, shown)
        self._apply()
        for volume in self._volumes:
            self.addObserver(volume.GetDisplayNode(), vtk.vtkCommand.ModifiedEvent, self._onDisplayModified)

    def release(self) -> None:
        """Give every volume its own window back."""
        self.hold([], self._window)

    def _release(self, volume) -> None:
        display = volume.GetDisplayNode()
        if display is not None:
            restore(display)

    def _apply(self) -> None:
        self._setting = True
        try:
            for volume in self._volumes:
                display = volume.GetDisplayNode()
                if display is not None and (display.GetAutoWindowLevel() or _windowOf(display) != self._window
                                            or not isOverridden(display)):
                    level = (self._window.lower + self._window.upper) / 2
                    override(display, AutoWindowLevel=0, Window=self._window.width, Level=level)
        finally:
            self._setting = False

    def _onDisplayModified(self, display, event) -> None:
        if self._setting or display.GetWindow() <= 0:
            return
        seen = _windowOf(display)
        if self._symmetric:
            seen = Window(-seen.width / 2, seen.width / 2)
        changed = seen != self._window
        self._window = seen
        self._apply()
        if changed and self._onChanged is not None:
            self._onChanged()


def ownWindow(volume) -> Window:
    """Return the window that a volume is shown in outside the comparison."""
    volume.CreateDefaultDisplayNodes()
    display = volume.GetDisplayNode()
    level, width = (kept(display, name, getattr(display, f"Get{name}")()) for name in ("Level", "Window"))
    return Window(level - max(width, 1) / 2, level + max(width, 1) / 2)


def _windowOf(display) -> Window:
    """Return the window of a display; an empty one, which an automatic window of an empty image is, as one of 1 HU."""
    level, half = display.GetLevel(), max(display.GetWindow(), 1) / 2
    return Window(level - half, level + half)
