"""PSNR, SSIM and RMSE as in the paper's Table 1, the table of a comparison, and the noise power spectrum."""

from .comparison import Comparison, Row, compare_volumes
from .noise_power import NoisePower, flat_blocks, noise_power
from .quality import SSIM_VARIANT, Quality, Reference, measure_images, measure_slice
from .roi import ROI
from .summary import Summary, VolumeMeasurement, measure_volume, measure_volumes

__all__ = [
    "ROI",
    "SSIM_VARIANT",
    "Comparison",
    "NoisePower",
    "Quality",
    "Reference",
    "Row",
    "Summary",
    "VolumeMeasurement",
    "compare_volumes",
    "flat_blocks",
    "measure_images",
    "measure_slice",
    "measure_volume",
    "measure_volumes",
    "noise_power",
]
