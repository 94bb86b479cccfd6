"""The recipes that ship: a config file for the weights of each method, and others, such as one to try."""

from pathlib import Path

from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.methods import NETWORK_METHODS, method_name
from LDCTDenoiseLib.resources import resource_folder


def recipes() -> dict[str, Path]:
    """Return method to config file, in the order in which the methods can be trained."""
    files = {method: _folder() / f"{method}.json" for method in NETWORK_METHODS}
    return {method: file for method, file in files.items() if file.is_file()}


def other_recipes() -> dict[str, Path]:
    """Return the config files that made no weights, by name: "two-minutes" is for a first try."""
    return {file.stem: file for file in sorted(_folder().glob("*.json")) if file.stem not in NETWORK_METHODS}


def recipe_of(name: str) -> Path:
    """Return the config file of a method, or of a name of `other_recipes`.

    Raises
    ------
    InputError
        If there is no such method, or no recipe of it.
    """
    known = {**recipes(), **other_recipes()}
    name = name if name in known else method_name(name)
    if name not in known:
        raise InputError(f"there is no recipe of '{name}'; there are {', '.join(known)}.")
    return known[name]


def _folder() -> Path:
    return resource_folder("Recipes", __file__)
