"""What a generator costs: its parameters and its multiply-accumulate operations."""

from torch import nn


def count_parameters(network: nn.Module) -> int:
    """Return the number of weights and biases, the PReLU slopes not counted (see `count_slopes`)."""
    return sum(p.numel() for p in network.parameters()) - count_slopes(network)


def count_slopes(network: nn.Module) -> int:
    """Return the number of PReLU slopes, one for each plane that is activated."""
    return sum(m.weight.numel() for m in network.modules() if isinstance(m, nn.PReLU))


def count_macs(network: nn.Module, height: int = 512, width: int = 512) -> int:
    """Return the multiply-accumulate operations of all convolutions for one slice of `height` × `width`.

    Every layer keeps the image's size, so each weight of a convolution is used once for each pixel.
    """
    return sum(m.weight.numel() for m in network.modules() if isinstance(m, nn.Conv2d)) * height * width
