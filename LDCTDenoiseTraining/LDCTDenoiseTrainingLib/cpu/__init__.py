"""A generator's part of a step on the CPU, a few patches a thread; its memory is kept from step to step."""

from .cores import correction_on_cores
from .memory import keep_freed_memory
