"""The unevenness of tissue: smooth random fields that are the same for the same seed."""

import numpy as np

#: Correlation length (SD of the smoothing) in mm, in the slice.
MOTTLE, GRAIN, STREAK = 1.6, 0.6, 1.0


def textures(
    slices: int, size: int, pixel: float, slice_spacing: float, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Return the fields that scale with the materials' amplitudes.

    Parameters
    ----------
    slices, size : int
        Shape of the volume.
    pixel, slice_spacing : float
        Spacing in mm.
    rng : numpy.random.Generator
        Where the fields come from.

    Returns
    -------
    dict of str to numpy.ndarray
        'mottle' and 'grain' of mean 0 and SD 1 or, where pixels are coarser than the texture, as much less as
        averaging leaves; 'marbling' between -1 and 0: the streaks of fat in muscle. float32, shape
        (slices, size, size).
    """
    shape = (slices, size, size)
    mottle = _field(shape, MOTTLE, pixel, slice_spacing, rng)
    broad = _field(shape, 9.0, pixel, slice_spacing, rng)
    streak = _field(shape, STREAK, pixel, slice_spacing, rng)
    return {
        "mottle": (0.94 * mottle + 0.34 * broad).astype(np.float32),
        "grain": _field(shape, GRAIN, pixel, slice_spacing, rng),
        "marbling": -np.clip(streak - 0.7, 0, 1.6) / 1.6,
    }


def _field(shape, length: float, pixel: float, slice_spacing: float, rng: np.random.Generator) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    across = length / pixel
    noise = rng.standard_normal(shape, dtype=np.float32)
    # Between slices the texture changes faster than the slices are apart, except for the broadest.
    noise = gaussian_filter(noise, (min(1.0, length / slice_spacing), across, across), mode="wrap")
    return noise / max(float(noise.std()), 1e-6) * np.float32(min(1.0, 2 * across))
