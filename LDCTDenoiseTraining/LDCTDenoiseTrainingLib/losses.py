"""What the networks are trained with: L1, SSIM, the mean of HU, and the Wasserstein distance with gradient penalty."""

import numpy as np
import torch
from LDCTDenoiseLib.metrics.ssim import C1, C2, SIDE, window_band
from torch import Tensor, nn
from torch.nn import functional

#: HU of each tissue.
TISSUES = {"lung": (-950, -600), "fat": (-130, -60), "soft": (0, 120), "bone": (200, 2000)}
#: Sides of the square over which noise is averaged out, and of that in which all averages must be the tissue's.
_SQUARE, _AROUND = 7, 5


def tissue_masks(hounsfield: Tensor) -> dict[str, Tensor]:
    """Return a mask of each tissue, by its name in `TISSUES`.

    Parameters
    ----------
    hounsfield : torch.Tensor
        Full dose in HU, float32, shape (B, 1, H, W).
    """
    mean = functional.avg_pool2d(hounsfield, _SQUARE, 1, _SQUARE // 2, count_include_pad=False)
    highest = functional.max_pool2d(mean, _AROUND, 1, _AROUND // 2)
    lowest = -functional.max_pool2d(-mean, _AROUND, 1, _AROUND // 2)
    return {name: (lowest > lower) & (highest < upper) for name, (lower, upper) in TISSUES.items()}


#: Parts of the loss window's width by which it is widened before a voxel counts as outside of it.
_WIDENED = 0.25


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
    error = (output - full).abs()
    if outside_weight != 1:
        inside = (full > -_WIDENED) & (full < 1 + _WIDENED)
        error = error * torch.where(inside, 1.0, outside_weight)
    return error.mean()


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


def ssim_error(output: Tensor, full: Tensor) -> Tensor:
    """Return 1 - SSIM, averaged over the pixels whose Gaussian window lies in the image.

    The least absolute or squared error leaves the fraction a of full dose's own noise where the dose is the fraction
    a; SSIM is highest at its root, where the noise left has the strength of full dose's. Between the two SSIM gains
    much at little loss of PSNR, so a part of this keeps an L1 training from smoothing what full dose shows as noise.

    Parameters
    ----------
    output, full : torch.Tensor
        Shape (B, 1, H, W), at least 11×11, in the scale of the losses; clipped to the loss window here.

    References
    ----------
    Wang et al., IEEE Trans Image Process 13(4):600-612, 2004; as a loss beside L1: Zhao et al., IEEE Trans Comput
    Imaging 3(1):47-57, 2017.
    """
    # Less 0.5, so that variances lose little to means.
    x, y = full.clamp(0, 1) - 0.5, output.clamp(0, 1) - 0.5
    # As products of small matrices, a seventh of the time of convolutions with one channel on a CPU.
    rows, columns = (torch.from_numpy(window_band(n - SIDE + 1, np.float64)).to(x) for n in x.shape[2:])
    mean_x, mean_y, xx, yy, xy = rows @ torch.stack((x, y, x * x, y * y, x * y)) @ columns.T
    variances = xx - mean_x**2 + yy - mean_y**2
    mean_x, mean_y, covariance = mean_x + 0.5, mean_y + 0.5, xy - mean_x * mean_y
    similarity = (2 * mean_x * mean_y + C1) * (2 * covariance + C2)
    return 1 - (similarity / ((mean_x**2 + mean_y**2 + C1) * (variances + C2))).mean()


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


#: Filters and stride of the convolutions.
_LAYERS = ((64, 1), (64, 2), (128, 1), (128, 2), (256, 1), (256, 2))


class Critic(nn.Module):
    """Scores patches: the more a patch looks like full dose, the higher.

    Six 3×3 convolutions and two fully connected layers with LeakyReLU 0.2 between them. No normalisation, which the
    gradient penalty forbids, and no sigmoid.

    Parameters
    ----------
    patch : int
        Side of the patches in pixels.

    References
    ----------
    You et al., arXiv 1811.10564, section 2.3; Gulrajani et al., arXiv 1704.00028, section 4 on normalisation.
    """

    def __init__(self, patch: int = 80):
        super().__init__()
        steps: list[nn.Module] = []
        inputs, side = 1, patch
        for filters, stride in _LAYERS:
            steps += [nn.Conv2d(inputs, filters, 3, stride, padding=1), nn.LeakyReLU(0.2)]
            inputs, side = filters, -(-side // stride)
        steps += [nn.Flatten(), nn.Linear(inputs * side**2, 1024), nn.LeakyReLU(0.2), nn.Linear(1024, 1)]
        self.layers = nn.Sequential(*steps)

    def forward(self, images: Tensor) -> Tensor:
        """Return the score of each image of a batch (B, 1, patch, patch), shape (B,)."""
        return self.layers(images)[:, 0]


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
