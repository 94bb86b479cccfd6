"""Where the source, the detector and the pixels are: an equiangular fan beam and a grid of pixels around its axis."""

import math
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class FanBeam:
    """A third-generation scanner: the source and an arc of detector columns turn around the isocentre.

    Ray (β, γ) starts at `source_to_isocentre` · (-sin β, cos β) and runs along (sin(β + γ), -cos(β + γ)), with x along
    the columns of the image and y along its rows. The defaults are those of a common 64-row scanner.
    """

    #: In mm.
    source_to_isocentre: float = 595.0
    source_to_detector: float = 1085.6
    columns: int = 736  #: Detector columns.
    pitch: float = 1.2858  #: Width of a column on the arc, in mm.
    #: Shift of the detector in columns. A quarter makes opposite rays interleave, as in real scanners.
    offset: float = 0.25
    #: Views per rotation, a multiple of 4: back-projection shares its work among four views.
    views: int = 1152

    def __post_init__(self):
        if self.views < 4 or self.views % 4:
            raise ValueError(f"views must be a positive multiple of 4, not {self.views}")

    @property
    def column_angle(self) -> float:
        """Angle between neighbouring columns, in radians."""
        return self.pitch / self.source_to_detector

    @property
    def centre(self) -> float:
        """Index, with its fraction, at which the central ray meets the detector."""
        return (self.columns - 1) / 2 - self.offset

    @property
    def field_radius(self) -> float:
        """Radius in mm of the circle that every view sees whole; a column is kept free at the detector's ends."""
        outermost = (min(self.centre, self.columns - 1 - self.centre) - 1) * self.column_angle
        return self.source_to_isocentre * math.sin(outermost)

    def fan_angles(self, device="cpu") -> torch.Tensor:
        """γ of every column in radians, shape (columns,), float64."""
        return (torch.arange(self.columns, dtype=torch.float64, device=device) - self.centre) * self.column_angle

    def view_angles(self, device="cpu") -> torch.Tensor:
        """β of every view in radians, shape (views,), float64.

        The half step keeps every view off the axes, so that mirrored and opposite views are other views of the set.
        """
        return (torch.arange(self.views, dtype=torch.float64, device=device) + 0.5) * (2 * math.pi / self.views)


@dataclass(frozen=True)
class PixelGrid:
    """Pixels of one slice, centred on the isocentre."""

    #: Number of pixels along y and x.
    rows: int
    columns: int
    #: Distance in mm between neighbouring rows (y) and columns (x).
    row_spacing: float
    column_spacing: float

    def axes(self, device="cpu") -> tuple[torch.Tensor, torch.Tensor]:
        """Return x of every column and y of every row in mm, float32."""
        x, y = (
            (torch.arange(n, dtype=torch.float64, device=device) - (n - 1) / 2) * spacing
            for n, spacing in ((self.columns, self.column_spacing), (self.rows, self.row_spacing))
        )
        return x.float(), y.float()

    def within(self, radius: float, device="cpu") -> torch.Tensor:
        """Tell which pixels lie within `radius` mm of the isocentre, shape (rows, columns), bool."""
        x, y = self.axes(device)
        return x[None, :] ** 2 + y[:, None] ** 2 <= radius**2

    def coarsened(self, spacing: float) -> "PixelGrid":
        """Return a grid over the same rectangle whose pixels are about `spacing` mm wide, but never finer than this."""
        rows = min(self.rows, math.ceil(self.rows * self.row_spacing / spacing))
        columns = min(self.columns, math.ceil(self.columns * self.column_spacing / spacing))
        return PixelGrid(
            rows, columns, self.row_spacing * self.rows / rows, self.column_spacing * self.columns / columns
        )
