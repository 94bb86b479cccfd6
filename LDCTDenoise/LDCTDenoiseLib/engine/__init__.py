"""Run a denoiser over a volume, slice by slice, on the device at hand."""

from .device import Device, choose_device
from .noise_left import NoiseLeft, measure_noise_left, noise_left_of, prepared, wanted_noise
from .run import DenoiseRun, Progress, check_run, denoise_array
