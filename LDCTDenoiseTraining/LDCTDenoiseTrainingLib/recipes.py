"""The recipes of the weights that ship: a config file a method."""

from pathlib import Path

from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.methods import NETWORK_METHODS, method_name
from LDCTDenoiseLib.resources import resource_folder


def recipes() -> dict[str, Path]:
    """Return method to config file, in the order in which the methods can be trained."""
    files = {method: resource_folder("Recipes", __file__) / f"{method}.json" for method in NETWORK_METHODS}
    return {method: file for method, file in files.items() if file.is_file()}


def recipe_of(method: str) -> Path:
    """Return the config file of a method.

    Raises
    ------
    InputError
        If there is no such method, or no recipe of it.
    """
    name = method_name(method)
    if name not in recipes():
        raise InputError(f"there is no recipe of '{name}'; there are those of {', '.join(recipes())}.")
    return recipes()[name]
