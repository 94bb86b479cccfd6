"""Each layer of a plan, forward and backward over a whole patch, in LLVM's language.

The gradient of what a layer read is a convolution too, of the flipped kernels, and is computed by the same blocks. The
gradient of a weight is the sum over all pixels of the gradient there times the pixel beside it: twelve of them at a
time are summed in registers, four planes of the gradient by three of what was read, or by three neighbours in a row.
"""

import functools

from LDCTDenoiseLib.compiled.block import LANES, PIXELS, BlockWriter, Kind, Words
from LDCTDenoiseLib.compiled.machine import ADDRESS, NUMBER, CompiledProgram, compile_program
from LDCTDenoiseLib.compiled.plan import MOST_PLANES, Plan, Source, Step, shares

#: Planes of a gradient, and of what was read, whose products are summed together.
GRADIENTS, READ = 4, 3
#: Rows that all planes go through together, so that they are found in the nearest cache.
_ROWS = 16


def back_kind(plan: Plan, number: int, source: Source) -> Kind:
    """Return whether a step's backward pass is the first to write the gradient of a source, steps taken backward."""
    later = [s for step in plan.steps[number + 1 :] for s in step.sources]
    return Kind.ADD if any((s.buffer, s.first) == (source.buffer, source.first) for s in later) else Kind.WRITE


@functools.lru_cache(maxsize=8)
def compile_passes(plan: Plan, keeps: bool) -> CompiledProgram:
    """Return the passes of a plan, compiled; n and s number the steps and their sources; `keeps` as in a `Layout`.

    - `forward_n(output, table, height, width, stride, row, kept, parameters)`
    - `back_n_s(output, table, height, width, stride, row, kept, parameters)`: to the gradient of a source; not for the
      image, whose gradient nobody needs
    - `weights_n_s(gradient, source, height, width, stride, gradient_row, source_row, result)`
    - `activation(gradient, before, height, width, stride, row, planes, slopes, result)`: changes a gradient into that
      of what it was before the activation
    """
    writer = _Passes()
    layer = (ADDRESS, ADDRESS, *[NUMBER] * 5, ADDRESS)
    signatures = {"activation": (ADDRESS, ADDRESS, *[NUMBER] * 5, ADDRESS, ADDRESS)}
    for n, step in enumerate(plan.steps):
        writer.layer(f"forward_{n}", step.kernel, step.inputs, step.planes, Kind.KEEP if keeps else Kind.ACTIVATE)
        signatures[f"forward_{n}"] = layer
        for s, source in enumerate(step.sources):
            writer.weights(f"weights_{n}_{s}", step, source)
            signatures[f"weights_{n}_{s}"] = layer
            if source.buffer:
                writer.layer(f"back_{n}_{s}", step.kernel, step.planes, source.planes, back_kind(plan, n, source))
                signatures[f"back_{n}_{s}"] = layer
    writer.activation("activation")
    return compile_program(str(writer.module), signatures)


def products(step: Step, source: Source) -> list[list[tuple[int, int]]]:
    """Return in which order the sums of a `weights` pass lie in its result, each `LANES` floats.

    Returns
    -------
    list of list of tuple
        For each pass over some pixels, of which there are many, its sums: the weight's place in what the step writes,
        and in what it reads there, `(plane * kernel + row) * kernel + column`.
    """
    found, first = [], 0
    for gradients in shares(step.planes, GRADIENTS):
        planes = range(first, first + gradients)
        first += gradients
        if step.kernel == 1:
            groups = [range(n, min(n + READ, source.planes)) for n in range(0, source.planes, READ)]
        else:
            groups = [range(n, n + step.kernel) for n in range(0, source.planes * step.kernel**2, step.kernel)]
        found += [[(plane, read) for plane in planes for read in group] for group in groups]
    return found


