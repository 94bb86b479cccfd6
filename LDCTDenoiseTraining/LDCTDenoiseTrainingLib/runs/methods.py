"""The methods of an experiment, and settings for all or single ones of them."""

from collections.abc import Sequence
from pathlib import Path

from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.methods import NETWORK_METHODS

from ..loop.config import TrainingConfig
from ..patients import PatientSet


def in_order(methods: Sequence[str]) -> list[str]:
    """Return methods by their proper names, each once, in the order in which they can be trained.

    Raises
    ------
    InputError
        If one is unknown or there is none.
    """
    names = {TrainingConfig.of_method(method).method for method in methods}
    if not names:
        raise InputError("no method is given; choose from " + ", ".join(NETWORK_METHODS) + ".")
    return [method for method in NETWORK_METHODS if method in names]


def split_settings(settings: dict) -> tuple[dict, dict[str, dict]]:
    """Part settings named KEY, for all methods, from those named METHOD.KEY, for one.

    Raises
    ------
    InputError
        If METHOD is none.
    """
    common: dict = {}
    single: dict[str, dict] = {}
    for key, value in settings.items():
        method, dot, name = key.rpartition(".")
        if dot and method not in NETWORK_METHODS:
            raise InputError(f"'{method}' in --set {key} is not a method; choose from {', '.join(NETWORK_METHODS)}.")
        (single.setdefault(method, {}) if dot else common)[name] = value
    return common, single


def train_methods(
    patients: PatientSet,
    methods: Sequence[str],
    folder: Path,
    settings: dict,
    method_settings: dict[str, dict],
    config_file: str | None,
    **options,
) -> tuple[dict[str, Path], TrainingConfig]:
    """Train methods one after another, each in a folder of its name; what is done already is left alone.

    Parameters
    ----------
    patients : PatientSet
    methods : sequence of str
        See `in_order`.
    folder : Path
    settings, method_settings : dict
        For all methods, and for single ones by name.
    config_file : str or None
    **options
        Those of `Training` that all have in common.

    Returns
    -------
    tuple of dict and TrainingConfig
        Method to model file, and the config of the last one.
    """
    # Only who trains needs torch; who asks for the methods does not.
    from ..loop import Training
    from ..loop.resume import make_config

    models = {}
    for method in methods:
        output = folder / method
        config = make_config(method, output, {**settings, **method_settings.get(method, {})}, True, config_file)
        models[method] = Training(patients, config, output, resume=True, **options).run()
    return models, config
