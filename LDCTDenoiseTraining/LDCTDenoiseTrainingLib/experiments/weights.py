"""The weights that ship, from random numbers: each method by its recipe, some from what another made."""

from pathlib import Path

from ..recipes import recipe_of, recipes
from ..training.config import read_settings
from .methods import Experiment


class Weights(Experiment):
    """Train all methods that have a recipe into a folder each; called again, it goes on where it was."""

    def config_of(self, method: str) -> Path:
        """Return the method's recipe."""
        return recipe_of(method)

    def run(self) -> dict[str, Path]:
        """Return method, or the recipe that one starts from, to model file."""
        names = []
        for method, recipe in recipes().items():
            begins = read_settings(recipe).get("start_from")
            names += [begins, method] if begins and begins not in names else [method]
        return self.train(self.patients, names, self.output)[0]
