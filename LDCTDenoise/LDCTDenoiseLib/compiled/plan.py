"""In which order the rows of a generator's channels are computed, and which of them are kept for how long.

Row y of a 3×3 layer needs the rows y - 1 to y + 1 of what it reads. So all layers can go down the image together, two
rows at a time, each two behind the layer it reads; of each layer only the last few rows are ever needed and stay in
cache. Nothing is computed twice, and the channels that DCSCN concatenates are never put side by side.
"""

import functools
from dataclasses import dataclass

import numpy as np

from ..networks import IMAGE, Network, steps_of
from ..networks.strips import parameters_of


def shares(count: int, most: int) -> list[int]:
    """Return `count` shared out: as few shares of at most `most` as can be, of nearly equal size."""
    parts = -(-count // most)
    return [count * (n + 1) // parts - count * n // parts for n in range(parts)]


@dataclass(frozen=True)
class Source:
    """Channels that a step reads: `channels` of a buffer from the channel `first` on."""

    buffer: int
    first: int
    channels: int


@dataclass(frozen=True)
class Step:
    """One layer: a convolution and its activation."""

    sources: tuple[Source, ...]  #: What it reads, one after the other, as if concatenated.
    kernel: int  #: 3 or 1.
    channels: int  #: What it writes.
    output: int  #: The buffer that it writes, all of it.
    delay: int  #: Pairs of rows that it is behind the first step.

    @property
    def inputs(self) -> int:
        return sum(source.channels for source in self.sources)

@dataclass(frozen=True)
class Plan:
    """What to compute of an image; it depends on a generator's widths, not on its weights."""

    steps: tuple[Step, ...]
    #: Rows that each buffer keeps, a power of two. The first buffer is the image and the last one the output: they keep
    #: all rows, which is written 0.
    rows: tuple[int, ...]
    channels: tuple[int, ...]  #: Channels of each buffer.

    @property
    def radius(self) -> int:
        """Rows beyond a row of the output that it depends on."""
        radii = [0]
        for step in self.steps:
            radii.append(max(radii[source.buffer] for source in step.sources) + step.kernel // 2)
        return radii[-1]


def _plan(image_channels: int, layers: list[tuple[tuple[Source, ...], int, int]]) -> Plan:
    """Return the plan of layers of (sources, kernel, channels), the n-th of which writes the buffer n + 1.

    The image has `image_channels`.
    """
    steps, delays = [], [0]
    for number, (sources, kernel, channels) in enumerate(layers, 1):
        # The image is all there from the start; of another buffer the pair of rows below must have been computed.
        behind = [delays[source.buffer] + kernel // 2 for source in sources if source.buffer]
        delays.append(max(behind, default=0))
        steps.append(Step(sources, kernel, channels, number, delays[-1]))
    kept = [0] * len(delays)
    for step in steps:
        for source in step.sources:
            needed = 2 * (step.delay - delays[source.buffer]) + step.kernel // 2 + 2
            kept[source.buffer] = max(kept[source.buffer], 1 << (needed - 1).bit_length())
    return Plan(tuple(steps), (0, *kept[1:-1], 0), (image_channels, *(step.channels for step in steps)))


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
        if last and (last.buffer, last.first + last.channels) == (source.buffer, source.first):
            joined[-1] = Source(last.buffer, last.first, last.channels + source.channels)
        else:
            joined.append(source)
    return tuple(joined)


def layers_of(generator) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return weights (channels, inputs, kernel, kernel), biases and slopes (channels,) of each step of a plan.

    An activation is `x if x > 0 else slope * x`: ReLU has the slope 0, and where there is none it is 1.
    """
    return [tuple(t.numpy() for t in parameters_of(generator, step)) for step in steps_of(generator.network)]


def block_weights(weight: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Return the weights of a block of channels in the order it reads them: (inputs, rows, columns, channels), flat."""
    return weight[start:stop].transpose(1, 2, 3, 0).ravel()


def block_parameters(blocks: list[int], kernels: list[np.ndarray], bias: np.ndarray, slope: np.ndarray) -> list:
    """Return what blocks of so many channels read, arrays: of each the weights, kernel by kernel, biases and slopes."""
    edges, packed = np.cumsum([0, *blocks]), []
    for start, stop in zip(edges[:-1], edges[1:], strict=True):
        packed += [*(block_weights(kernel, start, stop) for kernel in kernels), bias[start:stop], slope[start:stop]]
    return packed
