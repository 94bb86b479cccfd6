"""A generator compiled for this processor: all its layers at once, two rows at a time.

`plan` says which rows are computed from which; `block`, `winograd` and `program` write that down in LLVM's language;
`machine` has it compiled; `rows` runs it. `host` says where that can be had: elsewhere `LDCTDenoiseLib.networks.strips`
does the same sums with torch. README.md beside this file is for whoever must mend it.
"""
