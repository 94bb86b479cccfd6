"""From the words of a model card to a network."""

from ..errors import ModelFileError
from .convstack import ConvStack
from .correction import CorrectionGenerator
from .dcscn import DCSCN

#: The architectures by the name a model card gives them, with the paper's settings.
ARCHITECTURES = {
    "dcscn": (DCSCN, {"filters": [32, 26, 22, 18, 14, 11, 8], "a1": 24, "b1": 8, "b2": 8}),
    "conv-stack": (ConvStack, {"layers": 8, "filters": 32, "residual": True}),
}

# A card is read from a file that anyone may have made: bounds keep a hostile one from asking for terabytes.
_LARGEST = 1024


def architecture_of_method(method: str) -> dict:
    """Return the architecture entry (name and the paper's settings) of a method of the paper."""
    from ..methods.table import METHOD

    name = METHOD[method].network
    return {"name": name, **ARCHITECTURES[name][1]}


def _check_setting(name: str, key: str, value, default) -> None:
    def whole(number):
        return isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= _LARGEST

    if isinstance(default, bool):
        good, kind = isinstance(value, bool), "true or false"
    elif isinstance(default, list):
        good = isinstance(value, list) and 1 <= len(value) <= 64 and all(whole(v) for v in value)
        kind = f"a list of whole numbers from 1 to {_LARGEST}"
    else:
        good, kind = whole(value), f"a whole number from 1 to {_LARGEST}"
    if not good:
        raise ModelFileError(f"architecture '{name}': '{key}' must be {kind}, not {value!r}.")


def build_generator(architecture: dict | str) -> CorrectionGenerator:
    """Build a generator with freshly initialised weights (He).

    Parameters
    ----------
    architecture : dict or str
        The `architecture` entry of a model card, `{"name": …, setting: value, …}`, or a method's name for
        the paper's network.

    Raises
    ------
    ModelFileError
        If the architecture is unknown or a setting is missing, unknown or out of bounds.
    """
    if isinstance(architecture, str):
        from ..methods.table import NETWORK_METHODS

        if architecture not in NETWORK_METHODS:
            known = ", ".join(NETWORK_METHODS)
            raise ModelFileError(f"'{architecture}' is not a method with a network; choose from {known}.")
        architecture = architecture_of_method(architecture)
    settings = dict(architecture)
    name = settings.pop("name", None)
    if name not in ARCHITECTURES:
        raise ModelFileError(f"the architecture '{name}' is unknown; this version builds {', '.join(ARCHITECTURES)}.")
    cls, defaults = ARCHITECTURES[name]
    if set(settings) != set(defaults):
        raise ModelFileError(
            f"architecture '{name}' takes the settings {', '.join(defaults)}, not {', '.join(settings) or 'none'}."
        )
    for key, value in settings.items():
        _check_setting(name, key, value, defaults[key])
    return cls(**settings)
