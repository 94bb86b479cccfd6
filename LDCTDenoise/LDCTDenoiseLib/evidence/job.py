"""All steps for one scan at one dose: lower the dose, put lesions and inserts in, denoise, measure."""

import os
import warnings
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from ..engine import DenoiseRun, denoise_array
from ..errors import LDCTWarning
from ..methods.denoiser import neighbours_of, numbers_read, told
from ..scan import measure_scan, remarks_on
from ..scan.level import measure_level
from ..simulation import LowDoseRun, ScanSettings, calibrate
from ..volumes import Volume
from . import noise, places, resolution, spots, structure, tissues
from .detection import LEAST_OCCURRENCES, Detection
from .findings import Finding, Findings
from .kept import Kept
from .lesions import Reader, put_into
from .plan import Plan
from .result import CURVE, FULL, LOW, Evidence, Options, Scan

#: Below this mean frequency, 1/mm, the noise of a scan looks denoised: kernels give 0.24 and more.
_DENOISED_BELOW = 0.19
#: Every so many pixels of a structure map are drawn.
_MAP_STEP = 4


@dataclass(frozen=True)
class _Piece:
    """Slices of the whole scan, those around them that a method reads among them."""

    start: int
    stop: int
    inner: slice  #: Which of the piece are asked for; the others are read only.
    gaps: tuple[int, ...]  #: See `Geometry.gaps`, in numbers of the piece.


