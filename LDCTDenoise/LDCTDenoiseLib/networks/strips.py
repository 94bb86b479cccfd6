"""A generator on the CPU with torch, one strip of the image at a time, so that its planes stay in the cache.

`LDCTDenoiseLib.compiled` does the same sums faster, where it can.

The network's definition is `dcscn.py` and `convstack.py`; here are the same sums in another order. What each step is
worth stands in docs/speed.md. Rows have the shape (rows, columns, planes): channels-last without the batch.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from .convstack import ConvStack
from .correction import CorrectionGenerator
from .dcscn import DCSCN

#: What a convolution computes is padded to a multiple of this, the width of an AVX2 register: oneDNN is slower when the
#: last planes do not fill one. What it reads may have any number of planes.
_MULTIPLE = 8

#: Pixels of a strip. Their planes should stay in cache, and the rows that two strips share are computed twice.
_PIXELS = 64 * 1024


def padded(count: int) -> int:
    """Return the number of planes that `count` of them are padded to."""
    return -(-count // _MULTIPLE) * _MULTIPLE


def pad(tensor: Tensor, *shape: int) -> Tensor:
    """Return a float32 copy with zeros appended up to the given shape; 4D tensors are channels-last."""
    result = torch.zeros(shape)
    result[tuple(slice(n) for n in tensor.shape)] = tensor.detach().cpu()
    return result.contiguous(memory_format=torch.channels_last) if result.ndim == 4 else result


class _Activation:
    """ReLU, PReLU or none on pixels of shape (pixels, planes); leaves out the planes beyond so many, the padding."""

    def __init__(self, module: nn.Module | None, planes: int):
        self._relu = isinstance(module, nn.ReLU)
        self._slopes = module.weight.detach().cpu().clone() if isinstance(module, nn.PReLU) else None
        self._planes = planes

    def __call__(self, pixels: Tensor) -> Tensor:
        pixels = pixels[:, : self._planes]
        if self._slopes is not None:
            return torch.prelu(pixels, self._slopes)
        return (pixels.relu_() if self._relu else pixels).contiguous()


class _Layer:
    """A 3×3 convolution and its activation."""

    def __init__(self, convolution: nn.Conv2d, activation: nn.Module | None):
        self._planes = convolution.out_channels
        # The last layer of a stack has one filter, which must not cost eight.
        computed = 1 if self._planes == 1 else padded(self._planes)
        self._weight = pad(convolution.weight, computed, convolution.in_channels, 3, 3)
        self._bias = pad(convolution.bias, computed)
        self._activate = _Activation(activation, self._planes)

    def __call__(self, rows: Tensor, above: bool, below: bool) -> Tensor:
        """Return the rows that can be known: where the image goes on `above` or `below`, one row less."""
        height, width, planes = rows.shape
        # The strides of channels-last by name: with one plane torch could take them for the other layout.
        image = rows.as_strided((1, planes, height, width), (rows.numel(), 1, width * planes, planes))
        output = functional.conv2d(image, self._weight, self._bias, padding=1).permute(0, 2, 3, 1)[0]
        return self._activate(_inner(output, above, below).flatten(0, 1)).view(-1, width, self._planes)


class StackStrips:
    """A plain stack of convolutions, for strips of an image.

    Attributes
    ----------
    radius : int
        Rows that a strip must go beyond those whose correction is wanted.
    pixels : int
        Pixels that a strip should have at most.
    """

    pixels = _PIXELS

    def __init__(self, generator: ConvStack):
        steps = [*generator.stack, None]
        self._layers = [_Layer(*pair) for pair in zip(steps[::2], steps[1::2], strict=True)]
        self._residual = generator.residual
        self.radius = len(self._layers)

    def __call__(self, image: Tensor, above: bool, below: bool) -> Tensor:
        """Return the correction of a strip.

        Parameters
        ----------
        image : torch.Tensor
            Rows of an image of unit scale, float32, shape (rows, columns).
        above, below : bool
            Whether the image goes on there. If it does, the correction of `radius` rows there is left out.
        """
        rows = image[:, :, None]
        for layer in self._layers:
            rows = layer(rows, above, below)
        rows = rows[:, :, 0]
        return rows if self._residual else rows - _inner(image, above * self.radius, below * self.radius)


class DCSCNStrips:
    """A DCSCN, for strips of an image; see `StackStrips`."""

    pixels = _PIXELS

    def __init__(self, generator: DCSCN):
        self._layers = [_Layer(*pair) for pair in generator.features]
        self.radius = len(self._layers) + 1
        (a1, a1_slope), (b1, b1_slope) = generator.a1, generator.b1
        # A1 and B1 read the same planes, and a 1×1 convolution of a concatenation is a sum over its parts.
        self._a1 = a1.out_channels
        weight = torch.cat([a1.weight, b1.weight]).detach().cpu()[:, :, 0, 0]
        parts = weight.split([convolution.out_channels for convolution, _ in generator.features], dim=1)
        self._parts = [part.T.contiguous() for part in parts]
        self._bias = torch.cat([a1.bias, b1.bias]).detach().cpu()
        self._slopes = torch.cat([a1_slope.weight, b1_slope.weight]).detach().cpu()
        self._b2 = _Layer(*generator.b2)
        last = generator.last.weight.detach().cpu()[0, :, 0, 0]
        self._last_a1, self._last_b2 = last[: self._a1].clone(), last[self._a1 :].clone()

    def __call__(self, image: Tensor, above: bool, below: bool) -> Tensor:
        """Return the correction of a strip; see `StackStrips.__call__`."""
        rows, sums = image[:, :, None], None
        for depth, (layer, part) in enumerate(zip(self._layers, self._parts, strict=True), 1):
            rows = layer(rows, above, below)
            # B2 takes one row more than the strip's own.
            more = self.radius - 1 - depth
            planes = _inner(rows, above * more, below * more).flatten(0, 1)
            sums = torch.addmm(self._bias, planes, part) if sums is None else torch.addmm(sums, planes, part, out=sums)
        both = torch.prelu(sums, self._slopes).view(-1, image.shape[1], sums.shape[1])
        b2 = self._b2(both[:, :, self._a1 :].contiguous(), above, below)
        a1 = _inner(both, above, below)[:, :, : self._a1]
        return (a1 @ self._last_a1).add_(b2 @ self._last_b2)


def _inner(rows: Tensor, above: int, below: int) -> Tensor:
    """Return rows without so many at either end."""
    return rows[above : len(rows) - below]


_STRIPS = {DCSCN: DCSCNStrips, ConvStack: StackStrips}


def strips_of(generator: CorrectionGenerator) -> StackStrips | DCSCNStrips | None:
    """Return a generator for strips, with a copy of its weights; None for a generator of another kind."""
    make = _STRIPS.get(type(generator))
    return make(generator) if make else None
