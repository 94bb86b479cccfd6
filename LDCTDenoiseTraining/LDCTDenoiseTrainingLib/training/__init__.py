"""The training itself: its configuration, its state, one loop, validation and the log."""

from .config import TrainingConfig


def __getattr__(name: str):
    # Only who trains needs torch; who asks for a setting's default does not.
    if name == "Training":
        from .train import Training

        return Training
    raise AttributeError(f"module '{__name__}' has no '{name}'")
