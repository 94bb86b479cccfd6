"""Each layer of a plan, forward and backward over a whole patch, in LLVM's language.

The gradient of what a layer read is a convolution too, of the flipped kernels, and is computed by the same blocks. The
gradient of a weight is the sum over all pixels of the gradient there times the pixel beside it: twelve of them at a
time are summed in registers, four channels of the gradient by three of what was read, or by three neighbours in a row.
"""

import functools

from LDCTDenoiseLib.compiled.block import BlockWriter, Kind, Shape
from LDCTDenoiseLib.compiled.machine import ADDRESS, NUMBER, CompiledProgram, compile_program
from LDCTDenoiseLib.compiled.plan import Plan, Source, Step, shares
from LDCTDenoiseLib.requirements import require

#: Channels of a gradient, and of what was read, whose products are summed together.
GRADIENTS, READ = 4, 3
#: Rows that all channels go through together, so that they are found in the nearest cache.
_ROWS = 16


def back_kind(plan: Plan, number: int, source: Source) -> Kind:
    """Return whether a step's backward pass is the first to write the gradient of a source, steps taken backward."""
    later = [s for step in plan.steps[number + 1 :] for s in step.sources]
    return Kind.ADD if any((s.buffer, s.first) == (source.buffer, source.first) for s in later) else Kind.WRITE


@functools.lru_cache(maxsize=8)
def compile_passes(plan: Plan, keeps: bool, shape: Shape) -> CompiledProgram:
    """Return the passes of a plan, compiled; n and s number the steps and their sources; `keeps` as in a `Layout`.

    - `forward_n(output, table, height, width, stride, row, kept, parameters)`
    - `back_n_s(output, table, height, width, stride, row, kept, parameters)`: to the gradient of a source; not for the
      image, whose gradient nobody needs
    - `weights_n_s(gradient, source, height, width, stride, gradient_row, source_row, result)`
    - `activation(gradient, before, height, width, stride, row, channels, slopes, result)`: changes a gradient into that
      of what it was before the activation
    """
    writer = _Passes(shape)
    layer = (ADDRESS, ADDRESS, *[NUMBER] * 5, ADDRESS)
    signatures = {"activation": (ADDRESS, ADDRESS, *[NUMBER] * 5, ADDRESS, ADDRESS)}
    for n, step in enumerate(plan.steps):
        writer.layer(f"forward_{n}", step.kernel, step.inputs, step.channels, Kind.KEEP if keeps else Kind.ACTIVATE)
        signatures[f"forward_{n}"] = layer
        for s, source in enumerate(step.sources):
            writer.weights(f"weights_{n}_{s}", step, source)
            signatures[f"weights_{n}_{s}"] = layer
            if source.buffer:
                writer.layer(f"back_{n}_{s}", step.kernel, step.channels, source.channels, back_kind(plan, n, source))
                signatures[f"back_{n}_{s}"] = layer
    writer.activation("activation")
    return compile_program(str(writer.module), signatures)


def products(step: Step, source: Source) -> list[list[tuple[int, int]]]:
    """Return in which order the sums of a `weights` pass lie in its result, each a register.

    Returns
    -------
    list of list of tuple
        For each pass over some pixels, of which there are many, its sums: the weight's place in what the step writes,
        and in what it reads there, `(channel * kernel + row) * kernel + column`.
    """
    found, first = [], 0
    for gradients in shares(step.channels, GRADIENTS):
        channels = range(first, first + gradients)
        first += gradients
        if step.kernel == 1:
            groups = [range(n, min(n + READ, source.channels)) for n in range(0, source.channels, READ)]
        else:
            groups = [range(n, n + step.kernel) for n in range(0, source.channels * step.kernel**2, step.kernel)]
        found += [[(channel, read) for channel in channels for read in group] for group in groups]
    return found


