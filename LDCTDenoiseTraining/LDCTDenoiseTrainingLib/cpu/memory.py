"""Memory of a training on the CPU."""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3


def keep_freed_memory() -> None:
    """Let the C library keep what is freed, where it is glibc.

    Every step frees hundreds of megabytes and asks for them again. glibc hands such pieces back to the system, which
    clears each page anew: a quarter of a step's time (measured, docs/training.md). For a process that only trains;
    within Slicer it would keep from other modules what a run no longer needs.
    """
    if sys.platform.startswith("linux"):
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt:
            mallopt(_MMAP_THRESHOLD, 1 << 30)
            mallopt(_TRIM_THRESHOLD, (1 << 31) - 1)
