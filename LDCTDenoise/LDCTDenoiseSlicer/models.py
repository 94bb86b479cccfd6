"""The models of the user's own folder, by name."""

from pathlib import Path

import slicer
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


class ModelCalls:
    """The part of `LDCTDenoiseLogic` that knows the user's models."""

    def ownModels(self) -> dict[str, Path]:
        """Return the model files of the user's folder by name, to be given to `denoise` and `denoiseAll`.

        The folder is where `ldct-denoise models --add` and the training module put models; see
        `LDCTDenoiseLib.models.user_folder`.
        """
        return {name: entry.path for name, entry in ownModels().items()}

    def chooseModel(self, path: str | Path) -> None:
        """Choose a model file in the panel of the application's scene, beside what is ticked (desktop only).

        A file of the user's folder is ticked by its name in the list of methods, any other goes to "Own model file".
        """
        from .parameters import getParameterNode

        path, parameters = Path(path), getParameterNode(slicer.mrmlScene)
        if path.resolve().parent != user_folder().resolve():
            parameters.modelPath = str(path)
        elif path.stem not in parameters.models:
            parameters.models = [*parameters.models, path.stem]
