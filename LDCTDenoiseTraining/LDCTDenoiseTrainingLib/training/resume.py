"""From what a user asks for to a config and a patient set, for a new run or one that goes on."""

from pathlib import Path

from LDCTDenoiseLib.errors import InputError, warn
from LDCTDenoiseLib.methods import METHOD

from ..recipes import other_recipes, recipes
from .config import CHECKPOINT, CONFIG, MODEL, RANDOM, TrainingConfig, read_run_config, read_settings


def make_config(method: str | None, output: Path, settings: dict, resume: bool, config_file: str | None = None):
    """Return the config of a run: its own when it goes on, else the method's defaults, then the file, then `settings`.

    Raises
    ------
    InputError
        If a value is wrong, or a run that goes on would become another one.
    """
    begun = None
    if resume and (output / CHECKPOINT).exists():
        begun = read_run_config(output / CONFIG)
    from_file = read_settings(config_file) if config_file else {}
    name = method or from_file.get("method") or (begun.method if begun else None)
    if not name:
        raise InputError("no method is given; choose one with --method.")
    base = begun or TrainingConfig.of_method(str(name))
    config = base.changed({**from_file, **settings, "method": TrainingConfig.of_method(str(name)).method})
    # A recipe may name the one that it goes on from.
    before = config.start_from if config.start_from in {**recipes(), **other_recipes()} else ""
    if config.adversarial and not config.start_from:
        before = METHOD[config.method].twin
    if before:
        config = config.changed({"start_from": begun.start_from if begun else _start(config, output.parent, before)})
    if begun:
        begun.require_same(config)
    return config


def _start(config: TrainingConfig, folder: Path, before: str) -> str:
    """Return the model file of the training `before` in a folder of runs, or what serves where there is none."""
    model = folder / before / MODEL
    if model.is_file():
        return str(model)
    if config.adversarial:
        raise InputError(
            f"{config.method} starts from a trained {before}, and there is none at '{model}'; train that first, "
            "give one with --set start_from=FILE, or start from random weights with start_from=none."
        )
    warn(
        f"{config.method} starts from random weights: there is no trained {before} at '{model}', which its recipe "
        f"starts from. `ldct-train weights` trains both, --recipe {before} that one."
    )
    return RANDOM
