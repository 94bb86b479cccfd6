"""A plan in LLVM's language: all steps go down the image together, each as many rows behind as the plan says."""

import numpy as np

from ..requirements import require
from . import winograd
from .block import BlockWriter, Shape
from .plan import Plan, Step, block_parameters, layers_of

#: Floats before the first pixel of a row in memory: zeros, and the alignment of cache lines.
MARGIN = 16
#: The name of the function that `write_program` writes.
NAME = "correct"


def stride_of(width: int, shape: Shape) -> int:
    """Return the floats from a row in memory to the next: zeros on either side, a whole number of blocks."""
    return MARGIN + -(-width // shape.pixels) * shape.pixels + MARGIN


def _most_inputs(plan: Plan) -> int:
    """Return the inputs of the step that has most of those that are computed two rows at once."""
    return max((step.inputs for step in plan.steps if winograd.is_worth(step)), default=0)


def _kept_rows(plan: Plan) -> int:
    """Return how many rows of channels are kept: one of zeros, then those of the buffers, then those that are made."""
    kept = sum(rows * channels for rows, channels in zip(plan.rows, plan.channels, strict=True))
    return 1 + kept + winograd.TAPS * _most_inputs(plan)


def scratch_floats(plan: Plan, width: int, shape: Shape) -> int:
    """Return how many floats of scratch memory a run needs."""
    return _kept_rows(plan) * stride_of(width, shape) + winograd.result_floats(shape)


def table_pointers(plan: Plan) -> int:
    """Return how many pointers the table holds: those of a row of a step, and those of rows that are made."""
    return max(step.inputs * step.kernel for step in plan.steps) + winograd.TAPS * _most_inputs(plan)


def _size(step: Step, channels: int) -> int:
    """Return how many parameters so many channels of a step have."""
    weights = 3 * winograd.TAPS if winograd.is_worth(step) else step.kernel**2
    return (weights * step.inputs + 2) * channels


def parameters_of(generator, plan: Plan, shape: Shape) -> np.ndarray:
    """Return all weights, biases and slopes of a generator in the order in which its plan's program reads them.

    For each step its `block_parameters`, of the weights as they are or of those of `winograd.transformed`. float32.
    """
    packed = []
    for step, (weight, bias, slope) in zip(plan.steps, layers_of(generator), strict=True):
        kernels = winograd.transformed(weight) if winograd.is_worth(step) else [weight]
        packed += block_parameters(shape.blocks(step.channels), kernels, bias, slope)
    return np.concatenate(packed).astype(np.float32)


def write_program(plan: Plan, shape: Shape) -> str:
    """Return a module with the function `correct(image, output, height, width, stride, scratch, table, parameters)`.

    `image` and `output` are rows of `stride` floats, of which `MARGIN` come before the first pixel; those around the
    image must be zero, and so must `scratch` before its first use. Beyond its edges the image, and each layer, is
    zero. `parameters` are those of `parameters_of`.
    """
    return str(_Program(plan, shape).module)


class _Program:
    def __init__(self, plan: Plan, shape: Shape):
        self._plan, self._shape = plan, shape
        self.module = require("llvmlite.ir").Module("ldct")
        self._blocks = BlockWriter(self.module, shape)
        jit = self._jit = self._blocks.jit
        self._pairs = winograd.PairWriter(self.module, self._blocks)
        long, pointer = jit.long, jit.pointer
        self._clear, self._fill = self._write_clear(), self._write_fill()
        function, builder = jit.function(
            self.module, NAME, pointer, pointer, long, long, long, pointer, pointer, pointer
        )
        self._builder = builder
        image, output, self._height, self._width, self._stride, scratch, self._table, parameters = function.args
        self._zeros = self._at(scratch, MARGIN)
        starts, used = [], 1
        for rows, channels in zip(plan.rows, plan.channels, strict=True):
            starts.append(self._at(scratch, builder.mul(self._stride, long(used))))
            used += rows * channels
        self._starts = [image, *starts[1:-1], output]
        self._made = self._at(scratch, builder.mul(self._stride, long(used)))
        self._results = self._at(scratch, builder.mul(self._stride, long(_kept_rows(plan))))
        self._made_table = self._slot(table_pointers(plan) - winograd.TAPS * _most_inputs(plan))
        pairs = builder.udiv(builder.add(self._height, long(1)), long(2))
        last = builder.add(pairs, long(plan.steps[-1].delay))
        self._repeat(last, lambda time: self._pairs_at(time, pairs, parameters))
        builder.ret_void()

    def _pairs_at(self, time, pairs, parameters) -> None:
        """Compute the two rows of each step whose turn it is."""
        builder, long = self._builder, self._jit.long
        for step in self._plan.steps:
            pair = builder.sub(time, long(step.delay))
            # Unsigned: a row above the image is a very large number.
            with builder.if_then(builder.icmp_unsigned("<", pair, pairs)):
                y = builder.mul(pair, long(2))
                if winograd.is_worth(step):
                    self._two_rows(step, y, parameters)
                else:
                    self._row(step, y, parameters)
                    below = builder.add(y, long(1))
                    with builder.if_then(builder.icmp_unsigned("<", below, self._height)):
                        self._row(step, below, parameters)
            parameters = self._at(parameters, _size(step, step.channels))

    def _row(self, step: Step, y, parameters) -> None:
        """Compute the row `y` of a step."""
        builder, long = self._builder, self._jit.long
        filled = 0
        for source in step.sources:
            for place in range(step.kernel):
                start, apart = self._rows_near(source, builder.add(y, long(place - step.kernel // 2)))
                slot = self._slot(filled * step.kernel + place)
                builder.call(self._fill, [slot, long(step.kernel), start, apart, long(source.channels)])
            filled += source.channels
        target, reads = self._row_of(step.output, y), long(step.inputs * step.kernel)

        def compute(x) -> None:
            weights, channel = parameters, target
            for channels in self._shape.blocks(step.channels):
                block = self._blocks.block(step.kernel, channels)
                builder.call(block, [channel, self._table, x, reads, self._stride, long(0), weights])
                weights = self._at(weights, _size(step, channels))
                channel = self._at(channel, builder.mul(self._stride, long(channels)))

        self._repeat(self._width, compute, self._shape.pixels)
        self._finish(step, target)

    def _two_rows(self, step: Step, y, parameters) -> None:
        """Compute the rows `y` and `y` + 1 of a step."""
        builder, long = self._builder, self._jit.long
        (source,) = step.sources
        near = [self._rows_near(source, builder.add(y, long(n - 1))) for n in range(winograd.TAPS)]
        # From the beginning of the rows in memory, so that the zeros are transformed too.
        rows = [self._at(start, -MARGIN) for start, _ in near]
        inputs = long(step.inputs)
        output_apart = builder.mul(self._stride, inputs)
        builder.call(
            self._pairs.differences,
            [*rows, *(apart for _, apart in near), self._made, output_apart, inputs, self._stride],
        )
        first = self._at(self._made, MARGIN)
        made = builder.mul(inputs, long(winograd.TAPS))
        builder.call(self._fill, [self._made_table, long(1), first, self._stride, made])
        # A second row below the image lies where nothing is read any more, or is known to be beyond the edge.
        targets = [self._row_of(step.output, y), self._row_of(step.output, builder.add(y, long(1)))]

        def compute(x) -> None:
            weights, places = parameters, targets
            for channels in self._shape.blocks(step.channels):
                block = self._pairs.block(channels)
                builder.call(block, [*places, self._made_table, x, inputs, self._stride, self._results, weights])
                weights = self._at(weights, _size(step, channels))
                places = [self._at(place, builder.mul(self._stride, long(channels))) for place in places]

        self._repeat(self._width, compute, self._shape.pixels)
        for target in targets:
            self._finish(step, target)

    def _finish(self, step: Step, target) -> None:
        """Clear what the last block wrote beyond the image, where the next step has to find a zero."""
        edge = self._at(target, self._width)
        self._builder.call(self._clear, [edge, self._stride, self._jit.long(step.channels)])

    def _rows_near(self, source, y):
        """Return where a source's first row `y` is, and the floats to its next channel's; zeros beyond the image."""
        builder, long = self._builder, self._jit.long
        inside = builder.icmp_unsigned("<", y, self._height)
        start = self._at(self._row_of(source.buffer, y), builder.mul(self._stride, long(source.first)))
        return builder.select(inside, start, self._zeros), builder.select(inside, self._stride, long(0))

    def _row_of(self, buffer: int, y):
        """Return where the first pixel of a buffer's row is."""
        builder, long = self._builder, self._jit.long
        rows, channels = self._plan.rows[buffer], self._plan.channels[buffer]
        kept = builder.and_(y, long(rows - 1)) if rows else y
        floats = builder.add(builder.mul(builder.mul(kept, long(channels)), self._stride), long(MARGIN))
        return self._at(self._starts[buffer], floats)

    def _at(self, pointer, count):
        return self._jit.at(self._builder, pointer, count)

    def _slot(self, number: int):
        """Return a slot of the table."""
        return self._builder.gep(self._table, [self._jit.long(number)], source_etype=self._jit.pointer)

    def _repeat(self, stop, write, step: int = 1) -> None:
        self._jit.repeat(self._builder, stop, lambda index, _carried: write(index), step=step)

    def _write_fill(self):
        """Return the function (slot, slots apart, row, floats apart, count): writes where `count` rows are."""
        jit = self._jit
        long, pointer = jit.long, jit.pointer
        function, builder = jit.function(self.module, "fill", pointer, long, pointer, long, long)
        slot, slots_apart, row, apart, count = function.args

        def fill(_n, carried):
            slot, row = carried
            builder.store(row, slot)
            return [builder.gep(slot, [slots_apart], source_etype=pointer), jit.at(builder, row, apart)]

        jit.repeat(builder, count, fill, [slot, row])
        builder.ret_void()
        return function

    def _write_clear(self):
        """Return the function (place, floats apart, count): writes `count` zeros."""
        jit = self._jit
        function, builder = jit.function(self.module, "clear", jit.pointer, jit.long, jit.long)
        place, apart, count = function.args

        def clear(_n, carried):
            builder.store(jit.real(0.0), carried[0])
            return [jit.at(builder, carried[0], apart)]

        jit.repeat(builder, count, clear, [place])
        builder.ret_void()
        return function
