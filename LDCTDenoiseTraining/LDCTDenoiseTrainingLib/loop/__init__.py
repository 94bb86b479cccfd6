"""The training itself: its configuration, its state, one loop, validation and the log."""

from .config import TrainingConfig
from .train import Training

__all__ = ["Training", "TrainingConfig"]
