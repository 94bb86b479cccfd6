"""A plain stack of convolutions, forward and backward on a canvas."""

import torch
from LDCTDenoiseLib.networks.convstack import ConvStack
from torch import Tensor

from .canvas import Canvas
from .layer import Layer


class StackByHand:
    """The generator of CNN-L1 and WGAN, with a copy of its weights; see `DCSCNByHand`."""

    patches = 2

    def __init__(self, generator: ConvStack):
        self._residual = generator.residual
        convolutions, inputs, self._layers = list(generator.stack)[::2], 1, []
        for convolution in convolutions:
            layer = Layer(convolution, None, inputs, activated=convolution is not convolutions[-1])
            self._layers.append(layer)
            inputs = layer.outputs

    def forward(self, patches: Tensor) -> tuple[Tensor, tuple]:
        canvas, traces = Canvas(*patches.shape), []
        planes = canvas.neighbours(canvas.lay(patches))
        for layer in self._layers:
            planes, trace = layer.forward(canvas, planes)
            traces.append(trace)
        output = canvas.lift(planes[:, :, 0])
        return output.contiguous() if self._residual else output - patches, (canvas, traces)

    def give_up(self, traces) -> None:
        """Forget what `forward` returned for a `backward` that will not come."""

    def backward(self, gradient: Tensor, traces: tuple) -> list[Tensor]:
        canvas, traces = traces
        inward, found = torch.zeros(canvas.rows, canvas.columns, self._layers[-1].outputs), []
        inward[:, :, 0] = canvas.lay(gradient)
        for layer in reversed(self._layers):
            inward, gradients = layer.backward(canvas, inward, traces.pop())
            found = gradients + found
        return found
