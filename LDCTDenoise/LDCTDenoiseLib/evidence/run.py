"""From full-dose scans and methods to findings: the steps, their progress, and what an interrupted run keeps."""

import hashlib
import json
import os
import shutil
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from .. import __version__
from ..engine import DenoiseRun, denoise_array
from ..errors import InputError, LDCTWarning, MethodError
from ..files import write_atomic
from ..methods import make_denoiser
from ..scan import orientation, remarks_on
from ..simulation import LowDoseRun, ScanSettings, calibrate
from ..volumes import Volume, require_same_grid
from . import lesions, noise, places, resolution, spots, structure, tissues
from .findings import Finding, Findings
from .lesions import LESIONS, Lesion, Reader, assign, put_into
from .observers import Bootstrap, Interval, auc, detectability

FULL, LOW = "FDCT", "LDCT"
#: What is added to the scan's name in the findings of a dose curve.
CURVE = " (dose curve)"
#: The name under which findings of several scans are averaged.
ALL_SCANS = "all scans"

#: Slices that lesions are put into at most, slices that are denoised with lesions in all, and the occurrences of each
#: kind of lesion that are enough.
_LESION_SLICES, _LESION_RUNS, _ENOUGH = 60, 600, 150
#: The fewest places of a tissue, and the fewest places of a lesion, that are reported; an observer with channels is
#: trained on three places a channel at least.
LEAST_PLACES, LEAST_OCCURRENCES, _PLACES_PER_CHANNEL = 20, 12, 3
#: Neighbouring slices that inserts are put into at most, and inserts of each contrast that are enough.
_INSERT_SLICES, _INSERTS = 16, 24
#: Neighbouring slices of lung whose noise is drawn a second time.
_LUNG_SLICES = 8
#: Doses of the curve, neighbouring slices it is measured in at most, and its lesions.
DOSE_CURVE = (1.0, 0.5, 0.25, 0.1)
_CURVE_SLICES = 16
_CURVE_LESIONS = tuple(Lesion(lesions.DISK, -20.0, size) for size in (4.0, 6.0, 10.0))
#: Pixels of air that stay around the patient.
_MARGIN = 24
#: Seconds a slice takes before anything was timed.
_FIRST_GUESS = {"simulate": 0.8, "measure": 0.3}
_GUESS_METHOD = 0.3
#: Below this mean frequency, 1/mm, the noise of a scan looks denoised: kernels give 0.24 and more.
_DENOISED_BELOW = 0.19
#: Side of the pictures of the structure maps.
_MAP_STEP = 4


@dataclass(frozen=True)
class Options:
    """What evidence is asked for.

    Attributes
    ----------
    dose : float, optional
        Fraction of the full dose that is simulated; of a real pair what its dose is, None where nobody knows.
    dose_curve : bool
        Whether a few lesions and the noise are measured at 100, 50, 25 and 10 % as well.
    seed : int
        Of the simulated noise.
    device : str
        As for `DenoiseRun`.
    """

    dose: float | None = 0.25
    dose_curve: bool = False
    seed: int = 0
    device: str = "auto"


@dataclass(frozen=True)
class Scan:
    """One full-dose scan; with `low` a real low-dose scan of it, with `others` volumes that were denoised elsewhere."""

    full: Volume
    low: Volume | None = None
    others: dict[str, Volume] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """How far it is: seconds spent and left, and what is being done."""

    seconds: float
    seconds_left: float
    words: str

    @property
    def fraction(self) -> float:
        return self.seconds / max(1e-9, self.seconds + self.seconds_left)

    @property
    def text(self) -> str:
        """Minutes left and what is done now, as one line."""
        left = round(self.seconds_left)
        return f"{left // 60}:{left % 60:02d} left, {self.words}"


