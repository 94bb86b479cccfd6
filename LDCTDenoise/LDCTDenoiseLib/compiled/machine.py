"""Programs compiled for this processor, by llvmlite."""

import ctypes
import functools
from collections.abc import Mapping
from dataclasses import dataclass

from ..requirements import require
from .block import Shape
from .plan import Plan
from .program import NAME, write_program

#: What a compiled function may be given: an address, and a whole number of 64 bits.
ADDRESS, NUMBER = ctypes.c_void_p, ctypes.c_int64


@dataclass(frozen=True)
class CompiledProgram:
    """A program in memory."""

    #: Dict of str to callable. Each takes addresses and whole numbers, and leaves Python's lock while it runs.
    functions: dict
    _engine: object  # the memory that the program lies in


def compile_program(text: str, signatures: Mapping[str, tuple]) -> CompiledProgram:
    """Return a program compiled from LLVM's language.

    Parameters
    ----------
    text : str
    signatures : dict of str to tuple
        The functions wanted, by name, each with the types of what it takes, `ADDRESS` or `NUMBER`.
    """
    llvm = require("llvmlite.binding")
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3, jit=True
    )
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(text), target)
    engine.finalize_object()
    functions = {
        name: ctypes.CFUNCTYPE(None, *types)(engine.get_function_address(name)) for name, types in signatures.items()
    }
    return CompiledProgram(functions, engine)


@functools.lru_cache(maxsize=8)
def compile_plan(plan: Plan, shape: Shape) -> CompiledProgram:
    """Return the compiled program of a plan, the function `program.NAME`; the same one when asked again."""
    signature = (ADDRESS, ADDRESS, NUMBER, NUMBER, NUMBER, ADDRESS, ADDRESS, ADDRESS)
    return compile_program(write_program(plan, shape), {NAME: signature})
