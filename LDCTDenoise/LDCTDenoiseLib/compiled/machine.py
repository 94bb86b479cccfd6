"""Programs compiled for this processor, by llvmlite."""

import ctypes
import functools
import importlib.metadata
import platform
from dataclasses import dataclass

from ..requirements import require
from .plan import Plan
from .program import NAME, write_program

#: Where compiled programs run; elsewhere they would be untried. Slicer for macOS may not make memory executable.
_SYSTEMS, _PROCESSORS, _FEATURES = ("Linux", "Windows"), ("x86_64", "AMD64"), ("avx2", "fma")

#: The package that compiles, and the first version whose pointers have no type.
PACKAGE, _OLDEST = "llvmlite", (0, 45)


def is_useful() -> bool:
    """Return whether `PACKAGE` is of use on this kind of computer, installed or not."""
    return platform.system() in _SYSTEMS and platform.machine() in _PROCESSORS


def is_supported() -> bool:
    """Return whether programs can be compiled here: a known system and processor, and a good version of `PACKAGE`."""
    if not is_useful():
        return False
    try:
        version = importlib.metadata.version(PACKAGE)
        features = require("llvmlite.binding").get_host_cpu_features()
    except (ImportError, OSError, RuntimeError):
        return False
    return tuple(map(int, version.split(".")[:2])) >= _OLDEST and all(features.get(name) for name in _FEATURES)


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
