"""PSNR, SSIM and RMSE as in the paper's Table 1, and the table of a comparison."""

from .comparison_table import CONDITIONS, FIGURES, PSNR_ALL, Comparison, Row, compare_volumes, records_to_csv
from .quality import HU_STATISTICS, METRICS, SSIM_VARIANT, Metric, Quality, Reference, measure_images, measure_slice
from .roi import ROI
from .summary import Summary, VolumeMeasurement, measure_volume, measure_volumes
