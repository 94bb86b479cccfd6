"""What a generator costs: its parameters and its multiply-accumulate operations."""

import torch
from torch import nn


def count_parameters(network: nn.Module) -> int:
    """Return the number of weights and biases, the PReLU slopes not counted (see `count_slopes`)."""
    return sum(p.numel() for p in network.parameters()) - count_slopes(network)


def count_slopes(network: nn.Module) -> int:
    """Return the number of PReLU slopes, one for each plane that is activated."""
    return sum(m.weight.numel() for m in network.modules() if isinstance(m, nn.PReLU))


def count_macs(network: nn.Module, height: int = 512, width: int = 512) -> int:
    """Return the multiply-accumulate operations of all convolutions for one slice of `height` × `width`.

    The network is run once on a small image and the count is scaled, since every layer keeps the image's size.
    """
    size = 8
    macs = 0

    def count(module, _inputs, output):
        nonlocal macs
        kernel = module.kernel_size[0] * module.kernel_size[1]
        macs += output.shape[1] * output.shape[2] * output.shape[3] * kernel * module.in_channels // module.groups

    hooks = [m.register_forward_hook(count) for m in network.modules() if isinstance(m, nn.Conv2d)]
    try:
        with torch.no_grad():
            first = next(network.parameters())
            network(torch.zeros(1, 1, size, size, dtype=first.dtype, device=first.device))
    finally:
        for hook in hooks:
            hook.remove()
    return macs * height * width // (size * size)
