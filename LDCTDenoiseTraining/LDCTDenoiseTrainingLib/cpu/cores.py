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

from ..compiled.network import CompiledByHand

_pools: dict[tuple[int, int], ThreadPoolExecutor] = {}


def correction_on_cores(generator: nn.Module, image: Tensor) -> Tensor:
    """Return `generator.correction(image)`, differentiable in the generator's parameters, not in the image.

    Parameters
    ----------
    generator : networks.generator.Generator
        On the CPU, float32.
    image : torch.Tensor
        Float32, shape (B, channels, H, W).
    """
    return _Pieces.apply(generator, image, *generator.parameters())


def _threads() -> ThreadPoolExecutor:
    # A forked process has none of the threads of the one that it came from.
    key = os.getpid(), torch.get_num_threads()
    if key not in _pools:
        _pools[key] = single_threads(key[1])
    return _pools[key]


class _Autograd:
    """Any generator, by torch's own gradients; what `CompiledByHand` is for those that can be compiled."""

    patches = 2

    def __init__(self, generator: nn.Module):
        self._generator = generator

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """Return the correction of patches (count, channels, height, width), and what `backward` needs: that."""
        with torch.enable_grad():
            output = self._generator.correction(patches.contiguous(memory_format=torch.channels_last))[:, 0]
        return output.detach(), output

    def give_up(self, output: Tensor) -> None:
        """Forget what `forward` returned for a `backward` that will not come."""

    def backward(self, gradient: Tensor, output: Tensor) -> list[Tensor]:
        """Return the gradients of the generator's parameters, in its order, from that of the correction."""
        return list(torch.autograd.grad(output, list(self._generator.parameters()), gradient))


class _Pieces(torch.autograd.Function):
    @staticmethod
    def forward(ctx, generator, image, *parameters):
        by_hand = CompiledByHand.of(generator, *image.shape[2:]) or _Autograd(generator)
        graph = any(ctx.needs_input_grad)

        def compute(piece: Tensor):
            output, traces = by_hand.forward(piece)
            if graph:
                return output, traces
            by_hand.give_up(traces)
            return output, None

        outputs, traces = zip(*_threads().map(compute, image.split(by_hand.patches)), strict=True)
        ctx.by_hand, ctx.traces = by_hand, traces
        return torch.cat(outputs)[:, None]

    @staticmethod
    def backward(ctx, gradient):
        pieces = list(_threads().map(ctx.by_hand.backward, gradient[:, 0].split(ctx.by_hand.patches), ctx.traces))
        ctx.traces = None
        return None, None, *_sum(pieces)


def _sum(pieces: list[list[Tensor]]) -> list[Tensor]:
    """Return the sums of the pieces' gradients, neighbours first: so are those of processes with half of them each."""
    while len(pieces) > 1:
        pairs = zip(pieces[::2], pieces[1::2], strict=False)
        left = pieces[len(pieces) - len(pieces) % 2 :]
        pieces = [[a + b for a, b in zip(*pair, strict=True)] for pair in pairs] + left
    return pieces[0]
