"""The list of methods and of one's own models to tick, and a model file from elsewhere."""

from pathlib import Path

import qt
from slicer.i18n import tr as _

from ..denoising import Job, jobsOf
from ..filling import silent
from ..own_models import ownModels, requireModel
from .words import descriptions

#: Pixels that the list takes at most; a longer one scrolls.
_MOST_HEIGHT = 240


class MethodList:
    """The ticked methods and models; their parameters are written here and read from the parameter node.

    Parameters
    ----------
    ui : object
        The panel's widgets by name.
    """

    def __init__(self, ui):
        self._list, self._path = ui.methodList, ui.modelPathEdit
        self._parameters = None
        self._available: list[str] = []
        self._own = {}
        # The rows of the list: whether it is a method or a model of the user's, its name, and what the list says.
        self._rows: list[tuple[str, str, str]] = []
        self._list.connect("itemChanged(QListWidgetItem*)", self._onTicked)
        self._path.connect("currentPathChanged(QString)", self._onPathChanged)

    def setParameterNode(self, parameters, available: list[str]) -> None:
        """Follow another parameter node, or none; `available` are the methods that can run here."""
        self._parameters, self._available = parameters, available
        self._own = ownModels() if parameters is not None else {}
        self.refresh()

    def jobs(self) -> list[Job]:
        """Return what is ticked; `MethodError` when it is nothing, one label twice, or a model that is gone."""
        parameters = self._parameters
        models = [requireModel(name, self._own) for name in parameters.models]
        return jobsOf(list(parameters.methods), [*models, *([parameters.modelPath] if parameters.modelPath else [])])

    def labels(self) -> list[str]:
        """Return the labels of what is ticked, in the order of the panel."""
        parameters = self._parameters
        if parameters is None:
            return []
        path = parameters.modelPath
        return [*parameters.methods, *parameters.models, *([Path(path).stem] if path else [])]

    def refresh(self) -> None:
        """Show what the parameter node says."""
        if self._parameters is None:
            return
        methods, models = list(self._parameters.methods), list(self._parameters.models)
        if any(name not in self._own for name in models):
            # Perhaps it has come meanwhile.
            self._own = ownModels()
        rows = [("method", name, descriptions().get(name, name)) for name in _union(self._available, methods)]
        rows += [("model", name, self._inWords(name)) for name in _union(self._own, models)]
        # The list is the panel's doing and not the user's choice.
        with silent(self._list):
            if rows != self._rows:
                self._rows = rows
                self._list.clear()
                for _kind, _name, text in rows:
                    item = qt.QListWidgetItem(text)
                    item.setFlags(qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsEnabled)
                    self._list.addItem(item)
            for row, (kind, name, _text) in enumerate(rows):
                ticked = name in (methods if kind == "method" else models)
                self._list.item(row).setCheckState(qt.Qt.Checked if ticked else qt.Qt.Unchecked)
            # Without it the panel would press the list together before it scrolls, and hide the last methods. It is
            # asked only now, since rows with their boxes are higher.
            height = len(rows) * self._list.sizeHintForRow(0) + 2 * self._list.frameWidth
            self._list.setMinimumHeight(min(height, _MOST_HEIGHT))
        if self._path.currentPath != self._parameters.modelPath:
            self._path.currentPath = self._parameters.modelPath

    def _onTicked(self, item) -> None:
        if self._parameters is None:
            return
        ticked = [row for n, row in enumerate(self._rows) if self._list.item(n).checkState() == qt.Qt.Checked]
        for kind, parameter in (("method", "methods"), ("model", "models")):
            names = [name for k, name, _text in ticked if k == kind]
            if names != list(getattr(self._parameters, parameter)):
                setattr(self._parameters, parameter, names)

    def _inWords(self, name: str) -> str:
        entry = self._own.get(name)
        if entry is None:
            return _("{name} (your own model, not there any more)").format(name=name)
        return _("{name} (your own model, {method})").format(name=name, method=entry.card.method)

    def _onPathChanged(self, path: str) -> None:
        if self._parameters is not None and self._parameters.modelPath != path:
            self._parameters.modelPath = path


def _union(available, ticked) -> list[str]:
    """Return what can be ticked, and then what is ticked although it cannot be used here."""
    return [*available, *(name for name in ticked if name not in available)]
