"""What was taken away: is there anatomy in it?"""

import numpy as np

from ..requirements import require
from .findings import Finding
from .observers import Bootstrap, interval

#: Sizes in mm between which structure is "medium": full widths of the two Gaussians whose difference it is.
_FINE, _COARSE = 1.5, 5.0
#: FWHM in mm of the neighbourhood in which the map regresses.
_NEIGHBOURHOOD = 16.0


def _sigma(width: float, pixel: float) -> float:
    return width / 2.3548 / pixel


def medium(image: np.ndarray, pixel: float) -> np.ndarray:
    """Return the medium structure of a slice in the display window, HU."""
    gaussian = require("scipy.ndimage").gaussian_filter
    shown = np.clip(image.astype(np.float32), -300, 400)
    return gaussian(shown, _sigma(_FINE, pixel)) - gaussian(shown, _sigma(_COARSE, pixel))


class Structure:
    """The medium structure of full dose, and of the two neighbours of every slice.

    Parameters
    ----------
    full : numpy.ndarray
        HU, shape (slices, rows, columns).
    body : numpy.ndarray
        Where the patient is.
    pixel : float
        mm.
    apart : int
        How many slices away the neighbours are: far enough for full dose's noise to be independent of the slice's.
    """

    def __init__(self, full: np.ndarray, body: np.ndarray, pixel: float, apart: int = 1):
        ndimage = require("scipy.ndimage")
        self._pixel, self._body, self._apart = pixel, body, apart
        self._own = np.stack([medium(image, pixel) for image in full])
        #: Slices that have two neighbours.
        self.slices = range(apart, len(full) - apart)
        self._slope = {}
        for k in self.slices:
            smooth = ndimage.gaussian_filter(full[k].astype(np.float32), _sigma(3.0, pixel))
            slope = np.hypot(ndimage.sobel(smooth, 0), ndimage.sobel(smooth, 1))
            inside = slope[body[k]]
            if inside.size:
                self._slope[k] = (slope, np.quantile(inside, 0.5), np.quantile(inside, 0.9))

    def measure(
        self, low: np.ndarray, image: np.ndarray, added: np.ndarray, tissues: dict[str, np.ndarray], /, **labels
    ) -> list[Finding]:
        """Measure what an image lacks of low dose.

        Parameters
        ----------
        low, image : numpy.ndarray
            HU.
        added : numpy.ndarray
            Low dose less full dose.
        tissues : dict of str to numpy.ndarray
            Masks by name; the whole body is measured as well.
        """
        findings = []
        regions = {"body": self._body, **tissues}
        sums = {name: [] for name in regions}
        excess = []
        for k in self.slices:
            if k not in self._slope:
                continue
            removed = low[k].astype(np.float32) - image[k]
            part, own, beside = medium(removed, self._pixel), self._own[k], self._beside(k)
            for name, mask in regions.items():
                if np.count_nonzero(mask[k]) >= 500:
                    r, s, z = part[mask[k]], own[mask[k]], beside[mask[k]]
                    sums[name].append([(r * z).sum(), (s * z).sum(), (r * r).sum(), (z * z).sum()])
            slope, flat, steep = self._slope[k]
            at_edge, in_flat = self._body[k] & (slope >= steep), self._body[k] & (slope <= flat)
            noise = added[k].astype(np.float32)
            excess.append([np.mean(x[m] ** 2, dtype=np.float64) for x in (removed, noise) for m in (at_edge, in_flat)])
        for name, rows in sums.items():
            if len(rows) < 2:
                continue
            rows = np.array(rows, dtype=np.float64)
            samples = Bootstrap(len(rows), 500)
            means = samples.mean(rows)
            total = rows.mean(axis=0)
            share = interval(100 * total[0] / total[1], 100 * means[:, 0] / means[:, 1])
            findings.append(Finding("structure_removed", count=len(rows), tissue=name, **share, **labels))
            scale = np.sqrt(total[2] * total[3])
            together = interval(
                total[0] / scale if scale else 0.0, means[:, 0] / np.sqrt(np.maximum(means[:, 2] * means[:, 3], 1e-30))
            )
            findings.append(Finding("structure_correlation", count=len(rows), tissue=name, **together, **labels))
        if len(excess) >= 2:
            rows = np.array(excess)
            if (rows.mean(axis=0) > 0).all():
                samples = Bootstrap(len(rows), 500)

                def ratio(m):
                    return np.sqrt(m[..., 0] / m[..., 1]) / np.sqrt(m[..., 2] / m[..., 3])

                excess = interval(ratio(rows.mean(axis=0)), ratio(samples.mean(rows)))
                findings.append(Finding("edge_excess", count=len(rows), **excess, **labels))
        return findings

    def map(self, k: int, low: np.ndarray, image: np.ndarray) -> np.ndarray:
        """Return where structure of slice k was removed: the local share, shape (rows, columns), 0 where there is none.

        Of each neighbourhood the removed image's product with the neighbours' structure over that of full dose, held
        back where there is little structure.
        """
        gaussian = require("scipy.ndimage").gaussian_filter
        part = medium(low[k].astype(np.float32) - image[k], self._pixel)
        own, beside = self._own[k], self._beside(k)
        sigma = _sigma(_NEIGHBOURHOOD, self._pixel)
        together, structure = gaussian(part * beside, sigma), gaussian(own * beside, sigma)
        typical = np.median(np.abs(structure[self._body[k]])) if self._body[k].any() else 1.0
        share = together / (np.maximum(structure, 0) + typical + 1e-6)
        return np.where(self._body[k], share, 0).astype(np.float32)

    def _beside(self, k: int) -> np.ndarray:
        return (self._own[k - self._apart] + self._own[k + self._apart]) / 2
