"""What is timed side by side: each takes slices of HU and returns as many."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..hounsfield import WIDE, add_correction
from ..methods import build_generator, make_denoiser
from ..methods.cpu import CPUNetwork
from ..networks import Network
from ..networks.strips import strips_of
from ..requirements import require


@dataclass(frozen=True)
class Contender:
    """One of those that are timed.

    Attributes
    ----------
    words : str
        What it is.
    compute : callable
        HU of shape (slices, rows, columns), float32, to the denoised HU.
    network : Network, optional
        What is computed, for the count of its operations.
    trained : bool
        Whether it computes the method's result, so that it can be compared with the plain model.
    slices : int
        Slices that it is given at a time.
    """

    words: str
    compute: Callable[[np.ndarray], np.ndarray]
    network: Network | None = None
    trained: bool = False
    slices: int = 1


#: Slices that the engine is given at a time: it begins a slice before it is done with the one before.
_STACK = 8


def _module(network: nn.Module, hu_range, device: str) -> Callable:
    """Return a network as one would run it: float32, NCHW, eager, one slice at a time."""
    network = network.eval().to(device)

    def compute(hounsfield: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            unit = hu_range.to_unit(torch.tensor(hounsfield)[:, None].to(device))
            correction = network(unit) * hu_range.width
            return add_correction(hounsfield, correction[:, 0].cpu().numpy())

    return compute


def _denoiser(denoiser, device: str) -> Callable:
    denoiser.prepare(device)
    return lambda hounsfield: add_correction(hounsfield, denoiser.correction(hounsfield))


class _CorrectionOf(nn.Module):
    """A generator's correction as a module."""

    def __init__(self, generator):
        super().__init__()
        self.generator = generator

    def forward(self, image: Tensor) -> Tensor:
        return self.generator.correction(image)


def _plain(method: str, device: str) -> Contender:
    denoiser = make_denoiser(method)
    generator = denoiser.generator
    compute = _module(_CorrectionOf(generator), denoiser.hu_range, device)
    return Contender(f"{method}, float32, NCHW, eager", compute, generator.network, True)


def _engine(method: str, device: str) -> Contender:
    denoiser = make_denoiser(method)
    words = f"{method}, this engine, {_STACK} slices at a time"
    return Contender(words, _denoiser(denoiser, device), denoiser.generator.network, True, _STACK)


def _engine_torch(method: str, device: str) -> Contender:
    denoiser = make_denoiser(method)
    network = CPUNetwork(strips_of(denoiser.generator), denoiser.hu_range)

    def compute(hounsfield: np.ndarray) -> np.ndarray:
        return add_correction(hounsfield, network.start(hounsfield)())

    words = f"{method}, this engine without llvmlite, on the CPU"
    return Contender(words, compute, denoiser.generator.network, True, _STACK)


def _of_size(method: str, words: str) -> Callable:
    def make(_method: str, device: str) -> Contender:
        generator = build_generator(method)
        compute = _module(_CorrectionOf(generator), WIDE, device)
        return Contender(f"{words}, random weights, as plain", compute, generator.network)

    return make


def _bilateral(_method: str, _device: str) -> Contender:
    restoration = require("skimage.restoration", "time the bilateral filter")

    def compute(hounsfield: np.ndarray) -> np.ndarray:
        unit = WIDE.to_unit(hounsfield[0])
        return restoration.denoise_bilateral(unit, sigma_color=0.02, sigma_spatial=1.5)[None] * WIDE.width + WIDE.lower

    return Contender("bilateral filter of scikit-image", compute)


def _reference(name: str, words: str) -> Callable:
    return lambda _method, device: Contender(words, _denoiser(make_denoiser(name), device))


#: How each contender is made, by its name: from the method and the device.
CONTENDERS: dict[str, Callable[[str, str], Contender]] = {
    "plain": _plain,
    "engine": _engine,
    "engine-torch": _engine_torch,
    "red-cnn": _of_size("RED-CNN", "RED-CNN"),
    "wgan-vgg": _of_size("WGAN", "WGAN-VGG's size"),
    "nlm": _reference("NLM", "non-local means of scikit-image"),
    "bilateral": _bilateral,
    "tv": _reference("TV", "total variation of scikit-image"),
}


def make_contender(name: str, method: str = "DCSCN", device: str = "cpu") -> Contender:
    """Return a contender, ready to compute.

    Parameters
    ----------
    name : str
        One of `CONTENDERS`.
    method : str
        The method of "plain" and "engine".
    device : str
        Torch's name for it.
    """
    torch.manual_seed(0)
    return CONTENDERS[name](method, device)

