"""The panel as a whole: its sections, and what they share."""

from .patients import PatientsSection
from .recipe import RecipeSection
from .results import ResultsSection
from .runs import RunsSection
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
        self.patients = PatientsSection(ui, logic, self.work, lambda: self.recipe.patch)
        self.recipe = RecipeSection(ui, logic, self.work, lambda: self.patients.table, requirements)
        self.results = None
        self.runs = RunsSection(ui, logic, self.work, self.recipe, lambda: self.patients.table, requirements,
                                self._onRun)
        self.results = ResultsSection(ui, logic, self.work, lambda: self.runs.run)

    def enter(self) -> None:
        """The module is opened: volumes may have come and gone, and runs been added."""
        self.patients.refresh()
        self.runs.look()

    def leave(self) -> None:
        """Another module is opened: the user's layout comes back, the trainings go on."""
        self.runs.leave()

    def closing(self) -> None:
        """Slicer closes."""
        self.runs.closing()

    def close(self) -> None:
        """The module goes."""
        self.work.close()
        self.runs.close()

    def _onRun(self) -> None:
        if self.results is not None:
            self.results.refresh()
