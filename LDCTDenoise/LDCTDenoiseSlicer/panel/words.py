"""Quantities and methods in words; functions, because the language is known only when the panel opens."""

from LDCTDenoiseLib.methods import METHOD
from slicer.i18n import tr as _


def memory(count: int) -> str:
    """Return bytes as a user reads them."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1, round(count / 1e6))} MB"


def descriptions() -> dict[str, str]:
    """Return the methods in words, by name."""
    return {name: f"{name} ({_(row.words)})" for name, row in METHOD.items()}


def regions() -> dict[str, str]:
    """Return in words what numbers can be measured over, by the parameter's value."""
    return {"slice": _("Current slice"), "roi": _("Regions"), "volume": _("Whole volume")}
