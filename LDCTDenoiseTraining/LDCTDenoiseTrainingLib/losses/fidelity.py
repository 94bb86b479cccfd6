"""How far an output lies from full dose, voxel by voxel and on the mean."""

import torch
from torch import Tensor
from torch.nn import functional

from .tissues import tissue_masks

#: Parts of the loss window's width by which it is widened before a voxel counts as outside of it.
_AROUND = 0.25


def absolute_error(output: Tensor, full: Tensor, outside_weight: float = 1.0) -> Tensor:
    """Return the mean absolute error of two batches of one shape.

    Parameters
    ----------
    output, full : torch.Tensor
        In the scale of the losses: the loss window lies from 0 to 1.
    outside_weight : float
        How much pixels count whose full dose lies outside the window, widened by a quarter of its width on each side:
        lung, air and dense bone. They are most of a chest, and their errors show in no soft-tissue window.
    """
    if outside_weight == 1:
        return functional.l1_loss(output, full)
    inside = (full > -_AROUND) & (full < 1 + _AROUND)
    return ((output - full).abs() * torch.where(inside, 1.0, outside_weight)).mean()


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


#: Fewest pixels of a tissue in an image that say something of its mean.
_FEWEST = 100


def tissue_error(output: Tensor, full: Tensor, hounsfield: Tensor, bone_weight: float = 1.0) -> Tensor:
    """Return the error of the mean of each tissue: absolute values, summed over tissues, averaged over images.

    What minimises an absolute or a squared error is drawn toward what is most frequent, the more the lower the dose:
    bone and contrast-filled vessels, which are rare, come out too dark, and fat too bright. This holds the mean of
    each tissue in each image, so that errors of two patients or two doses do not cancel out.

    Parameters
    ----------
    output, full : torch.Tensor
        Shape (B, 1, H, W), in the scale of the losses.
    hounsfield : torch.Tensor
        Full dose in HU, shape (B, 1, H, W).
    bone_weight : float
        How much bone and contrast-filled vessels count beside each of the others.
    """
    error, shifts = output - full, []
    for name, mask in tissue_masks(hounsfield).items():
        # One formula for any number of pixels, so that nothing waits for a GPU.
        count = mask.sum((1, 2, 3))
        shift = (error * mask).sum((1, 2, 3)).abs() / count.clamp_min(1) * (count >= _FEWEST)
        shifts.append(bone_weight * shift if name == "bone" else shift)
    return torch.stack(shifts).sum(0).mean()
