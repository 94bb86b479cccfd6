"""Whether programs can be compiled on this computer; imports nothing that is not needed to say so."""

import functools
import importlib.metadata
import platform

from ..requirements import require

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


@functools.cache
def has_avx512() -> bool:
    """Return whether registers of sixteen floats are at hand; asked only where programs can be compiled."""
    return bool(require("llvmlite.binding").get_host_cpu_features().get("avx512f"))
