"""A generator forward and backward, a patch at a time, by compiled passes."""

import functools
import itertools
import threading
from collections import deque

import numpy as np
import torch
from LDCTDenoiseLib.compiled.block import AVX2, AVX512_PATCH, Shape
from LDCTDenoiseLib.compiled.host import has_avx512, is_supported
from LDCTDenoiseLib.compiled.plan import (
    Plan,
    block_parameters,
    block_weights,
    layers_of,
    plan_of,
)
from LDCTDenoiseLib.networks import steps_of
from torch import Tensor

from .kernels import compile_passes, products
from .layout import BYTES, Layout


def _shape() -> Shape:
    """Return how much a block computes at once; the pixels of a block are always those of `AVX2`."""
    return AVX512_PATCH if has_avx512() else AVX2


class _Workshop:
    """What all steps of a training share: the passes, where everything lies, and memory to do it in.

    Parameters
    ----------
    plan : Plan
    height, width : int
        Of a patch.
    keeps : bool
        As in a `Layout`.
    """

    def __init__(self, plan: Plan, height: int, width: int, keeps: bool):
        self.shape = _shape()
        self.plan, self.layout = plan, Layout(plan, height, width, keeps)
        self.passes = compile_passes(plan, keeps, self.shape).functions
        self.tables = [self.layout.table(step.sources, step.kernel) for step in plan.steps]
        self._arenas: deque[np.ndarray] = deque()
        self._own = threading.local()
        # Sums lie one step after the other: of each channel those of bias and slope, then those of the weights.
        self.activations, self.weights, self.biases, self.slopes = [], [], [], []
        self.sums, count = [], 0
        for step in plan.steps:
            channels = np.arange(step.channels)
            self.activations.append(count)
            self.biases.append(count + 2 * channels)
            self.slopes.append(count + 2 * channels + 1)
            count += 2 * step.channels
            places, starts, first = np.empty((step.channels, step.inputs * step.kernel**2), np.int64), [], 0
            for source in step.sources:
                starts.append(count)
                flat = np.array([pair for part in products(step, source) for pair in part])
                places[flat[:, 0], first + flat[:, 1]] = count + np.arange(len(flat))
                first += source.channels * step.kernel**2
                count += len(flat)
            self.weights.append(places.reshape(step.channels, step.inputs, step.kernel, step.kernel))
            self.sums.append(starts)
        self._count = count

    def take(self) -> np.ndarray:
        """Return memory for a patch; `give` it back."""
        try:
            return self._arenas.pop()
        except IndexError:
            return self.layout.arena()

    def give(self, arena: np.ndarray) -> None:
        self._arenas.append(arena)

    def own(self) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
        """Return this thread's memory: for gradients, the tables of the backward passes in it, and for sums."""
        if not hasattr(self._own, "memory"):
            arena = self.layout.arena()
            tables = [arena.ctypes.data + self.layout.gradient_table(step) for step in self.plan.steps]
            self._own.memory = arena, tables, np.empty((self._count, self.shape.lanes), np.float32)
        return self._own.memory


@functools.lru_cache(maxsize=4)
def _workshop(plan: Plan, height: int, width: int, keeps: bool) -> _Workshop | None:
    # Asked once, not in each step: it looks at what is installed.
    return _Workshop(plan, height, width, keeps) if is_supported() else None


def _are_apart(plan: Plan) -> bool:
    """Return whether what is read of a buffer is always the same part of it, or another one: gradients add up so."""
    parts = {(s.buffer, s.first, s.channels) for step in plan.steps for s in step.sources}
    pairs = itertools.combinations(parts, 2)
    return not any(a[0] == b[0] and a[1] < b[1] + b[2] and b[1] < a[1] + a[2] for a, b in pairs)


