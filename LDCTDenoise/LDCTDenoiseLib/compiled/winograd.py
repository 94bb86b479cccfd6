"""A 3×3 layer for two rows at once, with two thirds of the multiplications: F(2, 3) of Winograd down the rows.

Of the rows r0 to r3 that two rows of the output depend on, four others are made: r0 - r2, r1 + r2, r2 - r1, r1 - r3.
Each goes through a kernel of one row, and the four results m0 to m3 give m0 + m1 + m2 and m1 - m2 - m3: four rows of
multiplications instead of six. Across the rows nothing is transformed, so that registers hold neighbouring pixels
throughout.

References
----------
Lavin and Gray, Fast algorithms for convolutional neural networks, arXiv 1509.09308, section 4.
"""

import numpy as np

from .block import BlockWriter, Kind, Shape
from .plan import Step

#: Rows that are made of each four.
TAPS = 4

#: Channels read and written from which what is saved is more than what the sums and differences cost.
_LEAST = 8


def result_floats(shape: Shape) -> int:
    """Return the floats of the results of a block of two rows."""
    return TAPS * shape.most * shape.pixels


def is_worth(step: Step) -> bool:
    """Return whether a step is computed in this way."""
    return step.kernel == 3 and len(step.sources) == 1 and min(step.inputs, step.channels) >= _LEAST


def transformed(weight: np.ndarray) -> np.ndarray:
    """Return a layer's weights (channels, inputs, 3, 3) as those of its four kernels, (4, channels, inputs, 1, 3)."""
    above, here, below = (weight[:, :, row : row + 1].astype(np.float64) for row in range(3))
    return np.stack([above, (above + here + below) / 2, (above - here + below) / 2, below]).astype(np.float32)


class PairWriter:
    """Writes the functions that a pair of rows needs into a module.

    Parameters
    ----------
    module : llvmlite.ir.Module
    blocks : BlockWriter
    """

    def __init__(self, module, blocks: BlockWriter):
        self._module, self._blocks, self._jit = module, blocks, blocks.jit
        self.differences, self._combine = self._write_differences(), self._write_combine()
        self._functions: dict[int, object] = {}

    def block(self, channels: int):
        """Return the function of a block of two rows.

        It takes (first, second, table, x, inputs, stride, results, parameters): where the first channel of either row
        begins; pointers to the four rows made of each input, those of all inputs four times; the first pixel; how many
        inputs; floats from a channel to the next; room for `result_floats`; the weights of the four kernels, then
        biases and slopes.
        """
        if channels not in self._functions:
            self._functions[channels] = self._write_block(channels)
        return self._functions[channels]

    def _write_block(self, channels: int):
        jit = self._jit
        long, pointer = jit.long, jit.pointer
        function, builder = jit.function(
            self._module, f"pair_{channels}", pointer, pointer, pointer, long, long, long, pointer, pointer
        )
        first, second, table, x, inputs, stride, results, weights = function.args
        block = self._blocks.block(3, channels, Kind.WRITE)
        size = builder.mul(inputs, long(3 * channels))
        # The block writes at x beyond what it is given.
        place = jit.at(builder, results, builder.sub(long(0), x))
        for _ in range(TAPS):
            builder.call(block, [place, table, x, inputs, long(jit.shape.pixels), long(0), weights])
            place = jit.at(builder, place, jit.shape.most * jit.shape.pixels)
            table = builder.gep(table, [inputs], source_etype=pointer)
            weights = jit.at(builder, weights, size)
        first, second = (jit.at(builder, row, x) for row in (first, second))
        builder.call(self._combine, [results, first, second, stride, long(channels), weights])
        builder.ret_void()
        return function

    def _write_differences(self):
        """Return the function (rows, apart, output, output_apart, channels, stride): makes each channel's four rows.

        `rows` are four pointers to the first channel's rows, `apart` four numbers of floats to the next channel's. The
        output's rows lie `stride` floats apart from channel to channel, `output_apart` from one of the four to another.
        """
        jit = self._jit
        long, pointer = jit.long, jit.pointer
        function, builder = jit.function(
            self._module, "differences", *[pointer] * 4, *[long] * 4, pointer, long, long, long
        )
        *four, output, output_apart, channels, stride = function.args
        rows, apart = four[:4], four[4:]

        def channel(_n, carried):
            *rows, output = carried

            def pixels(x, _carried):
                r0, r1, r2, r3 = (jit.read(builder, row, x) for row in rows)
                place = jit.at(builder, output, x)
                for value in (
                    builder.fsub(r0, r2), builder.fadd(r1, r2), builder.fsub(r2, r1), builder.fsub(r1, r3)
                ):
                    jit.write(builder, value, place)
                    place = jit.at(builder, place, output_apart)

            jit.repeat(builder, stride, pixels, step=jit.shape.lanes)
            following = [jit.at(builder, row, n) for row, n in zip(rows, apart, strict=True)]
            return [*following, jit.at(builder, output, stride)]

        jit.repeat(builder, channels, channel, [*rows, output])
        builder.ret_void()
        return function

    def _write_combine(self):
        """Return the function (results, first, second, stride, channels, biases): writes a block of two rows."""
        jit = self._jit
        long, pointer = jit.long, jit.pointer
        function, builder = jit.function(self._module, "combine", pointer, pointer, pointer, long, long, pointer)
        results, first, second, stride, channels, biases = function.args

        def channel(n, carried):
            results, first, second = carried
            here = jit.at(builder, biases, n)
            bias, slope = jit.splat(builder, here), jit.splat(builder, jit.at(builder, here, channels))
            for place in range(0, jit.shape.pixels, jit.shape.lanes):
                m0, m1, m2, m3 = (
                    jit.read(builder, results, tap * jit.shape.most * jit.shape.pixels + place) for tap in range(TAPS)
                )
                upper = builder.fadd(builder.fadd(builder.fadd(m0, m1), m2), bias)
                lower = builder.fadd(builder.fsub(builder.fsub(m1, m2), m3), bias)
                jit.write(builder, jit.activated(builder, upper, slope), first, place)
                jit.write(builder, jit.activated(builder, lower, slope), second, place)
            following = (jit.at(builder, row, stride) for row in (first, second))
            return [jit.at(builder, results, jit.shape.pixels), *following]

        jit.repeat(builder, channels, channel, [results, first, second])
        builder.ret_void()
        return function
