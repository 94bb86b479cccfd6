"""The noise of a simulated scan: drawn in the projections, filtered and back-projected like the scan itself."""

import numpy as np
import torch

from .backprojection import back_project, filter_views
from .geometry import FanBeam, PixelGrid
from .photons import (
    SCANNER_VIEWS,
    added_variance,
    attenuation,
    detected_photons,
    hounsfield_change,
    scan_variance,
)
from .projection import line_integrals
from .settings import ScanSettings

#: Radius in mm of the gantry's bore. What a file shows beyond it cannot have been there.
BORE_RADIUS = 390.0


def noise_of_slices(
    hounsfield: np.ndarray,
    numbers: list[int],
    pixel_spacing: tuple[float, float],
    settings: ScanSettings,
    noise_free: bool,
    device: str,
) -> np.ndarray:
    """Return the noise of one batch of slices.

    Parameters
    ----------
    hounsfield : numpy.ndarray
        HU without padding, shape (slices, rows, columns), float32.
    numbers : list of int
        The slices' numbers, which seed their noise.
    pixel_spacing : tuple of float
        Distance in mm between columns and between rows.
    settings : ScanSettings
    noise_free : bool
        The image has no noise of its own: return all of the scan's, not what is added to a full-dose scan's.
    device : str
        What torch calls the device.

    Returns
    -------
    numpy.ndarray
        HU, same shape, float32; zero outside the scan field.
    """
    fan = FanBeam(views=settings.views)
    grid = PixelGrid(*hounsfield.shape[1:], row_spacing=pixel_spacing[1], column_spacing=pixel_spacing[0])
    variance_at = scan_variance if noise_free else added_variance
    mu = attenuation(torch.from_numpy(hounsfield).to(device)) * grid.within(BORE_RADIUS, device)
    filtered = []
    # Slice by slice from here on, so that a slice's noise does not depend on the batch it is in.
    for number, p in zip(numbers, line_integrals(mu, fan, grid), strict=True):
        # Fewer views than the scanner's carry all its photons.
        variance = variance_at(detected_photons(p, fan, settings.photons), settings.dose) * fan.views / SCANNER_VIEWS
        # Drawn on the CPU whatever the device, so that the seed alone decides.
        drawn = torch.from_numpy(_draws(settings, number, (fan.views, fan.columns))).to(device)
        filtered.append(filter_views(drawn * variance.sqrt(), fan, settings.window))
    return hounsfield_change(back_project(torch.stack(filtered), fan, grid)).cpu().numpy()


def _draws(settings: ScanSettings, number: int, shape: tuple[int, int]) -> np.ndarray:
    """Return standard normal numbers of one slice; overlapping slices share some of theirs."""
    drawn = np.zeros(shape, np.float32)
    for step, weight in enumerate(settings.slice_weights().astype(np.float32)):
        generator = np.random.default_rng([settings.seed, number + step])
        drawn += weight * generator.standard_normal(shape, dtype=np.float32)
    return drawn
