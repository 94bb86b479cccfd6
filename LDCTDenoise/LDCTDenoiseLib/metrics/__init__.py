"""PSNR, SSIM and RMSE as in the paper's Table 1, over a slice, an ROI or a volume, and the table of a comparison."""

from .comparison import Comparison, Row, compare_volumes
from .quality import SSIM_VARIANT, Quality, measure_slice
from .roi import ROI
from .summary import Summary, VolumeMeasurement, measure_volume

__all__ = [
    "ROI",
    "SSIM_VARIANT",
    "Comparison",
    "Quality",
    "Row",
    "Summary",
    "VolumeMeasurement",
    "compare_volumes",
    "measure_slice",
    "measure_volume",
]
