"""The folder of all runs, and the runs in it: found, forgotten and deleted."""

import fnmatch
import re
import shutil
from pathlib import Path

from LDCTDenoiseLib.errors import InputError, OutputError
from LDCTDenoiseLib.files import check_folder, write_text
from LDCTDenoiseLib.methods import NETWORK_METHODS
from LDCTDenoiseLib.models import user_folder
from LDCTDenoiseTrainingLib.training.config import CHECKPOINT, CONFIG, LOG, MODEL, PATIENTS
from LDCTDenoiseTrainingLib.training.picture import PICTURE
from LDCTDenoiseTrainingLib.training.stopping import STOP_FILE

from .process import OUTPUT, RUN_FILE
from .training_run import TrainingRun

#: In a folder of runs: the names of those that are not to be listed, one a line.
_FORGOTTEN = ".forgotten"

#: What no name has on Windows, and names that are devices there.
_ODD, _RESERVED = re.compile(r'[<>:"/\\|?*\x00-\x1f]'), re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")

#: What a training leaves in its folder.
_OF_A_RUN = (CHECKPOINT, f"{CHECKPOINT}.part", CONFIG, LOG, MODEL, PATIENTS, RUN_FILE, OUTPUT, PICTURE,
             "tensorboard", "cache", "images", STOP_FILE, "table.csv", "table.md", "comparison.png", "curves.png",
             "fold-*", *NETWORK_METHODS, ".lock*", ".*.part")


def runsFolder() -> Path:
    """Return where runs lie unless the user chooses another folder: beside the user's models."""
    return user_folder().parent / "Trainings"


def findRuns(folder: str | Path | None = None) -> list[TrainingRun]:
    """Return the runs in a folder, the newest first; running ones among them go on being watched."""
    folder = Path(folder or runsFolder())
    runs, forgotten = [], _forgotten(folder)
    for place in folder.iterdir() if folder.is_dir() else ():
        try:
            if place.is_dir() and not place.name.startswith(".") and place.name not in forgotten:
                runs.append(TrainingRun(place))
        except InputError:
            continue
    return sorted(runs, key=lambda run: (run.folder / CONFIG).stat().st_mtime if (run.folder / CONFIG).is_file() else 0,
                  reverse=True)


def forget(run: TrainingRun) -> None:
    """List a run no more; its files stay, and `remember` brings it back.

    Raises
    ------
    InputError
        If it is running: nobody would see it any more.
    OutputError
        If its folder cannot be written.
    """
    run.requireOver()
    _setForgotten(run.folder.parent, _forgotten(run.folder.parent) | {run.name})


def remember(folder: Path) -> None:
    """List the run in a folder again."""
    folder = Path(folder)
    if folder.name in (names := _forgotten(folder.parent)):
        _setForgotten(folder.parent, names - {folder.name})


def delete(run: TrainingRun) -> None:
    """Delete a run's folder with all that it made.

    Raises
    ------
    InputError
        If it is running, is no run any more, or its folder also holds what no training made; nothing is deleted then.
    OutputError
        If it cannot be deleted.
    """
    folder = run.folder
    run.requireOver()
    if folder.is_symlink():
        raise InputError(f"'{folder}' is a link to another folder; delete that by hand.")
    TrainingRun(folder)  # is it one still?
    strange = [p.name for p in folder.iterdir() if not any(fnmatch.fnmatchcase(p.name, known) for known in _OF_A_RUN)]
    if strange:
        raise InputError(f"'{folder}' also holds '{strange[0]}', which no training made: nothing was deleted. Move it "
                         "elsewhere, or delete the folder by hand.")
    # Out of sight at once: a file in use, on Windows, then stops it before anything is gone.
    going = folder.with_name(f".{folder.name}.deleted")
    try:
        if going.exists():
            shutil.rmtree(going)
        folder.rename(going)
        shutil.rmtree(going)
    except OSError as error:
        raise OutputError(f"cannot delete '{error.filename or folder}': {error.strerror or error}.") from error


def _forgotten(folder: Path) -> set[str]:
    try:
        return set((folder / _FORGOTTEN).read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError):
        return set()


def _setForgotten(folder: Path, names: set[str]) -> None:
    write_text(folder / _FORGOTTEN, "".join(f"{name}\n" for name in sorted(names)))


def newName(method: str, folder: str | Path | None = None) -> str:
    """Return a name for a run that no run in the folder has: DCSCN, DCSCN-2, …"""
    folder = Path(folder or runsFolder())
    name, number = method, 1
    while (folder / name).exists():
        number += 1
        name = f"{method}-{number}"
    return name


def requireName(name: str) -> None:
    """Raise `InputError` unless a run's folder can be called so, on Windows too, and is listed."""
    if _ODD.search(name) or name.strip(" .") != name or _RESERVED.fullmatch(name):
        raise InputError(f"'{name}' cannot be the name of a run; give a plain one, such as liver-2.")


def requireNew(folder: str | Path) -> None:
    """Check that a new run can lie in a folder.

    Raises
    ------
    InputError
        If it holds a training already.
    OutputError
        If it is not empty, or cannot be made or written.
    """
    folder = Path(folder)
    if any((folder / name).exists() for name in (CHECKPOINT, LOG, CONFIG)):
        raise InputError(f"'{folder}' holds a training already; resume that one, or give this one another name.")
    check_folder(folder)
