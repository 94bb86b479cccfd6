"""A generator's correction of an image, by a compiled program."""

import threading

import numpy as np

from ..requirements import require
from .block import AVX2, AVX512
from .host import has_avx512, is_supported
from .machine import compile_plan
from .plan import Plan, plan_of
from .program import MARGIN, NAME, parameters_of, scratch_floats, stride_of, table_pointers


class CompiledRows:
    """A generator for strips of an image, see `networks.strips.Strips`; several threads may call it at once."""

    # What is kept of a strip does not depend on its height, so strips are as large as can be.
    pixels = 1 << 30

    def __init__(self, generator, plan: Plan):
        self._plan, self.radius, self.channels = plan, plan.radius, generator.network.channels
        self._shape = AVX512 if has_avx512() else AVX2
        self._parameters = parameters_of(generator, plan, self._shape)
        self._network = generator.network
        self._program = compile_plan(plan, self._shape)
        self._own = threading.local()

    def __call__(self, image, above: bool, below: bool):
        """Return the correction of a strip; see `Strips.__call__`."""
        channels, height, width = image.shape
        stride = stride_of(width, self._shape)
        padded = np.zeros((height, channels, stride), np.float32)
        padded[:, :, MARGIN : MARGIN + width] = image.permute(1, 0, 2).numpy()
        output = np.empty((height, stride), np.float32)
        scratch, table = self._memory(width)
        self._program.functions[NAME](
            *(array.ctypes.data for array in (padded, output)), height, width, stride,
            *(array.ctypes.data for array in (scratch, table, self._parameters)),
        )
        rows = slice(above * self.radius, height - below * self.radius)
        result = output[rows, MARGIN : MARGIN + width]
        if not self._network.residual:
            result -= padded[rows, self._network.image, MARGIN : MARGIN + width]
        return require("torch").from_numpy(result)

    def _memory(self, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Return this thread's scratch memory and table for images of a width."""
        if getattr(self._own, "width", None) != width:
            self._own.memory = (
                np.zeros(scratch_floats(self._plan, width, self._shape), np.float32),
                np.zeros(table_pointers(self._plan), np.uintp),
            )
            self._own.width = width
        return self._own.memory


def compiled_rows(generator) -> CompiledRows | None:
    """Return a generator compiled for this processor, or None where that cannot be had."""
    plan = plan_of(generator)
    return CompiledRows(generator, plan) if plan is not None and is_supported() else None
