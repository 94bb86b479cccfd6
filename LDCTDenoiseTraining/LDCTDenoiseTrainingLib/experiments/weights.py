"""The weights that ship, from random numbers: each method by its recipe, an adversarial one from its L1 twin."""

from pathlib import Path

from ..recipes import recipe_of, recipes
from .methods import Experiment


class Weights(Experiment):
    """Train all methods that have a recipe into a folder each; called again, it goes on where it was."""

    def config_of(self, method: str) -> Path:
        """Return the method's recipe."""
        return recipe_of(method)

    def run(self) -> dict[str, Path]:
        """Return method to model file."""
        return self.train(self.patients, list(recipes()), self.output)[0]
