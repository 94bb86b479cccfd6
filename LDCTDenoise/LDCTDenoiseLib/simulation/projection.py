"""From an image to its line integrals along the rays of a fan beam."""

import math
from dataclasses import replace

import torch
from torch.nn import functional

from .geometry import FanBeam, PixelGrid

#: Rays whose pixels are listed at once; bounds the memory.
TAPS_AT_ONCE = 1 << 21


def forward_project(attenuation: torch.Tensor, fan: FanBeam, grid: PixelGrid) -> torch.Tensor:
    """Integrate attenuation along every ray, after Joseph (1982): linear interpolation at each row or column crossed.

    Opposite views see a centred grid alike when it is turned by 180 degrees, so each list of pixels serves two views
    of all slices.

    Parameters
    ----------
    attenuation : torch.Tensor
        In 1/mm, shape (slices, rows, columns), float32.
    fan : FanBeam
    grid : PixelGrid

    Returns
    -------
    torch.Tensor
        Line integrals without unit, shape (slices, views, columns), float32.
    """
    slices = attenuation.shape[0]
    device = attenuation.device
    half = fan.views // 2
    table = torch.cat([attenuation, attenuation.flip(1, 2)]).flatten(1).T.contiguous()
    beta, gamma = torch.meshgrid(fan.view_angles(device)[:half], fan.fan_angles(device), indexing="ij")
    beta, gamma = beta.flatten(), gamma.flatten()
    step = max(1, TAPS_AT_ONCE // (2 * max(grid.rows, grid.columns)))
    sums = torch.empty(beta.numel(), 2 * slices, device=device)
    for first in range(0, beta.numel(), step):
        part = slice(first, first + step)
        index, weight = _pixels_of_rays(beta[part], gamma[part], fan, grid)
        sums[part] = functional.embedding_bag(index, table, mode="sum", per_sample_weights=weight)
    return sums.T.unflatten(1, (half, fan.columns)).unflatten(0, (2, slices)).transpose(0, 1).flatten(1, 2)


def _pixels_of_rays(beta, gamma, fan, grid):
    """Return, for each ray (row), the flat numbers of the pixels it passes between and their weights in mm."""
    device = beta.device
    # In units of pixels, from the first pixel's centre.
    source_x = -fan.source_to_isocentre * torch.sin(beta) / grid.column_spacing + (grid.columns - 1) / 2
    source_y = fan.source_to_isocentre * torch.cos(beta) / grid.row_spacing + (grid.rows - 1) / 2
    step_x = torch.sin(beta + gamma) / grid.column_spacing
    step_y = -torch.cos(beta + gamma) / grid.row_spacing
    by_column = step_x.abs() >= step_y.abs()
    slope = torch.where(by_column, step_y / step_x, step_x / step_y)
    start = torch.where(by_column, source_y - source_x * slope, source_x - source_y * slope)
    length = 1 / torch.maximum(step_x.abs(), step_y.abs())
    lines = torch.where(by_column, grid.columns, grid.rows)
    across = torch.where(by_column, grid.rows, grid.columns).int()[:, None]
    stride_line = torch.where(by_column, 1, grid.columns).int()[:, None]
    stride_across = torch.where(by_column, grid.columns, 1).int()[:, None]

    line = torch.arange(max(grid.rows, grid.columns), device=device, dtype=torch.int32)
    crossing = start.float()[:, None] + slope.float()[:, None] * line
    lower = crossing.floor()
    fraction = crossing - lower
    lower = lower.int()
    on_grid = torch.where(line < lines[:, None], length.float()[:, None], 0.0)
    index, weight = [], []
    for neighbour, share in ((lower, 1 - fraction), (lower + 1, fraction)):
        hit = (neighbour >= 0) & (neighbour < across)
        weight.append(torch.where(hit, share * on_grid, 0.0))
        index.append(torch.where(hit & (line < lines[:, None]), line * stride_line + neighbour * stride_across, 0))
    return torch.cat(index, dim=1), torch.cat(weight, dim=1)


def line_integrals(attenuation: torch.Tensor, fan: FanBeam, grid: PixelGrid, spacing: float = 1.6) -> torch.Tensor:
    """Line integrals for the noise of a scan: projected on coarser pixels, columns and views, then interpolated.

    Only exp(-p), a variance that many rays average in every pixel, is needed of them.

    Parameters
    ----------
    attenuation : torch.Tensor
        In 1/mm, shape (slices, rows, columns), float32.
    fan : FanBeam
    grid : PixelGrid
    spacing : float
        Width in mm of the coarser pixels.

    Returns
    -------
    torch.Tensor
        Shape (slices, views, columns), float32.
    """
    coarse_grid = grid.coarsened(spacing)
    coarse_fan = replace(
        fan,
        columns=math.ceil(fan.columns / 2),
        pitch=fan.pitch * fan.columns / math.ceil(fan.columns / 2),
        offset=fan.offset * math.ceil(fan.columns / 2) / fan.columns,
        views=max(4, fan.views // 4 // 4 * 4),
    )
    coarse = functional.adaptive_avg_pool2d(attenuation, (coarse_grid.rows, coarse_grid.columns))
    p = forward_project(coarse, coarse_fan, coarse_grid)
    # The views close into a circle; interpolation must not see an end there.
    p = torch.cat([p[:, -1:], p, p[:, :1]], dim=1)[:, None]
    margin = fan.views // coarse_fan.views
    size = (fan.views + 2 * margin, fan.columns)
    p = functional.interpolate(p, size=size, mode="bilinear", align_corners=False)[:, 0]
    return p[:, margin : margin + fan.views]
