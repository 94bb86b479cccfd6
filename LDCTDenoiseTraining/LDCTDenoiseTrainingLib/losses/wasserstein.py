"""The gradient penalty of WGAN-GP."""

import torch
from torch import Tensor, nn


def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    """Return the mean of (norm of the critic's gradient - 1)² at images between real and fake ones.

    Parameters
    ----------
    critic : torch.nn.Module
        Maps (B, 1, H, W) to (B,).
    real, fake : torch.Tensor
        Shape (B, 1, H, W), without gradient.
    mix : torch.Tensor
        Where between fake (0) and real (1), shape (B,).

    References
    ----------
    Gulrajani et al., Improved Training of Wasserstein GANs, arXiv 1704.00028, algorithm 1. The norm is that of the
    whole gradient of a sample, all its pixels flattened.
    """
    between = (fake + mix[:, None, None, None] * (real - fake)).requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()
