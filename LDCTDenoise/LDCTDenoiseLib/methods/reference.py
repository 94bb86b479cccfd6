"""Denoising without training, from scikit-image: total variation and non-local means."""

import numpy as np

from ..requirements import require

#: Both work on this unit of HU, so that their settings are numbers near one.
_SCALE = 400.0

#: The HU both methods see; what lies outside is added back by the pass-through rule. Without it a metal voxel would
#: dominate its whole neighbourhood.
_LOWER, _UPPER = -1024.0, 3071.0

#: Side of the windows the noise is measured in, pixels.
_WINDOW = 15

#: A noise level below this many HU means that there is nothing to remove.
_LEAST_NOISE = 0.1


def estimate_noise(hounsfield: np.ndarray) -> float:
    """Estimate the noise standard deviation of a slice in HU.

    The lower quartile of the local standard deviation in windows that lie wholly in soft tissue: CT noise is
    correlated by the reconstruction kernel, so estimators from neighbouring pixels (wavelets, Laplacians) find a
    third of it, and a quartile below the median keeps edges and vessels out. Without soft tissue, all windows count.

    Parameters
    ----------
    hounsfield : numpy.ndarray
        One slice, shape (rows, columns).
    """
    ndimage = require("scipy.ndimage")
    size = min(_WINDOW, *hounsfield.shape)
    image = np.asarray(hounsfield, dtype=np.float64)
    mean = ndimage.uniform_filter(image, size)
    spread = np.sqrt(np.maximum(ndimage.uniform_filter(image**2, size) - mean**2, 0))
    # The mean decides, and not each voxel: at a low dose single voxels of tissue lie anywhere.
    air = ndimage.uniform_filter((image < -500).astype(np.float32), size) > 0
    tissue = (np.abs(mean) < 250) & ~air
    inner = np.zeros_like(tissue)
    margin = size // 2
    inner[margin : image.shape[0] - margin, margin : image.shape[1] - margin] = True
    for chosen in (tissue & inner, inner):
        if chosen.any():
            return float(np.percentile(spread[chosen], 25))
    return 0.0


class _SliceMethod:
    """A method of scikit-image that takes one slice at a time and runs on the CPU."""

    on_device = False
    name = ""

    def prepare(self, device: str) -> None:
        require("skimage.restoration")

    def correction(self, hounsfield: np.ndarray) -> np.ndarray:
        """Return the correction of a batch of slices, float32 HU of shape (slices, rows, columns)."""
        result = np.zeros(hounsfield.shape, np.float32)
        for k, image in enumerate(np.clip(hounsfield, _LOWER, _UPPER).astype(np.float32)):
            noise = estimate_noise(image)
            if noise > _LEAST_NOISE:
                result[k] = self._denoise(image / _SCALE, noise / _SCALE) * _SCALE - image
        return result

    def _denoise(self, image: np.ndarray, noise: float) -> np.ndarray:
        raise NotImplementedError


class TotalVariation(_SliceMethod):
    """Total variation after Chambolle (J Math Imaging Vis 20:89-97, 2004), weighted by the noise it finds.

    `weight` times the estimated noise is scikit-image's weight; its default was chosen on the training patients.
    """

    name = "TV"

    def __init__(self, weight: float = 1.0):
        self.weight = weight

    def _denoise(self, image, noise):
        restoration = require("skimage.restoration")
        return restoration.denoise_tv_chambolle(image, weight=self.weight * noise)


class NonLocalMeans(_SliceMethod):
    """Non-local means after Buades et al. (Multiscale Model Simul 4(2):490-530, 2005), fast variant.

    `cutoff` times the estimated noise is the cut-off distance h; its default was chosen on the training patients.
    """

    name = "NLM"

    def __init__(self, cutoff: float = 1.1, patch_size: int = 7, patch_distance: int = 6):
        self.cutoff, self.patch_size, self.patch_distance = cutoff, patch_size, patch_distance

    def _denoise(self, image, noise):
        restoration = require("skimage.restoration")
        return restoration.denoise_nl_means(
            image, patch_size=self.patch_size, patch_distance=self.patch_distance, h=self.cutoff * noise, sigma=0.0,
            fast_mode=True,
        )
