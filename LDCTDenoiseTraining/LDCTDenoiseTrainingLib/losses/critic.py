"""The critic of the adversarial methods."""

from torch import Tensor, nn

#: Filters and stride of the convolutions.
_LAYERS = ((64, 1), (64, 2), (128, 1), (128, 2), (256, 1), (256, 2))


class Critic(nn.Module):
    """Scores patches: the more a patch looks like full dose, the higher.

    Six 3×3 convolutions and two fully connected layers with LeakyReLU 0.2 between them. No normalisation, which the
    gradient penalty forbids, and no sigmoid.

    Parameters
    ----------
    patch : int
        Side of the patches in pixels.

    References
    ----------
    You et al., arXiv 1811.10564, section 2.3; Gulrajani et al., arXiv 1704.00028, section 4 on normalisation.
    """

    def __init__(self, patch: int = 80):
        super().__init__()
        steps: list[nn.Module] = []
        inputs, side = 1, patch
        for filters, stride in _LAYERS:
            steps += [nn.Conv2d(inputs, filters, 3, stride, padding=1), nn.LeakyReLU(0.2)]
            inputs, side = filters, -(-side // stride)
        steps += [nn.Flatten(), nn.Linear(inputs * side**2, 1024), nn.LeakyReLU(0.2), nn.Linear(1024, 1)]
        self.layers = nn.Sequential(*steps)

    def forward(self, images: Tensor) -> Tensor:
        """Return the score of each image of a batch (B, 1, patch, patch), shape (B,)."""
        return self.layers(images)[:, 0]
