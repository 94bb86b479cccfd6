"""What the networks are trained with: L1, the mean of HU, and the Wasserstein distance with gradient penalty."""

from .critic import Critic
from .fidelity import absolute_error, mean_error, tissue_error
from .wasserstein import gradient_penalty

__all__ = ["Critic", "absolute_error", "gradient_penalty", "mean_error", "tissue_error"]
