"""Run a denoiser over a volume, slice by slice, on the device at hand."""

from .device import Device, choose_device
from .run import DenoiseRun, Progress, denoise_array
