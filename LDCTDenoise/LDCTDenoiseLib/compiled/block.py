"""One block of planes of one layer in LLVM's language: the only code that has to be fast.

Sixteen neighbouring pixels of up to six planes are summed in registers over all inputs and all weights of the kernel,
activated and written once. Each weight that is read serves two registers of pixels, each register of pixels six
planes: twelve multiplications and additions for eight reads, so the arithmetic sets the pace. No plane is padded.
"""

from ..requirements import require

#: Pixels of a register of AVX2, and registers of pixels that are computed together.
LANES = 8
_REGISTERS = 2
#: Pixels that a block computes.
PIXELS = LANES * _REGISTERS


class BlockWriter:
    """Writes the functions of blocks into a module, each kind once.

    Parameters
    ----------
    module : llvmlite.ir.Module
    """

    def __init__(self, module):
        self._ir = require("llvmlite.ir")
        self._module = module
        self._functions: dict[tuple[int, int], object] = {}
        ir = self._ir
        self._real, self._pointer = ir.FloatType(), ir.PointerType()
        self._long, self._int = ir.IntType(64), ir.IntType(32)
        self._vector = ir.VectorType(self._real, LANES)
        # Fused where the processor can; then there is one rounding less.
        kind = ir.FunctionType(self._vector, [self._vector] * 3)
        self._fused = ir.Function(module, kind, f"llvm.fmuladd.v{LANES}f32")

    def block(self, kernel: int, planes: int):
        """Return the function of a block.

        It takes (output, rows, x, inputs, stride, parameters): where the first plane of the output's row begins; a
        table of `kernel` row pointers an input; the first pixel; how many inputs; floats from a plane of the output's
        row to the next; and the block's weights, biases and slopes (`plan.parameters_of`).
        """
        if (kernel, planes) not in self._functions:
            self._functions[kernel, planes] = self._write(kernel, planes)
        return self._functions[kernel, planes]

    def _write(self, kernel: int, planes: int):
        ir, long, pointer = self._ir, self._long, self._pointer
        kind = ir.FunctionType(ir.VoidType(), [pointer, pointer, long, long, long, pointer])
        function = ir.Function(self._module, kind, f"block_{kernel}_{planes}")
        function.linkage = "internal"
        function.attributes.add("noinline")
        output, rows, x, inputs, stride, weights = function.args
        output.add_attribute("noalias")
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        taps = kernel * kernel
        biases = self._at(builder, weights, builder.mul(inputs, long(taps * planes)))
        sums = [self._splat(builder, biases, plane) for plane in range(planes) for _ in range(_REGISTERS)]

        entry, loop, done = builder.block, function.append_basic_block("inputs"), function.append_basic_block("done")
        builder.branch(loop)
        builder.position_at_end(loop)
        carried = [
            (builder.phi(long), long(0)), (builder.phi(pointer), rows), (builder.phi(pointer), weights),
            *((builder.phi(self._vector), start) for start in sums),
        ]
        count, table, weight, *sums = (phi for phi, _ in carried)
        for row in range(kernel):
            pixels = builder.load(builder.gep(table, [long(row)], source_etype=pointer), typ=pointer)
            pixels = self._at(builder, pixels, x)
            for column in range(kernel):
                tap = row * kernel + column
                values = [self._read(builder, pixels, column - kernel // 2 + n * LANES) for n in range(_REGISTERS)]
                for plane in range(planes):
                    factor = self._splat(builder, weight, tap * planes + plane)
                    for n, value in enumerate(values):
                        place = plane * _REGISTERS + n
                        sums[place] = builder.call(self._fused, [factor, value, sums[place]])
        following = [
            builder.add(count, long(1)), builder.gep(table, [long(kernel)], source_etype=pointer),
            self._at(builder, weight, long(taps * planes)), *sums,
        ]
        for (phi, start), value in zip(carried, following, strict=True):
            phi.add_incoming(start, entry)
            phi.add_incoming(value, loop)
        builder.cbranch(builder.icmp_unsigned("<", following[0], inputs), loop, done)

        builder.position_at_end(done)
        zeros = ir.Constant(self._vector, [0.0] * LANES)
        target = self._at(builder, output, x)
        for plane in range(planes):
            slope = self._splat(builder, biases, planes + plane)
            for n in range(_REGISTERS):
                value = sums[plane * _REGISTERS + n]
                active = builder.select(builder.fcmp_ordered(">", value, zeros), value, builder.fmul(value, slope))
                builder.store(active, self._at(builder, target, long(n * LANES)), align=4)
            target = self._at(builder, target, stride)
        builder.ret_void()
        return function

    def _at(self, builder, pointer, count):
        """Return the pointer `count` floats on."""
        return builder.gep(pointer, [count], source_etype=self._real)

    def _read(self, builder, pointer, count: int):
        return builder.load(self._at(builder, pointer, self._long(count)), align=4, typ=self._vector)

    def _splat(self, builder, pointer, count: int):
        """Return a register full of the float that is `count` floats on."""
        ir = self._ir
        value = builder.load(self._at(builder, pointer, self._long(count)), align=4, typ=self._real)
        empty = ir.Constant(self._vector, ir.Undefined)
        first = builder.insert_element(empty, value, self._int(0))
        return builder.shuffle_vector(first, empty, ir.Constant(ir.VectorType(self._int, LANES), [0] * LANES))
