"""The steps of one series: read, denoise, measure, write."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..derived import Provenance, SeriesOptions, write_derived_series
from ..engine import DenoiseRun, Progress, check_run, prepared
from ..errors import InputError, LDCTError
from ..hounsfield import PAPER, Window
from ..methods.denoiser import Denoiser
from ..metrics import CONDITIONS, FIGURES, compare_volumes
from ..volumes import Volume, check_ct, read_volume, write_volume
from ..volumes.dicom_series import read_series_files
from ..volumes.hu_check import looks_like_labels
from .file_facts import facts_of
from .ledger import DONE, FAILED, SKIPPED, Ledger, Record, require_free
from .plan import BatchOptions, Task
from .series import Series

#: The columns of a measurement in the report; of the source with "low_" in front.
METRIC_COLUMNS = (*FIGURES, *(f"low_{name}" for name in FIGURES), *CONDITIONS)


@dataclass(frozen=True)
class Settings:
    """How every series of a batch is done."""

    denoiser: Denoiser
    device: str = "auto"  #: As for `DenoiseRun`.
    strength: float = 1.0
    batch: int | None = None  #: Slices at a time.
    window: Window = PAPER  #: Of the metrics.
    series: SeriesOptions = SeriesOptions()  #: Of derived DICOM series.
    #: Instead of the strength, the noise to leave in each series, see `engine.wanted_noise`.
    leave_noise: str | None = None

    def check(self) -> None:
        """Raise what would stop every single series: a strength, batch or device that cannot be."""
        check_run(self.denoiser, self.device, self.strength, self.batch)

    def facts(self, options: BatchOptions) -> dict:
        """Return what must not change between the runs into one output folder."""
        return {
            "method": self.denoiser.name,
            "model": getattr(self.denoiser, "sha256", ""),
            "strength": self.strength,
            **({"noise left": self.leave_noise} if self.leave_noise is not None else {}),
            "volumes": options.volumes,
            "metrics in": str(self.window) if options.metrics else "",
        }


@dataclass
class Job:
    """A claimed series on its way through the steps."""

    task: Task
    record: Record
    volume: Volume | None = None
    output: np.ndarray | None = None
    provenance: Provenance | None = None

    def fail(self, error: BaseException) -> None:
        """Record why this series cannot be done, or need not be."""
        self.record.result = SKIPPED if isinstance(error, LabelMap) else FAILED
        self.record.error = in_words(error)
        self.volume = self.output = None


def in_words(error: BaseException) -> str:
    """Return an error as one line that names no patient: of a foreign error its kind and place alone."""
    if isinstance(error, LDCTError):
        return " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return "this machine has too little memory for it."
    if isinstance(error, OSError):
        reason = error.strerror or str(error) or type(error).__name__
        return f"{reason}: '{error.filename}'" if error.filename else f"{reason}."
    place = error.__traceback__
    while place and place.tb_next:
        place = place.tb_next
    where = f" in {Path(place.tb_frame.f_code.co_filename).name}, line {place.tb_lineno}" if place else ""
    return f"an unexpected {type(error).__name__}{where}; please report it."


class LabelMap(InputError):
    """A volume file that only its values tell from a CT."""


def read(series: Series) -> Volume:
    """Read a series and refuse what is no CT; a segmentation among volume files as `LabelMap`."""
    if series.is_dicom:
        return check_ct(read_series_files(series.files, series.name))
    volume = read_volume(series.files[0])
    kind = volume.array.dtype.kind
    if kind == "b" or (kind in "iuf" and volume.array.size and looks_like_labels(volume.array)):
        raise LabelMap("a label map (segmentation)")
    return check_ct(volume)


def denoise(job: Job, settings: Settings) -> Iterator[Progress]:
    """Denoise the volume of a job, with a `Progress` after each batch of slices."""
    started = time.monotonic()
    denoiser, strength, remarks = prepared(
        job.volume, settings.denoiser, settings.device, settings.strength, settings.leave_noise
    )
    run = DenoiseRun(job.volume, denoiser, settings.device, strength, settings.batch, remarks)
    yield from run
    job.output, job.provenance = run.output, Provenance.of_run(run)
    job.record.device = run.device.words
    job.record.seconds_compute = time.monotonic() - started


def measure(job: Job, settings: Settings) -> None:
    """Measure source and result of a job against its full-dose partner."""
    started = time.monotonic()
    partner = job.task.partner
    job.record.partner = partner.uid or partner.place.as_posix()
    job.record.partners = facts_of(partner.files, partner.folder)
    images = {"source": job.volume, "denoised": job.volume.with_array(job.output)}
    low, denoised = compare_volumes(read(partner), images, settings.window).records()
    job.record.metrics = {
        **{name: denoised[name] for name in (*FIGURES, *CONDITIONS)},
        **{f"low_{name}": low[name] for name in FIGURES},
    }
    job.record.seconds_measure = time.monotonic() - started


def write(job: Job, ledger: Ledger, settings: Settings) -> None:
    """Write the result of a job; with the record of it, it appears at once."""
    started = time.monotonic()
    record, task = job.record, job.task
    record.output = task.output
    require_free(ledger.root / task.output)
    folder = ledger.work_folder(record.key)
    if task.series.is_dicom:
        made = folder / "series"
        write_derived_series(job.volume, job.output, made, job.provenance, settings.series)
    else:
        made = folder / os.path.basename(task.output)
        write_volume(job.volume.with_array(job.output), made, job.provenance.words)
    record.seconds_write = time.monotonic() - started
    record.result, record.error = DONE, ""
    ledger.publish(made, record)
    ledger.clear_work(record.key)
