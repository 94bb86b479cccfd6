"""What is timed side by side: each takes slices of HU and returns as many, less the neighbours that it reads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import torch

from ..errors import InputError
from ..hounsfield import WIDE, add_correction
from ..methods import build_generator, make_denoiser
from ..methods.borders import extended
from ..methods.cpu import CPUNetwork
from ..methods.denoiser import neighbours_of
from ..networks import Network
from ..networks.strips import strips_of
from ..requirements import require
from .onnx_model import to_onnx


@dataclass(frozen=True)
class Contender:
    """One of those that are timed."""

    words: str  #: What it is.
    compute: Callable[[np.ndarray], np.ndarray]  #: HU of shape (slices, rows, columns), float32, to the denoised HU.
    network: Network | None = None  #: What is computed, for the count of its operations.
    #: Whether it computes the method's result, so that it can be compared with the plain model.
    trained: bool = False
    slices: int = 1  #: Slices that it is given at a time.
    #: Whether it is another way to compute the same in float32: the best of them is what the engine is set beside.
    is_rival: bool = False

    @property
    def neighbours(self) -> int:
        """Slices on either side of those that it is given that it must be given as well."""
        return self.network.neighbours if self.network else 0


#: Slices that the engine is given at a time: it begins a slice before it is done with the one before.
_STACK = 8


def _bordered(generator, correct: Callable) -> Callable:
    """Return what denoises HU as the engine does, the slices extended beyond their borders."""
    margin, neighbours = generator.radius, generator.network.neighbours

    def compute(hounsfield: np.ndarray) -> np.ndarray:
        correction = correct(extended(hounsfield, margin))
        return add_correction(_inner(hounsfield, neighbours), correction[:, margin:-margin, margin:-margin])

    return compute


def _inner(slices: np.ndarray, neighbours: int) -> np.ndarray:
    """Return slices without the neighbours before and after them."""
    return slices[neighbours : len(slices) - neighbours]


def _channels(slices: np.ndarray, neighbours: int) -> np.ndarray:
    """Return slices with their neighbours as channels, (slices, channels, rows, columns)."""
    each = 2 * neighbours + 1
    return np.stack([slices[n : len(slices) + 1 - each + n] for n in range(each)], axis=1)


def _module(generator, hu_range, device: str, layout=torch.contiguous_format) -> Callable:
    """Return a network as one would run it: float32, eager, one slice at a time."""
    generator = generator.eval().to(device, memory_format=layout)

    def correct(hounsfield: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            image = torch.tensor(_channels(hounsfield, generator.network.neighbours)).to(device)
            unit = hu_range.to_unit(image).contiguous(memory_format=layout)
            return (generator.correction(unit) * hu_range.width)[:, 0].cpu().numpy()

    return _bordered(generator, correct)


def _denoiser(denoiser, device: str) -> Callable:
    denoiser.prepare(device)
    inner = neighbours_of(denoiser)
    return lambda hounsfield: add_correction(_inner(hounsfield, inner), denoiser.correction(hounsfield))


def _plain(words: str, layout=torch.contiguous_format) -> Callable:
    def make(method: str, device: str) -> Contender:
        denoiser = make_denoiser(method)
        generator = denoiser.generator
        compute = _module(generator, denoiser.hu_range, device, layout)
        return Contender(f"{method}, float32, eager, {words}", compute, generator.network, True, is_rival=True)

    return make


def _runtime(words: str, load: Callable) -> Callable:
    """Return the maker of a contender that computes an ONNX model on the CPU; `load` makes a function of arrays."""

    def make(method: str, _device: str) -> Contender:
        denoiser = make_denoiser(method)
        scale, run = denoiser.hu_range, load(to_onnx(denoiser.generator))
        neighbours = denoiser.generator.network.neighbours

        def correct(hounsfield: np.ndarray) -> np.ndarray:
            image = _channels(scale.to_unit(hounsfield).astype(np.float32), neighbours)
            return run(image)[:, 0] * np.float32(scale.width)

        compute = _bordered(denoiser.generator, correct)
        return Contender(f"{method}, {words}, on the CPU", compute, denoiser.generator.network, True, is_rival=True)

    return make


def _load_onnxruntime(model: bytes) -> Callable:
    runtime = require("onnxruntime")
    session = runtime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return lambda unit: session.run(["correction"], {"image": unit})[0]


def _load_openvino(model: bytes) -> Callable:
    core = require("openvino").Core()
    # Where the processor has bfloat16 it would be taken.
    network = core.compile_model(core.read_model(model, b""), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda unit: network([unit])[0]


def _engine(method: str, device: str) -> Contender:
    denoiser = make_denoiser(method)
    words = f"{method}, this engine, {_STACK} slices at a time"
    return Contender(words, _denoiser(denoiser, device), denoiser.generator.network, True, _STACK)


def _engine_torch(method: str, device: str) -> Contender:
    denoiser = make_denoiser(method)
    network = CPUNetwork(strips_of(denoiser.generator), denoiser.hu_range)
    compute = _bordered(denoiser.generator, lambda hounsfield: network.start(hounsfield)())
    words = f"{method}, this engine without llvmlite, on the CPU"
    return Contender(words, compute, denoiser.generator.network, True, _STACK)


def _of_size(method: str, words: str) -> Callable:
    def make(_method: str, device: str) -> Contender:
        generator = build_generator(method)
        compute = _module(generator, WIDE, device)
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


_KEPT = "memory kept"

#: How each contender is made, by its name: from the method and the device. The most important come first, for where
#: the time does not reach for all.
CONTENDERS: dict[str, Callable[[str, str], Contender]] = {
    "engine": _engine,
    "engine-torch": _engine_torch,
    "onnxruntime": _runtime("ONNX Runtime", _load_onnxruntime),
    "openvino": _runtime("OpenVINO, float32", _load_openvino),
    "plain": _plain("NCHW"),
    "plain-kept": _plain(f"NCHW, {_KEPT}"),
    "channels-last": _plain("channels last", torch.channels_last),
    "channels-last-kept": _plain(f"channels last, {_KEPT}", torch.channels_last),
    "nlm": _reference("NLM", "non-local means of scikit-image"),
    "tv": _reference("TV", "total variation of scikit-image"),
    "bilateral": _bilateral,
    "wgan-vgg": _of_size("WGAN", "WGAN-VGG's size"),
    "wgan-vgg-kept": _of_size("WGAN", f"WGAN-VGG's size, {_KEPT}"),
    "red-cnn": _of_size("RED-CNN", "RED-CNN"),
    "red-cnn-kept": _of_size("RED-CNN", f"RED-CNN, {_KEPT}"),
}

#: Those that are timed in a process whose allocator hands large blocks back to the system, as it does by itself.
APART = ("plain", "channels-last", "red-cnn", "wgan-vgg")

#: The packages that contenders need which are no requirements.
_PACKAGES = {"onnxruntime": ("onnx", "onnxruntime"), "openvino": ("onnx", "openvino")}


def available_contenders() -> list[str]:
    """Return the names of the contenders whose packages are installed."""
    return [name for name in CONTENDERS if not _missing(name)]


def chosen_contenders(names: Sequence[str]) -> list[str]:
    """Return contenders by name, each once, the engine first: the others are set beside it.

    Raises
    ------
    InputError
        If one is unknown, or what it needs is not installed.
    """
    for name in names:
        if name not in CONTENDERS:
            raise InputError(f"there is no contender '{name}' to compare with; choose from {', '.join(CONTENDERS)}.")
        if missing := _missing(name):
            raise InputError(f"'{name}' needs {' and '.join(missing)}; install that, or leave it out.")
    return list(dict.fromkeys(["engine", *names]))


def _missing(name: str) -> list[str]:
    return [package for package in _PACKAGES.get(name, ()) if find_spec(package) is None]


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
