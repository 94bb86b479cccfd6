"""Patches one below the other on a canvas, with a row and a column of zeros between them.

A 3×3 layer then needs no border of its own, and every shift of the canvas by a pixel is a shift of its flat memory:
that makes the gradient of a layer's weights a few products of long thin matrices, without a copy (`layer.py`).
"""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Canvas:
    """Where patches lie on a canvas of `rows` × `columns` pixels.

    Planes of a canvas have the shape (rows, columns, planes), float32, contiguous: channels-last without the batch.

    Attributes
    ----------
    count, height, width : int
        The patches.
    """

    count: int
    height: int
    width: int

    @property
    def rows(self) -> int:
        # A gap above each patch, one below the last, and one more: the last pixel has its neighbours in memory too.
        return self.count * (self.height + 1) + 2

    @property
    def columns(self) -> int:
        # The gap on the left of a row is on the right of the one above.
        return self.width + 1

    def lay(self, patches: Tensor) -> Tensor:
        """Return patches (count, height, width) on a canvas, shape (rows, columns), zeros between them."""
        canvas = functional.pad(patches, (1, 0, 1, 0)).flatten(0, 1)
        return functional.pad(canvas, (0, 0, 0, 2))

    def lift(self, canvas: Tensor) -> Tensor:
        """Return the patches (count, height, width) of a canvas (rows, columns)."""
        return canvas[: self.count * (self.height + 1)].view(self.count, self.height + 1, -1)[:, 1:, 1:]

    def clear(self, planes: Tensor) -> Tensor:
        """Set the gaps to zero, in place."""
        planes[:, 0].zero_()
        planes[:: self.height + 1].zero_()
        planes[-1].zero_()
        return planes

    def neighbours(self, canvas: Tensor) -> Tensor:
        """Return each pixel's 3×3 neighbourhood, row by row: shape (rows * columns, 9), of a canvas (rows, columns)."""
        flat = functional.pad(canvas.reshape(-1), (self.columns + 1, self.columns + 1))
        around = flat.as_strided((canvas.numel(), 3, 3), (1, self.columns, 1))
        return around.reshape(-1, 9)


def image_of(planes: Tensor) -> Tensor:
    """Return planes (rows, columns, planes) as the image (1, planes, rows, columns), channels-last; no copy."""
    return planes.permute(2, 0, 1)[None]


def planes_of(image: Tensor) -> Tensor:
    """Return an image (1, planes, rows, columns) as planes (rows, columns, planes)."""
    return image[0].permute(1, 2, 0).contiguous()


def column_sums(planes: Tensor) -> Tensor:
    """Return the sum of each plane, shape (planes,)."""
    return planes.view(-1, planes.shape[-1]).sum(0)
