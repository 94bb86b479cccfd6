"""Do a plan: read the next series and write the last one while this one is computed."""

import queue
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from ..derived import require_source
from ..engine import Progress
from ..errors import LDCTError, OutputError, disk_errors
from ..sending import Sender
from ..volumes.quiet import quiet_pydicom
from . import notes, steps
from .file_facts import facts_of
from .ledger import DONE, Ledger, Record, new_record
from .plan import DENOISE, MEASURE, SEND, BatchOptions, Task
from .processes import Processes
from .send_queue import SendQueue

#: Seconds between two looks at what other processes hold.
_POLL = 1.0


@dataclass(frozen=True)
class Step:
    """What happened: a batch of slices is computed (`progress`), or a series is finished or `sent` (`record`)."""

    task: Task
    progress: Progress | None = None
    record: Record | None = None
    sent: bool = False


class BatchRun:
    """The tasks of a plan, done one after the other; iterate it to do the work.

    One thread reads ahead, one writes behind, one sends: in memory are at most the series that is computed, the next
    one and the last one. Several processes may do the same plan: each series is done by the one that gets the lock on
    it, one that dies gives its series back, and all end together, when everything is done.

    Parameters
    ----------
    tasks : list of Task
    ledger : Ledger
        Begun with `settings.facts(options)`.
    settings : Settings
    options : BatchOptions
    processes : Processes
    sender : Sender, optional
        Send what is denoised.

    Attributes
    ----------
    records : dict of str to Record
        What this process did, by `Series.key`.
    """

    def __init__(
        self, tasks: list[Task], ledger: Ledger, settings: steps.Settings, options: BatchOptions,
        processes: Processes | None = None, sender: Sender | None = None,
    ):  # fmt: skip
        self.tasks, self.records = tasks, {}
        self._ledger, self._settings, self._options, self._sender = ledger, settings, options, sender
        processes = processes or Processes()
        self._open = deque(processes.in_turn([t for t in tasks if t.action in (DENOISE, MEASURE)]))
        self._busy: deque[Task] = deque()
        self._finished: queue.SimpleQueue[Step] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._held: dict[str, object] = {}
        self._send_queue: SendQueue | None = None

    def __iter__(self) -> Iterator[Step]:
        with ExitStack() as stack:
            # Out here: each thread's own silencing would else end that of another.
            stack.enter_context(quiet_pydicom())
            stack.enter_context(notes.kept_apart())
            if self._sender:
                self._send_queue = SendQueue(self._ledger, self._sender, self._was_sent)
                stack.callback(self._send_queue.stop)
                for task in self.tasks:
                    if task.action == SEND:
                        self._send_queue.put(task)
            stack.callback(self._give_back)
            reader = stack.enter_context(ThreadPoolExecutor(1, "reader"))
            writer = stack.enter_context(ThreadPoolExecutor(1, "writer"))
            stack.callback(self._stopping.set)
            writing = None
            coming = reader.submit(self._read_next)
            while (job := coming.result()) is not None:
                coming = reader.submit(self._read_next)
                yield from self._compute(job)
                if writing:
                    writing.result()
                writing = writer.submit(self._finish, job)
                yield from self._news()
            if writing:
                writing.result()
            if self._send_queue:
                while self._send_queue.is_at_work:
                    yield from self._news(wait=0.2)
            yield from self._news()

    def _news(self, wait: float = 0) -> Iterator[Step]:
        try:
            while True:
                yield self._finished.get(timeout=wait) if wait else self._finished.get_nowait()
        except queue.Empty:
            return

    def _done(self, task: Task, record: Record) -> None:
        self.records[record.key] = record
        self._finished.put(Step(task, record=record))

    def _was_sent(self, task: Task, record: Record) -> None:
        self.records[record.key] = record
        self._finished.put(Step(task, record=record, sent=True))

    def _read_next(self) -> steps.Job | None:
        """Claim the next series that nobody has done and read it; None when all are done."""
        with disk_errors(OutputError, f"the ledger in '{self._ledger.folder}' cannot be used"):
            job = self._claim_next()
        return job and self._read(job)

    def _claim_next(self) -> steps.Job | None:
        while not self._stopping.is_set():
            while self._open and not self._stopping.is_set():
                task = self._open.popleft()
                claim = self._ledger.claim(task.series.key)
                if claim is None:
                    self._busy.append(task)
                elif (record := self._open_record(task)) is not None:
                    self._held[record.key] = claim
                    return steps.Job(task, record)
                else:
                    claim.release()
            if not self._busy:
                return None
            # Others work on these; whoever dies leaves them to us, and nobody ends before all is done: torchrun
            # would take the end of one with an error for the end of all.
            self._stopping.wait(_POLL)
            self._open, self._busy = self._busy, deque()
        return None

    def _give_back(self) -> None:
        """Give back what was claimed and is not finished, when the work is ended early."""
        for claim in self._held.values():
            claim.release()
        self._held.clear()

    def _open_record(self, task: Task) -> Record | None:
        """Return a new record for a claimed series, or None when another process has done or tried it meanwhile."""
        before = self._ledger.record(task.series.key)
        done = self._ledger.is_done(before)
        if done and self._send_queue and task.series.is_dicom:
            self._send_queue.put(task)
        tried = before is not None and before.attempts > task.attempts and before.result != DONE
        return None if done or tried else new_record(task.series, before)

    def _read(self, job: steps.Job) -> steps.Job:
        started = time.monotonic()
        try:
            series = job.task.series
            with notes.into(job.record.notes):
                job.record.sources = facts_of(series.files, series.folder)
                job.volume = steps.read(series)
                if self._options.volumes and series.is_dicom:
                    require_source(job.volume)
                job.record.slices = len(job.volume.array)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one series, the others go on
            job.fail(error)
        job.record.seconds_read = time.monotonic() - started
        return job

    def _compute(self, job: steps.Job) -> Iterator[Step]:
        if job.volume is None:
            return
        try:
            work = steps.denoise(job, self._settings)
            while True:
                with notes.into(job.record.notes):
                    progress = next(work, None)
                if progress is None:
                    return
                yield Step(job.task, progress=progress)
        except Exception as error:  # noqa: BLE001
            job.fail(error)

    def _finish(self, job: steps.Job) -> None:
        """Measure and write a job, keep its record, and give the series back."""
        record = job.record
        try:
            with notes.into(record.notes):
                if job.output is not None:
                    self._measure(job)
                    if self._options.volumes:
                        steps.write(job, self._ledger, self._settings)
                    else:
                        record.result = DONE
        except Exception as error:  # noqa: BLE001
            job.fail(error)
        job.volume = job.output = None
        try:
            if not (record.result == DONE and record.output):  # else it was written before its output appeared
                self._ledger.write(record)
                self._ledger.clear_work(record.key)
        except OSError as error:
            job.fail(error)
        finally:
            self._held.pop(record.key).release()
        self._done(job.task, record)
        if record.result == DONE and record.output and self._send_queue and job.task.series.is_dicom:
            self._send_queue.put(job.task)

    def _measure(self, job: steps.Job) -> None:
        if not (self._options.metrics and job.task.partner):
            return
        try:
            steps.measure(job, self._settings)
        except LDCTError as error:
            # A volume that was asked for is worth having without its metrics.
            if not self._options.volumes:
                raise
            job.record.notes.append(f"not measured: {steps.in_words(error)}")
