"""Hounsfield units: the display window, the range a network sees, and the rule that joins the two worlds."""

from .hurange import SOFT_TISSUE, WIDE, HURange
from .passthrough import NEVER_TOUCHED, add_correction
from .window import PAPER, PRESETS, Window

__all__ = ["NEVER_TOUCHED", "PAPER", "PRESETS", "SOFT_TISSUE", "WIDE", "HURange", "Window", "add_correction"]
