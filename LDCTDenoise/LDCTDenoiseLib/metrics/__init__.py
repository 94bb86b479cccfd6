"""PSNR, SSIM and RMSE as in the paper's Table 1, the table of a comparison; profiles and noise spectra."""

from .comparison_table import CONDITIONS, FIGURES, PSNR_ALL, Comparison, Row, compare_volumes
from .curves import Curves, read_off
from .profile import EDGE, Edge, line_samples, measure_edge, sample_line
from .quality import HU_STATISTICS, METRICS, SSIM_VARIANT, Metric, Quality, Reference, measure_images, measure_slice
from .roi import ROI
from .spectrum import NOISE, NoiseSpectrum, noise_spectrum
from .summary import Summary, VolumeMeasurement, hu_statistics, measure_volumes
