"""The errors a user can meet. Each message is one line that names the thing and says what to do about it."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class LDCTError(Exception):
    """Base of every error this library raises on purpose; its text is meant for the user, not for a traceback."""


class InputError(LDCTError, ValueError):
    """The input is not something that can be processed: not CT, damaged, empty, of the wrong shape or unit."""


class GeometryError(InputError):
    """Two volumes that must lie on the same grid do not."""


class OutputError(LDCTError, OSError):
    """A result cannot be written where the user asked for it."""


class SendError(LDCTError, OSError):
    """DICOM files cannot be stored on the server that the user named."""


class ModelFileError(LDCTError, ValueError):
    """A model file is damaged, truncated, foreign or unsafe to load."""


class MethodError(LDCTError, ValueError):
    """A method is unknown, or none of its weights are at hand."""


class DeviceError(LDCTError, RuntimeError):
    """The compute device that was asked for is unknown or absent."""


class MissingDependencyError(LDCTError, ImportError):
    """A Python package that this step needs is not installed."""


class LDCTWarning(UserWarning):
    """Something the user must know although the work goes on, such as a missing slice or a smaller batch."""


def warn(message: str, up: int = 1) -> None:
    """Issue an `LDCTWarning`, as of the caller so many calls up."""
    warnings.warn(message, LDCTWarning, stacklevel=up + 2)


@contextmanager
def disk_errors(kind: type[LDCTError], what: str, remedy: str = "") -> Iterator[None]:
    """Turn an OSError within this block into an error of this kind that says what went wrong, why, and the remedy."""
    try:
        yield
    except LDCTError:
        raise
    except OSError as error:
        said: BaseException | None = error
        # pydicom wraps what the system said into an error whose text is a traceback.
        while not said.strerror and isinstance(said.__cause__, OSError):
            said = said.__cause__
        raise kind(f"{what}: {said.strerror or said}. {remedy}".rstrip()) from error


def few(texts: Sequence[str], most: int = 4, between: str = ", ") -> str:
    """Return the first of several texts, and how many more there are."""
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return between.join(texts[:most]) + more
