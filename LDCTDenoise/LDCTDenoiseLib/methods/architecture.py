"""From the words of a model card, or a method's name, to a network."""

import inspect
from dataclasses import replace

from ..errors import ModelFileError
from ..networks import Network
from .table import METHOD, NETWORK_METHODS, architecture_name

#: What describes the networks, by the name that a model card gives them.
ARCHITECTURES = {architecture_name(row.network): row.network for row in METHOD.values() if row.network}

#: What a card may say of any network beside its own settings: see `networks.Network`.
_CHANNELS, _IMAGE, _LEVEL = "channels", "image", "noise_level"

# A card is read from a file that anyone may have made: bounds keep a hostile one from asking for terabytes.
_LARGEST, _MOST_CHANNELS = 1024, 64


def architecture_of_method(method: str) -> dict:
    """Return the architecture entry (name and the paper's settings) of a method with a network."""
    row = METHOD[method]
    several = {_CHANNELS: 2 * row.neighbours + 1, _IMAGE: row.neighbours} if row.neighbours else {}
    return {"name": architecture_name(row.network), **_settings(row.network), **several}


def _settings(describe) -> dict:
    """Return the settings of an architecture with their defaults, as JSON has them."""
    defaults = {name: p.default for name, p in inspect.signature(describe).parameters.items()}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in defaults.items()}


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


def describe_network(architecture: dict | str) -> Network:
    """Return the description of a network.

    Parameters
    ----------
    architecture : dict or str
        The `architecture` entry of a model card, `{"name": …, setting: value, …}`, or a method's name for the paper's
        network. `channels`, `image` and `noise_level` may be there, too, as in `networks.Network`.

    Raises
    ------
    ModelFileError
        If the architecture is unknown or a setting is missing, unknown or out of bounds.
    """
    if isinstance(architecture, str):
        if architecture not in NETWORK_METHODS:
            known = ", ".join(NETWORK_METHODS)
            raise ModelFileError(f"'{architecture}' is not a method with a network; choose from {known}.")
        architecture = architecture_of_method(architecture)
    settings = dict(architecture)
    name = settings.pop("name", None)
    channels, image, level = settings.pop(_CHANNELS, 1), settings.pop(_IMAGE, 0), settings.pop(_LEVEL, False)
    if name not in ARCHITECTURES:
        raise ModelFileError(f"the architecture '{name}' is unknown; this version builds {', '.join(ARCHITECTURES)}.")
    defaults = _settings(ARCHITECTURES[name])
    if set(settings) != set(defaults):
        raise ModelFileError(
            f"architecture '{name}' takes the settings {', '.join(defaults)}, not {', '.join(settings) or 'none'}."
        )
    for key, value in settings.items():
        _check_setting(name, key, value, defaults[key])
    if type(channels) is not int or type(image) is not int or not 0 <= image < channels <= _MOST_CHANNELS:
        raise ModelFileError(
            f"architecture '{name}': '{_CHANNELS}' must be a whole number from 1 to {_MOST_CHANNELS} and '{_IMAGE}' "
            f"one of them, counted from 0, not {channels!r} and {image!r}."
        )
    network = replace(ARCHITECTURES[name](**settings), channels=channels, image=image, noise_level=level)
    if type(level) is not bool or level and image == channels - 1:
        raise ModelFileError(
            f"architecture '{name}': '{_LEVEL}' must be true or false; where true, the last channel is not the slice."
        )
    return network


def build_generator(architecture: dict | str):
    """Build a `networks.generator.Generator` with freshly initialised weights (He); see `describe_network`."""
    # Imported here: it imports torch.
    from ..networks.generator import Generator

    return Generator(describe_network(architecture))
