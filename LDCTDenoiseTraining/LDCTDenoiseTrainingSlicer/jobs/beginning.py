"""From patients and settings to a process that trains."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from LDCTDenoiseLib.engine.device import check_choice
from LDCTDenoiseLib.errors import InputError, MethodError
from LDCTDenoiseLib.methods import METHOD
from LDCTDenoiseLib.models import find_model
from LDCTDenoiseSlicer.tasks import Task
from LDCTDenoiseTrainingLib.experiments.methods import in_order
from LDCTDenoiseTrainingLib.patients import write_patient_set
from LDCTDenoiseTrainingLib.training.config import CONFIG, PATIENTS, TrainingConfig

from ..patients import PatientTable
from ..patients.scene_export import Export, requirePatients, requireSpace
from .interpreter import requirePackages
from .run_state import FINISHED, KINDS, LEAVE_ONE_OUT, TABLE, TRAINING
from .runs_folder import findRuns, requireNew
from .training_run import TrainingRun, settingText

#: Cached volumes and noise, which the runs of one folder share.
CACHE = "cache"

#: What belongs to one method; the L1 twin of an adversarial method keeps its own in a leave-one-out.
_OF_ONE_METHOD = ("optimiser", "learning_rate", "final_rate", "warmup_steps", "betas", "l1_weight", "mean_weight",
                  "mean_block", "tissue_weight", "bone_weight", "penalty_weight", "critic_steps", "critic_first",
                  "generator_average", "select_by", "least_gain_db")


@dataclass
class Beginning:
    """A training that is about to begin; everything that can be known to be wrong is found before anything is written.
    """

    patients: PatientTable
    config: TrainingConfig
    folder: Path  #: The run's, not there yet.
    device: str
    keep: bool
    kind: str = TRAINING
    methods: Sequence[str] = ()  #: See `LDCTDenoiseTrainingLogic.start`.

    def __post_init__(self):
        if self.kind not in KINDS:
            raise InputError(f"'{self.kind}' is no kind of run; choose from {', '.join(KINDS)}.")
        if self.methods and self.kind != LEAVE_ONE_OUT:
            raise InputError("only a leave-one-out takes further methods; start each training by itself.")
        self.methods = in_order([*self.methods, self.config.method])
        requireReady(self.patients, self.kind)
        check_choice(self.device)
        requirePackages()
        requireNew(self.folder)
        requireSpace(self.patients, self.folder, self.config.noise_generations)
        if self.config.adversarial and not self.config.start_from and self.kind == TRAINING:
            self.config = self.config.changed({"start_from": str(self._twin())})

    def task(self) -> Task:
        """Return the writing of the scene's volumes and then the start; its `finish` returns the `TrainingRun`."""
        export = Export(self.patients, self.folder)

        def work(report) -> None:
            try:
                export.write(report)
            except BaseException:
                shutil.rmtree(self.folder, ignore_errors=True)  # it was not there, or empty, before
                raise

        return Task(work, lambda _done: self._begin(export.patients))

    def _begin(self, patients) -> TrainingRun:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_patient_set(patients, self.folder / PATIENTS)
        self.config.write(self.folder / CONFIG)
        return TrainingRun.begin(self.folder, self._arguments(), self.keep)

    def _arguments(self) -> list[str]:
        shared = ["--patients", str(self.folder / PATIENTS), "--output", str(self.folder), "--device", self.device,
                  "--cache", str(self.folder.parent / CACHE)]
        if self.kind == TRAINING:
            return [TRAINING, *shared, "--config", str(self.folder / CONFIG)]
        settings = []
        defaults = asdict(TrainingConfig.of_method(self.config.method))
        for key, value in asdict(self.config).items():
            if key not in ("method", "start_from") and value != defaults[key]:
                owner = f"{self.config.method}." if key in _OF_ONE_METHOD else ""
                settings.append(f"--set={owner}{key}={settingText(value)}")
        if self.kind == TABLE:
            return [TABLE, *shared, *settings]
        twins = [METHOD[method].twin for method in self.methods if METHOD[method].twin]
        return [LEAVE_ONE_OUT, *shared, "--method", ",".join(in_order([*self.methods, *twins])), *settings]

    def _twin(self) -> Path:
        """Find the trained L1 twin that an adversarial method starts from: a run beside it, or a model at hand."""
        twin = METHOD[self.config.method].twin
        for run in findRuns(self.folder.parent):
            fits = run.kind == TRAINING and run.model is not None and run.config.method == twin
            if fits and run.poll().status == FINISHED:
                return run.model
        try:
            return find_model(twin)
        except MethodError as error:
            raise InputError(
                f"{self.config.method} starts from a trained {twin}, and there is none; train that first, choose a "
                "model file as start_from, or write none there for random weights."
            ) from error


def requireReady(patients: PatientTable, kind: str = TRAINING) -> None:
    """Raise `InputError` unless there are the patients that a kind of run needs, each without a known problem."""
    requirePatients(patients)
    rows = [row for row in patients.rows if row.takesPart]
    if kind == LEAVE_ONE_OUT and len({r.patient for r in rows if r.role in ("train", "validation")}) < 2:
        raise InputError("leave-one-out needs at least two patients with the role train or validation; add more.")
    if kind == TABLE and not any(row.role in ("test", "validation") for row in rows):
        raise InputError("the table needs a patient to measure on; give one the role test or validation.")
