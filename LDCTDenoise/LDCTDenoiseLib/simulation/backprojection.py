"""From a sinogram to an image: ramp filter and equiangular fan-beam back-projection (Kak & Slaney 1988, ch. 3.4.1)."""

import math

import numpy as np
import torch
from torch.nn import functional

from .geometry import FanBeam, PixelGrid

#: Detector samples per column after filtering. At this density the nearest sample serves as well as interpolation, and
#: one sample per pixel and view is read instead of two.
UPSAMPLING = 4

#: Views (times four, with their mirrored and opposite ones) whose samples are gathered at once: few enough for the
#: caches, and enough that threads on a busy machine seldom wait for each other.
VIEWS_AT_ONCE = 12


def ramp_response(fan: FanBeam, window, length: int) -> torch.Tensor:
    """Frequency response of the equiangular ramp filter times a window and the loss of an interpolation.

    An ordinary reconstruction interpolates linearly between detector samples, here half a column apart, which takes
    4 % off the noise. `back_project` interpolates nothing, so the filter takes off what that does on average over the
    places between two samples.

    Parameters
    ----------
    fan : FanBeam
    window : callable
        Frequencies in units of the detector's Nyquist frequency to factors, as `ScanSettings.window`.
    length : int
        Length of the transform, at least `2 * fan.columns - 1`.

    Returns
    -------
    torch.Tensor
        Shape (length // 2 + 1,), float32, in 1/radian.
    """
    step = fan.column_angle
    n = torch.arange(length, dtype=torch.float64)
    n = torch.where(n > length // 2, n - length, n)
    odd = (n % 2 == 1) & (n.abs() < fan.columns)
    # Kak & Slaney eq. 103: h(γ) = ½ (γ / sin γ)² times the band-limited ramp, sampled; even samples but the 0th vanish.
    kernel = torch.where(odd, -1 / (2 * (math.pi * torch.sin(n * step)) ** 2), 0.0)
    kernel[0] = 1 / (8 * step**2)
    frequency = torch.linspace(0, 1, length // 2 + 1, dtype=torch.float64)
    shape = torch.from_numpy(np.asarray(window(frequency.numpy()), np.float64))
    interpolation = ((2 + torch.cos(math.pi / 2 * frequency)) / 3).sqrt()
    return (torch.fft.rfft(kernel).real * step * shape * interpolation).float()


def filter_views(sinogram: torch.Tensor, fan: FanBeam, window) -> torch.Tensor:
    """Weight, filter and upsample the views of one slice.

    Parameters
    ----------
    sinogram : torch.Tensor
        Line integrals without unit, shape (views, columns), float32.
    fan : FanBeam
    window : callable
        See `ramp_response`.

    Returns
    -------
    torch.Tensor
        Shape (views, `UPSAMPLING` * columns). Sample n lies at column n / `UPSAMPLING`.
    """
    # The ramp reaches from any column to any other; zeros of that length keep the circular convolution from wrapping.
    length = 1 << (2 * fan.columns - 1).bit_length()
    weight = (fan.source_to_isocentre * torch.cos(fan.fan_angles(sinogram.device))).float()
    spectrum = torch.fft.rfft(sinogram * weight, length) * ramp_response(fan, window, length).to(sinogram.device)
    return torch.fft.irfft(spectrum, length * UPSAMPLING)[:, : fan.columns * UPSAMPLING] * UPSAMPLING


def back_project(filtered: torch.Tensor, fan: FanBeam, grid: PixelGrid) -> torch.Tensor:
    """Back-project the filtered views of several slices.

    A view, its opposite and the mirror images of both meet a centred grid in the same way up to flips, so that one
    table of sample numbers and weights serves four views of all slices. Reading them is an embedding bag: each pixel
    sums, over the views, rows of a table whose columns are the slices and their four views.

    Parameters
    ----------
    filtered : torch.Tensor
        Output of `filter_views`, shape (slices, views, samples).
    fan : FanBeam
    grid : PixelGrid

    Returns
    -------
    torch.Tensor
        Attenuation in 1/mm, shape (slices, rows, columns), float32; zero outside the scan field.
    """
    slices, views, samples = filtered.shape
    device = filtered.device
    x, y = grid.axes(device)
    inside = grid.within(fan.field_radius, device)
    # One row (x, y, 1) per pixel: with the columns below, a matrix product gives the pixels' places in several views.
    place = torch.stack([x.expand(grid.rows, -1)[inside], y[:, None].expand(-1, grid.columns)[inside]], dim=1)
    place = torch.cat([place, torch.ones_like(place[:, :1])], dim=1)
    mirrored = (round(2 * fan.centre * UPSAMPLING) - torch.arange(samples, device=device)).clamp(0, samples - 1)
    quarter = views // 4
    total = torch.zeros(place.shape[0], 4 * slices, device=device)
    for first in range(0, quarter, VIEWS_AT_ONCE):
        number = torch.arange(first, min(first + VIEWS_AT_ONCE, quarter), device=device)
        index, weight = _samples_of_pixels(place, fan.view_angles(device)[number], fan, samples)
        as_seen = filtered[:, number]
        opposite = filtered[:, number + views // 2]
        left_right = filtered[:, views - 1 - number][..., mirrored]
        up_down = filtered[:, views // 2 - 1 - number][..., mirrored]
        table = torch.stack([as_seen, opposite, left_right, up_down]).flatten(0, 1).flatten(1).T.contiguous()
        total += functional.embedding_bag(index, table, mode="sum", per_sample_weights=weight)
    images = torch.zeros(grid.rows, grid.columns, 4 * slices, device=device)
    images[inside] = total
    as_seen, opposite, left_right, up_down = images.permute(2, 0, 1).unflatten(0, (4, slices))
    image = as_seen + opposite.flip(1, 2) + left_right.flip(2) + up_down.flip(1)
    return image * (2 * math.pi / views)


def _samples_of_pixels(place, angles, fan, samples):
    """Return, for pixel (row) and view (column), the number of the detector sample and the weight 1/L² in 1/mm²."""
    cos, sin = torch.cos(angles).float(), torch.sin(angles).float()
    zero = torch.zeros_like(cos)
    across = place @ torch.stack([cos, sin, zero])
    along = place @ torch.stack([sin, -cos, zero + fan.source_to_isocentre])
    weight = 1 / (across.square() + along.square())
    index = across.div_(along).atan_().mul_(UPSAMPLING / fan.column_angle).add_(UPSAMPLING * fan.centre).round_().int()
    view_start = torch.arange(angles.numel(), dtype=torch.int32, device=angles.device) * samples
    return index + view_start, weight
