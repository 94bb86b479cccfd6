"""The list of methods to tick, and the model file of one's own."""

from pathlib import Path

import qt

from ..denoising import Job, jobsOf
from .words import descriptions


class MethodList:
    """The ticked methods; their parameters are written here and read from the parameter node.

    Parameters
    ----------
    ui : object
        The panel's widgets by name.
    """

    def __init__(self, ui):
        self._list, self._path = ui.methodList, ui.modelPathEdit
        self._parameters = None
        self._available: list[str] = []
        self._names: list[str] = []
        self._list.connect("itemChanged(QListWidgetItem*)", self._onTicked)
        self._path.connect("currentPathChanged(QString)", self._onPathChanged)

    def setParameterNode(self, parameters, available: list[str]) -> None:
        """Follow another parameter node, or none; `available` are the methods that can run here."""
        self._parameters, self._available = parameters, available
        self.refresh()

    def jobs(self) -> list[Job]:
        """Return what is ticked; `MethodError` when it is nothing, or one label twice."""
        path = self._parameters.modelPath
        return jobsOf(list(self._parameters.methods), [path] if path else [])

    def labels(self) -> list[str]:
        """Return the labels of what is ticked, in the order of the panel."""
        parameters = self._parameters
        if parameters is None:
            return []
        return [*parameters.methods, *([Path(parameters.modelPath).stem] if parameters.modelPath else [])]

    def refresh(self) -> None:
        """Show what the parameter node says."""
        if self._parameters is None:
            return
        ticked = list(self._parameters.methods)
        names = [*self._available, *(m for m in ticked if m not in self._available)]
        # The list is the panel's doing and not the user's choice.
        blocked = self._list.blockSignals(True)
        if names != self._names:
            self._names = names
            self._list.clear()
            for name in names:
                item = qt.QListWidgetItem(descriptions().get(name, name))
                item.setFlags(qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsEnabled)
                self._list.addItem(item)
        for row, name in enumerate(names):
            self._list.item(row).setCheckState(qt.Qt.Checked if name in ticked else qt.Qt.Unchecked)
        self._list.blockSignals(blocked)
        if self._path.currentPath != self._parameters.modelPath:
            self._path.currentPath = self._parameters.modelPath

    def _onTicked(self, item) -> None:
        if self._parameters is not None:
            states = [self._list.item(row).checkState() for row in range(len(self._names))]
            self._parameters.methods = [n for n, s in zip(self._names, states, strict=True) if s == qt.Qt.Checked]

    def _onPathChanged(self, path: str) -> None:
        if self._parameters is not None and self._parameters.modelPath != path:
            self._parameters.modelPath = path
