"""The panel, a file for each of its parts (desktop only); `Panel` puts them together."""

from .denoise_panel import Panel
