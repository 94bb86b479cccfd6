"""The denoising methods by name: networks, and references that need no training."""

from .architecture import architecture_of_method, build_generator
from .denoiser import Denoiser
from .network import NetworkDenoiser
from .registry import available_methods, make_denoiser, make_denoisers, method_name
from .table import METHOD, METHODS, NETWORK_METHODS, PAPER_METHODS, REFERENCE_METHODS, Method, colours_of
