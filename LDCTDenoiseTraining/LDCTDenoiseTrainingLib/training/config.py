"""Every value a training depends on, in one place and in one file."""

import json
import math
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import get_type_hints

from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.files import write_text
from LDCTDenoiseLib.methods import METHOD, NETWORK_METHODS, architecture_of_method, method_name
from LDCTDenoiseLib.methods.architecture import describe_network
from LDCTDenoiseLib.metrics.ssim import SIDE
from LDCTDenoiseLib.strict_json import parse_json, read_text

#: What a training writes into the run's folder.
CHECKPOINT, MODEL, CONFIG, LOG, PATIENTS = (
    "checkpoint.pt", "model.safetensors", "config.json", "log.jsonl", "patients.json")

#: `start_from` of an adversarial training that is to begin with random weights all the same.
RANDOM = "none"

#: What may change when a run goes on: it does not change the weights.
_FREE = ("steps", "epochs", "log_every", "checkpoint_every", "validate_every", "workers", "noise_workers")

_OPTIMISERS = ("soap", "adam")

_SELECT = ("psnr", "ssim", "rmse", "texture", "last")


@dataclass(frozen=True)
class TrainingConfig:
    """All settings of a training. Attributes are the keys of the config file, see docs/training.md."""

    method: str
    seed: int = 1
    hu_range: tuple[float, float] = (-1024.0, 3071.0)
    patch: int = 80
    batch: int = 128  #: Pairs of a batch over all processes.
    steps: int = 0  #: Generator steps; 0 means `epochs` times `training_pairs` / `batch`.
    epochs: float = 10.0
    #: Pairs of an epoch; the paper's counts.
    training_pairs: int = 499_996
    validation_pairs: int = 5_096
    optimiser: str = "adam"  #: "soap" (default of the L1 methods) or "adam".
    learning_rate: float = 2e-3
    final_rate: float = 0.01
    warmup_steps: int = 100
    betas: tuple[float, float] = (0.9, 0.999)
    loss_window: tuple[float, float] = (-160.0, 240.0)  #: HU that losses and critic see as 0 and 1, unclipped.
    l1_weight: float = 1.0  #: λ1.
    ssim_weight: float = 0.0  #: Weight of 1 - SSIM in the loss window beside L1.
    #: How much voxels count in L1 whose full dose lies outside the loss window, widened by a quarter on each side.
    outside_weight: float = 1.0
    #: Whether the network reads the noise level of the scan, see `LDCTDenoiseLib.scan.level`.
    noise_level: bool = False
    #: Pixels along a patch's edges that L1 and the means leave out: the network sees less there than in a slice. -1 is
    #: as far as the networks of the paper look, 8, but at most a quarter of the patch.
    loss_margin: int = -1
    mean_weight: float = 0.0  #: Of the means over blocks of `mean_block` pixels.
    mean_block: int = 20
    tissue_weight: float = 0.0  #: Of the means of tissues.
    bone_weight: float = 1.0  #: How much bone counts among the tissues.
    penalty_weight: float = 10.0  #: λ, of the gradient penalty.
    critic_steps: int = 4
    critic_first: int = 0  #: So many of the steps are the critic's alone, at the beginning; at most half of them.
    #: The validated generator is a running mean of the weights with this decay; 0 takes them as they are.
    generator_average: float = 0.0
    least_body: float = 0.1
    keep_air: float = 0.1
    bone_patches: float = 0.0  #: Share of patches that are moved to show some bone.
    #: Fractions of their own dose that all simulated patients are trained at, drawn evenly in the logarithm; 0, 0 is as
    #: the patient set has it.
    dose: tuple[float, float] = (0.0, 0.0)
    #: Share of the simulated patches whose low dose is full dose itself: a scan without added noise is to stay so.
    full_dose: float = 0.1
    #: Half of the patches are as a sharper kernel would show them: the finest detail up to 1 + this times as strong.
    kernel_boost: float = 0.0
    #: Factor up to which a patch's dose lies above or below that of the noise it is cut from.
    dose_jitter: float = 1.15
    #: How slices vary before noise is added, see `data.noise_cache.Variety`: averaged up to so many mm, pixels scaled
    #: between two factors, so many lesions a slice, and how many slices of a scan a generation of noise holds.
    thickness: float = 5.0
    scale: tuple[float, float] = (0.8, 1.25)
    lesions: float = 0.0
    noise_slices: int = 16
    noise_generations: int = 8
    noise_refresh: int = 2000
    noise_workers: int = 1
    workers: int = -1  #: Processes that draw patches; -1 means none on the CPU and up to 8 with a GPU.
    precision: str = "auto"  #: "auto" computes in bfloat16 on CUDA and in float32 elsewhere; "float32" insists.
    #: In steps; `validate_every` 0 means twenty times in the training, and at least each epoch.
    log_every: int = 50
    checkpoint_every: int = 250
    validate_every: int = 0
    validation_slices: int = 6
    #: The low dose of validation patients that have no measured one; 0 for photons and kernel takes the scan's own.
    validation_dose: float = 0.25
    validation_photons: float = 0.0
    validation_kernel: float = 0.0
    select_by: str = "psnr"  #: "psnr", "ssim", "rmse", "texture" or "last": which validation is the best.
    least_gain_db: float = 0.0  #: With "texture": PSNR that must be gained on the low dose before texture counts.
    #: Model file of the first weights, or "none". Default of the adversarial methods: their L1 twin beside the run.
    start_from: str = ""

    def __post_init__(self):
        for problem in self._problems():
            raise InputError(f"the setting {problem}.")

    def _problems(self):
        positive = ("patch", "batch", "training_pairs", "learning_rate", "mean_block", "critic_steps", "dose_jitter",
                    "noise_generations", "noise_refresh", "noise_workers", "log_every", "checkpoint_every",
                    "validation_slices", "epochs")
        for f in fields(self):
            value = getattr(self, f.name)
            for number in value if isinstance(value, tuple) else (value,):
                if isinstance(number, float) and not math.isfinite(number):
                    yield f"'{f.name}' must be finite, not {value}"
            if f.name in positive and not value > 0:
                yield f"'{f.name}' must be positive, not {value}"
        if self.method not in NETWORK_METHODS:
            yield f"'method' must be one of {', '.join(NETWORK_METHODS)}, not '{self.method}'"
        for name in ("hu_range", "loss_window"):
            if not getattr(self, name)[0] < getattr(self, name)[1]:
                yield f"'{name}' must rise, not {getattr(self, name)}"
        for name, known in (("select_by", _SELECT), ("precision", ("auto", "float32")), ("optimiser", _OPTIMISERS)):
            if getattr(self, name) not in known:
                yield f"'{name}' must be one of {', '.join(known)}, not '{getattr(self, name)}'"
        for name in ("l1_weight", "ssim_weight", "mean_weight", "tissue_weight", "bone_weight",
                     "kernel_boost", "outside_weight", "penalty_weight", "steps", "validation_pairs", "warmup_steps",
                     "critic_first", "validate_every", "seed", "thickness", "lesions", "noise_slices",
                     "validation_photons", "validation_kernel"):
            if getattr(self, name) < 0:
                yield f"'{name}' must not be negative, not {getattr(self, name)}"
        if self.loss_margin < -1:
            yield f"'loss_margin' must be -1 or more, not {self.loss_margin}"
        if 2 * self.loss_margin >= self.patch:
            yield f"'loss_margin' of {self.loss_margin} leaves nothing of a patch of {self.patch}"
        elif self.ssim_weight and self.patch - 2 * self.margin < SIDE:
            yield f"'ssim_weight' needs {SIDE} pixels of a patch within its margin, not {self.patch - 2 * self.margin}"
        for name in ("bone_patches", "full_dose"):
            if not 0 <= getattr(self, name) <= 1:
                yield f"'{name}' must lie from 0 to 1, not {getattr(self, name)}"
        if not 0.3 <= self.scale[0] <= self.scale[1] <= 3:
            yield f"'scale' must rise and lie within 0.3 to 3, not {self.scale}"
        if not 0 < self.validation_dose <= 1:
            yield f"'validation_dose' is a fraction above 0 and at most 1, not {self.validation_dose}"
        if not 0 <= self.generator_average < 1:
            yield f"'generator_average' must lie from 0 to below 1, not {self.generator_average}"

    @property
    def adversarial(self) -> bool:
        """Whether there is a critic."""
        return METHOD[self.method].adversarial

    @property
    def architecture(self) -> dict:
        """What the card calls the network, see `methods.describe_network`."""
        network = architecture_of_method(self.method)
        level = {"channels": network.get("channels", 1) + 1, "noise_level": True} if self.noise_level else {}
        return {**network, **level}

    @property
    def neighbours(self) -> int:
        """Slices on either side of the one to denoise that the network reads, too."""
        return describe_network(self.architecture).neighbours

    @property
    def margin(self) -> int:
        """Pixels along a patch's edges that the losses leave out."""
        return min(8, self.patch // 4) if self.loss_margin < 0 else self.loss_margin

    @property
    def epoch_steps(self) -> int:
        """Generator steps of an epoch."""
        return max(1, self.training_pairs // self.batch)

    @property
    def total_steps(self) -> int:
        """Generator steps of the whole training."""
        return self.steps or max(1, round(self.epochs * self.epoch_steps))

    @property
    def validation_steps(self) -> int:
        """Generator steps between two validations."""
        return self.validate_every or min(self.epoch_steps, -(-self.total_steps // 20))

    @property
    def step_batches(self) -> int:
        """Batches that a step takes: one for each of the critic's steps, and the generator's."""
        return (self.critic_steps if self.adversarial else 0) + 1

    @property
    def critic_alone(self) -> int:
        """Steps at the beginning in which the generator rests."""
        return min(self.critic_first, self.total_steps // 2) if self.adversarial else 0

    def rate(self, step: int) -> float:
        """Return the learning rate of a step: a linear warm-up, then half a cosine down to `final_rate` of it.

        Both begin with the generator's first step; as long as the critic learns alone, it has all of the rate.
        """
        if step < self.critic_alone:
            return self.learning_rate
        step, total = step - self.critic_alone, self.total_steps - self.critic_alone
        warm = min(1.0, (step + 1) / (self.warmup_steps + 1))
        fall = 0.5 + 0.5 * math.cos(math.pi * min(1.0, step / total))
        return self.learning_rate * warm * (self.final_rate + (1 - self.final_rate) * fall)

    def changed(self, settings: dict) -> "TrainingConfig":
        """Return a config with other values; texts are converted to the setting's type.

        Raises
        ------
        InputError
            If a key is unknown or a value does not fit.
        """
        kinds = get_type_hints(TrainingConfig)
        unknown = [key for key in settings if key not in kinds]
        if unknown:
            raise InputError(f"the setting '{unknown[0]}' is unknown; known are {', '.join(kinds)}.")
        return replace(self, **{key: _converted(key, value, kinds[key]) for key, value in settings.items()})

    def write(self, path: Path) -> None:
        """Write all values as JSON."""
        write_text(path, json.dumps(asdict(self), indent=2) + "\n")

    def require_same(self, other: "TrainingConfig") -> None:
        """Raise `InputError` unless `other` gives the same training, apart from its length and its bookkeeping."""
        different = [f.name for f in fields(self) if getattr(self, f.name) != getattr(other, f.name)]
        different = [name for name in different if name not in _FREE]
        if different:
            name = different[0]
            raise InputError(
                f"the run was begun with {name} = {getattr(self, name)}, not {getattr(other, name)}; resume it with "
                "its own settings, or train into another folder."
            )

    @classmethod
    def of_method(cls, method: str) -> "TrainingConfig":
        """Return the defaults of a method; what is its own stands in the table of methods, why in docs/training.md."""
        name = method_name(method)
        if name not in NETWORK_METHODS:
            raise InputError(f"the method '{name}' has nothing to train; choose from {', '.join(NETWORK_METHODS)}.")
        return cls(method=name, **METHOD[name].training)


def read_settings(path: str | Path) -> dict:
    """Read a config file: a JSON object of settings, all or some.

    Raises
    ------
    InputError
        If it cannot be read or is none.
    """
    try:
        settings = parse_json(read_text(Path(path)))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot read the config file '{path}': {reason}.") from error
    if not isinstance(settings, dict):
        raise InputError(f"the config file '{path}' is not a JSON object of settings.")
    return settings


def read_run_config(path: Path) -> TrainingConfig:
    """Return the settings that a run was begun with, from its config.json; raises as `read_settings`."""
    stored = read_settings(path)
    # Before there was a choice of optimiser, all were Adam.
    return TrainingConfig.of_method(str(stored.get("method"))).changed({"optimiser": "adam", **stored})


def _converted(key: str, value, kind):
    try:
        if kind in (int, float, str):
            if isinstance(value, bool) or (kind is str) != isinstance(value, str) and kind is str:
                raise ValueError
            number = kind(value)
            if kind is int and not isinstance(value, str) and number != value:
                raise ValueError
            return number
        if kind is bool:
            return {"true": True, "false": False}[str(value).lower()]
        numbers = tuple(float(v) for v in (value.split(",") if isinstance(value, str) else value))
        if len(numbers) != 2:
            raise ValueError
        return numbers
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        wanted = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}.get(kind, "two numbers")
        raise InputError(f"the setting '{key}' must be {wanted}, not {value!r}.") from error
