"""What can go wrong in the middle of a training, in words."""

from collections.abc import Iterator
from contextlib import contextmanager

from LDCTDenoiseLib.engine import Device
from LDCTDenoiseLib.engine.device import is_out_of_memory
from LDCTDenoiseLib.errors import DeviceError, LDCTError, warn

from ..validation_metrics import METRIC
from .config import TrainingConfig
from .log import RunLog


@contextmanager
def failures_named(device: Device, config: TrainingConfig) -> Iterator[None]:
    """Turn what torch and the system raise while a training runs into an `LDCTError` with its cause and a way on."""
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, LDCTError) or not is_out_of_memory(error):
            raise
        raise DeviceError(
            f"{device} has too little memory for a batch of {config.batch}: choose a smaller one with --set batch=N; "
            f"ldct-train estimate finds one that fits."
        ) from error
    except OSError as error:
        if isinstance(error, LDCTError):
            raise
        raise LDCTError(
            f"a file of the training is gone or cannot be written: '{error.filename}' ({error.strerror or error}). "
            "The last checkpoint is whole: put it right and go on with --resume."
        ) from error


def require_numbers(losses: dict[str, float], step: int) -> None:
    """Raise `LDCTError` when a loss is NaN or infinite."""
    wrong = [name for name, value in losses.items() if not value - value == 0]
    if wrong:
        raise LDCTError(
            f"the loss '{wrong[0]}' became NaN or infinite before step {step}. The last checkpoint is whole; "
            "train with a smaller learning_rate into another folder, or look at the data."
        )


def warn_if_worse(validation: dict, method: str, log: RunLog) -> None:
    """Say so when the best state is worse than its own input."""
    low, result = validation["low"], validation["result"]
    figures = [METRIC[key] for key in ("psnr", "ssim", "rmse") if None not in (low[key], result[key])]
    if any(metric.score(result[metric.key]) < metric.score(low[metric.key]) for metric in figures):
        text = (f"the best state of {method} scores below its own input ({result['psnr']:.2f} against "
                f"{low['psnr']:.2f} dB, SSIM {result['ssim']} against {low['ssim']}): do not use it.")
        log.note(text)
        warn(text)
