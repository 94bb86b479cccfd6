"""Denoising a volume node with one method or several, as a task."""

import hashlib
import logging
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import vtk
from LDCTDenoiseLib import __version__
from LDCTDenoiseLib.engine import DenoiseRun, Progress, noise_left_of
from LDCTDenoiseLib.errors import InputError, MethodError
from LDCTDenoiseLib.methods import REFERENCE_METHODS, make_denoiser, method_name
from LDCTDenoiseLib.methods.denoiser import told
from LDCTDenoiseLib.models import find_model
from LDCTDenoiseLib.scan import ScanFacts, measure_scan, outside
from LDCTDenoiseLib.volumes import check_ct

from .compared_images import ComparedImages
from .nodes import newImage, requireVolume, volumeFromNode, withSliceGaps, writeOutput
from .strength import Strengths, blend
from .tasks import Task
from .torch_import import importTorch


@dataclass(frozen=True)
class Job:
    """One method, or one model file, that a volume is to be denoised with."""

    method: str | None
    model: str | Path | None = None

    @property
    def label(self) -> str:
        """What its output is called: the method's name, or that of a model file of one's own."""
        return self.method or Path(self.model).stem

    @property
    def isNetwork(self) -> bool:
        return self.method not in REFERENCE_METHODS


@dataclass(frozen=True)
class JobProgress:
    """How far a run of several jobs has come: which job it is at, and that job's own progress."""

    label: str
    number: int
    count: int
    progress: Progress

    @property
    def fraction(self) -> float:
        """Part of the whole that is done, every job counted alike."""
        return (self.number - 1 + self.progress.fraction) / self.count


def jobsOf(methods: Sequence[str], models: Sequence[str | Path] = ()) -> list[Job]:
    """Return the jobs for methods and model files, in this order.

    Raises
    ------
    MethodError
        If a method is unknown, nothing is asked for, or two outputs would have one label.
    """
    jobs = [*(Job(method_name(m)) for m in methods), *(Job(None, model) for model in models)]
    if not jobs:
        raise MethodError("no method is selected; tick one, or choose a model file of your own.")
    labels = [job.label for job in jobs]
    for label in labels:
        if labels.count(label) > 1:
            raise MethodError(f"'{label}' is asked for twice; every output needs a label of its own.")
    return jobs


def isUpToDate(output, inputVolume, job: Job) -> bool:
    """Whether a run of a job on an input would make again what an output, or None, holds at full strength."""
    if output is None or output.GetAttribute("LDCTDenoise.InputCRC") != _checksum(volumeFromNode(inputVolume).array):
        return False
    try:
        model = (job.model or find_model(job.method)) if job.isNetwork else None
    except MethodError:  # the weights have gone since
        return True
    weights = model and hashlib.sha256(Path(model).read_bytes()).hexdigest()
    return (output.GetAttribute("LDCTDenoise.ModelSHA256") or None) == weights


def _checksum(array: np.ndarray) -> str:
    """Return a number that tells one volume from the next; 0.1 s for 300 slices."""
    return f"{zlib.crc32(np.ascontiguousarray(array)):08x}"


#: Between the remarks of an output's attribute.
REMARKS = " | "


def _remarks(facts: ScanFacts | None, denoiser) -> tuple[str, ...]:
    """Say what is unusual about a scan for a network; the other methods know no scans that they were trained on."""
    found = outside(facts, getattr(denoiser, "trained", None)) if facts is not None and denoiser.on_device else []
    return (f"unusual scan: {', '.join(found)}",) if found else ()