@dataclass
class Evidence:
    """The result.

    Attributes
    ----------
    findings : Findings
    notes : list of str
        What could not be measured and why, and what the reader must know.
    images : list of str
        FDCT, LDCT, methods and other volumes, in their order.
    scans : list of dict
        name, shape, spacing, dose, places of each tissue.
    curves : dict
        For the figures: "nps" and "ttf" by scan, image and tissue or contrast.
    pictures : dict
        For the report: by scan, slices and structure maps.
    options : Options
    methods : dict of str to str
        What each method is: SHA-256 of its weights, or empty.
    occurrences : list of dict
        Each lesion that was put in: scan, tissue, slice, row and column (from 0), shape, contrast and size.
    """

    findings: Findings
    notes: list[str]
    images: list[str]
    scans: list[dict]
    curves: dict
    pictures: dict
    options: Options
    methods: dict[str, str]
    seconds: float = 0.0
    occurrences: list[dict] = field(default_factory=list)


def make_methods(names=(), models=()) -> dict:
    """Return denoisers by label: methods by their name, model files by the file's.

    Raises
    ------
    MethodError
        If a label occurs twice, or a method is unknown.
    """
    found = {}
    for label, denoiser in [
        *((d.name, d) for d in map(make_denoiser, names)),
        *((Path(m).stem, make_denoiser(model=m)) for m in models),
    ]:
        if label in found or label in (FULL, LOW):
            raise MethodError(f"'{label}' is asked for twice; give every method once.")
        found[label] = denoiser
    return found


