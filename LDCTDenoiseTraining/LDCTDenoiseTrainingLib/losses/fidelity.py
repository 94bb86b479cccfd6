"""How far an output lies from full dose, voxel by voxel and on the mean."""

from torch import Tensor
from torch.nn import functional


def absolute_error(output: Tensor, full: Tensor) -> Tensor:
    """Return the mean absolute error of two batches of one shape."""
    return functional.l1_loss(output, full)


def mean_error(output: Tensor, full: Tensor, block: int) -> Tensor:
    """Return the mean absolute error of the means over blocks.

    An adversarial loss says nothing of the mean, which drifted by -3.7 HU in soft tissue without this; noise averages
    out over a block, so that texture is free while the mean is held.

    Parameters
    ----------
    output, full : torch.Tensor
        Shape (B, 1, H, W).
    block : int
        Side of the blocks in pixels; at most that of the images is used.
    """
    block = min(block, *output.shape[2:])
    return functional.l1_loss(functional.avg_pool2d(output, block), functional.avg_pool2d(full, block))
