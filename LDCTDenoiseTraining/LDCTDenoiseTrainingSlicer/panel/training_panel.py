"""The panel as a whole: its sections, and what they share."""

from .patients_section import PatientsSection
from .recipe_section import RecipeSection
from .results_section import ResultsSection
from .runs_section import RunsSection
from .scene_memory import Memory
from .views_beside import ViewsBeside
from .work import Work


class Panel:
    """Patients, recipe, runs, results.

    Parameters
    ----------
    ui : object
        The widgets of LDCTDenoiseTraining.ui by name.
    logic : LDCTDenoiseTrainingLogic
    requirements : str
        Path of the file with the packages that a training needs.
    """

    def __init__(self, ui, logic, requirements: str):
        self.work = Work(ui)
        self.runs = self.results = self._memory = None
        views = ViewsBeside()
        self.patients = PatientsSection(ui, logic, self.work, views, lambda: self.recipe.patch, requirements,
                                        self._onChanged)
        self.recipe = RecipeSection(ui, logic, self.work, lambda: self.patients.table, requirements, self._onChanged)
        self.runs = RunsSection(ui, logic, self.work, views, self.recipe, lambda: self.patients.table, requirements,
                                self._onRun, self._onChanged)
        self.results = ResultsSection(ui, logic, self.work, self.runs)
        self.runs.judge()
        self._memory = Memory(self.patients, self.recipe, self.runs, self.work)

    def setParameterNode(self, node) -> None:
        """Show what a parameter node holds, and keep there what is changed; None lets go of it."""
        self._memory.setParameterNode(node)
        if node is None:
            self.runs.onScene()

    def stop(self, reason: str) -> None:
        """Stop what is done beside the event loop; trainings go on."""
        self.work.cancel(reason)

    def enter(self) -> None:
        """The module is opened: volumes may have come and gone, and runs been added."""
        self.patients.refresh()
        self.runs.look()

    def leave(self) -> None:
        """Another module is opened: the user's layout comes back, the trainings go on."""
        self.patients.leave()
        self.runs.leave()

    def closing(self) -> None:
        """Slicer closes."""
        self.runs.closing()

    def close(self) -> None:
        """The module goes."""
        self.setParameterNode(None)
        self.work.close()
        self.patients.close()
        self.runs.close()

    def _onChanged(self) -> None:
        if self.runs is not None:
            self.runs.judge()
        if self._memory is not None:
            self._memory.store()

    def _onRun(self) -> None:
        if self.results is not None:
            self.results.refresh()
