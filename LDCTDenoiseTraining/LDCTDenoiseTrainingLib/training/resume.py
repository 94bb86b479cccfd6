"""From what a user asks for to a config and a patient set, for a new run or one that goes on."""

from pathlib import Path

from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.methods import METHOD

from .config import CHECKPOINT, CONFIG, MODEL, TrainingConfig, read_run_config, read_settings


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
    if begun:
        begun.require_same(config)
    elif config.adversarial and not config.start_from:
        twin = METHOD[config.method].twin
        model = output.parent / twin / MODEL
        if not model.is_file():
            raise InputError(
                f"{config.method} starts from a trained {twin}, and there is none at '{model}'; train that first, "
                "give one with --set start_from=FILE, or start from random weights with start_from=none."
            )
        config = config.changed({"start_from": str(model)})
    return config