class _Passes:
    def __init__(self):
        self._words = Words()
        self.module = self._words.ir.Module("ldct_training")
        self._blocks = BlockWriter(self.module)
        self._sums: dict[tuple[int, int], object] = {}

    def layer(self, name: str, kernel: int, inputs: int, planes: int, kind: Kind) -> None:
        words = self._words
        long, pointer = words.long, words.pointer
        function, builder = words.function(
            self.module, name, pointer, pointer, long, long, long, long, long, pointer
        )
        output, table, height, width, stride, row, kept, parameters = function.args

        def rows(_y, carried):
            target, here = carried

            def pixels(x, _carried):
                plane, weights = target, parameters
                for count in shares(planes, MOST_PLANES):
                    block = self._blocks.block(kernel, count, kind)
                    builder.call(block, [plane, here, x, long(inputs * kernel), stride, kept, weights])
                    size = inputs * kernel**2 + (2 if kind.has_biases else 0)
                    weights = words.at(builder, weights, size * count)
                    plane = words.at(builder, plane, builder.mul(stride, long(count)))

            words.repeat(builder, width, pixels, step=PIXELS)
            following = builder.gep(here, [long(inputs * kernel)], source_etype=pointer)
            return [words.at(builder, target, row), following]

        words.repeat(builder, height, rows, [output, table])
        builder.ret_void()

    def activation(self, name: str) -> None:
        words = self._words
        long, pointer = words.long, words.pointer
        function, builder = words.function(
            self.module, name, pointer, pointer, long, long, long, long, long, pointer, pointer
        )
        gradient, before, height, width, stride, row, planes, slopes, result = function.args

        def plane(n, carried):
            gradient, before = carried
            slope = words.splat(builder, slopes, n)

            def rows(_y, carried):
                gradient_here, before_here, *sums = carried

                def pixels(x, sums):
                    inward = words.read(builder, gradient_here, x)
                    value = words.read(builder, before_here, x)
                    positive = builder.fcmp_ordered(">", value, words.zeros)
                    outward = builder.select(positive, inward, builder.fmul(inward, slope))
                    words.write(builder, outward, gradient_here, x)
                    turned = builder.select(positive, words.zeros, builder.fmul(inward, value))
                    return [builder.fadd(sums[0], outward), builder.fadd(sums[1], turned)]

                sums = words.repeat(builder, width, pixels, sums, LANES)
                return [words.at(builder, gradient_here, row), words.at(builder, before_here, row), *sums]

            _, _, bias, turned = words.repeat(builder, height, rows, [gradient, before, words.zeros, words.zeros])
            place = words.at(builder, result, builder.mul(n, long(2 * LANES)))
            words.write(builder, bias, place)
            words.write(builder, turned, place, LANES)
            return [words.at(builder, gradient, stride), words.at(builder, before, stride)]

        words.repeat(builder, planes, plane, [gradient, before])
        builder.ret_void()

    def weights(self, name: str, step: Step, source: Source) -> None:
        words, kernel = self._words, step.kernel
        long, pointer = words.long, words.pointer
        function, builder = words.function(
            self.module, name, pointer, pointer, long, long, long, long, long, pointer
        )
        gradient, read, height, width, stride, gradient_row, read_row, result = function.args

        def some_rows(y, _carried):
            left = builder.sub(height, y)
            count = builder.select(builder.icmp_unsigned("<", left, long(_ROWS)), left, long(_ROWS))
            here = words.at(builder, gradient, builder.mul(y, gradient_row))
            # From the pixel above and to the left, where the kernel is larger than one.
            around = words.at(builder, read, builder.mul(builder.sub(y, long(kernel // 2)), read_row))
            around = words.at(builder, around, -(kernel // 2))
            target = result

            def sums(gradients: int, reads: int, apart, target, around):
                arguments = [here, gradient_row, stride, around, read_row, apart, count, width, target]
                builder.call(self._sums_of(gradients, reads), arguments)
                return words.at(builder, target, gradients * reads * LANES)

            for gradients in shares(step.planes, GRADIENTS):
                if kernel == 1:
                    full, rest = divmod(source.planes, READ)

                    def group(_n, carried, gradients=gradients):
                        around, target = carried
                        target = sums(gradients, READ, stride, target, around)
                        return [words.at(builder, around, builder.mul(stride, long(READ))), target]

                    place = around
                    if full:
                        place, target = words.repeat(builder, long(full), group, [place, target])
                    if rest:
                        target = sums(gradients, rest, stride, target, place)
                else:

                    def plane(_n, carried, gradients=gradients):
                        around, target = carried
                        place = around
                        for _ in range(kernel):
                            target = sums(gradients, kernel, long(1), target, place)
                            place = words.at(builder, place, read_row)
                        return [words.at(builder, around, stride), target]

                    _, target = words.repeat(builder, long(source.planes), plane, [around, target])
                here = words.at(builder, here, builder.mul(stride, long(gradients)))

        words.repeat(builder, height, some_rows, step=_ROWS)
        builder.ret_void()

    def _sums_of(self, gradients: int, reads: int):
        """Return the function that adds, to a result, the sums of products of some planes over some rows."""
        key = gradients, reads
        if key not in self._sums:
            self._sums[key] = self._write_sums(gradients, reads)
        return self._sums[key]

    def _write_sums(self, gradients: int, reads: int):
        words = self._words
        long, pointer = words.long, words.pointer
        function, builder = words.function(
            self.module, f"sums_{gradients}_{reads}", pointer, long, long, pointer, long, long, long, long, pointer
        )
        function.linkage = "internal"
        function.attributes.add("noinline")
        gradient, gradient_row, stride, read, read_row, apart, height, width, result = function.args
        fused = words.fused(self.module)

        def rows(_y, carried):
            gradient_here, read_here, *sums = carried

            def pixels(x, sums):
                sums = list(sums)
                places = [words.at(builder, read_here, x)]
                for _ in range(1, reads):
                    places.append(words.at(builder, places[-1], apart))
                planes = [words.at(builder, gradient_here, x)]
                for _ in range(1, gradients):
                    planes.append(words.at(builder, planes[-1], stride))
                for first in range(0, PIXELS, LANES):
                    values = [words.read(builder, place, first) for place in places]
                    for n, plane in enumerate(planes):
                        factor = words.read(builder, plane, first)
                        for m, value in enumerate(values):
                            sums[n * reads + m] = builder.call(fused, [factor, value, sums[n * reads + m]])
                return sums

            sums = words.repeat(builder, width, pixels, sums, PIXELS)
            return [words.at(builder, gradient_here, gradient_row), words.at(builder, read_here, read_row), *sums]

        starts = [gradient, read, *[words.zeros] * (gradients * reads)]
        for n, value in enumerate(words.repeat(builder, height, rows, starts)[2:]):
            words.write(builder, builder.fadd(words.read(builder, result, n * LANES), value), result, n * LANES)
        builder.ret_void()
        return function