class CompiledByHand:
    """A generator with a copy of its weights, forward and backward.

    Attributes
    ----------
    patches : int
        Patches that it is given at a time.
    """

    patches = 1

    def __init__(self, generator, shop: _Workshop):
        self._shop, self._network = shop, generator.network
        layers = layers_of(generator)
        self._slopes = [np.array(slope, np.float32) for _, _, slope in layers]
        self._forward, self._back = [], {}
        for n, (step, (weight, bias, slope)) in enumerate(zip(shop.plan.steps, layers, strict=True)):
            packed = block_parameters(shop.shape.blocks(step.channels), [weight], bias, slope)
            self._forward.append(np.concatenate(packed).astype(np.float32))
            # A backward pass reads what the step wrote and writes what it read, the kernel's ends exchanged.
            flipped, first = weight[:, :, ::-1, ::-1].transpose(1, 0, 2, 3), 0
            for s, source in enumerate(step.sources):
                edges = first + np.cumsum([0, *shop.shape.blocks(source.channels)])
                parts = [block_weights(flipped, *pair) for pair in zip(edges[:-1], edges[1:], strict=True)]
                self._back[n, s] = np.concatenate(parts)
                first += source.channels

    @classmethod
    def of(cls, generator, height: int, width: int) -> "CompiledByHand | None":
        """Return it for patches of a size, or None where it cannot be had."""
        plan = plan_of(generator)
        if width % AVX2.pixels or plan is None or generator.network.channels > 1 or not _are_apart(plan):
            return None
        keeps = any(layer.activation == "prelu" for layer in generator.network.layers)
        shop = _workshop(plan, height, width, keeps)
        return shop and cls(generator, shop)

    def forward(self, patches: Tensor) -> tuple[Tensor, np.ndarray]:
        """Return the correction of one patch (1, 1, height, width) of unit scale, and what `backward` needs."""
        shop, layout = self._shop, self._shop.layout
        arena = shop.take()
        base = arena.ctypes.data
        layout.pixels(arena, 0)[:] = patches[0, 0].numpy()
        for n, step in enumerate(shop.plan.steps):
            table, buffer = shop.tables[n] + base, step.output
            shop.passes[f"forward_{n}"](
                base + layout.place(buffer), table.ctypes.data, layout.height, layout.width, layout.stride,
                layout.row(buffer), layout.kept(buffer) // BYTES, self._forward[n].ctypes.data,
            )
        output = torch.from_numpy(layout.pixels(arena, len(shop.plan.steps)).copy())[None]
        return output if self._network.residual else output - patches[:, 0], arena

    def give_up(self, arena: np.ndarray) -> None:
        """Take back what `forward` returned for a `backward` that will not come."""
        self._shop.give(arena)

    def backward(self, gradient: Tensor, arena: np.ndarray) -> list[Tensor]:
        """Return the gradients of the generator's parameters, in its order, from that of the correction.

        What `forward` returned is used up.
        """
        shop, layout, plan = self._shop, self._shop.layout, self._shop.plan
        gradients, tables, sums = shop.own()
        sums[:] = 0
        layout.pixels(gradients, len(plan.steps))[:] = gradient[0].numpy()
        base, back, results = arena.ctypes.data, gradients.ctypes.data, sums.ctypes.data
        size = (layout.height, layout.width, layout.stride)
        for n in reversed(range(len(plan.steps))):
            step = plan.steps[n]
            buffer, row = step.output, layout.row(step.output)
            here = back + layout.place(buffer)
            before = base + layout.place(buffer) + layout.kept(buffer)
            shop.passes["activation"](
                here, before, *size, row, step.channels, self._slopes[n].ctypes.data,
                results + BYTES * shop.shape.lanes * shop.activations[n],
            )
            for s, source in enumerate(step.sources):
                place, source_row = layout.place(source.buffer, source.first), layout.row(source.buffer)
                shop.passes[f"weights_{n}_{s}"](
                    here, base + place, *size, row, source_row, results + BYTES * shop.shape.lanes * shop.sums[n][s]
                )
                if source.buffer:
                    shop.passes[f"back_{n}_{s}"](
                        back + place, tables[n].ctypes.data, *size, source_row, 0, self._back[n, s].ctypes.data
                    )
        shop.give(arena)
        total = np.einsum("ij->i", sums)  # three times as fast as `sum`
        return [torch.from_numpy(total[places]) for places in self._order()]

    def _order(self) -> list[np.ndarray]:
        """Return where the sums of each parameter are, in the generator's order."""
        shop, order = self._shop, []
        for n, step in enumerate(steps_of(self._network)):
            first = 0
            for layer in step:
                branch = slice(first, first + layer.filters)
                order.append(shop.weights[n][branch])
                if layer.bias:
                    order.append(shop.biases[n][branch])
                if layer.activation == "prelu":
                    order.append(shop.slopes[n][branch])
                first += layer.filters
        return order
