"""What the user sees and presses; a section of the panel a file (desktop only)."""

from .panel import Panel

__all__ = ["Panel"]
