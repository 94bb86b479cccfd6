"""In which order the rows of a generator's planes are computed, and which of them are kept for how long.

Row y of a 3×3 layer needs the rows y - 1 to y + 1 of what it reads. So all layers can go down the image together, two
rows at a time, each two behind the layer it reads; of each layer only the last few rows are ever needed and stay in
cache. Nothing is computed twice, and the planes that DCSCN concatenates are never put side by side.
"""

import functools
from dataclasses import dataclass

import numpy as np

from ..networks import IMAGE, Network, steps_of
from ..networks.strips import parameters_of

#: Planes that are computed together. Times two registers of pixels they make twelve sums, which with the two of the
#: input and one weight are fifteen of AVX2's sixteen registers.
MOST_PLANES = 6


def shares(count: int, most: int) -> list[int]:
    """Return `count` shared out: as few shares of at most `most` as can be, of nearly equal size."""
    parts = -(-count // most)
    return [count * (n + 1) // parts - count * n // parts for n in range(parts)]


@dataclass(frozen=True)
class Source:
    """Planes that a step reads: `planes` of a buffer from the plane `first` on."""

    buffer: int
    first: int
    planes: int


@dataclass(frozen=True)
class Step:
    """One layer: a convolution and its activation.

    Attributes
    ----------
    sources : tuple of Source
        What it reads, one after the other, as if concatenated.
    kernel : int
        3 or 1.
    planes : int
        What it writes.
    output : int
        The buffer that it writes, all of it.
    delay : int
        Pairs of rows that it is behind the first step.
    """

    sources: tuple[Source, ...]
    kernel: int
    planes: int
    output: int
    delay: int

    @property
    def inputs(self) -> int:
        return sum(source.planes for source in self.sources)

    @property
    def blocks(self) -> list[int]:
        """The planes of each block that is computed together."""
        return shares(self.planes, MOST_PLANES)


@dataclass(frozen=True)
class Plan:
    """What to compute of an image; it depends on a generator's widths, not on its weights.

    Attributes
    ----------
    steps : tuple of Step
    rows : tuple of int
        Rows that each buffer keeps, a power of two. The first buffer is the image and the last one the output: they
        keep all rows, which is written 0.
    planes : tuple of int
        Planes of each buffer.
    """

    steps: tuple[Step, ...]
    rows: tuple[int, ...]
    planes: tuple[int, ...]

    @property
    def radius(self) -> int:
        """Rows beyond a row of the output that it depends on."""
        radii = [0]
        for step in self.steps:
            radii.append(max(radii[source.buffer] for source in step.sources) + step.kernel // 2)
        return radii[-1]


def _plan(channels: int, layers: list[tuple[tuple[Source, ...], int, int]]) -> Plan:
    """Return the plan of layers of (sources, kernel, planes), the n-th of which writes the buffer n + 1.

    The image has so many `channels`.
    """
    steps, delays = [], [0]
    for number, (sources, kernel, planes) in enumerate(layers, 1):
        # The image is all there from the start; of another buffer the pair of rows below must have been computed.
        behind = [delays[source.buffer] + kernel // 2 for source in sources if source.buffer]
        delays.append(max(behind, default=0))
        steps.append(Step(sources, kernel, planes, number, delays[-1]))
    kept = [0] * len(delays)
    for step in steps:
        for source in step.sources:
            needed = 2 * (step.delay - delays[source.buffer]) + step.kernel // 2 + 2
            kept[source.buffer] = max(kept[source.buffer], 1 << (needed - 1).bit_length())
    return Plan(tuple(steps), (0, *kept[1:-1], 0), (channels, *(step.planes for step in steps)))


def plan_of(generator) -> Plan | None:
    """Return the plan of a generator, or None for one that is not plain (`networks.Network.is_plain`)."""
    network = getattr(generator, "network", None)
    return _plan_of(network) if network is not None and network.is_plain else None


@functools.lru_cache(maxsize=8)
def _plan_of(network: Network) -> Plan:
    places = {IMAGE: Source(0, 0, network.channels)}
    steps = steps_of(network)
    for buffer, layers in enumerate(steps, 1):
        first = 0
        for layer in layers:
            places[layer.name] = Source(buffer, first, layer.filters)
            first += layer.filters
    return _plan(network.channels, [
        (_joined([places[name] for name in layers[0].reads]), layers[0].kernel, sum(la.filters for la in layers))
        for layers in steps
    ])


def _joined(sources: list[Source]) -> tuple[Source, ...]:
    """Return sources with those joined that follow each other in one buffer."""
    joined: list[Source] = []
    for source in sources:
        last = joined[-1] if joined else None
        if last and (last.buffer, last.first + last.planes) == (source.buffer, source.first):
            joined[-1] = Source(last.buffer, last.first, last.planes + source.planes)
        else:
            joined.append(source)
    return tuple(joined)


def layers_of(generator) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return weights (planes, inputs, kernel, kernel), biases and slopes (planes,) of each step of a generator's plan.

    An activation is `x if x > 0 else slope * x`: ReLU has the slope 0, and where there is none it is 1.
    """
    return [tuple(t.numpy() for t in parameters_of(generator, step)) for step in steps_of(generator.network)]


def block_weights(weight: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Return the weights of a block of planes in the order it reads them: (inputs, rows, columns, planes), flat."""
    return weight[start:stop].transpose(1, 2, 3, 0).ravel()


def block_parameters(step: Step, kernels: list[np.ndarray], bias: np.ndarray, slope: np.ndarray) -> list[np.ndarray]:
    """Return what the blocks of a step read: of each the weights, one kernel after the other, biases and slopes."""
    edges, packed = np.cumsum([0, *step.blocks]), []
    for start, stop in zip(edges[:-1], edges[1:], strict=True):
        packed += [*(block_weights(kernel, start, stop) for kernel in kernels), bias[start:stop], slope[start:stop]]
    return packed
