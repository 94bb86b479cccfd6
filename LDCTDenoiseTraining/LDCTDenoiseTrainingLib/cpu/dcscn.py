"""A DCSCN, forward and backward on a canvas, without the concatenation (see `LDCTDenoiseLib.networks.dcscn`)."""

from typing import NamedTuple

import torch
from LDCTDenoiseLib.networks.dcscn import DCSCN
from LDCTDenoiseLib.networks.strips import pad, padded
from torch import Tensor

from .canvas import Canvas, column_sums
from .layer import Activation, Layer, Trace


class _Traces(NamedTuple):
    """What `backward` needs of a `forward`; A1 and B1 are one layer, `both`."""

    canvas: Canvas
    layers: list[Trace]
    features: Tensor
    before_both: Tensor
    a1: Tensor
    b2_trace: Trace
    b2: Tensor


class DCSCNByHand:
    """The generator of DCSCN and DCSWGAN, with a copy of its weights.

    Attributes
    ----------
    patches : int
        Patches that it is given at a time: 32 planes of their canvas are 1.7 MB.
    """

    patches = 2

    def __init__(self, generator: DCSCN):
        inputs, self._layers = 1, []
        for convolution, activation in generator.features:
            self._layers.append(Layer(convolution, activation.weight, inputs))
            inputs = self._layers[-1].outputs
        (a1, a1_activation), (b1, b1_activation) = generator.a1, generator.b1
        self._a1, self._b1 = a1.out_channels, b1.out_channels
        self._planes = planes = self._a1 + padded(self._b1)
        self._widths = [layer[0].out_channels for layer in generator.features]
        parts = torch.cat([a1.weight, b1.weight])[:, :, 0, 0].split(self._widths, dim=1)
        self._parts = [pad(p.T, layer.outputs, planes) for p, layer in zip(parts, self._layers, strict=True)]
        self._all = torch.cat(self._parts)
        self._bias = pad(torch.cat([a1.bias, b1.bias]), planes)
        self._activation = Activation(torch.cat([a1_activation.weight, b1_activation.weight]), planes)
        self._b2 = Layer(generator.b2[0], generator.b2[1].weight, planes - self._a1)
        last = generator.last.weight.detach()[0, :, 0, 0]
        self._last_a1, self._last_b2 = last[: self._a1].clone(), pad(last[self._a1 :], self._b2.outputs)
        self._last = len(last)

    def forward(self, patches: Tensor) -> tuple[Tensor, _Traces]:
        """Return the correction of patches (count, height, width) of unit scale, and what `backward` needs."""
        canvas, features, traces = Canvas(*patches.shape), [], []
        planes = canvas.neighbours(canvas.lay(patches))
        for layer in self._layers:
            planes, trace = layer.forward(canvas, planes)
            features.append(planes.view(-1, layer.outputs))
            traces.append(trace)
        features = torch.cat(features, dim=1)
        before = torch.addmm(self._bias, features, self._all).view(canvas.rows, canvas.columns, self._planes)
        both = self._activation.forward(before)
        a1, b1 = both[:, :, : self._a1], canvas.clear(both[:, :, self._a1 :].contiguous())
        b2, b2_trace = self._b2.forward(canvas, b1)
        output = canvas.lift((a1 @ self._last_a1).add_(b2 @ self._last_b2)).contiguous()
        return output, _Traces(canvas, traces, features, before, a1, b2_trace, b2)

    def give_up(self, traces) -> None:
        """Forget what `forward` returned for a `backward` that will not come."""

    def backward(self, gradient: Tensor, traces: _Traces) -> list[Tensor]:
        """Return the gradients of the generator's parameters, in its order, from that of the correction.

        The traces are used up.
        """
        canvas = traces.canvas
        laid = canvas.lay(gradient)
        last = [laid.view(1, -1) @ planes.reshape(laid.numel(), -1) for planes in (traces.a1, traces.b2)]
        inward, b2 = self._b2.backward(canvas, laid[:, :, None] * self._last_b2, traces.b2_trace)
        both = torch.cat([laid[:, :, None] * self._last_a1, inward], dim=2)
        both, slopes = self._activation.backward(canvas.clear(both), traces.before_both)
        bias, both = column_sums(both), both.view(-1, self._planes)
        parts = (traces.features.T @ both).split([layer.outputs for layer in self._layers])
        parts = [part[:width] for part, width in zip(parts, self._widths, strict=True)]
        inward, features = None, []
        for layer, part in zip(self._layers[::-1], self._parts[::-1], strict=True):
            inward = both @ part.T if inward is None else inward.view(len(both), -1).addmm_(both, part.T)
            inward = inward.view(canvas.rows, canvas.columns, -1)
            inward, gradients = layer.backward(canvas, inward, traces.layers.pop())
            features = gradients + features
        weight = torch.cat(parts).T[:, :, None, None]
        branches = (slice(0, self._a1), slice(self._a1, self._a1 + self._b1))
        both = [found[branch] for branch in branches for found in (weight, bias, slopes)]
        return [*features, *both, *b2, torch.cat(last, dim=1)[:, : self._last, None, None]]
