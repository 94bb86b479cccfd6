"""A trained generator as a denoiser of HU slices."""

from collections.abc import Callable

import numpy as np

from ..errors import MethodError
from ..hounsfield import HURange
from ..requirements import require
from ..scan.level import EXPECTED
from .borders import extended
from .cpu import CPUNetwork
from .whole_slices import WholeSlices


class NetworkDenoiser:
    """A generator with the HU range it was trained for.

    Parameters
    ----------
    generator : networks.generator.Generator
        See `LDCTDenoiseLib.networks`.
    hu_range : HURange
        The range that the network sees as [0, 1].
    name : str
        What to call it.
    sha256 : str
        Of the model file, when the generator came from one: for the record of what made an output.
    trained : dict, optional
        On which scans, as `scan.TRAINED` has it; what it lacks is taken from there.
    """

    on_device = True

    def __init__(self, generator, hu_range: HURange, name: str, sha256: str = "", trained: dict | None = None):
        network = getattr(generator, "network", None)
        #: Whether it is to be told the noise level of a scan (`at_noise_level`); till then it takes the usual one.
        self.reads_noise_level = bool(network and network.noise_level)
        self.noise_level = None  #: What it was told.
        self._untold = None
        if self.reads_noise_level:
            self._untold, generator = generator, generator.at_noise_level(EXPECTED)
            network, self.noise_level = generator.network, EXPECTED
        #: Slices on either side of each that it reads, see `methods.denoiser.Denoiser`.
        self.neighbours = network.neighbours if network else 0
        if network and network.channels != 2 * self.neighbours + 1:
            raise MethodError(
                f"'{name}' reads {network.channels} channels, and the engine gives a network the slice alone, or as "
                "many slices before it as after it."
            )
        self.name = name
        self.hu_range = hu_range
        self.sha256 = sha256
        self.trained = trained or {}
        self.generator = generator
        self._network = None

    def at_noise_level(self, level: float) -> "NetworkDenoiser":
        """Return the denoiser of scans of this level, see `scan.level`; `MethodError` if its network reads none."""
        if self._untold is None:
            raise MethodError(f"'{self.name}' reads no noise level.")
        generator = self._untold.at_noise_level(level)
        told = NetworkDenoiser(generator, self.hu_range, self.name, self.sha256, self.trained)
        told._untold, told.noise_level = self._untold, level
        return told

    def prepare(self, device: str) -> None:
        # Channels-last is what the convolution kernels of CPU and GPU read fastest.
        layout = require("torch").channels_last
        self.generator = self.generator.eval().to(device=device, memory_format=layout)
        self._network = CPUNetwork.of(self.generator, self.hu_range) if device == "cpu" else None
        self._network = self._network or WholeSlices(self.generator, self.hu_range, device)

    def start(self, hounsfield: np.ndarray) -> Callable[[], np.ndarray]:
        """Begin a correction; see `methods.denoiser.start`."""
        if self._network is None:
            self.prepare("cpu")
        # A network that looks at no neighbours needs no border.
        margin, (rows, columns) = getattr(self.generator, "radius", 0), hounsfield.shape[-2:]
        finish = self._network.start(extended(hounsfield, margin))
        return lambda: finish()[:, margin : margin + rows, margin : margin + columns]

    def correction(self, hounsfield: np.ndarray) -> np.ndarray:
        """Return `G(clip x) - clip x` in HU (see `hounsfield.add_correction`)."""
        return self.start(hounsfield)()
