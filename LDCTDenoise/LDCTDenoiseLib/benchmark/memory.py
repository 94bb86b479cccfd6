"""The memory that a piece of work needs on top of what the program holds."""

import ctypes
from collections.abc import Callable


def peak_bytes(work: Callable[[], object], device: str) -> int | None:
    """Do a piece of work and return the most bytes that it needed at a time.

    On CUDA those of the device. On the CPU those that the process grew by, which Linux alone can tell; elsewhere None.
    """
    if device.startswith("cuda"):
        import torch

        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        work()
        return torch.cuda.max_memory_allocated(device) - before
    try:
        # What earlier work freed is given back first: otherwise this work would seem to need nothing.
        ctypes.CDLL(None).malloc_trim(0)
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # the highest value begins anew
        before = _status("VmRSS")
    except (OSError, AttributeError, TypeError):
        work()
        return None
    work()
    return max(0, _status("VmHWM") - before)


def _status(key: str) -> int:
    """Return a number of bytes that Linux knows of this process."""
    with open("/proc/self/status") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith(f"{key}:"))
