"""PSNR, SSIM and RMSE of one image against its reference, in a display window, and the words for them."""

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..hounsfield import PAPER, Window
from .ssim import SSIMReference


@dataclass(frozen=True)
class Metric:
    """One metric."""

    key: str  #: Its name in code, logs and model cards.
    label: str  #: For people.
    digits: int  #: Behind the point, for people.
    unit: str = ""  #: For people; a ratio has none.
    #: "more", "less" or "one", which is nearest to full dose; empty where none is better.
    better: str = ""

    @property
    def heading(self) -> str:
        """The label with the unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    @property
    def column(self) -> str:
        """The name of its column in a table for machines: the key with the unit behind it."""
        return self.key if self.key.endswith(unit := f"_{self.unit.lower()}".rstrip("_")) else self.key + unit

    @property
    def spread_column(self) -> str:
        """The name of the column of its standard deviation."""
        return f"{self.key}_sd"

    def text(self, value: float | None, spread: float | None = None) -> str:
        """Return a value as people read it, with its standard deviation when there is one; a dash for none or NaN."""
        if value is None or math.isnan(value):
            return "–"
        return f"{value:.{self.digits}f}" + ("" if spread is None else f" ± {spread:.{self.digits}f}")

    def score(self, value: float) -> float:
        """Return a number that is the higher the better."""
        if self.better == "one":
            return -abs(math.log(value)) if value > 0 else -math.inf
        return -value if self.better == "less" else value


#: Both images are scaled to [0, 1] by the window, so the range of the data never depends on the image.
DATA_RANGE = 1.0

#: From so many pixels several images are measured by several threads.
_WORTH_THREADS = 1 << 16

#: The variant of SSIM that every number comes with.
SSIM_VARIANT = "Wang 2004, Gaussian 11x11, sigma 1.5, K1 0.01, K2 0.03, population statistics"


@dataclass(frozen=True)
class Quality:
    """How near an image is to its reference."""

    psnr: float  #: Peak signal-to-noise ratio in dB, infinite for identical images.
    #: Structural similarity, 1 for identical images; NaN for an image below 11×11 pixels.
    ssim: float
    rmse: float  #: Root mean square error in units of the data range (1 is the window's width).
    rmse_hu: float  #: The same in HU, still within the window.
    window: Window = PAPER  #: The window that both images were clipped to.

    @property
    def equal(self) -> bool:
        """Whether image and reference are the same within the window; such a slice has no PSNR to average."""
        return self.rmse == 0


#: The metrics of a `Quality`; a further one is a field there, a line in `Reference.measure` and a row here.
METRICS = (
    Metric("psnr", "PSNR", 2, "dB", better="more"),
    Metric("ssim", "SSIM", 3, better="more"),
    Metric("rmse", "RMSE", 4, better="less"),
    Metric("rmse_hu", "RMSE", 1, "HU", better="less"),
)

#: What is said of an image's HU alone.
HU_STATISTICS = (Metric("mean_hu", "Mean", 1, "HU"), Metric("sd_hu", "SD", 1, "HU"))


def psnr_of(rmse: float) -> float:
    """Return the PSNR in dB that belongs to an RMSE in units of the data range; infinite for 0."""
    return math.inf if rmse == 0 else 20 * math.log10(DATA_RANGE / rmse)


class Reference:
    """A reference slice, or the pixels of an ROI, ready for several images to be measured against it.

    Both are clipped to the window and scaled to [0, 1]. PSNR is `20 log10(1 / RMSE)`, which reproduces nine of the
    ten rows of the paper's Table 1; SSIM is that of Wang et al., IEEE Trans Image Process 13(4):600-612, 2004, computed
    to 1e-6.

    Parameters
    ----------
    reference : numpy.ndarray
        HU of shape (rows, columns).
    window : Window
        The display window.

    Raises
    ------
    InputError
        If the reference is not a 2D image or is empty.
    """

    def __init__(self, reference: np.ndarray, window: Window = PAPER):
        reference = np.asarray(reference)
        if reference.ndim != 2:
            raise InputError(f"the reference has the shape {reference.shape}; give two 2D images of one shape.")
        if not reference.size:
            raise InputError("an empty image has no PSNR, SSIM or RMSE.")
        self._shape, self._window, self._compared = reference.shape, window, SSIMReference(reference, window)

    def measure(self, image: np.ndarray) -> Quality:
        """Measure an image in HU; raise `InputError` if its shape is not the reference's, or either holds NaN."""
        image = np.asarray(image)
        if image.shape != self._shape:
            shapes = f"{self._shape} and {image.shape}"
            raise InputError(f"reference and image have the shapes {shapes}; give two 2D images of one shape.")
        error, similarity = self._compared.compare(image)
        if math.isnan(error):
            raise InputError("NaN has no place in a comparison; replace those values first.")
        rmse = math.sqrt(error)
        return Quality(
            psnr=psnr_of(rmse),
            ssim=similarity,
            rmse=rmse,
            rmse_hu=rmse * self._window.width,
            window=self._window,
        )


def measure_slice(reference: np.ndarray, image: np.ndarray, window: Window = PAPER) -> Quality:
    """Measure an image against its reference; parameters and errors as for `Reference`."""
    return Reference(reference, window).measure(image)


def measure_images(reference: np.ndarray, images: dict[str, np.ndarray], window: Window = PAPER) -> dict[str, Quality]:
    """Measure several images against one reference; parameters and errors as for `Reference`.

    Returns
    -------
    dict of str to Quality
        By the images' labels, in their order.
    """
    compared = Reference(reference, window)
    # An image a thread, since what takes the time leaves Python's lock; a small one is done before a thread has begun.
    threads = min(len(images), os.cpu_count() or 1) if np.size(reference) >= _WORTH_THREADS else 1
    if threads < 2:
        return {label: compared.measure(image) for label, image in images.items()}
    with ThreadPoolExecutor(threads) as pool:
        return dict(zip(images, pool.map(compared.measure, images.values()), strict=True))
