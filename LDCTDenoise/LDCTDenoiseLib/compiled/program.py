"""A plan in LLVM's language: all steps go down the image together, each as many rows behind as the plan says."""

from .block import PIXELS, BlockWriter, Words
from .plan import Plan, Step

#: Floats before the first pixel of a row in memory: zeros, and the alignment of cache lines.
MARGIN = 16
#: The name of the function that `write_program` writes.
NAME = "correct"


def stride_of(width: int) -> int:
    """Return the floats from a row in memory to the next: zeros on either side, a whole number of blocks."""
    return MARGIN + -(-width // PIXELS) * PIXELS + MARGIN


def scratch_floats(plan: Plan, width: int) -> int:
    """Return how many floats of scratch memory a run needs: a row of zeros, then the rows that are kept."""
    kept = sum(rows * planes for rows, planes in zip(plan.rows, plan.planes, strict=True))
    return (1 + kept) * stride_of(width)


def table_pointers(plan: Plan) -> int:
    """Return how many pointers the table holds that a run fills for each row of a step."""
    return max(step.inputs * step.kernel for step in plan.steps)


def write_program(plan: Plan) -> str:
    """Return a module with the function `correct(image, output, height, width, stride, scratch, table, parameters)`.

    `image` and `output` are rows of `stride` floats, of which `MARGIN` come before the first pixel; those around the
    image must be zero, and so must `scratch` before its first use. Beyond its edges the image, and each layer, is
    zero. `parameters` are those of `plan.parameters_of`.
    """
    return str(_Program(plan).module)


class _Program:
    def __init__(self, plan: Plan):
        words = self._words = Words()
        self._plan = plan
        self.module = words.ir.Module("ldct")
        self._blocks = BlockWriter(self.module)
        long, pointer = words.long, words.pointer
        self._clear, self._fill = self._write_clear(), self._write_fill()
        function, self._builder = words.function(
            self.module, NAME, pointer, pointer, long, long, long, pointer, pointer, pointer
        )
        image, output, self._height, self._width, self._stride, scratch, self._table, parameters = function.args
        self._zeros = self._at(scratch, MARGIN)
        starts, used = [], 1
        for rows, planes in zip(plan.rows, plan.planes, strict=True):
            starts.append(self._at(scratch, self._builder.mul(self._stride, long(used))))
            used += rows * planes
        self._starts = [image, *starts[1:-1], output]
        last = self._builder.add(self._height, long(plan.steps[-1].delay))
        self._repeat(last, lambda time: self._rows_at(time, parameters))
        self._builder.ret_void()

    def _rows_at(self, time, parameters) -> None:
        """Compute the row of each step whose turn it is."""
        builder = self._builder
        for step in self._plan.steps:
            y = builder.sub(time, self._words.long(step.delay))
            # Unsigned: a row above the image is a very large number.
            with builder.if_then(builder.icmp_unsigned("<", y, self._height)):
                self._row(step, y, parameters)
            parameters = self._at(parameters, step.parameters(step.planes))

    def _row(self, step: Step, y, parameters) -> None:
        """Compute the row `y` of a step."""
        builder, long = self._builder, self._words.long
        self._fill_table(step, y)
        target = self._row_of(step.output, y)

        def compute(x) -> None:
            weights, plane = parameters, target
            for planes in step.blocks:
                block = self._blocks.block(step.kernel, planes)
                builder.call(block, [plane, self._table, x, long(step.inputs), self._stride, long(0), weights])
                weights = self._at(weights, step.parameters(planes))
                plane = self._at(plane, builder.mul(self._stride, long(planes)))

        self._repeat(self._width, compute, PIXELS)
        # The last block may have gone beyond the image, where the next step has to find a zero.
        builder.call(self._clear, [self._at(target, self._width), self._stride, long(step.planes)])

    def _fill_table(self, step: Step, y) -> None:
        """Write where the rows of each input are that row `y` is computed from."""
        builder, long = self._builder, self._words.long
        filled = 0
        for source in step.sources:
            for place in range(step.kernel):
                near = builder.add(y, long(place - step.kernel // 2))
                inside = builder.icmp_unsigned("<", near, self._height)
                start = self._at(self._row_of(source.buffer, near), builder.mul(self._stride, long(source.first)))
                start = builder.select(inside, start, self._zeros)
                apart = builder.select(inside, self._stride, long(0))
                slot = builder.gep(self._table, [long(filled * step.kernel + place)], source_etype=self._words.pointer)
                builder.call(self._fill, [slot, long(step.kernel), start, apart, long(source.planes)])
            filled += source.planes

    def _row_of(self, buffer: int, y):
        """Return where the first pixel of a buffer's row is."""
        builder, long = self._builder, self._words.long
        rows, planes = self._plan.rows[buffer], self._plan.planes[buffer]
        kept = builder.and_(y, long(rows - 1)) if rows else y
        floats = builder.add(builder.mul(builder.mul(kept, long(planes)), self._stride), long(MARGIN))
        return self._at(self._starts[buffer], floats)

    def _write_fill(self):
        """Return the function (slot, slots apart, row, floats apart, count): writes where `count` rows are."""
        words = self._words
        long, pointer = words.long, words.pointer
        function, builder = words.function(self.module, "fill", pointer, long, pointer, long, long)
        slot, slots_apart, row, apart, count = function.args

        def fill(_n, carried):
            slot, row = carried
            builder.store(row, slot)
            return [builder.gep(slot, [slots_apart], source_etype=pointer), words.at(builder, row, apart)]

        words.repeat(builder, count, fill, [slot, row])
        builder.ret_void()
        return function

    def _write_clear(self):
        """Return the function (place, floats apart, count): writes `count` zeros."""
        words = self._words
        function, builder = words.function(self.module, "clear", words.pointer, words.long, words.long)
        place, apart, count = function.args

        def clear(_n, carried):
            builder.store(words.real(0.0), carried[0])
            return [words.at(builder, carried[0], apart)]

        words.repeat(builder, count, clear, [place])
        builder.ret_void()
        return function

    def _at(self, pointer, count):
        return self._words.at(self._builder, pointer, count)

    def _repeat(self, stop, write, step: int = 1) -> None:
        self._words.repeat(self._builder, stop, lambda index, _carried: write(index), step=step)
