"""Where an image shows lung, fat, soft tissue, or bone and contrast-filled vessels, away from their edges."""

from torch import Tensor
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
