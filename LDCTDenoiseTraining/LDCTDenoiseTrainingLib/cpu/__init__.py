"""The generators on the CPU, forward and backward by hand, a thread for a few patches at a time."""

from .cores import correction_on_cores
from .memory import keep_freed_memory

__all__ = ["correction_on_cores", "keep_freed_memory"]
