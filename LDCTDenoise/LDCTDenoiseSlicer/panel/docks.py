"""Docks at the foot of the main window; they go with what they belong to, and cannot be closed (desktop only)."""

import qt
import slicer.util


def addDock(title: str, name: str, widget, before: str = ""):
    """Put a widget into a dock below the views that can be moved and floated, and return it.

    Parameters
    ----------
    title : str
    name : str
        By which Qt remembers where it was.
    widget : QWidget
    before : str
        The name of the dock that is to stand to its right, if it is there already.
    """
    window = slicer.util.mainWindow()
    dock = qt.QDockWidget(title, window)
    dock.setObjectName(name)
    dock.setFeatures(qt.QDockWidget.DockWidgetMovable | qt.QDockWidget.DockWidgetFloatable)
    dock.setWidget(widget)
    window.addDockWidget(qt.Qt.BottomDockWidgetArea, dock)
    for right in window.findChildren(qt.QDockWidget, before) if before else ():
        if right.visible and not right.floating:
            window.splitDockWidget(dock, right, qt.Qt.Horizontal)
    # Qt remembers how high it was, or another one in its place: the views have what it does not need.
    window.resizeDocks([dock], [1], qt.Qt.Vertical)
    return dock


def removeDock(dock) -> None:
    slicer.util.mainWindow().removeDockWidget(dock)
    dock.deleteLater()
