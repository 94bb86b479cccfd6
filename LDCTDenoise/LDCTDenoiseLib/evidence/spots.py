"""False detections: spots where nothing was put."""

import numpy as np

from ..requirements import require
from .findings import Finding
from .places import Tissues, depth

#: Sizes in mm and the contrast in HU from which a spot counts.
SIZES, CONTRAST = (4.0, 6.0, 10.0), 20.0
#: A spot of full dose within so many mm is the same one.
_SAME = 2.0
#: Flat tissue reaches so many mm around a spot's centre.
_CLEARANCE = 4.0


def _response(image: np.ndarray, size: float, pixel: float) -> np.ndarray:
    """Return disk mean less ring mean around every pixel, HU."""
    signal = require("scipy.signal")
    radius = size / 2 / pixel
    n = int(np.ceil(3 * radius))
    y, x = np.mgrid[-n : n + 1, -n : n + 1]
    distance = np.hypot(y, x)
    disk = np.clip(radius + 0.5 - distance, 0, 1)
    ring = (distance > 1.8 * radius) & (distance < 3 * radius)
    return signal.fftconvolve(np.clip(image.astype(np.float32), -1024, 400), disk / disk.sum() - ring / ring.sum(),
                              mode="same").astype(np.float32)  # fmt: skip


class SpotSearch:
    """Counts spots in flat tissue of images of one scan.

    Parameters
    ----------
    full : numpy.ndarray
        HU, shape (slices, rows, columns).
    tissues : Tissues
    size : float
        Diameter of what is searched, mm.
    """

    def __init__(self, full: np.ndarray, tissues: Tissues, size: float):
        ndimage = require("scipy.ndimage")
        pixel = tissues.pixel
        self._size, self._pixel = size, pixel
        self._inside = {
            tissue: np.stack([depth(m, pixel) > _CLEARANCE for m in mask])
            for tissue, mask in tissues.masks.items()
            if mask.any()
        }
        reach = 2 * max(1, int(round(_SAME / pixel))) + 1
        self._same_dark, self._same_bright = [], []
        for image in full:
            response = _response(image, size, pixel)
            self._same_bright.append(ndimage.maximum_filter(response, reach))
            self._same_dark.append(ndimage.minimum_filter(response, reach))

    def count(self, volume: np.ndarray, **labels) -> list[Finding]:
        """Return the spots of an image per 100 cm² of each tissue: all, dark ones, and those full dose has not."""
        ndimage = require("scipy.ndimage")
        reach = 2 * max(1, int(round(self._size / 2 / self._pixel))) + 1
        counts = {tissue: np.zeros(3, int) for tissue in self._inside}
        for k, image in enumerate(volume):
            response = _response(image, self._size, self._pixel)
            dark = (response <= -CONTRAST) & (response == ndimage.minimum_filter(response, reach))
            bright = (response >= CONTRAST) & (response == ndimage.maximum_filter(response, reach))
            new = (dark & (self._same_dark[k] > response / 2)) | (bright & (self._same_bright[k] < response / 2))
            for tissue, inside in self._inside.items():
                here = inside[k]
                counts[tissue] += [np.count_nonzero(m & here) for m in (dark | bright, dark, new)]
        findings = []
        for tissue, numbers in counts.items():
            area = np.count_nonzero(self._inside[tissue]) * self._pixel**2 / 1e4
            if area:
                for quantity, number in zip(("spots", "spots_dark", "spots_new"), numbers, strict=True):
                    findings.append(
                        Finding(quantity, value=float(number / area), count=int(number), tissue=tissue, shape="disk",
                                size=self._size, contrast=CONTRAST, **labels)
                    )  # fmt: skip
        return findings
