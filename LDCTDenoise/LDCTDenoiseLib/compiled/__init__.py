"""A generator compiled for this processor: all its layers at once, a row at a time.

`plan` says which rows are computed from which, `block` and `program` write that down in LLVM's language, `machine`
has it compiled, `rows` runs it. Without llvmlite, or on a processor that this was not measured on, `compiled_rows`
says so by returning None, and `LDCTDenoiseLib.networks.strips` does the same sums with torch.
"""

from .rows import CompiledRows, compiled_rows

__all__ = ["CompiledRows", "compiled_rows"]
