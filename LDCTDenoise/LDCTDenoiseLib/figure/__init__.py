"""The paper-like figure: methods side by side, the ROI enlarged below."""

from .comparison_figure import comparison_figure, save_comparison
from .crop import crop_to_body

__all__ = ["comparison_figure", "crop_to_body", "save_comparison"]
