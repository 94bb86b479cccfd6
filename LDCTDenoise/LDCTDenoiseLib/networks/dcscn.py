"""The DCSCN generator: deep CNN with skip connections and network in network."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from .correction import CorrectionGenerator

PRELU_SLOPE = 0.1


def _layer(inputs: int, filters: int, kernel: int) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, filters, kernel, padding=kernel // 2)
    nn.init.kaiming_normal_(convolution.weight, a=PRELU_SLOPE, nonlinearity="leaky_relu")
    nn.init.zeros_(convolution.bias)
    return nn.Sequential(convolution, nn.PReLU(filters, init=PRELU_SLOPE))


class DCSCN(CorrectionGenerator):
    """Generator of DCSCN and DCSWGAN.

    Seven 3×3 layers whose outputs are all concatenated (131 planes), a network in network of two parallel branches
    (A1: 1×1; B1: 1×1 then B2: 3×3), and a last 1×1 layer without bias or activation that gives the correction.
    Receptive field 17×17 (radius 8).

    Parameters
    ----------
    filters : sequence of int
        Filters of the feature layers. Paper: 32, 26, 22, 18, 14, 11, 8.
    a1, b1, b2 : int
        Filters of the reconstruction layers. Paper: 24, 8, 8.

    References
    ----------
    You et al., Low-Dose CT via Deep CNN with Skip Connection and Network in Network, arXiv 1811.10564,
    section 2.2 and Fig. 1.
    """

    def __init__(self, filters=(32, 26, 22, 18, 14, 11, 8), a1: int = 24, b1: int = 8, b2: int = 8):
        super().__init__()
        widths = [1, *filters]
        self.features = nn.ModuleList(_layer(i, o, 3) for i, o in zip(widths[:-1], widths[1:], strict=True))
        self.a1 = _layer(sum(filters), a1, 1)
        self.b1 = _layer(sum(filters), b1, 1)
        self.b2 = _layer(b1, b2, 3)
        self.last = nn.Conv2d(a1 + b2, 1, 1, bias=False)
        nn.init.kaiming_normal_(self.last.weight, nonlinearity="linear")

    def correction(self, image: Tensor) -> Tensor:
        # A1 and B1 read the same 131 planes, and a 1×1 convolution of a concatenation is the sum of 1×1 convolutions
        # of its parts: the planes need never be copied together, and are read once.
        (a1, a1_slope), (b1, b1_slope) = self.a1, self.b1
        weights = torch.cat([a1.weight, b1.weight]).split([layer[0].out_channels for layer in self.features], dim=1)
        image = self.features[0](image)
        both = functional.conv2d(image, weights[0], torch.cat([a1.bias, b1.bias]))
        for layer, weight in zip(self.features[1:], weights[1:], strict=True):
            image = layer(image)
            both = both + functional.conv2d(image, weight)
        both = functional.prelu(both, torch.cat([a1_slope.weight, b1_slope.weight]))
        a1_planes, b1_planes = both.split([a1.out_channels, b1.out_channels], dim=1)
        return self.last(torch.cat([a1_planes, self.b2(b1_planes)], dim=1))
