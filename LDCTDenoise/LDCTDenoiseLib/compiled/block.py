"""One block of channels of one layer in LLVM's language: the only code that has to be fast.

Some neighbouring pixels of some channels (`Shape`) are summed in registers over all inputs and all weights of the
kernel, activated and written once. With AVX2 each weight that is read serves two registers of pixels, each register of
pixels six channels: twelve multiplications and additions for eight reads, so the arithmetic sets the pace. No channel
is padded.
"""

import enum
from dataclasses import dataclass

from ..requirements import require
from .plan import shares


@dataclass(frozen=True)
class Shape:
    """How much a block computes at once, so that all sums stay in registers."""

    lanes: int  #: Pixels of a register.
    registers: int  #: Registers of pixels that are computed together.
    most: int  #: Channels that are computed together, at most.

    @property
    def pixels(self) -> int:
        """Pixels that a block computes."""
        return self.lanes * self.registers

    def blocks(self, channels: int) -> list[int]:
        """Return the channels of each block of a layer."""
        return shares(channels, self.most)


#: With AVX2: twelve sums, with the two registers of the input and one weight fifteen of sixteen. With AVX-512:
#: twenty-four, with the input two of the other eight.
AVX2, AVX512 = Shape(8, 2, 6), Shape(16, 2, 12)
#: The same of sixteen pixels, of which a patch's 80 are a multiple.
AVX512_PATCH = Shape(16, 1, 12)


class Kind(enum.Enum):
    """What a block's sums begin with, and what is written.

    A training keeps what an activation was given, and in its backward pass adds up what layers say of a channel.
    """

    ACTIVATE = "biases; the activated sums"
    KEEP = "biases; the activated sums, and the sums themselves `kept` floats from there"
    WRITE = "zeros; the sums"
    ADD = "what is there; the sums"

    @property
    def has_biases(self) -> bool:
        return self in (Kind.ACTIVATE, Kind.KEEP)


class Jit:
    """LLVM's types, and the phrases that are said again and again."""

    def __init__(self, shape: Shape):
        self.shape = shape
        ir = self.ir = require("llvmlite.ir")
        self.real, self.long, self.int, self.pointer = ir.FloatType(), ir.IntType(64), ir.IntType(32), ir.PointerType()
        self.vector = ir.VectorType(self.real, shape.lanes)
        self.zeros = ir.Constant(self.vector, [0.0] * shape.lanes)

    def function(self, module, name: str, *arguments):
        """Return a function that returns nothing, and a builder at its beginning."""
        kind = self.ir.FunctionType(self.ir.VoidType(), arguments)
        function = self.ir.Function(module, kind, name)
        return function, self.ir.IRBuilder(function.append_basic_block("entry"))

    def fused(self, module):
        """Return the function x * y + z of registers; fused where the processor can, with one rounding less."""
        kind = self.ir.FunctionType(self.vector, [self.vector] * 3)
        name = f"llvm.fmuladd.v{self.shape.lanes}f32"
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
        lanes = self.shape.lanes
        return builder.shuffle_vector(first, empty, self.ir.Constant(self.ir.VectorType(self.int, lanes), [0] * lanes))

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
    shape : Shape
    """

    def __init__(self, module, shape: Shape):
        self._module, self.jit = module, Jit(shape)
        self._functions: dict[tuple, object] = {}

    def block(self, kernel: int, channels: int, kind: Kind = Kind.ACTIVATE):
        """Return the function of a block.

        It takes (output, rows, x, reads, stride, kept, parameters): where the first channel of the output's row begins;
        a table of pointers to the rows that are read, of each channel's as many as the kernel has; the first pixel; how
        many rows that is; floats from a channel of the output to the next; see `Kind.KEEP`; and the block's weights
        of `kernel` columns a row, then, where it begins with them, biases and slopes (`plan.block_parameters`).
        """
        if (kernel, channels, kind) not in self._functions:
            self._functions[kernel, channels, kind] = self._write(kernel, channels, kind)
        return self._functions[kernel, channels, kind]

    def _write(self, kernel: int, channels: int, kind: Kind):
        jit = self.jit
        long, pointer = jit.long, jit.pointer
        function, builder = jit.function(
            self._module, f"block_{kernel}_{channels}_{kind.name}", pointer, pointer, long, long, long, long, pointer
        )
        function.linkage = "internal"
        function.attributes.add("noinline")
        output, rows, x, reads, stride, kept, weights = function.args
        output.add_attribute("noalias")
        fused = jit.fused(self._module)
        lanes, registers = jit.shape.lanes, jit.shape.registers
        places = [(channel, n) for channel in range(channels) for n in range(registers)]
        targets = [jit.at(builder, output, x)]
        for _ in range(1, channels):
            targets.append(jit.at(builder, targets[-1], stride))
        biases = jit.at(builder, weights, builder.mul(reads, long(kernel * channels)))

        def start(channel: int, n: int):
            if kind.has_biases:
                return jit.splat(builder, biases, channel)
            return jit.read(builder, targets[channel], n * lanes) if kind is Kind.ADD else jit.zeros

        def add_row(_count, carried):
            table, weight, *sums = carried
            pixels = jit.at(builder, builder.load(table, typ=pointer), x)
            for column in range(kernel):
                first = column - kernel // 2
                values = [jit.read(builder, pixels, first + n * lanes) for n in range(registers)]
                for channel in range(channels):
                    factor = jit.splat(builder, weight, column * channels + channel)
                    for n, value in enumerate(values):
                        place = channel * registers + n
                        sums[place] = builder.call(fused, [factor, value, sums[place]])
            table = builder.gep(table, [long(1)], source_etype=pointer)
            return [table, jit.at(builder, weight, kernel * channels), *sums]

        starts = [rows, weights, *(start(*place) for place in places)]
        sums = jit.repeat(builder, reads, add_row, starts)[2:]
        for (channel, n), value in zip(places, sums, strict=True):
            if kind.has_biases:
                slope = jit.splat(builder, biases, channels + channel)
                if kind is Kind.KEEP:
                    jit.write(builder, value, jit.at(builder, targets[channel], kept), n * lanes)
                value = jit.activated(builder, value, slope)
            jit.write(builder, value, targets[channel], n * lanes)
        builder.ret_void()
        return function