class Job:
    """All steps for one scan at one dose.

    Parameters
    ----------
    scan, methods, options
        As for `EvidenceRun`.
    kept : Kept
    key : str
        Begins the names of the files that are kept.
    result : Evidence
        To be filled.
    curve_dose : float, optional
        Makes it one dose of a curve, of `scan` alone.
    measured : ScanSettings, optional
        Exposure and kernel, where they were measured in more slices.
    whole : Volume, optional
        The whole full-dose scan, where `scan` is a part of it: methods may read slices around that.
    first_slice : int
        Number of the first slice in the whole scan: its noise is that slice's.

    Attributes
    ----------
    resampled : dict
        See `Detection`.
    """

    def __init__(
        self, scan: Scan, methods: dict, options: Options, kept: Kept, key: str, result: Evidence,
        curve_dose: float | None = None, measured: ScanSettings | None = None, whole: Volume | None = None,
        first_slice: int = 0,
    ):  # fmt: skip
        self._scan, self._methods, self._options = scan, methods, options
        self._kept, self._key, self._result, self.curve = kept, key, result, curve_dose is not None
        self._measured, self._whole, self._first_slice = measured, whole or scan.full, first_slice
        self.name = scan.full.name
        self.dose = curve_dose if self.curve else options.dose
        self.can_simulate = scan.low is None
        self._step = scan.full.geometry.spacing[2]
        self._plan = Plan(scan.full, options.quick, self.curve, self.can_simulate and self.dose != 1)
        self.resampled = {}
        for note in () if self.curve else self._plan.notes:
            self._note(note)

    def at(self, dose: float) -> "Job":
        """Return the job for one dose of the curve: the slices with the most places."""
        block, full = self._plan.for_curve(), self._scan.full
        part = full.with_array(full.array[block.slices] if block.count else full.array)
        return Job(
            Scan(part), self._methods, self._options, self._kept, f"{self._key}-{dose:g}", self._result, dose,
            self._settings(), full, block.first,
        )  # fmt: skip

    def _settings(self) -> ScanSettings:
        """Return exposure and kernel of the scan, measured once in all of it, at this job's dose."""
        if self._measured is None:
            volume = self._scan.full
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always", LDCTWarning)
                self._measured = calibrate(volume.array, volume.geometry.spacing[:2], ScanSettings())
            for warning in said:
                if issubclass(warning.category, LDCTWarning):
                    # What could be chosen instead is for those who simulate a scan themselves.
                    self._note(f"{str(warning.message).split('; give ')[0]}.")
        return replace(self._measured, dose=self.dose, seed=self._options.seed)

    def planned(self) -> Counter:
        """Return the slices of each kind of work."""
        count, again = len(self._plan.full), self._plan.again()
        plan = Counter()
        if self.can_simulate and self.dose != 1:
            plan["simulate"] = count + again
        for label in self._methods:
            plan[label] = count + again + len(self._plan.puts) * len(self._plan.slices)
        little = self.curve or self._options.quick
        plan["measure"] = count * (2 + len(self._methods) + len(self._scan.others)) * (0.3 if little else 1)
        return plan

    def run(self):
        """Do the work; yield the kind of work, its slices, and words."""
        full = self._plan.full
        piece = self._piece(0, len(full))
        low = (yield from self._once("low", "simulate", len(full), self._lower_piece(piece)))["array"]
        images = {FULL: full, LOW: low[piece.inner]}
        level = cache(lambda: measure_level(self._scan.full.with_array(images[LOW])))
        self._methods = {label: told(denoiser, level) for label, denoiser in self._methods.items()}
        if not self.curve and any(denoiser.on_device for denoiser in self._methods.values()):
            self._say_what_is_unusual(self._scan.full.with_array(images[LOW]))
        for label in self._methods:
            work = self._denoise_piece(label, low, piece, "all slices")
            images[label] = (yield from self._once(label, label, len(full), work))["array"]
        self._low, self._around = low, piece
        answers = yield from self._lesions(images)
        self._depth = tissues.skin_depth(self._plan.tissues.body, self._plan.pixel)
        if not self.curve:
            images |= {label: volume.array[self._plan.box] for label, volume in self._scan.others.items()}
        findings = yield from self._noise(images)
        if not self.curve:
            findings += yield from self._measure(images, findings)
        self._detect(answers, findings)
        yield "measure", 0.1 * len(full) * len(images), "observers"
        self._result.findings += findings

    # ---- long steps ------------------------------------------------------------------------------------------------

    def _once(self, step: str, kind: str, slices: float, work):
        return self._kept.step(f"{self._key}-{step}", kind, slices, work)

    def _piece(self, first: int, count: int) -> _Piece:
        """Return the piece of `count` slices from this job's slice `first` on."""
        reach = max(map(neighbours_of, self._methods.values()), default=0)
        first += self._first_slice
        start, stop = max(0, first - reach), min(len(self._whole.array), first + count + reach)
        gaps = tuple(k - start for k in self._whole.geometry.gaps if start <= k < stop - 1)
        return _Piece(start, stop, slice(first - start, first - start + count), gaps)

    def _lower_piece(self, piece: _Piece, seed: int | None = None):
        return self._lower(self._whole.array[piece.start : piece.stop], piece.start, seed)

    def _lower(self, full: np.ndarray, first: int, seed: int | None = None):
        """Lower the dose of whole slices and crop them, float32; with a seed of its own another noise is drawn.

        `first` is the number of the first one in the whole scan.
        """
        box = self._plan.box
        if self._scan.low is not None:
            low = self._scan.low.array[first : first + len(full)][box].astype(np.float32)
            # What was put into full dose goes into the real low dose alike.
            return {"array": low + (full - self._scan.full.array[first : first + len(full)])[box]}
        if self.dose == 1:
            return {"array": full[box].astype(np.float32)}
        volume = self._scan.full.with_array(np.asarray(full, dtype=np.float32))
        yield "simulate", 0, "measuring the scan's own noise"
        settings = self._settings() if seed is None else replace(self._settings(), seed=seed)
        run = LowDoseRun(volume, settings, first_slice=first, device=self._options.device)
        before = 0
        for step in run:
            yield "simulate", step.done - before, f"lowering the dose to {self.dose:.0%}"
            before = step.done
        return {"array": np.ascontiguousarray(run.output.array[box])}

    def _denoise_piece(self, label: str, array: np.ndarray, piece: _Piece, words: str):
        return self._denoise(label, array, words, range(len(array))[piece.inner], piece.gaps)

    def _denoise_changed(self, label: str, changed: np.ndarray, slices: Sequence[int], words: str, through=False):
        """Denoise slices of the low dose into which something was put.

        The slices around each that a method reads are those of the low dose; `through`: the same was put into them.
        """
        reach, low, around = neighbours_of(self._methods[label]), self._low, self._around
        if not reach:
            return self._denoise(label, changed, words)
        stacks = []
        for image, k in zip(changed, np.add(slices, around.inner.start), strict=True):
            numbers = numbers_read(k, k + 1, len(low), reach, around.gaps)
            stack = low[numbers]
            if through:
                stack += image - low[k]
            stack[numbers == k] = image
            stacks.append(stack)
        each = 2 * reach + 1
        return self._denoise(label, np.concatenate(stacks), words, range(reach, each * len(stacks), each))

    def _denoise(self, label: str, array: np.ndarray, words: str, slices: Sequence[int] | None = None, gaps=()):
        """Denoise slices, or those of them that are chosen; methods that use one core do one slice a core."""
        denoiser, words = self._methods[label], f"{label}, {words}"
        if denoiser.on_device or neighbours_of(denoiser):
            # As a volume, for a network works on a grid of its own where pixels are not what it was trained on.
            full = self._scan.full
            volume = replace(full, array=array, geometry=replace(full.geometry, gaps=gaps))
            run, before = DenoiseRun(volume, denoiser, self._options.device, slices=slices), 0
            for step in run:
                yield label, step.done - before, words
                before = step.done
            return {"array": run.output}
        array = array if slices is None else array[slices]
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
        plan = self._plan
        if not plan.puts:
            return {}
        reader = Reader(plan.kinds, plan.pixel)
        local = plan.places.copy()
        local[:, 0] = np.searchsorted(plan.slices, local[:, 0])
        base = {label: image[plan.slices] for label, image in images.items()}
        collected = {label: [] for label in images}
        for turn, put in enumerate(plan.puts):
            low, full = (put_into(base[label], local, put, plan.kinds, plan.pixel) for label in (LOW, FULL))
            for label in images:
                if label in self._methods:
                    words = f"lesions, pass {turn + 1} of {len(plan.puts)}"
                    work = self._read_denoised(label, low, words, reader, local, put)
                    done = yield from self._once(f"{label}-lesions-{turn}", label, len(plan.slices), work)
                    present = done["answers"]
                else:
                    present = reader.read(full if label == FULL else low, local, put)
                collected[label].append(np.stack([present, reader.read(base[label], local, put)]))
        return {label: np.concatenate(parts, axis=1) for label, parts in collected.items()}

    def _read_denoised(self, label, with_lesions, words, reader, local, put):
        done = yield from self._denoise_changed(label, with_lesions, self._plan.slices, words)
        return {"answers": reader.read(done["array"], local, put)}

    def _inserts(self, images, frequency):
        """Put inserts in, lower the dose, denoise; return for each image and contrast the inserts' patches."""
        plan = self._plan
        patches = {label: {c: [] for c in resolution.CONTRASTS} for label in (FULL, LOW, *self._methods)}
        if not plan.insert_passes:
            return patches
        shape = resolution.insert(plan.pixel, frequency)
        n = len(shape) // 2
        first, count = plan.inserts.first, plan.inserts.count
        original = self._scan.full.array[plan.inserts.slices].astype(np.float32)
        row, column = plan.box[1].start, plan.box[2].start
        where = plan.insert_places - [first, 0, 0]
        for turn in range(plan.insert_passes):
            contrast = np.array(resolution.CONTRASTS)[(np.arange(count) + turn) % len(resolution.CONTRASTS)]
            added = np.zeros_like(original)
            for k, j, i in where:
                j, i = j + row, i + column
                added[k, j - n : j + n + 1, i - n : i + n + 1] += contrast[k] * shape
            low = yield from self._once(f"inserts-{turn}", "simulate", count, self._lower(original + added, first))
            outputs = {FULL: plan.full[plan.inserts.slices] + added[plan.box], LOW: low["array"]}
            for label in self._methods:
                words = f"inserts, pass {turn + 1} of {plan.insert_passes}"
                # A rod as in a phantom, where the next slice of the stack has one of another contrast.
                work = self._denoise_changed(label, low["array"], range(first, first + count), words, through=True)
                outputs[label] = (yield from self._once(f"{label}-inserts-{turn}", label, count, work))["array"]
            for label, output in outputs.items():
                change = output - images[label][plan.inserts.slices]
                for k, j, i in where:
                    patch = change[k, j - n : j + n + 1, i - n : i + n + 1]
                    patches[label][contrast[k]].append(patch / contrast[k])
        return patches

    # ---- measuring -------------------------------------------------------------------------------------------------

    def _labels(self, label: str) -> dict:
        return {"image": label, "scan": self.name + CURVE if self.curve else self.name, "dose": self.dose}

    def _note(self, text: str) -> None:
        self._result.notes.append(f"{self.name}: {text}")

    def _measure(self, images, of_noise):
        """Measure what a dose curve leaves out; return the findings."""
        plan, result, quick = self._plan, self._result, self._options.quick
        own = Findings(of_noise).one(image=FULL, quantity="nps_mean", tissue=places.SOFT)
        self._say_what_scan(own, Findings(of_noise).where(quantity="noise_sd", tissue=places.SOFT))
        findings = []
        if not quick:
            findings += yield from self._resolution(images, own)
        masks = tissues.tissue_masks(plan.full, plan.tissues.body, plan.pixel)
        for label, image in images.items():
            if label != FULL:
                findings += tissues.measure_hu(plan.full, image, masks, self._depth, **self._labels(label))
                yield "measure", 0.2 * len(plan.full), f"HU of {label}"
        if not quick:
            findings += yield from self._structure(images, masks)
            findings += yield from self._spots(images)
        middle = plan.middle()
        result.pictures.setdefault(self.name, {})["slice"] = {
            label: np.asarray(image[middle], dtype=np.float32) for label, image in images.items()
        }
        result.occurrences += plan.as_rows(self.name)
        count = Counter(plan.tissue_of)
        count[places.LIVER] = int(plan.in_liver.sum())
        result.scans.append(
            {
                "name": self.name, "slices": len(plan.full), "rows_columns": list(self._scan.full.array.shape[1:]),
                "spacing_mm": [round(float(s), 4) for s in self._scan.full.geometry.spacing], "dose": self.dose,
                "places": {t: count[t] for t in places.TISSUES}, "flat_below_hu_per_mm": plan.tissues.steepest,
                "passes": len(plan.puts), "pair": self._scan.low is not None, "slice_shown": middle,
            }
        )  # fmt: skip
        return findings

    def _say_what_is_unusual(self, low) -> None:
        facts = measure_scan(low)
        for label, denoiser in self._methods.items():
            for remark in remarks_on(low, denoiser, facts):
                self._note(f"{label}: {remark}; the method was not trained on scans like this.")

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
            if self._plan.puts:
                self._note("lesions were put into both images of the pair, not into the scanner's raw data.")

    def _noise(self, images):
        """Measure the noise of each tissue; return the findings."""
        findings, curves, plan = [], {}, self._plan
        lung = yield from self._noise_of_lung(images)
        for tissue in places.TISSUES:
            windows = noise.find_windows(plan.tissues, tissue, self._depth)
            here = images
            if tissue == places.LUNG:
                windows, here = windows.within(plan.lung.first, plan.lung.count), lung
            for label, image in here.items():
                found, curve = noise.measure_noise(image, windows, self._step, tissue=tissue, **self._labels(label))
                findings += found
                if curve:
                    curves[label, tissue] = curve
        if not self.curve:
            self._result.curves["nps"][self.name] = curves
        yield "measure", 0.2 * len(plan.full) * len(images), "noise"
        return findings

    def _noise_of_lung(self, images):
        """Return of each image noise alone, in slices with lung: there a window of any size holds vessels.

        Noise is drawn a second time: in the difference of what is made of the two draws there is no anatomy. The two
        have the scan's own noise, a share of the whole that the dose tells, in common.
        """
        block = self._plan.lung
        if not block.count:
            if not self.curve and self._scan.low is not None and self._plan.tissues.masks[places.LUNG].any():
                self._note(
                    "noise in lung was not measured: it is told from vessels by drawing the noise twice, which a real "
                    "pair does not have."
                )
            return {}
        piece = self._piece(block.first, block.count)
        lower = self._lower_piece(piece, self._options.seed + 1)
        low = (yield from self._once("lung", "simulate", block.count, lower))["array"]
        again = {LOW: low[piece.inner]}
        for label in self._methods:
            work = self._denoise_piece(label, low, piece, "noise in lung")
            again[label] = (yield from self._once(f"{label}-lung", label, block.count, work))["array"]
        scale = 1 / np.sqrt(2 * (1 - self.dose))
        drawn = {label: (image - images[label][block.slices]) * scale for label, image in again.items()}
        return {FULL: drawn[LOW] * np.sqrt(self.dose), **drawn}

    def _resolution(self, images, own):
        patches = yield from self._inserts(images, own.value if own else None)
        findings, curves = [], {}
        for label, by_contrast in patches.items():
            kept = []
            for contrast, cut in by_contrast.items():
                if len(cut) >= 2:
                    found, curve = resolution.measure_resolution(
                        np.stack(cut), self._plan.pixel, contrast=contrast, tissue=places.SOFT, **self._labels(label)
                    )
                    findings += found
                    kept += [f for f in found if f.quantity == "insert_contrast"]
                    curves[label, contrast] = curve
            findings += resolution.measure_linearity(kept, tissue=places.SOFT, **self._labels(label))
        if not curves:
            self._note("resolution was not measured: there is no flat soft tissue for inserts of 12 mm.")
        self._result.curves["ttf"][self.name] = curves
        return findings

    def _structure(self, images, masks):
        plan = self._plan
        windows = noise.find_windows(plan.tissues, places.SOFT, self._depth)
        apart = noise.slices_apart(plan.full, windows, self._step)
        if len(plan.full) < 2 * apart + 2:
            self._note(
                f"structure in what was removed was not measured: {2 * apart + 2} slices are needed, the scan has "
                f"{len(plan.full)}."
            )
            return []
        anatomy = structure.Structure(plan.full, plan.tissues.body, plan.pixel, apart)
        added = images[LOW] - plan.full
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
            yield "measure", 0.2 * len(plan.full), f"structure in what {label} removed"
        return findings

    def _base_of(self, label: str, images) -> str:
        """Return what an image was made from: low dose, but of another program the dose whose noise it holds."""
        if label not in self._scan.others:
            return LOW
        inside = self._plan.tissues.body
        full = images[FULL][inside].astype(np.float32)
        left, added = images[label][inside] - full, images[LOW][inside] - full
        # A denoised low dose holds what is left of its noise; one of full dose holds none of it.
        share = float((left * added).mean() / max(1e-9, (added * added).mean()))
        base = LOW if share > 0.05 else FULL
        self._note(
            f"'{label}' was denoised elsewhere, judged by its noise from {'low' if base == LOW else 'full'} dose; "
            "lesions and inserts need the method itself and were not measured in it."
        )
        return base

    def _spots(self, images):
        findings = []
        for size in spots.SIZES:
            search = spots.SpotSearch(self._plan.full, self._plan.tissues, size)
            for label, image in images.items():
                findings += search.count(image, **self._labels(label))
                yield "measure", 0.3 * len(image) / len(spots.SIZES), f"spots of {size:g} mm in {label}"
        return findings

    def _detect(self, answers, findings: list[Finding]) -> None:
        """Add what observers find of each lesion in each tissue."""
        detection = Detection(self._plan, self._labels)
        detection.ask(answers, Findings(findings))
        findings += detection.findings
        self.resampled = detection.resampled
        if detection.too_few and not self.curve:
            self._note(
                f"{detection.too_few} kinds of lesion had fewer than {LEAST_OCCURRENCES} places and are left out; a "
                "scan with more slices or more flat tissue has them."
            )
