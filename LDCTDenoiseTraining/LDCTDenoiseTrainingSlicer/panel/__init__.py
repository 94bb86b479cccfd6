"""What the user sees and presses; a section of the panel a file (desktop only)."""

from .training_panel import Panel
