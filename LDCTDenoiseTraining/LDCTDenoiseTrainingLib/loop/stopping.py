"""A stop that is asked for by a file: it works alike on every system, and from a process that started nothing."""

from pathlib import Path

from .log import RunLog

#: In the run's folder.
STOP_FILE = "stop"


def stop_asked(path: Path) -> bool:
    """Say whether the file is there, and take it away: it stops one training once."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError:  # it is there and cannot be removed: a folder that turned read-only
        return path.exists()
    return True


def stop(state, checkpoint: Path, log: RunLog) -> None:
    """Write a checkpoint of a `State`, say so, and raise `KeyboardInterrupt`."""
    state.save(checkpoint)
    log.note(f"stopped on request at step {state.step}; go on with --resume.", stopped=True)
    raise KeyboardInterrupt
