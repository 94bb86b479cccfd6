"""Where the channels of one patch lie in memory, and where each pass of each layer finds them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from LDCTDenoiseLib.compiled.plan import Plan, Source, Step

#: Floats of zeros on either side of a channel's row: kernels read one, registers begin at multiples of this.
_MARGIN = 8
#: Floats behind a row of channels, a cache line: below each other, pixels then lie an odd number of lines apart, in
#: different sets of the cache.
_APART = 16
#: Bytes of a float.
BYTES = 4


@dataclass(frozen=True)
class Layout:
    """Memory of a patch of `height` × `width` pixels: each buffer of a plan with a row of zeros above and below.

    A row of a buffer is the rows of its channels one after the other, each with zeros on either side. What is computed
    never reaches the zeros, so that one arena serves many patches.
    """

    plan: Plan
    #: The width must be a multiple of the `pixels` of a block's `Shape`.
    height: int
    width: int
    #: Whether there is room for what the activations were given, behind what they returned. The gradient of a ReLU
    #: needs no more than its sign, which is that of what it returned.
    keeps: bool

    @property
    def stride(self) -> int:
        """Floats from a channel of a row to the next."""
        return self.width + 2 * _MARGIN

    def row(self, buffer: int) -> int:
        """Return the floats from a row of a buffer to the next."""
        return self.plan.channels[buffer] * self.stride + _APART

    def size(self, buffer: int) -> int:
        """Return the floats of a buffer."""
        return (self.height + 2) * self.row(buffer)

    @cached_property
    def _starts(self) -> list[int]:
        # The image has no activation.
        sizes = [self.size(buffer) * (2 if buffer and self.keeps else 1) for buffer in range(len(self.plan.channels))]
        return [0, *np.cumsum(sizes).tolist()]

    def arena(self) -> np.ndarray:
        """Return memory for the channels of a patch, or for their gradients, in which all is zero."""
        return np.zeros(self._starts[-1], np.float32)

    def place(self, buffer: int, channel: int = 0) -> int:
        """Return the bytes from an arena's beginning to a channel's first pixel."""
        return BYTES * (self._starts[buffer] + self.row(buffer) + channel * self.stride + _MARGIN)

    def kept(self, buffer: int) -> int:
        """Return the bytes from a pixel after a buffer's activation to where the same one before it can be read."""
        return BYTES * self.size(buffer) if self.keeps else 0

    def pixels(self, arena: np.ndarray, buffer: int) -> np.ndarray:
        """Return the pixels of a buffer's first channel, shape (height, width), as a view."""
        start = self._starts[buffer]
        rows = arena[start : start + self.size(buffer)].reshape(self.height + 2, self.row(buffer))
        return rows[1:-1, _MARGIN : _MARGIN + self.width]

    def table(self, sources: tuple[Source, ...], kernel: int) -> np.ndarray:
        """Return where a layer finds the rows that it reads, in bytes from an arena's beginning.

        Returns
        -------
        numpy.ndarray
            int64, flat: for each row of the output, each channel of the sources, and each row of the kernel.
        """
        rows = np.arange(self.height)[:, None, None] + np.arange(kernel) - kernel // 2
        parts = []
        for source in sources:
            channels = np.arange(source.channels)[:, None] * self.stride
            parts.append(self.place(source.buffer, source.first) + BYTES * (rows * self.row(source.buffer) + channels))
        return np.concatenate(parts, axis=1).ravel()

    def gradient_table(self, step: Step) -> np.ndarray:
        """Return the table of a backward pass, which reads the gradients of what a step wrote."""
        return self.table((Source(step.output, 0, step.channels),), step.kernel)
