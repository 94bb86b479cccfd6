"""A plan in LLVM's language: all steps go down the image together, each as many rows behind as the plan says."""

import contextlib

from ..requirements import require
from .block import PIXELS, BlockWriter
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
        ir = require("llvmlite.ir")
        self._ir, self._plan = ir, plan
        self.module = ir.Module("ldct")
        self._blocks = BlockWriter(self.module)
        long, pointer = ir.IntType(64), ir.PointerType()
        self._long, self._pointer, self._real = long, pointer, ir.FloatType()
        kind = ir.FunctionType(ir.VoidType(), [pointer, pointer, long, long, long, pointer, pointer, pointer])
        function = ir.Function(self.module, kind, NAME)
        image, output, self._height, self._width, self._stride, scratch, self._table, parameters = function.args
        self._builder = ir.IRBuilder(function.append_basic_block("entry"))
        self._zeros = self._at(scratch, long(MARGIN))
        starts, used = [], 1
        for rows, planes in zip(plan.rows, plan.planes, strict=True):
            starts.append(self._at(scratch, self._builder.mul(self._stride, long(used))))
            used += rows * planes
        self._starts = [image, *starts[1:-1], output]
        last = self._builder.add(self._height, long(plan.steps[-1].delay))
        with self._loop(last) as time:
            for step in plan.steps:
                y = self._builder.sub(time, long(step.delay))
                # Unsigned: a row above the image is a very large number.
                with self._builder.if_then(self._builder.icmp_unsigned("<", y, self._height)):
                    self._row(step, y, parameters)
                size = step.inputs * step.kernel**2 + 2
                parameters = self._at(parameters, long(size * step.planes))
        self._builder.ret_void()

    def _row(self, step: Step, y, parameters) -> None:
        """Compute the row `y` of a step."""
        builder, long = self._builder, self._long
        self._fill_table(step, y)
        target = self._row_of(step.output, y)
        inputs = long(step.inputs)
        with self._loop(self._width, PIXELS) as x:
            weights, plane = parameters, target
            for planes in step.blocks:
                block = self._blocks.block(step.kernel, planes)
                builder.call(block, [plane, self._table, x, inputs, self._stride, weights])
                weights = self._at(weights, long((step.inputs * step.kernel**2 + 2) * planes))
                plane = self._at(plane, builder.mul(self._stride, long(planes)))
        # The last block may have gone beyond the image, where the next step has to find a zero.
        edge = self._at(target, self._width)
        with self._loop(long(step.planes)) as n:
            builder.store(self._real(0.0), self._at(edge, builder.mul(n, self._stride)))

    def _fill_table(self, step: Step, y) -> None:
        """Write where the rows of each input are that row `y` is computed from."""
        builder, long = self._builder, self._long
        filled = 0
        for source in step.sources:
            for place in range(step.kernel):
                near = builder.add(y, long(place - step.kernel // 2))
                inside = builder.icmp_unsigned("<", near, self._height)
                start = self._at(self._row_of(source.buffer, near), builder.mul(self._stride, long(source.first)))
                start = builder.select(inside, start, self._zeros)
                apart = builder.select(inside, self._stride, long(0))
                with self._loop(long(source.planes)) as n:
                    slot = builder.add(builder.mul(n, long(step.kernel)), long(filled * step.kernel + place))
                    row = self._at(start, builder.mul(n, apart))
                    builder.store(row, builder.gep(self._table, [slot], source_etype=self._pointer))
            filled += source.planes

    def _row_of(self, buffer: int, y):
        """Return where the first pixel of a buffer's row is."""
        builder, long = self._builder, self._long
        rows, planes = self._plan.rows[buffer], self._plan.planes[buffer]
        kept = builder.and_(y, long(rows - 1)) if rows else y
        floats = builder.add(builder.mul(builder.mul(kept, long(planes)), self._stride), long(MARGIN))
        return self._at(self._starts[buffer], floats)

    def _at(self, pointer, count):
        return self._builder.gep(pointer, [count], source_etype=self._real)

    @contextlib.contextmanager
    def _loop(self, stop, step: int = 1):
        """Repeat what is written inside for 0, step, 2 * step ... below `stop`, at least once."""
        builder, long = self._builder, self._long
        before, body = builder.block, builder.append_basic_block("loop")
        builder.branch(body)
        builder.position_at_end(body)
        index = builder.phi(long)
        yield index
        following = builder.add(index, long(step))
        index.add_incoming(long(0), before)
        index.add_incoming(following, builder.block)
        after = builder.append_basic_block("after")
        builder.cbranch(builder.icmp_unsigned("<", following, stop), body, after)
        builder.position_at_end(after)
