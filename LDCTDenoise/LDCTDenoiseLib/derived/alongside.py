"""Write a derived series while the run that computes it goes on."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..requirements import require
from ..volumes import Volume
from ..volumes.quiet import quiet_pydicom
from .options import SeriesOptions
from .provenance import Provenance
from .series import check_series_place, derived_images, require_source, write_derived_series, write_images
from .storage import source_storage, whole_hu


class _GivenUp(Exception):
    """What was written early is not what the series has to be."""


class SeriesAlongside:
    """A run whose output becomes a derived series; iterate it in place of the run, then call `finish`.

    Each image is written as soon as its slices are done, in the form of the source and with the run's provenance as
    it begins, which is what nearly all series end with. When a value does not fit that form, or the run changes its
    device, the images are written anew at the end. Use it in a with-block: until `finish` nothing appears in the
    folder, and a block that is left without it leaves nothing behind.

    Parameters
    ----------
    volume : Volume
        The run's input, from DICOM.
    run : engine.DenoiseRun
    folder : str or Path
    options : SeriesOptions, optional

    Raises
    ------
    InputError, OutputError, MissingDependencyError
        As `write_derived_series`; while iterating too, as soon as an image cannot be written.
    """

    def __init__(self, volume: Volume, run, folder: str | Path, options: SeriesOptions | None = None):
        require("pydicom", "write DICOM files")
        require_source(volume)
        self._options = options or SeriesOptions()
        check_series_place(folder, self._options)
        self._volume, self._run, self._folder = volume, run, folder
        self._provenance, self._storage = Provenance.of_run(run), source_storage(volume)
        self._done, self._agreed, self._given_up = 0, False, False
        self._changed = threading.Condition()
        self._writing: Future | None = None
        self._closing = ExitStack()

    def __enter__(self) -> "SeriesAlongside":
        return self

    def __exit__(self, *_error) -> None:
        self._tell(given_up=True)
        self._closing.close()

    def __iter__(self) -> Iterator:
        """Do the run: yield its `Progress`, and let the writer have what is done."""
        if self._storage is not None:
            # Entered here, since it changes what holds for all threads.
            self._closing.enter_context(quiet_pydicom())
            writer = self._closing.enter_context(ThreadPoolExecutor(1, "LDCTDenoise series"))
            self._writing = writer.submit(write_images, self._folder, self._images())
        for progress in self._run:
            self._tell(done=progress.done)
            if self._writing is not None and self._writing.done() and not self._was_given_up():
                self._writing.result()
            yield progress

    def finish(self, progress: Callable[[int, int], None] | None = None) -> list[Path]:
        """Write what is not written yet and let the series appear; as `write_derived_series`.

        Raises
        ------
        InputError
            Also if the run has not finished.
        """
        if not self._run.finished:
            raise InputError("the run has not finished, so there is no series to write.")
        provenance = Provenance.of_run(self._run)
        if self._writing is not None:
            agreed = provenance == self._provenance
            self._tell(agreed=agreed, given_up=not agreed)
            if not self._was_given_up():
                return self._writing.result()
        return write_derived_series(self._volume, self._run.output, self._folder, provenance, self._options, progress)

    def _tell(self, *, done: int = 0, agreed: bool = False, given_up: bool = False) -> None:
        with self._changed:
            self._done = max(self._done, done)
            self._agreed, self._given_up = self._agreed or agreed, self._given_up or given_up
            self._changed.notify_all()

    def _wait(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._given_up or condition())
            if self._given_up:
                raise _GivenUp

    def _was_given_up(self) -> bool:
        return isinstance(self._writing.exception(), _GivenUp)

    def _images(self) -> Iterator[tuple]:
        """Yield the images as their slices are done; end when they are known to be right."""
        yield from derived_images(self._volume, self._values, self._storage, self._provenance, self._options)
        self._wait(lambda: self._agreed)

    def _values(self, k: int) -> np.ndarray:
        self._wait(lambda: self._done > k)
        values = whole_hu(self._volume, self._run.output, k)
        if not self._storage.holds(int(values.min()), int(values.max()), self._volume.facts["slices"][k]):
            raise _GivenUp
        return values
