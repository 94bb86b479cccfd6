"""A trained generator as a denoiser of HU slices."""

import numpy as np

from ..hounsfield import HURange
from ..requirements import require
from .cpu import CPUNetwork


class NetworkDenoiser:
    """A generator with the HU range it was trained for.

    Parameters
    ----------
    generator : CorrectionGenerator
        See `LDCTDenoiseLib.networks`.
    hu_range : HURange
        The range that the network sees as [0, 1].
    name : str
        What to call it.
    sha256 : str
        Of the model file, when the generator came from one: for the record of what made an output.
    """

    on_device = True

    def __init__(self, generator, hu_range: HURange, name: str, sha256: str = ""):
        self.name = name
        self.hu_range = hu_range
        self.sha256 = sha256
        self.generator = generator
        self._device = "cpu"
        self._on_cores = None

    def prepare(self, device: str) -> None:
        torch = require("torch")
        self._device = device
        # Channels-last is what the convolution kernels of CPU and GPU read fastest.
        self.generator = self.generator.eval().to(device=device, memory_format=torch.channels_last)
        self._on_cores = CPUNetwork.of(self.generator, self.hu_range) if device == "cpu" else None

    def correction(self, hounsfield: np.ndarray) -> np.ndarray:
        """Return `G(clip x) - clip x` in HU (see `hounsfield.passthrough`)."""
        if self._on_cores:
            return self._on_cores.correction(hounsfield)
        torch = require("torch")
        with torch.inference_mode():
            # A copy always: the caller's array may be read-only, which torch cannot express.
            batch = torch.tensor(hounsfield, dtype=torch.float32)[:, None].to(self._device)
            unit = self.hu_range.to_unit(batch).contiguous(memory_format=torch.channels_last)
            return (self.generator.correction(unit)[:, 0] * self.hu_range.width).cpu().numpy()
