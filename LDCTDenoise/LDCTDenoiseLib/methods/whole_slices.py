"""A generator as it is, whole slices in batches: on a GPU, and on the CPU for networks that are not plain."""

from collections.abc import Callable

import numpy as np

from ..hounsfield import HURange
from ..requirements import require


class WholeSlices:
    """Computes the corrections of batches of slices on a device.

    On CUDA the copies to and from the device go through pinned memory and, like the computation, are only begun: the
    host prepares the next batch and stores the last one meanwhile.

    Parameters
    ----------
    generator : networks.generator.Generator
        On the device, channels-last.
    hu_range : HURange
        The range that the network sees as [0, 1].
    device : str
        Torch's name for it.
    """

    def __init__(self, generator, hu_range: HURange, device: str):
        self._generator, self._range, self._device = generator, hu_range, device
        self._cuda = device.startswith("cuda")
        network = getattr(generator, "network", None)
        self._neighbours = network.neighbours if network else 0

    def start(self, hounsfield: np.ndarray) -> Callable[[], np.ndarray]:
        """Begin to compute `G(clip x) - clip x` in HU of slices; see `CPUNetwork.start`."""
        torch = require("torch")
        # torch lets convolutions of float32 round to TensorFloat-32, whose steps are those of half precision: more
        # than half a HU over the wide range (docs/speed.md).
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            # A copy always: the caller's array may be read-only, which torch cannot express.
            batch = torch.tensor(hounsfield, dtype=torch.float32)
            batch = (batch.pin_memory() if self._cuda else batch).to(self._device, non_blocking=self._cuda)
            unit = self._range.to_unit(batch)
            # Neighbours are copied on the device: to it, each slice goes once.
            last = len(unit) - 2 * self._neighbours
            unit = torch.stack([unit[n : n + last] for n in range(2 * self._neighbours + 1)], dim=1)
            unit = unit.contiguous(memory_format=torch.channels_last)
            correction = self._generator.correction(unit)[:, 0] * self._range.width
            if not self._cuda:
                return lambda: correction.cpu().numpy()
            output = torch.empty(correction.shape, pin_memory=True)
            output.copy_(correction, non_blocking=True)
            copied = torch.cuda.Event()
            copied.record(torch.cuda.current_stream(self._device))

        def finish() -> np.ndarray:
            copied.synchronize()
            return output.numpy()

        return finish
