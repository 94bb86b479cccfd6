"""Keep ITK and pydicom from writing to the terminal while they read: what matters is raised by this library."""

import logging
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from ..requirements import require

# Two threads that redirect the same descriptor at once would each put back what the other left.
_ONE_AT_A_TIME = threading.Lock()


@contextmanager
def _stderr_to_nowhere() -> Iterator[None]:
    """Redirect file descriptor 2, past Python: parts of ITK (MetaIO, nifti) print there and have no switch."""
    try:
        kept = os.dup(2)
    except OSError:  # a windowed application without a stderr has nothing to silence
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Silence libraries that print to the terminal on their own."""
    with _ONE_AT_A_TIME, _stderr_to_nowhere():
        yield


@contextmanager
def quiet_itk() -> Iterator[None]:
    """Silence ITK inside the block; its errors are still raised."""
    process = require("SimpleITK", "read and write image files").ProcessObject
    with _ONE_AT_A_TIME, _stderr_to_nowhere():
        shown = process.GetGlobalWarningDisplay()
        process.SetGlobalWarningDisplay(False)
        try:
            yield
        finally:
            process.SetGlobalWarningDisplay(shown)


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Silence pydicom inside the block: its remarks on odd values quote them, a patient's name included."""
    logger = logging.getLogger("pydicom")
    disabled = logger.disabled
    logger.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"pydicom(\.|$)")
            yield
    finally:
        logger.disabled = disabled