class _Passes:
    def __init__(self, shape: Shape):
        self._shape = shape
        self.module = require("llvmlite.ir").Module("ldct_training")
        self._blocks = BlockWriter(self.module, shape)
        self._jit = self._blocks.jit
        self._sums: dict[tuple[int, int], object] = {}

    def layer(self, name: str, kernel: int, inputs: int, channels: int, kind: Kind) -> None:
        jit = self._jit
        long, pointer = jit.long, jit.pointer
        function, builder = jit.function(
            self.module, name, pointer, pointer, long, long, long, long, long, pointer
        )
        output, table, height, width, stride, row, kept, parameters = function.args

        def rows(_y, carried):
            target, here = carried

            def pixels(x, _carried):
                channel, weights = target, parameters
                for count in self._shape.blocks(channels):
                    block = self._blocks.block(kernel, count, kind)
                    builder.call(block, [channel, here, x, long(inputs * kernel), stride, kept, weights])
                    size = inputs * kernel**2 + (2 if kind.has_biases else 0)
                    weights = jit.at(builder, weights, size * count)
                    channel = jit.at(builder, channel, builder.mul(stride, long(count)))

            jit.repeat(builder, width, pixels, step=self._shape.pixels)
            following = builder.gep(here, [long(inputs * kernel)], source_etype=pointer)
            return [jit.at(builder, target, row), following]

        jit.repeat(builder, height, rows, [output, table])
        builder.ret_void()

    def activation(self, name: str) -> None:
        jit = self._jit
        long, pointer = jit.long, jit.pointer
        function, builder = jit.function(
            self.module, name, pointer, pointer, long, long, long, long, long, pointer, pointer
        )
        gradient, before, height, width, stride, row, channels, slopes, result = function.args

        def channel(n, carried):
            gradient, before = carried
            slope = jit.splat(builder, slopes, n)

            def rows(_y, carried):
                gradient_here, before_here, *sums = carried

                def pixels(x, sums):
                    inward = jit.read(builder, gradient_here, x)
                    value = jit.read(builder, before_here, x)
                    positive = builder.fcmp_ordered(">", value, jit.zeros)
                    outward = builder.select(positive, inward, builder.fmul(inward, slope))
                    jit.write(builder, outward, gradient_here, x)
                    turned = builder.select(positive, jit.zeros, builder.fmul(inward, value))
                    return [builder.fadd(sums[0], outward), builder.fadd(sums[1], turned)]

                sums = jit.repeat(builder, width, pixels, sums, self._shape.lanes)
                return [jit.at(builder, gradient_here, row), jit.at(builder, before_here, row), *sums]

            _, _, bias, turned = jit.repeat(builder, height, rows, [gradient, before, jit.zeros, jit.zeros])
            place = jit.at(builder, result, builder.mul(n, long(2 * self._shape.lanes)))
            jit.write(builder, bias, place)
            jit.write(builder, turned, place, self._shape.lanes)
            return [jit.at(builder, gradient, stride), jit.at(builder, before, stride)]

        jit.repeat(builder, channels, channel, [gradient, before])
        builder.ret_void()

    def weights(self, name: str, step: Step, source: Source) -> None:
        jit, kernel = self._jit, step.kernel
        long, pointer = jit.long, jit.pointer
        function, builder = jit.function(
            self.module, name, pointer, pointer, long, long, long, long, long, pointer
        )
        gradient, read, height, width, stride, gradient_row, read_row, result = function.args

        def some_rows(y, _carried):
            left = builder.sub(height, y)
            count = builder.select(builder.icmp_unsigned("<", left, long(_ROWS)), left, long(_ROWS))
            here = jit.at(builder, gradient, builder.mul(y, gradient_row))
            # From the pixel above and to the left, where the kernel is larger than one.
            around = jit.at(builder, read, builder.mul(builder.sub(y, long(kernel // 2)), read_row))
            around = jit.at(builder, around, -(kernel // 2))
            target = result

            def sums(gradients: int, reads: int, apart, target, around):
                arguments = [here, gradient_row, stride, around, read_row, apart, count, width, target]
                builder.call(self._sums_of(gradients, reads), arguments)
                return jit.at(builder, target, gradients * reads * self._shape.lanes)

            for gradients in shares(step.channels, GRADIENTS):
                if kernel == 1:
                    full, rest = divmod(source.channels, READ)

                    def group(_n, carried, gradients=gradients):
                        around, target = carried
                        target = sums(gradients, READ, stride, target, around)
                        return [jit.at(builder, around, builder.mul(stride, long(READ))), target]

                    place = around
                    if full:
                        place, target = jit.repeat(builder, long(full), group, [place, target])
                    if rest:
                        target = sums(gradients, rest, stride, target, place)
                else:

                    def channel(_n, carried, gradients=gradients):
                        around, target = carried
                        place = around
                        for _ in range(kernel):
                            target = sums(gradients, kernel, long(1), target, place)
                            place = jit.at(builder, place, read_row)
                        return [jit.at(builder, around, stride), target]

                    _, target = jit.repeat(builder, long(source.channels), channel, [around, target])
                here = jit.at(builder, here, builder.mul(stride, long(gradients)))

        jit.repeat(builder, height, some_rows, step=_ROWS)
        builder.ret_void()

    def _sums_of(self, gradients: int, reads: int):
        """Return the function that adds, to a result, the sums of products of some channels over some rows."""
        key = gradients, reads
        if key not in self._sums:
            self._sums[key] = self._write_sums(gradients, reads)
        return self._sums[key]

    def _write_sums(self, gradients: int, reads: int):
        jit = self._jit
        long, pointer = jit.long, jit.pointer
        function, builder = jit.function(
            self.module, f"sums_{gradients}_{reads}", pointer, long, long, pointer, long, long, long, long, pointer
        )
        function.linkage = "internal"
        function.attributes.add("noinline")
        gradient, gradient_row, stride, read, read_row, apart, height, width, result = function.args
        fused = jit.fused(self.module)

        def rows(_y, carried):
            gradient_here, read_here, *sums = carried

            def pixels(x, sums):
                sums = list(sums)
                places = [jit.at(builder, read_here, x)]
                for _ in range(1, reads):
                    places.append(jit.at(builder, places[-1], apart))
                channels = [jit.at(builder, gradient_here, x)]
                for _ in range(1, gradients):
                    channels.append(jit.at(builder, channels[-1], stride))
                for first in range(0, self._shape.pixels, self._shape.lanes):
                    values = [jit.read(builder, place, first) for place in places]
                    for n, channel in enumerate(channels):
                        factor = jit.read(builder, channel, first)
                        for m, value in enumerate(values):
                            sums[n * reads + m] = builder.call(fused, [factor, value, sums[n * reads + m]])
                return sums

            sums = jit.repeat(builder, width, pixels, sums, self._shape.pixels)
            return [jit.at(builder, gradient_here, gradient_row), jit.at(builder, read_here, read_row), *sums]

        lanes = self._shape.lanes
        starts = [gradient, read, *[jit.zeros] * (gradients * reads)]
        for n, value in enumerate(jit.repeat(builder, height, rows, starts)[2:]):
            jit.write(builder, builder.fadd(jit.read(builder, result, n * lanes), value), result, n * lanes)
        builder.ret_void()
        return function
