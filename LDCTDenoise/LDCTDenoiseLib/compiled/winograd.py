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

from .block import LANES, PIXELS, REGISTERS, BlockWriter, Kind, Words
from .plan import MOST_PLANES, Step

#: Rows that are made of each four, and floats of a block's results.
TAPS, RESULTS = 4, 4 * MOST_PLANES * PIXELS

#: Planes read and written from which what is saved is more than what the sums and differences cost.
_LEAST = 8


def is_worth(step: Step) -> bool:
    """Return whether a step is computed in this way."""
    return step.kernel == 3 and len(step.sources) == 1 and min(step.inputs, step.planes) >= _LEAST


def transformed(weight: np.ndarray) -> np.ndarray:
    """Return the weights (planes, inputs, 3, 3) of a layer as those of its four kernels, (4, planes, inputs, 1, 3)."""
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
        self._module, self._blocks, self._words = module, blocks, Words()
        self.differences, self._combine = self._write_differences(), self._write_combine()
        self._functions: dict[int, object] = {}

    def block(self, planes: int):
        """Return the function of a block of two rows.

        It takes (first, second, table, x, inputs, stride, results, parameters): where the first plane of either row
        begins; pointers to the four rows made of each input, those of all inputs four times; the first pixel; how many
        inputs; floats from a plane to the next; room for `RESULTS` floats; the weights of the four kernels, then biases
        and slopes.
        """
        if planes not in self._functions:
            self._functions[planes] = self._write_block(planes)
        return self._functions[planes]

    def _write_block(self, planes: int):
        words = self._words
        long, pointer = words.long, words.pointer
        function, builder = words.function(
            self._module, f"pair_{planes}", pointer, pointer, pointer, long, long, long, pointer, pointer
        )
        first, second, table, x, inputs, stride, results, weights = function.args
        block = self._blocks.block(3, planes, Kind.WRITE)
        size = builder.mul(inputs, long(3 * planes))
        # The block writes at x beyond what it is given.
        place = words.at(builder, results, builder.sub(long(0), x))
        for _ in range(TAPS):
            builder.call(block, [place, table, x, inputs, long(PIXELS), long(0), weights])
            place = words.at(builder, place, MOST_PLANES * PIXELS)
            table = builder.gep(table, [inputs], source_etype=pointer)
            weights = words.at(builder, weights, size)
        first, second = (words.at(builder, row, x) for row in (first, second))
        builder.call(self._combine, [results, first, second, stride, long(planes), weights])
        builder.ret_void()
        return function

    def _write_differences(self):
        """Return the function (rows, apart, output, output_apart, planes, stride): makes the four rows of each plane.

        `rows` are four pointers to the first plane's rows, `apart` four numbers of floats to the next plane's. The
        output's rows lie `stride` floats apart from plane to plane and `output_apart` from one of the four to the next.
        """
        words = self._words
        long, pointer = words.long, words.pointer
        function, builder = words.function(
            self._module, "differences", *[pointer] * 4, *[long] * 4, pointer, long, long, long
        )
        *four, output, output_apart, planes, stride = function.args
        rows, apart = four[:4], four[4:]

        def plane(_n, carried):
            *rows, output = carried

            def pixels(x, _carried):
                r0, r1, r2, r3 = (words.read(builder, row, x) for row in rows)
                place = words.at(builder, output, x)
                for value in (
                    builder.fsub(r0, r2), builder.fadd(r1, r2), builder.fsub(r2, r1), builder.fsub(r1, r3)
                ):
                    words.write(builder, value, place)
                    place = words.at(builder, place, output_apart)

            words.repeat(builder, stride, pixels, step=LANES)
            following = [words.at(builder, row, n) for row, n in zip(rows, apart, strict=True)]
            return [*following, words.at(builder, output, stride)]

        words.repeat(builder, planes, plane, [*rows, output])
        builder.ret_void()
        return function

    def _write_combine(self):
        """Return the function (results, first, second, stride, planes, biases): writes a block of two rows."""
        words = self._words
        long, pointer = words.long, words.pointer
        function, builder = words.function(self._module, "combine", pointer, pointer, pointer, long, long, pointer)
        results, first, second, stride, planes, biases = function.args

        def plane(n, carried):
            results, first, second = carried
            here = words.at(builder, biases, n)
            bias, slope = words.splat(builder, here), words.splat(builder, words.at(builder, here, planes))
            for place in range(0, REGISTERS * LANES, LANES):
                m0, m1, m2, m3 = (
                    words.read(builder, results, tap * MOST_PLANES * PIXELS + place) for tap in range(TAPS)
                )
                upper = builder.fadd(builder.fadd(builder.fadd(m0, m1), m2), bias)
                lower = builder.fadd(builder.fsub(builder.fsub(m1, m2), m3), bias)
                words.write(builder, words.activated(builder, upper, slope), first, place)
                words.write(builder, words.activated(builder, lower, slope), second, place)
            return [words.at(builder, results, PIXELS), *(words.at(builder, row, stride) for row in (first, second))]

        words.repeat(builder, planes, plane, [results, first, second])
        builder.ret_void()
        return function
