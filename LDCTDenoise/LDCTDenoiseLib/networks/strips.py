"""A network on the CPU with torch, one strip of the image at a time, so that its channels stay in the cache.

`LDCTDenoiseLib.compiled` does the same sums faster, where it can. What each step is worth stands in docs/speed.md.
Rows have the shape (rows, columns, channels): channels-last without the batch.
"""

import torch
from torch import Tensor
from torch.nn import functional

from .description import IMAGE, Layer, steps_of

#: What a convolution computes is padded to a multiple of this, the width of an AVX2 register: oneDNN is slower when the
#: last channels do not fill one. What it reads may have any number of channels.
_MULTIPLE = 8

#: Pixels of a strip. Their channels should stay in cache, and the rows that two strips share are computed twice.
_PIXELS = 64 * 1024


def _pad(tensor: Tensor, *shape: int) -> Tensor:
    """Return a float32 copy with zeros appended up to the given shape; 4D tensors are channels-last."""
    result = torch.zeros(shape)
    result[tuple(slice(n) for n in tensor.shape)] = tensor
    return result.contiguous(memory_format=torch.channels_last) if result.ndim == 4 else result


def parameters_of(generator, step: tuple[Layer, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """Return weight (filters, inputs, kernel, kernel), bias and slopes (filters,) of a step of `steps_of`.

    An activation is `x if x > 0 else slope * x`: ReLU has the slope 0, and where there is none it is 1. Float32, on the
    CPU.
    """
    state, found = generator.state_dict(), ([], [], [])
    for layer in step:
        constant = torch.full((layer.filters,), 0.0 if layer.activation == "relu" else 1.0)
        names = (f"{layer.convolution}.weight", f"{layer.convolution}.bias", f"{layer.slopes}.weight")
        for values, name, default in zip(found, names, (None, torch.zeros(layer.filters), constant), strict=True):
            values.append(state[name].detach().float().cpu() if name in state else default)
    return tuple(torch.cat(values) for values in found)


class _Step:
    """A step's weights, and how deep in the network it lies."""

    def __init__(self, generator, layers: tuple[Layer, ...], depth: int):
        self.layers, self.kernel, self.depth = layers, layers[0].kernel, depth
        self._weight, self._bias, self._slopes = parameters_of(generator, layers)
        self.filters = len(self._weight)
        self._activation = layers[0].activation
        if self.kernel == 1:
            widths = [generator.network.width(name) for name in layers[0].reads]
            # A 1×1 convolution of a concatenation is a sum of 1×1 convolutions of its parts.
            self._parts = [part.T.contiguous() for part in self._weight[:, :, 0, 0].split(widths, dim=1)]
        else:
            # A last layer has one filter, which must not cost eight.
            computed = 1 if self.filters == 1 else -(-self.filters // _MULTIPLE) * _MULTIPLE
            self._padded = _pad(self._weight, computed, *self._weight.shape[1:]), _pad(self._bias, computed)

    def convolve(self, rows: Tensor) -> Tensor:
        """Return what a 3×3 step computes of rows, with the padded channels, before its activation."""
        height, width, channels = rows.shape
        # The strides of channels-last by name: with one channel torch could take them for the other layout.
        image = rows.as_strided((1, channels, height, width), (rows.numel(), 1, width * channels, channels))
        return functional.conv2d(image, *self._padded, padding=1).permute(0, 2, 3, 1)[0]

    def add(self, sums: Tensor | None, number: int, rows: Tensor) -> Tensor:
        """Return the sums of a 1×1 step with those of a source's rows, its `number`-th."""
        pixels, part = rows.flatten(0, 1), self._parts[number]
        return torch.addmm(self._bias, pixels, part) if sums is None else torch.addmm(sums, pixels, part, out=sums)

    def activate(self, pixels: Tensor) -> Tensor:
        """Return pixels (pixels, channels) after the activation, without the padded channels."""
        pixels = pixels[:, : self.filters]
        if self._activation == "prelu":
            return torch.prelu(pixels, self._slopes)
        return (pixels.relu_() if self._activation else pixels).contiguous()


class Strips:
    """A network for strips of an image, with a copy of its weights.

    Attributes
    ----------
    channels : int
        Channels of an image.
    radius : int
        Rows that a strip must go beyond those whose correction is wanted.
    pixels : int
        Pixels that a strip should have at most.
    """

    pixels = _PIXELS

    def __init__(self, generator):
        self._network = generator.network
        self.channels = self._network.channels
        self._steps: list[_Step] = []
        depths = {IMAGE: 0}
        for layers in steps_of(self._network):
            depth = max(depths[name] for name in layers[0].reads) + layers[0].kernel // 2
            self._steps.append(_Step(generator, layers, depth))
            depths.update({layer.name: depth for layer in layers})
        self.radius = depth

    def __call__(self, image: Tensor, above: bool, below: bool) -> Tensor:
        """Return the correction of a strip.

        Parameters
        ----------
        image : torch.Tensor
            Rows of an image of unit scale, float32, shape (channels, rows, columns).
        above, below : bool
            Whether the image goes on there. If it does, the correction of `radius` rows there is left out.
        """
        width = image.shape[2]
        sums: dict[_Step, Tensor] = {}
        known: dict[str, tuple[Tensor, int]] = {}  # rows by layer, and how deep they lie

        def cut(name: str, depth: int) -> Tensor:
            rows, have = known[name]
            return _inner(rows, above * (depth - have), below * (depth - have))

        def learn(name: str, rows: Tensor, depth: int, following: list[_Step]) -> None:
            known[name] = rows, depth
            # A 1×1 step takes what it reads at once, while that is in cache.
            for step in following:
                reads = step.layers[0].reads
                if step.kernel == 1 and name in reads:
                    sums[step] = step.add(sums.get(step), reads.index(name), cut(name, step.depth))

        learn(IMAGE, image.permute(1, 2, 0).contiguous(), 0, self._steps)
        for number, step in enumerate(self._steps):
            if step.kernel == 1:
                pixels = sums.pop(step)
            else:
                parts = [cut(name, step.depth - 1) for name in step.layers[0].reads]
                rows = (parts[0] if len(parts) == 1 else torch.cat(parts, dim=2)).contiguous()
                pixels = _inner(step.convolve(rows), above, below).flatten(0, 1)
            rows, first = step.activate(pixels).view(-1, width, step.filters), 0
            for layer in step.layers:
                part = rows if len(step.layers) == 1 else rows[:, :, first : first + layer.filters].contiguous()
                learn(layer.name, part, step.depth, self._steps[number + 1 :])
                first += layer.filters
            later = {name for s in self._steps[number + 1 :] if s.kernel != 1 for name in s.layers[0].reads}
            known = {name: kept for name, kept in known.items() if name in later}
        output = rows[:, :, 0]
        if self._network.residual:
            return output
        return output - _inner(image[self._network.image], above * self.radius, below * self.radius)


def _inner(rows: Tensor, above: int, below: int) -> Tensor:
    """Return rows without so many at either end."""
    return rows[above : len(rows) - below]


def strips_of(generator) -> Strips | None:
    """Return a generator for strips, with a copy of its weights; None for one that is not plain."""
    network = getattr(generator, "network", None)
    return Strips(generator) if network is not None and network.is_plain else None
