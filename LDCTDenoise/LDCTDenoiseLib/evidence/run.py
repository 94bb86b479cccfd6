"""From full-dose scans and methods to findings, with progress; what is finished is kept while it runs."""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from .. import __version__
from ..errors import InputError
from ..scan import orientation
from ..simulation import ScanSettings
from ..volumes import require_same_grid
from . import places
from .detection import over_scans
from .job import Job
from .kept import Kept
from .result import FULL, LOW, Evidence, Options, Progress, Scan

#: Doses of the curve.
DOSE_CURVE = (1.0, 0.5, 0.25, 0.1)
#: Seconds a slice takes before anything was timed.
_FIRST_GUESS = {"simulate": 0.8, "measure": 0.3}
_GUESS_METHOD = 0.3


class EvidenceRun:
    """One collection of evidence; iterate it to do the work, end the loop to stop.

    Parameters
    ----------
    scans : list of Scan
    methods : dict of str to Denoiser
        See `methods.make_denoisers`.
    options : Options
    work : path, optional
        Folder for what is finished; a run of the same scans, methods and options goes on from there. Without it
        nothing is kept.

    Attributes
    ----------
    result : Evidence
        Complete when the iteration has ended.

    Raises
    ------
    InputError
        If there is nothing to measure: no scan, no method and no other volume, a dose outside (0, 1], pixels that are
        not square.
    GeometryError
        If a low-dose or other volume does not lie on its scan's grid.
    """

    def __init__(
        self, scans: list[Scan], methods: dict, options: Options | None = None, work: str | Path | None = None
    ):
        options = options or Options()
        if not scans:
            raise InputError("give at least one full-dose scan.")
        if not methods and not any(scan.others for scan in scans):
            raise InputError("give a method, a model file or a denoised volume to collect evidence about.")
        if options.dose is not None:
            ScanSettings(dose=options.dose)
        names = Counter(scan.full.name for scan in scans)
        for name, number in names.items():
            if number > 1:
                raise InputError(f"two scans are called '{name}'; rename one, so that the report can tell them apart.")
        for scan in scans:
            places.square_pixel(scan.full.geometry.spacing)
            planes = orientation(scan.full.geometry)
            if planes != "axial":
                raise InputError(f"the slices of '{scan.full.name}' are {planes}; give the axial series of the scan.")
            for other in filter(None, (scan.low, *scan.others.values())):
                require_same_grid(scan.full, other)
            for label in scan.others:
                if label in methods or label in (FULL, LOW):
                    raise InputError(f"the volume '{label}' has the name of another image; rename its file.")
        others = list(dict.fromkeys(label for scan in scans for label in scan.others))
        self.result = Evidence.begin([FULL, LOW, *methods, *others], options, methods)
        self._scans, self._methods, self._options = scans, methods, options
        asked = [__version__, vars(options), self.result.methods, [(bool(s.low), list(s.others)) for s in scans]]
        volumes = [v for scan in scans for v in (scan.full, scan.low, *scan.others.values()) if v is not None]
        self._kept = Kept(work, asked, volumes)

    def forget(self) -> None:
        """Remove what was kept, once the report is written."""
        self._kept.forget()

    def __iter__(self) -> Iterator[Progress]:
        started = time.monotonic()
        jobs = []
        if self._options.quick:
            self.result.notes.append(
                "a quick run: disks of -20 HU, noise and HU; other lesions, resolution, structure and spots were not "
                "asked for."
            )
        for number, scan in enumerate(self._scans):
            guess = 60.0 * (len(self._scans) - number)
            yield Progress(time.monotonic() - started, guess, f"{scan.full.name}: looking for flat tissue")
            job = Job(scan, self._methods, self._options, self._kept, f"{number}", self.result)
            jobs.append(job)
            if self._options.dose_curve and job.can_simulate:
                jobs += [job.at(dose) for dose in DOSE_CURVE]
        clock = _Clock(jobs, self._methods)
        resampled = {}
        for job in jobs:
            for kind, slices, words in job.run():
                yield clock.tick(kind, slices, f"{job.name}: {words}")
            if not job.curve:
                resampled[job.name] = job.resampled
        if len(self._scans) > 1:
            self.result.findings += over_scans(self.result.findings, resampled)
        self.result.seconds = time.monotonic() - started


class _Clock:
    """Seconds left: of each kind of work the slices that are left, at the speed of those done."""

    def __init__(self, jobs, methods):
        self._left = Counter()
        for job in jobs:
            self._left.update(job.planned())
        self._pace = {label: _GUESS_METHOD for label in methods} | _FIRST_GUESS
        self._done = Counter()
        self._started = self._last = time.monotonic()

    def tick(self, kind: str, slices: float, words: str) -> Progress:
        now = time.monotonic()
        spent, self._last = now - self._last, now
        if slices:
            self._left[kind] = max(0, self._left[kind] - slices)
            pace = spent / slices
            self._done[kind] += 1
            # A mean that follows: other work comes and goes on a computer.
            weight = max(0.05, 1 / self._done[kind])
            self._pace[kind] += weight * (pace - self._pace[kind])
        left = sum(number * self._pace[kind] for kind, number in self._left.items())
        return Progress(now - self._started, left, words)
