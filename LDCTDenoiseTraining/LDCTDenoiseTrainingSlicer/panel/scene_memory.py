"""What the panel shows, kept in the scene's parameter node."""

import json

import vtk
from LDCTDenoiseLib.errors import InputError
from slicer.util import NodeModify

from ..patients.store import readTable, writeTable


class Memory:
    """Writes what the user changes into the parameter node, and shows what another scene or a script has put there.

    Parameters
    ----------
    patients : PatientsSection
    recipe : RecipeSection
    runs : RunsSection
    work : Work
    """

    def __init__(self, patients, recipe, runs, work):
        self._patients, self._recipe, self._runs, self._work = patients, recipe, runs, work
        self._node, self._tag = None, None
        self._busy = False

    def setParameterNode(self, node) -> None:
        """Follow another parameter node, or none."""
        if self._node is not None:
            self._node.RemoveObserver(self._tag)
        self._node = node
        if node is not None:
            self._tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onModified)
            self._show()

    def store(self) -> None:
        """Write what has changed."""
        node = self._node
        if node is None or self._busy:
            return
        self._busy = True
        try:
            with NodeModify(node.parameterNode):
                patients, volumes = writeTable(self._patients.table)
                for name, value in (("volumes", volumes), ("patients", patients),
                                    ("recipe", json.dumps(self._recipe.written())),
                                    ("runsFolder", self._runs.folder), ("tickedRuns", self._runs.ticked)):
                    if _plain(getattr(node, name)) != value:
                        setattr(node, name, value)
        finally:
            self._busy = False

    def _onModified(self, caller=None, event=None) -> None:
        if not self._busy:
            self._show()

    def _show(self) -> None:
        node, self._busy = self._node, True
        try:
            patients, volumes = writeTable(self._patients.table)
            if node.patients != patients or _plain(node.volumes) != volumes:
                self._work.guarded(lambda: self._patients.show(readTable(node.patients, list(node.volumes))))
            if node.recipe != json.dumps(self._recipe.written()):
                self._work.guarded(lambda: self._recipe.restore(_recipe(node.recipe)))
            self._runs.restore(node.runsFolder, list(node.tickedRuns))
        finally:
            self._busy = False


def _plain(value):
    return value if isinstance(value, str) else list(value)


def _recipe(text: str) -> dict:
    try:
        stored = json.loads(text or "{}")
    except ValueError:
        stored = None
    if not isinstance(stored, dict):
        raise InputError("the recipe in this scene cannot be read; the method's defaults are shown.")
    return stored
