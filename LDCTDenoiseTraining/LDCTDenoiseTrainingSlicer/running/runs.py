"""The folder of all runs, and the runs in it."""

from pathlib import Path

from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.files import check_folder
from LDCTDenoiseLib.models import user_folder

from .run import CHECKPOINT, CONFIG, LOG, TrainingRun


def runsFolder() -> Path:
    """Return where runs lie unless the user chooses another folder: beside the user's models."""
    return user_folder().parent / "Trainings"


def findRuns(folder: str | Path | None = None) -> list[TrainingRun]:
    """Return the runs in a folder, the newest first; running ones among them go on being watched."""
    folder = Path(folder or runsFolder())
    runs = []
    for place in folder.iterdir() if folder.is_dir() else ():
        try:
            if place.is_dir():
                runs.append(TrainingRun(place))
        except InputError:
            continue
    return sorted(runs, key=lambda run: (run.folder / CONFIG).stat().st_mtime if (run.folder / CONFIG).is_file() else 0,
                  reverse=True)


def newName(method: str, folder: str | Path | None = None) -> str:
    """Return a name for a run that no run in the folder has: DCSCN, DCSCN-2, …"""
    folder = Path(folder or runsFolder())
    name, number = method, 1
    while (folder / name).exists():
        number += 1
        name = f"{method}-{number}"
    return name


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
