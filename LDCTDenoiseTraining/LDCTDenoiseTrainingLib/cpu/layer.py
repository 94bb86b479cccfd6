"""A 3×3 convolution and its activation on a canvas, forward and backward."""

from typing import NamedTuple

import torch
from LDCTDenoiseLib.networks.strips import pad, padded
from torch import Tensor, nn
from torch.nn import functional

from .canvas import Canvas, column_sums, image_of, planes_of


class Activation:
    """PReLU, ReLU or none on planes, with the planes' slopes padded to `planes`."""

    def __init__(self, slopes: Tensor | None, planes: int):
        self._slopes = None if slopes is None else pad(slopes, planes)
        self._rows: dict[int, Tensor] = {}

    def _row(self, planes: Tensor) -> Tensor:
        # A row at a time, with the slopes repeated: torch's own PReLU would go pixel by pixel.
        columns = planes.shape[1]
        if columns not in self._rows:
            self._rows[columns] = self._slopes.repeat(columns)
        return self._rows[columns]

    def forward(self, planes: Tensor) -> Tensor:
        """Return the activated planes; what went in is needed again in `backward`."""
        if self._slopes is None:
            return planes.relu()
        return torch.prelu(planes.view(len(planes), -1), self._row(planes)).view(planes.shape)

    def backward(self, gradient: Tensor, planes: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the gradient of what went in, and that of the slopes; both arguments are overwritten.

        Parameters
        ----------
        gradient : torch.Tensor
            Of what came out.
        planes : torch.Tensor
            What had gone in.
        """
        positive = torch.ops.aten.threshold_backward(gradient, planes, 0)
        if self._slopes is None:
            return positive, None
        # In steps that torch does in vectors: its own gradient of PReLU takes ten times as long.
        negative = gradient.sub_(positive).view(len(planes), -1)
        slopes = column_sums(planes.mul_(gradient))
        return positive.view(negative.shape).addcmul_(negative, self._row(planes)).view(planes.shape), slopes


class Trace(NamedTuple):
    """What a layer read, and its convolution's result before the activation."""

    read: Tensor
    before: Tensor


class Layer:
    """A 3×3 convolution of padded planes and its activation.

    Parameters
    ----------
    convolution : nn.Conv2d
    slopes : torch.Tensor, optional
        Of a PReLU.
    inputs : int
        Padded planes that it reads.
    activated : bool
        Whether an activation follows, ReLU when there are no slopes.
    """

    def __init__(self, convolution: nn.Conv2d, slopes: Tensor | None, inputs: int, activated: bool = True):
        self._shape = convolution.weight.shape
        self.outputs = padded(convolution.out_channels)
        weight = pad(convolution.weight, self.outputs, inputs, 3, 3)
        self._first = inputs == 1
        if self._first:
            self._weight = weight.view(self.outputs, 9)
        else:
            self._weight = weight
            # The gradient of what goes in is a convolution too: of the flipped kernels, planes swapped.
            self._back = weight.flip(2, 3).transpose(0, 1).contiguous(memory_format=torch.channels_last)
        self._bias = pad(convolution.bias, self.outputs)
        self._activation = Activation(slopes, self.outputs) if activated else None

    def forward(self, canvas: Canvas, planes: Tensor) -> tuple[Tensor, Trace]:
        """Return the layer's planes with clean gaps, and what `backward` needs.

        Parameters
        ----------
        planes : torch.Tensor
            Shape (rows, columns, inputs), zero in the gaps; of the first layer `Canvas.neighbours`.
        """
        if self._first:
            flat = torch.addmm(self._bias, planes, self._weight.T)
            before = flat.view(canvas.rows, canvas.columns, self.outputs)
        else:
            before = planes_of(functional.conv2d(image_of(planes), self._weight, self._bias, padding=1))
        after = self._activation.forward(before) if self._activation else before
        return canvas.clear(after), Trace(planes, before)

    def backward(self, canvas: Canvas, gradient: Tensor, trace: Trace) -> tuple[Tensor | None, list[Tensor]]:
        """Return the gradient of what the layer read (None of the first) and those of weight, bias and slopes.

        Parameters
        ----------
        gradient : torch.Tensor
            Of what the layer returned; the gaps may hold anything. It is overwritten, as is the trace.
        trace : Trace
            Of the `forward` before.
        """
        gradient, slopes = canvas.clear(gradient), None
        if self._activation:
            gradient, slopes = self._activation.backward(gradient, trace.before)
        filters, inputs = self._shape[:2]
        if self._first:
            weight = (trace.read.T @ gradient.view(-1, self.outputs)).T[:filters].reshape(self._shape)
        else:
            weight = _weight_gradient(canvas, trace.read, gradient)[:filters, :, :, :inputs].permute(0, 3, 1, 2)
        found = [weight, column_sums(gradient)[:filters]]
        if slopes is not None:
            found.append(slopes[:filters])
        if self._first:
            return None, found
        return planes_of(functional.conv2d(image_of(gradient), self._back, padding=1)), found


def _weight_gradient(canvas: Canvas, read: Tensor, gradient: Tensor) -> Tensor:
    """Return the gradient of a 3×3 convolution's weights, shape (filters, 3, 3, inputs).

    It is the sum over all pixels of the gradient there times the planes around it. Three pixels that are neighbours
    in a row lie in memory one after the other: they are one row of a matrix, which begins anew every three pixels;
    three such matrices, one pixel apart, cover all. So the sums run without a copy of the neighbourhoods.

    Parameters
    ----------
    read, gradient : torch.Tensor
        Shape (rows, columns, planes), zero in the gaps.
    """
    inputs, filters = read.shape[2], gradient.shape[2]
    first = canvas.columns + 1  # the first patch's first pixel
    # Up to the last pixel that can count; what lies behind it within a triple is a gap.
    triples = -(-((canvas.rows - 2) * canvas.columns - first) // 3)
    here = gradient.as_strided((3, triples, filters), (filters, 3 * filters, 1), first * filters).transpose(1, 2)
    rows = []
    for row in range(3):
        pixel = first + (row - 1) * canvas.columns - 1
        around = read.as_strided((3, triples, 3 * inputs), (inputs, 3 * inputs, 1), pixel * inputs)
        rows.append(torch.bmm(here, around).sum(0))
    return torch.stack(rows, dim=1).view(filters, 3, 3, inputs)