class Denoising:
    """What one run needs of the scene and does to it; `task` makes the work out of it.

    Parameters
    ----------
    inputVolume : vtkMRMLScalarVolumeNode
        Low-dose CT.
    jobs : sequence of Job
        One output each.
    outputs : dict of str to vtkMRMLScalarVolumeNode
        Nodes to fill, by the jobs' labels; a job without one makes a new node.
    device, strength, batch
        As for `LDCTDenoiseLogic.denoise`.
    leaveNoise : str, optional
        How much noise to leave, "12" in HU or "50%" of the scan's own, in place of the strength.
    strengths : Strengths, optional
        When given, the outputs' strength can be changed later: what is needed for it is kept there.
    """

    def __init__(self, inputVolume, jobs: Sequence[Job], outputs: dict, device: str, strength: float, batch: int | None,
                 strengths: Strengths | None = None, leaveNoise: str | None = None):
        self._volume = withSliceGaps(volumeFromNode(inputVolume, "low-dose volume"), inputVolume)
        for node in outputs.values():
            requireVolume(node, "output volume")
            if node is inputVolume:
                raise InputError("the output is the input itself; choose another output, so that the original is kept.")
            if node.GetScene() is not inputVolume.GetScene():
                raise InputError(f"'{node.GetName()}' and the input are in two scenes; choose another output.")
        if not 0 <= strength <= 1:
            raise InputError(f"the strength must lie between 0 and 1, not {strength:g}.")
        self._inputVolume, self._jobs, self._outputs = inputVolume, list(jobs), outputs
        self._device, self._strength, self._batch, self._strengths = device, strength, batch, strengths
        self._leaveNoise = leaveNoise
        # With the voxels, so that the two belong together whatever happens to the node meanwhile.
        self._ijkToRAS = vtk.vtkMatrix4x4()
        inputVolume.GetIJKToRASMatrix(self._ijkToRAS)
        array = self._volume.array
        self._images = [newImage(array.shape, array.dtype.newbyteorder("=")) for _ in self._jobs]

    def task(self) -> Task:
        """The run; its result is the outputs by label, its progress objects are `JobProgress`."""
        return Task(self._work, self._finish, [self._inputVolume, *self._outputs.values()])

    def onlyTask(self) -> Task:
        """The run of a single job; its result is the output, its progress objects are the engine's."""
        return Task(
            lambda report: self._work(lambda state: report(state.progress)),
            lambda done: next(iter(self._finish(done).values())),
            [self._inputVolume, *self._outputs.values()],
        )

    def _work(self, report) -> list[tuple[DenoiseRun, np.ndarray | None]]:
        # Here and not before the start: a look at every voxel, and the import of torch, take their time.
        check_ct(self._volume)
        if any(job.isNetwork for job in self._jobs):
            importTorch()
        # All before the first runs: a model file that cannot be used is found at once, and not after an hour.
        denoisers = [make_denoiser(job.method, job.model) for job in self._jobs]
        # What is to be changed later is made at full strength, and turned down afterwards.
        later = self._leaveNoise is not None or (self._strengths is not None and self._strength < 1)
        scan = measure_scan(self._volume) if any(denoiser.on_device for denoiser in denoisers) else None
        checksum = _checksum(self._volume.array)
        done = []
        for number, (job, denoiser) in enumerate(zip(self._jobs, denoisers, strict=True), start=1):
            run = DenoiseRun(
                self._volume, told(denoiser, lambda: scan.noise_level), self._device,
                1.0 if later else self._strength, self._batch, _remarks(scan, denoiser),
            )
            for progress in run:
                report(JobProgress(job.label, number, len(self._jobs), progress))
            strength, words = self._strength, None
            if self._leaveNoise is not None:
                strength, words = noise_left_of(self._volume, run.output, scan).strength_leaving(self._leaveNoise)
            voxels = self._images[number - 1][1]
            for k, full in enumerate(run.output):
                voxels[k] = blend(self._volume.array[k], full, strength) if later else full
            facts = _Facts.of(run, job, strength, checksum, words, self._volume.name, progress.seconds)
            done.append((facts, run.output if later else None))
        return done

    def _finish(self, done) -> dict:
        nodes = {}
        for job, (image, _voxels), (facts, full) in zip(self._jobs, self._images, done, strict=True):
            for notice in facts.notices:
                logging.warning(notice)
            name = f"{self._inputVolume.GetName()} {job.label}"
            existing = self._outputs.get(job.label)
            node = writeOutput(self._inputVolume, existing, image, self._ijkToRAS, name, facts.attributes)
            nodes[job.label] = node
            ComparedImages(self._inputVolume).add(node)
            if self._strengths is not None:
                self._strengths.forget(node)
                if full is not None:
                    self._strengths.keep(node, full)
        return nodes


@dataclass(frozen=True)
class _Facts:
    """How an output was made, in the words of its node's attributes; None where there is nothing to say."""

    attributes: dict[str, str | None]
    notices: list[str]

    @classmethod
    def of(cls, run: DenoiseRun, job: Job, strength: float, checksum: str, noiseLeft: str | None,
           name: str, seconds: float) -> "_Facts":
        denoiser = run.denoiser
        level = getattr(denoiser, "noise_level", None)
        unlike = [f"'{name}' is unlike what {denoiser.name} was trained on: {remark}. Look at the result "
                  "with care." for remark in run.remarks]
        return cls(
            {
                "Label": job.label,
                "Method": denoiser.name,
                "ModelSHA256": getattr(denoiser, "sha256", None) or None,
                "HURange": str(denoiser.hu_range) if hasattr(denoiser, "hu_range") else None,
                "Strength": f"{strength:g}",
                "NoiseLevel": None if level is None else f"{level:.2f}",
                "Device": run.device.words,
                "Notices": " ".join([*run.notices, *unlike]) or None,
                "Remarks": REMARKS.join(run.remarks) or None,
                "NoiseLeft": noiseLeft,
                "Version": __version__,
                "Seconds": f"{seconds:.3g}",
                "InputCRC": checksum,
            },
            [*run.notices, *unlike],
        )
