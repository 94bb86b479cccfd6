"""The generator's part of a step on the CPU: a few patches at a time, one thread each.

Within torch each layer would be shared out among the threads, which wait for each other after each one: on a busy
machine that costs a fifth (docs/speed.md). The pieces are the same whatever the number of threads, and their
gradients are added in one order: so is the result, bit for bit.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import torch
from LDCTDenoiseLib.methods.cpu import single_threads
from torch import Tensor, nn

#: Patches of a piece: their 32 planes of 80×80 pixels are 3 MB.
_PATCHES = 4

_pools: dict[tuple[int, int], ThreadPoolExecutor] = {}


def correction_on_cores(generator: nn.Module, image: Tensor) -> Tensor:
    """Return `generator.correction(image)`, differentiable in the generator's parameters, not in the image.

    Parameters
    ----------
    generator : CorrectionGenerator
        On the CPU.
    image : torch.Tensor
        Float32, shape (B, 1, H, W).
    """
    parameters = [p for p in generator.parameters() if p.requires_grad]
    return _Pieces.apply(generator, image, *parameters)


def _threads() -> ThreadPoolExecutor:
    # A forked process has none of the threads of the one that it came from.
    key = os.getpid(), torch.get_num_threads()
    if key not in _pools:
        _pools[key] = single_threads(key[1])
    return _pools[key]


class _Pieces(torch.autograd.Function):
    @staticmethod
    def forward(ctx, generator, image, *parameters):
        ctx.parameters, graph = parameters, any(ctx.needs_input_grad)

        def compute(piece: Tensor) -> Tensor:
            with torch.set_grad_enabled(graph):
                return generator.correction(piece)

        ctx.outputs = list(_threads().map(compute, image.split(_PATCHES)))
        return torch.cat([output.detach() for output in ctx.outputs])

    @staticmethod
    def backward(ctx, gradient):
        def differentiate(output: Tensor, piece: Tensor) -> tuple[Tensor, ...]:
            return torch.autograd.grad(output, ctx.parameters, piece)

        pieces = list(_threads().map(differentiate, ctx.outputs, gradient.split(_PATCHES)))
        ctx.outputs = None
        return None, None, *(torch.stack(parts).sum(0) for parts in zip(*pieces, strict=True))
