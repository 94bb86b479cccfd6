"""What is installed and at hand, as text for a bug report; names no file of the user's and no patient."""

import hashlib
import importlib.metadata
import platform
from pathlib import Path

import slicer
from LDCTDenoiseLib import __version__
from LDCTDenoiseLib.models import ModelCard, catalogue, read_card

from .torch_import import isTorchLoaded

_PACKAGES = (
    "torch", "llvmlite", "numpy", "scipy", "scikit-image", "safetensors", "SimpleITK", "pydicom", "matplotlib",
)


def diagnostics() -> str:
    """Return versions, device and models, a line each. Torch is asked only when it is loaded already."""
    application = getattr(slicer, "app", None)
    lines = [
        f"LDCTDenoise {__version__}",
        f"Slicer {getattr(application, 'applicationVersion', None) or 'core, no desktop'}",
        f"Python {platform.python_version()} on {platform.platform()}",
        *(f"{package} {_version(package)}" for package in _PACKAGES),
        f"Device: {deviceInWords() or 'not asked yet'}",
        *(f"Model {entry.name}{'' if entry.ships else ' (your own)'}: {describe(entry.card)}" for entry in catalogue()),
    ]
    return "\n".join(lines)


def deviceInWords(choice: str = "auto") -> str | None:
    """Return the device that a choice comes to, or None while torch is not loaded: asking is no reason to load it."""
    if not isTorchLoaded():
        return None
    from LDCTDenoiseLib.engine import choose_device
    from LDCTDenoiseLib.errors import DeviceError

    try:
        return choose_device(choice).words
    except DeviceError as error:
        return str(error)


def describe(card: ModelCard) -> str:
    """Return a model's method, range, training data and dose in one line."""
    collections = ", ".join(str(d.get("name", "?")) for d in card.training_data) or "not said"
    fraction = card.dose.get("fraction", "not said")
    return f"{card.method}, {card.range}, trained on {collections}, dose fraction {fraction}"


def modelInformation(path) -> list[tuple[str, str]]:
    """Return the facts of a model file as pairs of a name and a text; reads its card and no weights.

    Raises
    ------
    ModelFileError
        If it cannot be used.
    """
    from LDCTDenoiseLib.evidence.card import in_words

    card = read_card(path)
    patients = sum(d.get("patients", 0) for d in card.training_data if isinstance(d.get("patients", 0), int))
    collections = ", ".join(str(d.get("name", "?")) for d in card.training_data) or "not said"
    return [
        ("Method", card.method),
        ("HU range", str(card.range)),
        ("Trained on", f"{collections} ({patients} patients)" if patients else collections),
        ("Dose", _inWords(card.dose)),
        ("Validation", _inWords(card.validation)),
        *(("Evidence", line) for line in in_words(card.evidence)),
        ("Licence", card.licence),
        ("Intended use", card.intended_use),
        ("SHA-256", hashlib.sha256(Path(path).read_bytes()).hexdigest()),
    ]


def _inWords(facts: dict) -> str:
    """Return the facts of a card that are a number, a text or a range; tables in it are for the file itself."""
    words = []
    for name, value in facts.items():
        if isinstance(value, list) and all(isinstance(v, (int, float)) for v in value):
            value = " to ".join(f"{v:g}" for v in value)
        if isinstance(value, (int, float, str)):
            words.append(f"{name.replace('_', ' ')}: {value}")
    return "; ".join(words) or "not said"


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
