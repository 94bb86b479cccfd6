"""Import torch in a worker thread without holding the window up."""

import ctypes
import gc
import importlib.util
import os
import sys
from pathlib import Path


def isTorchLoaded() -> bool:
    """Whether torch is there to be asked; while a worker is still importing it, whoever asks would wait for that."""
    torch = sys.modules.get("torch")
    return torch is not None and not getattr(torch.__spec__, "_initializing", False)


def importTorch() -> None:
    """Import torch, when it is installed, so that other threads can run meanwhile.

    Python's lock is held while an import loads shared libraries, for torch up to several seconds, and while the
    garbage collector goes through all that an import has made. So the libraries are loaded first, by a call that
    lets the lock go, and the collector rests until all is loaded. To be called in a worker; what is left are single
    steps of less than 50 ms on an idle computer.
    """
    if isTorchLoaded():
        return
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return
    _loadLibraries(Path(spec.origin).parent / "lib")
    collecting = gc.isenabled()
    gc.disable()
    try:
        import torch  # noqa: F401
    finally:
        if collecting:
            # What an import has made stays for good: the collector need not look at it ever again.
            gc.freeze()
            gc.enable()


def _loadLibraries(folder: Path) -> None:
    """Load torch's libraries as torch itself would; what fails here is left to the import, which says why."""
    if os.name == "nt":  # torch loads them by a call that lets the lock go
        return
    load = ctypes.CDLL(None).dlopen
    load.argtypes, load.restype = [ctypes.c_char_p, ctypes.c_int], ctypes.c_void_p
    suffix = ".dylib" if sys.platform == "darwin" else ".so"
    # The first carries what a build with CUDA depends on, and torch, too, makes its symbols known to all.
    for name, mode in (("libtorch_global_deps", os.RTLD_GLOBAL | os.RTLD_LAZY), ("libtorch_python", os.RTLD_LAZY)):
        library = folder / (name + suffix)
        if library.is_file():
            load(os.fsencode(library), mode)
