"""The denoising methods by name: the paper's four networks, and two references that need no training."""

from .denoiser import Denoiser
from .network import NetworkDenoiser
from .registry import METHODS, NETWORK_METHODS, REFERENCE_METHODS, available_methods, make_denoiser, method_name

__all__ = [
    "METHODS",
    "NETWORK_METHODS",
    "REFERENCE_METHODS",
    "Denoiser",
    "NetworkDenoiser",
    "available_methods",
    "make_denoiser",
    "method_name",
]
