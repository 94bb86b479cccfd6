"""What every generator has in common: it is the input plus a learned correction."""

from torch import Tensor, nn


class CorrectionGenerator(nn.Module):
    """A generator G on images of unit scale, split so that `G(x) - x` never suffers from cancellation.

    A subclass implements `correction`. Keeping the correction apart from the image has two reasons: the engine adds
    it to the untouched HU values, so a network of zero weights returns its input bit for bit, and half precision
    rounds only the correction (one bfloat16 step of a whole image over 4096 HU is 16 HU).
    """

    def correction(self, image: Tensor) -> Tensor:
        """Return `G(image) - image` for a batch of shape (B, 1, H, W)."""
        raise NotImplementedError

    def forward(self, image: Tensor) -> Tensor:
        """Return `G(image)` for a batch of shape (B, 1, H, W) on the unit interval; the result is not clipped."""
        return image + self.correction(image)
