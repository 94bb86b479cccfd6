"""A generator forward and backward on the CPU, compiled for this processor; see `LDCTDenoiseLib.compiled`.

`layout` says where the channels of a patch lie, `kernels` writes each layer's passes in LLVM's language, `network` runs
them. Without llvmlite `LDCTDenoiseTrainingLib.cpu` does the same sums with torch.
"""
