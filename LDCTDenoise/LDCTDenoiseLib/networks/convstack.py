"""The plain stack of eight convolutions behind CNN-L1 and WGAN."""

from torch import Tensor, nn

from .correction import CorrectionGenerator


class ConvStack(CorrectionGenerator):
    """Generator of CNN-L1 and WGAN: 3×3 convolutions with ReLU between them and no activation after the last.

    Parameters
    ----------
    layers : int
        Number of convolutions. Paper: 8, hence a receptive field of 17×17.
    filters : int
        Filters of all but the last layer. Paper: 32.
    residual : bool
        True: the stack computes the correction and the image is added. False: the stack computes the image itself,
        as in the paper. The default departs from the paper because over the range of CT numbers the stack would
        spend its capacity on copying the image to a fraction of a HU, and because zero weights then mean "unchanged".

    References
    ----------
    You et al., arXiv 1811.10564, section 3.2 (CNN-L1, WGAN); the network is that of Yang et al., IEEE Trans Med
    Imaging 37(6):1348-1357, 2018, whose published code ends in a ReLU that this one must not have.
    """

    def __init__(self, layers: int = 8, filters: int = 32, residual: bool = True):
        super().__init__()
        self.residual = residual
        widths = [1] + [filters] * (layers - 1) + [1]
        steps: list[nn.Module] = []
        for inputs, outputs in zip(widths[:-1], widths[1:], strict=True):
            convolution = nn.Conv2d(inputs, outputs, 3, padding=1)
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            nn.init.zeros_(convolution.bias)
            steps += [convolution, nn.ReLU()]
        self.stack = nn.Sequential(*steps[:-1])

    def correction(self, image: Tensor) -> Tensor:
        output = self.stack(image)
        return output if self.residual else output - image

    def forward(self, image: Tensor) -> Tensor:
        output = self.stack(image)
        return image + output if self.residual else output
