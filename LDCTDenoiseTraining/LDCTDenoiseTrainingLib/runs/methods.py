"""The methods of an experiment, and settings for all or single ones of them."""

from collections.abc import Sequence

from LDCTDenoiseLib.errors import InputError

from ..loop.config import TrainingConfig

#: An L1 method comes before the adversarial one that starts from it.
METHODS = ("CNN-L1", "WGAN", "DCSCN", "DCSWGAN")


def in_order(methods: Sequence[str]) -> list[str]:
    """Return methods by their proper names, each once, in the order in which they can be trained.

    Raises
    ------
    InputError
        If one is unknown or there is none.
    """
    names = {TrainingConfig.of_method(method).method for method in methods}
    if not names:
        raise InputError("no method is given; choose from " + ", ".join(METHODS) + ".")
    return [method for method in METHODS if method in names]


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
        if dot and method not in METHODS:
            raise InputError(f"'{method}' in --set {key} is not a method; choose from {', '.join(METHODS)}.")
        (single.setdefault(method, {}) if dot else common)[name] = value
    return common, single
