"""One block of planes of one layer in LLVM's language: the only code that has to be fast.

Sixteen neighbouring pixels of up to six planes are summed in registers over all inputs and all weights of the kernel,
activated and written once. Each weight that is read serves two registers of pixels, each register of pixels six
planes: twelve multiplications and additions for eight reads, so the arithmetic sets the pace. No plane is padded.
"""

import enum

from ..requirements import require

#: Pixels of a register of AVX2, and registers of pixels that are computed together.
LANES = 8
REGISTERS = 2
#: Pixels that a block computes.
PIXELS = LANES * REGISTERS


class Kind(enum.Enum):
    """What a block's sums begin with, and what is written.

    A training keeps what an activation was given, and in its backward pass adds up what several layers say of a plane.
    """

    ACTIVATE = "biases; the activated sums"
    KEEP = "biases; the activated sums, and the sums themselves `kept` floats from there"
    WRITE = "zeros; the sums"
    ADD = "what is there; the sums"

    @property
    def has_biases(self) -> bool:
        return self in (Kind.ACTIVATE, Kind.KEEP)


class Words:
    """LLVM's types, and the phrases that are said again and again."""

    def __init__(self):
        ir = self.ir = require("llvmlite.ir")
        self.real, self.long, self.int, self.pointer = ir.FloatType(), ir.IntType(64), ir.IntType(32), ir.PointerType()
        self.vector = ir.VectorType(self.real, LANES)
        self.zeros = ir.Constant(self.vector, [0.0] * LANES)

    def function(self, module, name: str, *arguments):
        """Return a function that returns nothing, and a builder at its beginning."""
        kind = self.ir.FunctionType(self.ir.VoidType(), arguments)
        function = self.ir.Function(module, kind, name)
        return function, self.ir.IRBuilder(function.append_basic_block("entry"))

    def fused(self, module):
        """Return the function x * y + z of registers; fused where the processor can, with one rounding less."""
        kind = self.ir.FunctionType(self.vector, [self.vector] * 3)
        name = f"llvm.fmuladd.v{LANES}f32"
        return module.globals.get(name) or self.ir.Function(module, kind, name)

    def at(self, builder, pointer, count):
        """Return the pointer `count` floats on."""
        count = self.long(count) if isinstance(count, int) else count
        return builder.gep(pointer, [count], source_etype=self.real)

    def read(self, builder, pointer, count=0):
        """Return the register of pixels that is `count` floats on."""
        return builder.load(self.at(builder, pointer, count), align=4, typ=self.vector)

    def write(self, builder, value, pointer, count=0) -> None:
        builder.store(value, self.at(builder, pointer, count), align=4)

    def splat(self, builder, pointer, count=0):
        """Return a register full of the float that is `count` floats on."""
        value = builder.load(self.at(builder, pointer, count), align=4, typ=self.real)
        empty = self.ir.Constant(self.vector, self.ir.Undefined)
        first = builder.insert_element(empty, value, self.int(0))
        return builder.shuffle_vector(first, empty, self.ir.Constant(self.ir.VectorType(self.int, LANES), [0] * LANES))

    def activated(self, builder, value, slope):
        """Return a register after its activation."""
        positive = builder.fcmp_ordered(">", value, self.zeros)
        return builder.select(positive, value, builder.fmul(value, slope))

    def repeat(self, builder, stop, write, carried=(), step: int = 1) -> list:
        """Repeat what `write(index, carried)` writes for 0, step, 2 * step ... below `stop`, at least once.

        Parameters
        ----------
        builder : llvmlite.ir.IRBuilder
            Afterwards it stands behind the loop.
        stop : value
        write : callable
            Takes the index and the carried values, and returns them as they are for the next time, or None for none.
        carried : sequence of values
            What the first time begins with.

        Returns
        -------
        list
            The carried values after the last time.
        """
        before, body = builder.block, builder.append_basic_block("loop")
        builder.branch(body)
        builder.position_at_end(body)
        starts = [self.long(0), *carried]
        phis = [builder.phi(start.type) for start in starts]
        following = [builder.add(phis[0], self.long(step)), *(write(phis[0], phis[1:]) or ())]
        for phi, start, value in zip(phis, starts, following, strict=True):
            phi.add_incoming(start, before)
            phi.add_incoming(value, builder.block)
        after = builder.append_basic_block("after")
        builder.cbranch(builder.icmp_unsigned("<", following[0], stop), body, after)
        builder.position_at_end(after)
        return following[1:]


class BlockWriter:
    """Writes the functions of blocks into a module, each once.

    Parameters
    ----------
    module : llvmlite.ir.Module
    """

    def __init__(self, module):
        self._module, self._words = module, Words()
        self._functions: dict[tuple, object] = {}

    def block(self, kernel: int, planes: int, kind: Kind = Kind.ACTIVATE):
        """Return the function of a block.

        It takes (output, rows, x, reads, stride, kept, parameters): where the first plane of the output's row begins;
        a table of pointers to the rows that are read, of each plane's as many as the kernel has; the first pixel; how
        many rows that is; floats from a plane of the output's row to the next; see `Kind.KEEP`; and the block's weights
        of `kernel` columns a row, then, where it begins with them, biases and slopes (`plan.block_parameters`).
        """
        if (kernel, planes, kind) not in self._functions:
            self._functions[kernel, planes, kind] = self._write(kernel, planes, kind)
        return self._functions[kernel, planes, kind]

    def _write(self, kernel: int, planes: int, kind: Kind):
        words = self._words
        long, pointer = words.long, words.pointer
        function, builder = words.function(
            self._module, f"block_{kernel}_{planes}_{kind.name}", pointer, pointer, long, long, long, long, pointer
        )
        function.linkage = "internal"
        function.attributes.add("noinline")
        output, rows, x, reads, stride, kept, weights = function.args
        output.add_attribute("noalias")
        fused = words.fused(self._module)
        places = [(plane, n) for plane in range(planes) for n in range(REGISTERS)]
        targets = [words.at(builder, output, x)]
        for _ in range(1, planes):
            targets.append(words.at(builder, targets[-1], stride))
        biases = words.at(builder, weights, builder.mul(reads, long(kernel * planes)))

        def start(plane: int, n: int):
            if kind.has_biases:
                return words.splat(builder, biases, plane)
            return words.read(builder, targets[plane], n * LANES) if kind is Kind.ADD else words.zeros

        def add_row(_count, carried):
            table, weight, *sums = carried
            pixels = words.at(builder, builder.load(table, typ=pointer), x)
            for column in range(kernel):
                first = column - kernel // 2
                values = [words.read(builder, pixels, first + n * LANES) for n in range(REGISTERS)]
                for plane in range(planes):
                    factor = words.splat(builder, weight, column * planes + plane)
                    for n, value in enumerate(values):
                        place = plane * REGISTERS + n
                        sums[place] = builder.call(fused, [factor, value, sums[place]])
            table = builder.gep(table, [long(1)], source_etype=pointer)
            return [table, words.at(builder, weight, kernel * planes), *sums]

        starts = [rows, weights, *(start(*place) for place in places)]
        sums = words.repeat(builder, reads, add_row, starts)[2:]
        for (plane, n), value in zip(places, sums, strict=True):
            if kind.has_biases:
                slope = words.splat(builder, biases, planes + plane)
                if kind is Kind.KEEP:
                    words.write(builder, value, words.at(builder, targets[plane], kept), n * LANES)
                value = words.activated(builder, value, slope)
            words.write(builder, value, targets[plane], n * LANES)
        builder.ret_void()
        return function
