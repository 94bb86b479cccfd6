"""What is timed side by side: each takes slices of HU and returns as many."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..hounsfield import WIDE, add_correction
from ..methods import make_denoiser
from ..methods.cpu import CPUNetwork
from ..networks import build_generator, count_macs
from ..networks.dcscn import DCSCN
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
    macs : int
        Multiply-accumulate operations of a pixel; 0 where that is no measure.
    trained : bool
        Whether it computes the method's result, so that it can be compared with the plain model.
    slices : int
        Slices that it is given at a time.
    """

    words: str
    compute: Callable[[np.ndarray], np.ndarray]
    macs: int = 0
    trained: bool = False
    slices: int = 1


#: Slices that the engine is given at a time: it begins a slice before it is done with the one before.
_STACK = 8


class _Concatenated(nn.Module):
    """A DCSCN's correction as the paper draws it: all 131 planes concatenated, A1 and B1 one after the other."""

    def __init__(self, generator: DCSCN):
        super().__init__()
        self.generator = generator

    def forward(self, image: Tensor) -> Tensor:
        generator, planes = self.generator, []
        for layer in generator.features:
            image = layer(image)
            planes.append(image)
        features = torch.cat(planes, dim=1)
        return generator.last(torch.cat([generator.a1(features), generator.b2(generator.b1(features))], dim=1))


class _REDCNN(nn.Module):
    """RED-CNN's size and shape: five 5×5 convolutions, five transposed, 96 filters, three shortcuts.

    Chen et al., IEEE Trans Med Imaging 36(12):2524-2535, 2017. With random weights: here it is only timed.
    """

    def __init__(self, filters: int = 96):
        super().__init__()
        inner = [filters] * 4
        down = zip([1, *inner], [filters, *inner], strict=True)
        up = zip([filters, *inner], [*inner, 1], strict=True)
        self.down = nn.ModuleList(nn.Conv2d(i, o, 5) for i, o in down)
        self.up = nn.ModuleList(nn.ConvTranspose2d(i, o, 5) for i, o in up)

    def forward(self, image: Tensor) -> Tensor:
        states = [image]
        for layer in self.down:
            states.append(torch.relu(layer(states[-1])))
        image = states[5]
        for layer, shortcut in zip(self.up, (states[4], None, states[2], None, states[0]), strict=True):
            image = layer(image)
            image = torch.relu(image if shortcut is None else image + shortcut)
        return image


def _module(network: nn.Module, hu_range, device: str, is_correction: bool) -> Callable:
    """Return a network as one would run it: float32, NCHW, eager, one slice at a time."""
    network = network.eval().to(device)

    def compute(hounsfield: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            unit = hu_range.to_unit(torch.tensor(hounsfield)[:, None].to(device))
            output = network(unit)
            correction = (output if is_correction else output - unit) * hu_range.width
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


def plain_correction(generator: nn.Module) -> nn.Module:
    """Return a generator's correction as one would write it down from the paper, with the generator's weights."""
    return (_Concatenated if isinstance(generator, DCSCN) else _CorrectionOf)(generator)


def _plain(method: str, device: str) -> Contender:
    denoiser = make_denoiser(method)
    generator = denoiser.generator
    compute = _module(plain_correction(generator), denoiser.hu_range, device, True)
    return Contender(f"{method}, float32, NCHW, eager", compute, count_macs(generator, 1, 1), True)


def _engine(method: str, device: str) -> Contender:
    denoiser = make_denoiser(method)
    macs = count_macs(denoiser.generator, 1, 1)
    words = f"{method}, this engine, {_STACK} slices at a time"
    return Contender(words, _denoiser(denoiser, device), macs, True, _STACK)


def _engine_torch(method: str, device: str) -> Contender:
    denoiser = make_denoiser(method)
    network = CPUNetwork(strips_of(denoiser.generator), denoiser.hu_range)

    def compute(hounsfield: np.ndarray) -> np.ndarray:
        return add_correction(hounsfield, network.start(hounsfield)())

    macs = count_macs(denoiser.generator, 1, 1)
    return Contender(f"{method}, this engine without llvmlite, on the CPU", compute, macs, True, _STACK)


def _red_cnn(_method: str, device: str) -> Contender:
    network = _REDCNN()
    # A 5×5 layer has one weight for each of its multiplications, at 512×512 but for a thin border.
    macs = sum(p.numel() for p in network.parameters() if p.ndim == 4)
    return Contender("RED-CNN, random weights, as plain", _module(network, WIDE, device, False), macs)


def _wgan_vgg(_method: str, device: str) -> Contender:
    network = build_generator("WGAN")
    compute = _module(_CorrectionOf(network), WIDE, device, True)
    return Contender("WGAN-VGG's size, random weights, as plain", compute, count_macs(network, 1, 1))


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
    "red-cnn": _red_cnn,
    "wgan-vgg": _wgan_vgg,
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

