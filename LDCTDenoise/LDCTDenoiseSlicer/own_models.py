"""The models of the user's own folder, by name."""

from pathlib import Path

from LDCTDenoiseLib.errors import MethodError
from LDCTDenoiseLib.models import Entry, catalogue, user_folder


def ownModels() -> dict[str, Entry]:
    """Return the models of the user's folder by name; the files are read anew, torch is not needed."""
    return {entry.name: entry for entry in catalogue() if not entry.ships}


def requireModel(name: str, models: dict[str, Entry]) -> Path:
    """Return the file of a model of one's own, or raise `MethodError` when it is not there any more."""
    entry = models.get(name)
    if entry is None or not entry.path.is_file():
        raise MethodError(
            f"your model '{name}' is not in '{user_folder()}' any more; untick it, or put its file back there."
        )
    return entry.path


def chooseModel(path: str | Path, parameters) -> None:
    """Choose a model file in a parameter node: one of the user's folder by its name, any other as a file."""
    path = Path(path)
    if path.resolve().parent != user_folder().resolve():
        parameters.modelPath = str(path)
    elif path.stem not in parameters.models:
        parameters.models = [*parameters.models, path.stem]
