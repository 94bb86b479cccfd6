"""Programs compiled for this processor, by llvmlite."""

import ctypes
import functools
from dataclasses import dataclass

from ..requirements import require
from .plan import Plan
from .program import NAME, write_program


@dataclass(frozen=True)
class CompiledProgram:
    """A program in memory.

    Attributes
    ----------
    correct : callable
        See `program.write_program`; it takes addresses and whole numbers, and leaves Python's lock while it runs.
    """

    correct: object
    _engine: object  # the memory that the program lies in


@functools.lru_cache(maxsize=8)
def compile_plan(plan: Plan) -> CompiledProgram:
    """Return the compiled program of a plan; the same one when asked again."""
    llvm = require("llvmlite.binding")
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    module = llvm.parse_assembly(write_program(plan))
    target = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3, jit=True
    )
    engine = llvm.create_mcjit_compiler(module, target)
    engine.finalize_object()
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    kind = ctypes.CFUNCTYPE(None, pointer, pointer, number, number, number, pointer, pointer, pointer)
    return CompiledProgram(kind(engine.get_function_address(NAME)), engine)
