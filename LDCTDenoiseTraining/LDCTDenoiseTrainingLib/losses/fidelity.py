"""How far an output lies from full dose, voxel by voxel and on the mean."""

import torch
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


#: HU between which flat tissue is told apart, and up to which SD of full dose it is flat: lung, fat, soft tissue, and
#: bone with contrast-filled vessels.
_TISSUES = ((-950, -600, 60), (-130, -60, 25), (0, 150, 25), (200, 1500, 60))
#: Side of the square in which mean and SD are taken, and the fewest pixels of a tissue that say something of its mean.
_SQUARE, _FEWEST = 7, 200


def tissue_error(output: Tensor, full: Tensor, hounsfield: Tensor) -> Tensor:
    """Return the mean error of flat tissues: the absolute value of the mean over each tissue, averaged over tissues.

    What minimises an absolute or a squared error is drawn toward what is most frequent: bone and contrast-filled
    vessels, which are rare, come out too dark. This holds the mean of each tissue over a batch.

    Parameters
    ----------
    output, full : torch.Tensor
        Shape (B, 1, H, W), in the scale of the losses.
    hounsfield : torch.Tensor
        Full dose in HU, shape (B, 1, H, W).
    """
    mean = functional.avg_pool2d(hounsfield, _SQUARE, 1, _SQUARE // 2, count_include_pad=False)
    square = functional.avg_pool2d(hounsfield**2, _SQUARE, 1, _SQUARE // 2, count_include_pad=False)
    spread = (square - mean**2).clamp_min(0).sqrt()
    error, shifts = output - full, []
    for lower, upper, flat in _TISSUES:
        mask = (mean > lower) & (mean < upper) & (spread < flat)
        # One formula for any number of pixels, so that nothing waits for a GPU.
        count = mask.sum()
        shifts.append((error * mask).sum().abs() / count.clamp_min(1) * (count >= _FEWEST))
    return torch.stack(shifts).mean()
