"""What turns gradients into steps."""

from collections.abc import Iterable

import torch

from .soap import SOAP

#: By the setting `optimiser`.
OPTIMISERS = {"adam": torch.optim.Adam, "soap": SOAP}


def make_optimiser(name: str, parameters: Iterable, learning_rate: float, betas: tuple) -> torch.optim.Optimizer:
    """Return one of `OPTIMISERS`; `betas` are Adam's, and of SOAP those for biases and slopes."""
    return OPTIMISERS[name](parameters, lr=learning_rate, betas=betas)