class EvidenceRun:
    """One collection of evidence; iterate it to do the work, end the loop to stop.

    Parameters
    ----------
    scans : list of Scan
    methods : dict of str to Denoiser
        See `make_methods`.
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
        facts = {label: getattr(d, "sha256", "") or "" for label, d in methods.items()}
        images = [FULL, LOW, *methods, *others]
        self.result = Evidence(Findings(), [], images, [], {"nps": {}, "ttf": {}}, {}, options, facts)
        self._scans, self._methods, self._options = scans, methods, options
        self._work = self._open(work)

    def _open(self, work) -> Path | None:
        if work is None:
            return None
        asked = [__version__, vars(self._options), self.result.methods]
        digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode())
        for scan in self._scans:
            for volume in filter(None, (scan.full, scan.low, *scan.others.values())):
                digest.update(volume.name.encode())
                digest.update(np.ascontiguousarray(volume.array))
        folder = Path(work) / digest.hexdigest()[:16]
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def forget(self) -> None:
        """Remove what was kept, once the report is written."""
        if self._work:
            shutil.rmtree(self._work.parent, ignore_errors=True)

    def __iter__(self) -> Iterator[Progress]:
        started = time.monotonic()
        jobs = []
        for number, scan in enumerate(self._scans):
            guess = 60.0 * (len(self._scans) - number)
            yield Progress(time.monotonic() - started, guess, f"{scan.full.name}: looking for flat tissue")
            # A name of its own for the files that are kept.
            job = _Job(scan, self._methods, self._options, self._work, f"{number}", self.result)
            job.keep_resampled = len(self._scans) > 1
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
            self.result.findings += _over_scans(self.result.findings, resampled)
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


class _Job:
    """All steps for one scan at one dose."""

    def __init__(self, scan: Scan, methods, options: Options, work, key: str, result: Evidence, curve_dose=None):
        self._scan, self._methods, self._options, self._work = scan, methods, options, work
        self._key, self._result, self.curve = key, result, curve_dose is not None
        self.name = scan.full.name
        self.dose = curve_dose if self.curve else options.dose
        self.can_simulate = scan.low is None
        #: Resampled values by what they are of, where scans are averaged.
        self.resampled, self.keep_resampled = {}, False
        full, geometry = scan.full.array, scan.full.geometry
        self._pixel, self._step = places.square_pixel(geometry.spacing), geometry.spacing[2]
        self._tissues = places.find_tissues(full, geometry.spacing, geometry.direction[0] >= 0)
        self._crop()
        self._choose()

    def at(self, dose: float) -> "_Job":
        """Return the job for one dose of the curve: the slices with the most places."""
        first, count = self._densest(self._places, _CURVE_SLICES)
        full = self._scan.full
        part = full.with_array(full.array[first : first + count])
        job = _Job(Scan(part), self._methods, self._options, self._work, f"{self._key}-{dose:g}", self._result, dose)
        job._first_slice, job._measured = first, self._settings()
        return job

    _first_slice, _measured = 0, None

    def _settings(self) -> ScanSettings:
        """Return exposure and kernel of the scan, measured once in all of it, at this job's dose."""
        if self._measured is None:
            volume = self._scan.full
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always", LDCTWarning)
                self._measured = calibrate(volume.array, volume.geometry.spacing[:2], ScanSettings())
            for warning in said:
                if issubclass(warning.category, LDCTWarning):
                    self._note(str(warning.message))
        return replace(self._measured, dose=self.dose, seed=self._options.seed)

    def _crop(self) -> None:
        """Take the air around the patient away; whatever is left is denoised much faster."""
        body = self._tissues.body.any(axis=0)
        box = []
        for axis in (1, 0):
            inside = np.flatnonzero(body.any(axis=axis))
            size = body.shape[1 - axis]
            low, high = (inside[0], inside[-1] + 1) if inside.size else (0, size)
            box.append(slice(max(0, low - _MARGIN), min(size, high + _MARGIN)))
        self._box = (slice(None), *box)
        self._full = np.ascontiguousarray(self._scan.full.array[self._box])
        masks = {tissue: mask[self._box] for tissue, mask in self._tissues.masks.items()}
        self._tissues = replace(self._tissues, masks=masks, body=self._tissues.body[self._box])

    def _choose(self) -> None:
        """Choose places, slices and passes."""
        found = {tissue: self._tissues.places(tissue) for tissue in (places.SOFT, places.LUNG)}
        with_places = np.unique(np.concatenate([f[:, 0] for f in found.values()]))
        if len(with_places) > _LESION_SLICES:
            with_places = with_places[np.linspace(0, len(with_places) - 1, _LESION_SLICES).round().astype(int)]
        self._lesion_slices = with_places
        kept = {tissue: f[np.isin(f[:, 0], with_places)] for tissue, f in found.items()}
        if not self.curve:
            for tissue, f in kept.items():
                if len(f) < LEAST_PLACES:
                    self._note(
                        f"lesions in {tissue} were not measured: {len(f)} places, flat for {places.CLEARANCE:g} mm "
                        f"around, were found; {LEAST_PLACES} are needed."
                    )
        kept = {tissue: f if len(f) >= LEAST_PLACES else f[:0] for tissue, f in kept.items()}
        self._kinds = _CURVE_LESIONS if self.curve else LESIONS
        fewest = min((len(f) for f in kept.values() if len(f)), default=0)
        self._passes = 0
        if fewest:
            most = max(1, _LESION_RUNS // len(with_places))
            self._passes = min(len(self._kinds), most, -(-len(self._kinds) * _ENOUGH // fewest))
        self._places = np.concatenate(list(kept.values()))
        names = [tissue for tissue, f in kept.items() for _ in f]
        self._tissue_of = np.array(names, dtype=object)
        self._in_liver = self._tissues.masks[places.LIVER][tuple(self._places.T)]
        # The occurrences of all passes, as the answers will lie.
        offset, each = 0, []
        for f in kept.values():
            each.append([(p.place + offset, p.lesion) for p in assign(len(f), self._passes, len(self._kinds))])
            offset += len(f)
        self._puts = [
            lesions.Put(*(np.concatenate(x) for x in zip(*turn, strict=True))) for turn in zip(*each, strict=True)
        ]
        if self._puts:
            self._occurrences = lesions.Put(
                np.concatenate([p.place for p in self._puts]), np.concatenate([p.lesion for p in self._puts])
            )
        soft = found[places.SOFT]
        self._insert_first, self._insert_count = self._densest(soft, _INSERT_SLICES)
        here = (soft[:, 0] >= self._insert_first) & (soft[:, 0] < self._insert_first + self._insert_count)
        self._insert_places = soft[here]
        self._lung_first, self._lung_count = self._densest(found[places.LUNG], _LUNG_SLICES)
        if not len(found[places.LUNG]) or self.curve or not self.can_simulate or self.dose == 1:
            self._lung_count = 0
        contrasts = len(resolution.CONTRASTS)
        self._insert_passes = 0
        if len(self._insert_places) and not self.curve:
            self._insert_passes = min(contrasts, -(-contrasts * _INSERTS // len(self._insert_places)))

    def _densest(self, where: np.ndarray, most: int) -> tuple[int, int]:
        """Return the first and the number of at most `most` neighbouring slices with the most places."""
        slices = len(self._full)
        count = min(most, slices)
        per_slice = np.bincount(where[:, 0], minlength=slices) if len(where) else np.zeros(slices, int)
        held = np.convolve(per_slice, np.ones(count, int), "valid")
        return int(np.argmax(held)), count

    def planned(self) -> Counter:
        """Return the slices of each kind of work."""
        count = len(self._full)
        plan = Counter()
        again = self._insert_passes * self._insert_count + self._lung_count
        if self.can_simulate and self.dose != 1:
            plan["simulate"] = count + again
        for label in self._methods:
            plan[label] = count + again + self._passes * len(self._lesion_slices)
        plan["measure"] = count * (2 + len(self._methods) + len(self._scan.others)) * (0.3 if self.curve else 1)
        return plan

    def run(self):
        """Do the work; yield the kind of work, its slices, and words."""
        full = self._full
        low = yield from self._kept("low", "simulate", len(full), self._lower(self._scan.full.array))
        images = {FULL: full, LOW: low["array"]}
        for label, denoiser in self._methods.items():
            if not self.curve:
                for remark in remarks_on(self._scan.full.with_array(images[LOW]), denoiser):
                    self._note(f"{label}: {remark}; the method was not trained on scans like this.")
            done = yield from self._kept(label, label, len(full), self._denoise(label, images[LOW], "all slices"))
            images[label] = done["array"]
        answers = yield from self._lesions(images)
        self._depth = tissues.skin_depth(self._tissues.body, self._pixel)
        if self.curve:
            findings, _ = yield from self._noise(images)
            findings += self._detect(answers, findings)
            self._result.findings += findings
            yield "measure", self.planned()["measure"], "dose curve"
            return
        for label, volume in self._scan.others.items():
            images[label] = volume.array[self._box]
        yield from self._measure(images, answers)

    # ---- long steps ------------------------------------------------------------------------------------------------

    def _kept(self, step: str, kind: str, slices: float, work):
        """Do a step, or take its arrays from an earlier run."""
        path = self._work and self._work / f"{self._key}-{step}.npz"
        if path and path.exists():
            with np.load(path) as file:
                arrays = dict(file)
            yield kind, slices, f"{step} was done before"
            return arrays
        arrays = yield from work
        if path:
            with write_atomic(path) as part, part.open("wb") as file:
                np.savez(file, **arrays)
        return arrays

    def _lower(self, full: np.ndarray, first: int = 0, seed: int | None = None):
        """Lower the dose of whole slices and crop them, float32; with a seed of its own another noise is drawn."""
        if self._scan.low is not None:
            low = self._scan.low.array[first : first + len(full)][self._box].astype(np.float32)
            # What was put into full dose goes into the real low dose alike.
            return {"array": low + (full - self._scan.full.array[first : first + len(full)])[self._box]}
        if self.dose == 1:
            return {"array": full[self._box].astype(np.float32)}
        volume = self._scan.full.with_array(np.asarray(full, dtype=np.float32))
        yield "simulate", 0, "measuring the scan's own noise"
        settings = self._settings() if seed is None else replace(self._settings(), seed=seed)
        run = LowDoseRun(volume, settings, first_slice=self._first_slice + first, device=self._options.device)
        before = 0
        for step in run:
            yield "simulate", step.done - before, f"lowering the dose to {self.dose:.0%}"
            before = step.done
        return {"array": np.ascontiguousarray(run.output.array[self._box])}

    def _denoise(self, label: str, array: np.ndarray, words: str):
        """Denoise slices; methods that use one core do one slice a core."""
        denoiser, words = self._methods[label], f"{label}, {words}"
        if denoiser.on_device:
            # As a volume, for a network works on a grid of its own where pixels are not what it was trained on.
            run, before = DenoiseRun(self._scan.full.with_array(array), denoiser, self._options.device), 0
            for step in run:
                yield label, step.done - before, words
                before = step.done
            return {"array": run.output}
        output = np.empty_like(array)
        denoiser.prepare("cpu")
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            futures = [pool.submit(denoise_array, plane[None], denoiser, "cpu") for plane in array]
            try:
                for k, future in enumerate(futures):
                    output[k] = future.result()[0]
                    yield label, 1, words
            finally:
                for future in futures:
                    future.cancel()
        return {"array": output}

    def _lesions(self, images):
        """Put lesions in, denoise, and keep the observers' answers: by image, an array of both classes."""
        answers = {}
        if not self._passes:
            return answers
        reader = Reader(self._kinds, self._pixel)
        chosen = self._lesion_slices
        local = self._places.copy()
        local[:, 0] = np.searchsorted(chosen, local[:, 0])
        base = {label: image[chosen] for label, image in images.items()}
        collected = {label: [] for label in images}
        for turn, put in enumerate(self._puts):
            with_lesions = put_into(base[LOW], local, put, self._kinds, self._pixel)
            for label in images:
                if label == LOW:
                    present = reader.read(with_lesions, local, put)
                elif label == FULL:
                    present = reader.read(put_into(base[FULL], local, put, self._kinds, self._pixel), local, put)
                else:
                    words = f"lesions, pass {turn + 1} of {self._passes}"
                    work = self._read_denoised(label, with_lesions, words, reader, local, put)
                    step = f"{label}-lesions-{turn}"
                    present = (yield from self._kept(step, label, len(chosen), work))["answers"]
                collected[label].append(np.stack([present, reader.read(base[label], local, put)]))
        return {label: np.concatenate(parts, axis=1) for label, parts in collected.items()}

    def _read_denoised(self, label, with_lesions, words, reader, local, put):
        done = yield from self._denoise(label, with_lesions, words)
        return {"answers": reader.read(done["array"], local, put)}

    def _inserts(self, images, frequency):
        """Put inserts in, lower the dose, denoise; return for each image and contrast the inserts' patches."""
        patches = {label: {c: [] for c in resolution.CONTRASTS} for label in (FULL, LOW, *self._methods)}
        if not self._insert_passes:
            return patches
        shape = resolution.insert(self._pixel, frequency)
        n = len(shape) // 2
        first, count = self._insert_first, self._insert_count
        original = self._scan.full.array[first : first + count].astype(np.float32)
        row, column = self._box[1].start, self._box[2].start
        where = self._insert_places - [first, 0, 0]
        for turn in range(self._insert_passes):
            contrast = np.array(resolution.CONTRASTS)[(np.arange(count) + turn) % len(resolution.CONTRASTS)]
            added = np.zeros_like(original)
            for k, j, i in where:
                j, i = j + row, i + column
                added[k, j - n : j + n + 1, i - n : i + n + 1] += contrast[k] * shape
            low = yield from self._kept(f"inserts-{turn}", "simulate", count, self._lower(original + added, first))
            outputs = {FULL: (self._full[first : first + count] + added[self._box]), LOW: low["array"]}
            for label in self._methods:
                step = f"{label}-inserts-{turn}"
                work = self._denoise(label, low["array"], f"inserts, pass {turn + 1} of {self._insert_passes}")
                outputs[label] = (yield from self._kept(step, label, count, work))["array"]
            for label, output in outputs.items():
                change = output - images[label][first : first + count]
                for k, j, i in where:
                    patch = change[k, j - n : j + n + 1, i - n : i + n + 1]
                    patches[label][contrast[k]].append(patch / contrast[k])
        return patches

    # ---- measuring -------------------------------------------------------------------------------------------------

    def _labels(self, label: str) -> dict:
        return {"image": label, "scan": self.name + CURVE if self.curve else self.name, "dose": self.dose}

    def _note(self, text: str) -> None:
        self._result.notes.append(f"{self.name}: {text}")

    def _measure(self, images, answers):
        full, result = self._full, self._result
        each = len(full)
        findings, curves = yield from self._noise(images)
        result.curves["nps"][self.name] = curves
        yield "measure", 0.2 * each * len(images), "noise"
        own = Findings(findings).one(image=FULL, quantity="nps_mean", tissue=places.SOFT)
        self._say_what_scan(own, Findings(findings).where(quantity="noise_sd", tissue=places.SOFT))
        patches = yield from self._inserts(images, own.value if own else None)
        result.curves["ttf"][self.name] = {}
        for label, by_contrast in patches.items():
            kept = []
            for contrast, cut in by_contrast.items():
                if len(cut) >= 2:
                    found, curve = resolution.measure_resolution(
                        np.stack(cut), self._pixel, contrast=contrast, tissue=places.SOFT, **self._labels(label)
                    )
                    findings += found
                    kept += [f for f in found if f.quantity == "insert_contrast"]
                    result.curves["ttf"][self.name][label, contrast] = curve
            findings += resolution.measure_linearity(kept, tissue=places.SOFT, **self._labels(label))
        if not any(len(cut) for cut in patches[FULL].values()):
            self._note("resolution was not measured: there is no flat soft tissue for inserts of 12 mm.")
        masks = tissues.tissue_masks(full, self._tissues.body, self._pixel)
        for label, image in images.items():
            if label != FULL:
                findings += tissues.measure_hu(full, image, masks, self._depth, **self._labels(label))
                yield "measure", 0.2 * each, f"HU of {label}"
        findings += yield from self._structure(images, masks)
        findings += yield from self._spots(images)
        findings += self._detect(answers, findings)
        yield "measure", 0.1 * each * len(images), "observers"
        middle = int(np.argmax(np.bincount(self._places[:, 0]))) if len(self._places) else each // 2
        result.pictures.setdefault(self.name, {})["slice"] = {
            label: np.asarray(image[middle], dtype=np.float32) for label, image in images.items()
        }
        result.findings += findings
        result.occurrences += self._where_lesions_went()
        count = Counter(self._tissue_of)
        count[places.LIVER] = int(self._in_liver.sum())
        result.scans.append(
            {
                "name": self.name, "slices": each, "rows_columns": list(self._scan.full.array.shape[1:]),
                "spacing_mm": [round(float(s), 4) for s in self._scan.full.geometry.spacing], "dose": self.dose,
                "places": {t: count[t] for t in places.TISSUES}, "passes": self._passes,
                "flat_below_hu_per_mm": self._tissues.steepest,
                "pair": self._scan.low is not None, "slice_shown": middle,
            }
        )  # fmt: skip

    def _where_lesions_went(self) -> list[dict]:
        corner = [0, self._box[1].start, self._box[2].start]
        rows = []
        for put in self._puts:
            for place, lesion in zip(put.place, put.lesion, strict=True):
                k, j, i = (int(n) for n in self._places[place] + corner)
                rows.append({"scan": self.name, "tissue": self._tissue_of[place], "slice": k, "row": j, "column": i,
                             **vars(self._kinds[lesion])})  # fmt: skip
        return rows

    def _say_what_scan(self, own, sd) -> None:
        if own is None:
            self._note(
                f"noise in soft tissue was not measured: fewer than {noise.LEAST_WINDOWS} flat windows of 12 mm were "
                "found."
            )
            return
        if own.value < _DENOISED_BELOW:
            self._note(
                f"its noise has a mean frequency of {own.value:.2f} per mm, coarser than reconstruction kernels give: "
                "the scan looks denoised already, so full dose here is not what a scanner gave."
            )
        if self._scan.low is not None:
            ratio = (sd.one(image=FULL).value / sd.one(image=LOW).value) ** 2
            said = "unknown" if self.dose is None else f"given as {self.dose:.0%}"
            self._note(f"a real pair; its dose is {said}, the noise in soft tissue suggests {ratio:.0%} of full dose.")
            self._note("lesions and inserts were put into both images of the pair, not into the scanner's raw data.")

    def _noise(self, images):
        """Measure the noise of each tissue; return findings and curves."""
        findings, curves = [], {}
        lung = yield from self._noise_of_lung(images)
        for tissue in places.TISSUES:
            windows = noise.find_windows(self._tissues, tissue, self._depth)
            here = images
            if tissue == places.LUNG:
                windows, here = windows.within(self._lung_first, self._lung_count), lung
            for label, image in here.items():
                found, curve = noise.measure_noise(image, windows, self._step, tissue=tissue, **self._labels(label))
                findings += found
                if curve:
                    curves[label, tissue] = curve
        return findings, curves

    def _noise_of_lung(self, images):
        """Return of each image noise alone, in slices with lung: there a window of any size holds vessels.

        Noise is drawn a second time: in the difference of what is made of the two draws there is no anatomy. The two
        have the scan's own noise, a share of the whole that the dose tells, in common.
        """
        first, count = self._lung_first, self._lung_count
        if not count:
            if not self.curve and self._scan.low is not None and self._tissues.masks[places.LUNG].any():
                self._note(
                    "noise in lung was not measured: it is told from vessels by drawing the noise twice, which a real "
                    "pair does not have."
                )
            return {}
        lower = self._lower(self._scan.full.array[first : first + count], first, self._options.seed + 1)
        again = {LOW: (yield from self._kept("lung", "simulate", count, lower))["array"]}
        for label in self._methods:
            work = self._denoise(label, again[LOW], "noise in lung")
            again[label] = (yield from self._kept(f"{label}-lung", label, count, work))["array"]
        scale = 1 / np.sqrt(2 * (1 - self.dose))
        drawn = {label: (image - images[label][first : first + count]) * scale for label, image in again.items()}
        return {FULL: drawn[LOW] * np.sqrt(self.dose), **drawn}

    def _structure(self, images, masks):
        full, low = self._full, images[LOW]
        apart = noise.slices_apart(full, noise.find_windows(self._tissues, places.SOFT, self._depth), self._step)
        if len(full) < 2 * apart + 2:
            self._note(
                f"structure in what was removed was not measured: {2 * apart + 2} slices are needed, the scan has "
                f"{len(full)}."
            )
            return []
        anatomy = structure.Structure(full, self._tissues.body, self._pixel, apart)
        added = low - full
        where = {name: mask for name, mask in masks.items() if name != "fat"}
        findings = []
        maps = self._result.pictures.setdefault(self.name, {}).setdefault("maps", {})
        for label, image in images.items():
            if label in (FULL, LOW):
                continue
            base = self._base_of(label, images)
            findings += anatomy.measure(images[base], image, added, where, **self._labels(label))
            maps[label] = np.stack(
                [anatomy.map(k, images[base], image)[::_MAP_STEP, ::_MAP_STEP] for k in anatomy.slices]
            )
            yield "measure", 0.2 * len(full), f"structure in what {label} removed"
        return findings

    def _base_of(self, label: str, images) -> str:
        """Return what an image was made from: low dose, or of another program's volume whichever is nearer."""
        if label not in self._scan.others:
            return LOW
        inside = self._tissues.body
        distance = {b: float(np.square(images[label][inside] - images[b][inside]).mean()) for b in (FULL, LOW)}
        # A denoised low dose holds what is left of its noise; one of full dose holds none of it.
        left = images[label][inside] - self._full[inside].astype(np.float32)
        added = images[LOW][inside] - self._full[inside]
        share = float((left * added).mean() / max(1e-9, (added * added).mean()))
        base = LOW if distance[LOW] < distance[FULL] or share > 0.05 else FULL
        self._note(
            f"'{label}' was denoised elsewhere, judged by its noise from {'low' if base == LOW else 'full'} dose; "
            "lesions and inserts need the method itself and were not measured in it."
        )
        return base

    def _spots(self, images):
        findings = []
        for size in spots.SIZES:
            search = spots.SpotSearch(self._full, self._tissues, size)
            for label, image in images.items():
                findings += search.count(image, **self._labels(label))
                yield "measure", 0.3 * len(self._full) / len(spots.SIZES), f"spots of {size:g} mm in {label}"
        return findings

    def _detect(self, answers, noise_findings) -> list[Finding]:
        """Let observers answer: contrast kept, CNR, d' and AUC of each lesion in each tissue."""
        if not answers:
            return []
        noise_findings = Findings(noise_findings)
        members = {
            places.SOFT: self._tissue_of == places.SOFT, places.LIVER: self._in_liver,
            places.LUNG: self._tissue_of == places.LUNG,
        }  # fmt: skip
        findings, samples, too_few = [], {}, []
        for tissue, member in members.items():
            in_tissue = member[self._occurrences.place]
            for number, lesion in enumerate(self._kinds):
                rows = np.flatnonzero(in_tissue & (self._occurrences.lesion == number))
                if len(rows) < LEAST_OCCURRENCES:
                    if tissue != places.LIVER and in_tissue.any():
                        too_few.append(len(rows))
                    continue
                bootstrap = samples.setdefault(len(rows), Bootstrap(len(rows), 500))
                findings += self._one_lesion(tissue, lesion, answers, rows, bootstrap, noise_findings)
        if too_few and not self.curve:
            self._note(
                f"{len(too_few)} kinds of lesion had fewer than {LEAST_OCCURRENCES} places and are left out; a scan "
                "with more slices or more flat tissue has them."
            )
        return findings

    def _one_lesion(self, tissue, lesion, answers, rows, bootstrap, noise_findings) -> list[Finding]:
        findings, before = [], {}
        for label, both in answers.items():
            present, absent = both[0][rows], both[1][rows]
            labels = {
                **self._labels(label), "tissue": tissue, "shape": lesion.shape, "contrast": lesion.contrast,
                "size": lesion.size, "count": len(rows),
            }  # fmt: skip
            change = (present[:, lesions.CORE] - absent[:, lesions.CORE]) / lesion.contrast
            resampled = bootstrap.mean(change)
            kept = bootstrap.interval(change.mean(), resampled)
            findings.append(self._finding("contrast_kept", kept, resampled, labels, 100))
            sd = noise_findings.one(quantity="noise_sd", image=label, tissue=tissue)
            if sd:
                findings.append(self._finding("cnr", kept, resampled, labels, abs(lesion.contrast) / sd.value))
            for observer in lesions.OBSERVERS:
                channels = lesions.CHANNELS.get(observer.removeprefix("CHO-"))
                if channels and len(rows) < _PLACES_PER_CHANNEL * (channels.stop - channels.start):
                    continue
                with_lesion, without = lesions.answers_of(observer, present, absent, lesion.contrast)
                if with_lesion.var() + without.var() == 0:
                    continue
                named = {**labels, "observer": observer}
                resampled = bootstrap.detectability(with_lesion, without)
                d = detectability(with_lesion, without)
                findings.append(self._finding("detectability", bootstrap.interval(d, resampled), resampled, named))
                areas = bootstrap.auc(with_lesion, without)
                findings.append(
                    self._finding("auc", bootstrap.interval(auc(with_lesion, without), areas), areas, named)
                )
                if label == LOW:
                    before[observer] = (d, resampled)
                elif label != FULL and observer in before:
                    d0, resampled0 = before[observer]
                    change_d = resampled - resampled0
                    interval = bootstrap.interval(d - d0, change_d)
                    findings.append(self._finding("detectability_change", interval, change_d, named))
        return findings

    def _finding(self, quantity: str, interval: Interval, resampled, labels: dict, scale: float = 1.0) -> Finding:
        found = Finding(
            quantity, value=scale * interval.value, lower=scale * interval.lower, upper=scale * interval.upper, **labels
        )
        if self.keep_resampled:
            self.resampled[_lesion_of(found)] = scale * resampled
        return found


#: What findings of several scans have in common when they are averaged.
_SAME = ("image", "tissue", "shape", "contrast", "size", "observer")


def _lesion_of(finding: Finding) -> tuple:
    return (finding.quantity, *(getattr(finding, name) for name in _SAME))


def _over_scans(findings: Findings, resampled: dict[str, dict]) -> list[Finding]:
    """Average lesions' findings over scans, each scan alike; the intervals from the means of the resampled values."""
    averaged = []
    by_lesion = {(f.scan, *_lesion_of(f)): f for f in findings}
    for key in dict.fromkeys(key for by_key in resampled.values() for key in by_key):
        scans = [name for name, by_key in resampled.items() if key in by_key]
        if len(scans) < 2:
            continue
        quantity, *same = key
        labels = dict(zip(_SAME, same, strict=True))
        parts = [by_lesion[(name, *key)] for name in scans]
        lower, upper = np.nanpercentile(np.mean([resampled[name][key] for name in scans], axis=0), [2.5, 97.5])
        averaged.append(
            Finding(
                quantity, value=float(np.mean([f.value for f in parts])), lower=float(lower), upper=float(upper),
                count=sum(f.count for f in parts), scan=ALL_SCANS, dose=parts[0].dose, **labels,
            )
        )  # fmt: skip
    return averaged
