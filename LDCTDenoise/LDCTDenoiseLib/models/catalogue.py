"""Which models are at hand: those that ship, and those a user has added."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from ..errors import MethodError, ModelFileError, warn
from ..files import write_atomic
from ..resources import resource_folder
from .card import ModelCard
from .file import load_model, read_card

_SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Entry:
    """A model of the catalogue: its name (the file's stem), file, card, and whether it ships with the extension."""

    name: str
    path: Path
    card: ModelCard
    ships: bool


def user_folder() -> Path:
    """Return the folder of the models that a user has added: $LDCT_DENOISE_MODELS, or the platform's data folder."""
    given = os.environ.get("LDCT_DENOISE_MODELS")
    if given:
        return Path(given)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "LDCTDenoise" / "Models"


def catalogue() -> list[Entry]:
    """Return the models at hand, those that ship first, each folder by name. Torch is not needed.

    A file that cannot be used is left out with an `LDCTWarning` that says why.
    """
    entries = []
    for folder, ships in ((resource_folder("Models"), True), (user_folder(), False)):
        for path in sorted(folder.glob("*" + _SUFFIX)) if folder.is_dir() else []:
            try:
                entries.append(Entry(path.stem, path, read_card(path), ships))
            except ModelFileError as error:
                warn(str(error))
    return entries


def find_model(name: str) -> Path:
    """Return the file of a model by its name, or of a method's model: the one that ships before a user's.

    Raises
    ------
    MethodError
        If none is at hand.
    """
    entries = catalogue()
    for entry in entries:
        if entry.name.lower() == name.lower():
            return entry.path
    for entry in entries:
        if entry.card.method == name:
            return entry.path
    raise MethodError(
        f"no weights for '{name}' are at hand: none ship with this version. Choose another method, give a model file "
        f"of your own, or add one to '{user_folder()}'."
    )


def add_model(path: str | Path) -> Path:
    """Check a model file and copy it to the user's folder, where the catalogue finds it.

    Raises
    ------
    ModelFileError
        If the file cannot be used, or another model of that name is there already.
    """
    path = Path(path)
    load_model(path)
    folder = user_folder()
    target = folder / (path.stem + _SUFFIX)
    content = path.read_bytes()
    if target.exists() and target.read_bytes() != content:
        raise ModelFileError(f"another model named '{path.stem}' is in '{folder}' already; rename one of them.")
    folder.mkdir(parents=True, exist_ok=True)
    with write_atomic(target) as part:
        part.write_bytes(content)
    return target
