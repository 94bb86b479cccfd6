"""Model observers: how well a known lesion at a known place is told from its absence.

A patch is a square of odd side around the place, less its own mean, as a row of float64. An observer is linear: it
answers to a patch with one number, the product with its template. None has internal noise.
"""

import numpy as np

#: Size of a screen's pixel in mm, and cycles per degree for one cycle per mm on it, for the eye filter.
_SCREEN_PIXEL, _DEGREE = 54 / 128, 0.1146


def _offsets(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of every pixel from the centre of a patch, each of shape (side, side)."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return x, y


def laguerre_gauss(side: int, diameter: float, count: int = 5) -> np.ndarray:
    """Return Laguerre-Gauss channels for a lesion `diameter` pixels across, shape (side², count).

    u_n = √2 / a · exp(-π r² / a²) · L_n(2 π r² / a²) with a = 2/3 of the diameter. Gallas & Barrett, J Opt Soc Am A
    20:1725 (2003).
    """
    x, y = _offsets(side)
    width = 2 * diameter / 3
    argument = 2 * np.pi * (x * x + y * y) / width**2
    channels, before, now = [], np.zeros_like(argument), np.ones_like(argument)
    for n in range(count):
        channels.append(np.sqrt(2) / width * np.exp(-argument / 2) * now)
        before, now = now, ((2 * n + 1 - argument) * now - n * before) / (n + 1)
    return np.stack([c.ravel() for c in channels], axis=1)


def difference_of_gaussians(
    side: int, first: float = 0.005, ratio: float = 1.4, width: float = 1.67, count: int = 10
) -> np.ndarray:
    """Return dense difference-of-Gaussians channels, shape (side², count).

    In frequency exp(-f² / 2 (Q s)²) - exp(-f² / 2 s²) with s = `first` · `ratio`^j cycles per pixel and Q = `width`.
    Abbey & Barrett, J Opt Soc Am A 18:473 (2001).
    """
    x, y = _offsets(side)
    squared = (x * x + y * y) / side**2
    channels = []
    for j in range(count):
        s = first * ratio**j
        response = np.exp(-squared / (2 * (width * s) ** 2)) - np.exp(-squared / (2 * s * s))
        channels.append(np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(response))).real)
    return np.stack([c.ravel() for c in channels], axis=1)


def gabor(side: int) -> np.ndarray:
    """Return Gabor channels of even phase in four bands and four directions, shape (side², 16).

    Octave bands whose upper edge F is 1/8 cycles per pixel, then half of it and so on; centre 3F/4, width F/2.
    Wunderlich & Noo, IEEE Trans Med Imaging 27:1472 (2008).
    """
    x, y = _offsets(side)
    channels = []
    for band in range(4):
        edge = 0.125 / 2**band
        width = 4 * np.log(2) / (np.pi * edge / 2)
        envelope = np.exp(-4 * np.log(2) * (x * x + y * y) / width**2)
        for angle in np.pi * np.arange(4) / 4:
            wave = np.cos(2 * np.pi * 0.75 * edge * (x * np.cos(angle) + y * np.sin(angle)))
            channels.append(envelope * wave)
    return np.stack([c.ravel() for c in channels], axis=1)


def eye_filter(side: int) -> np.ndarray:
    """Return the eye's response in the order of numpy's FFT, shape (side, side).

    q^1.3 exp(-0.04 q²), q in cycles per degree, of pixels of 0.42 mm on a screen 0.5 m away. Burgess, J Opt Soc Am A
    11:1237 (1994).
    """
    x, y = _offsets(side)
    q = np.hypot(x, y) / (side - 1) / _SCREEN_PIXEL / _DEGREE
    return np.fft.ifftshift(q**1.3 * np.exp(-0.04 * q * q))


def eye_template(signal: np.ndarray) -> np.ndarray:
    """Return the template of an observer that sees lesion and image through the eye (NPWE), shape (side²,)."""
    return np.fft.ifft2(eye_filter(len(signal)) ** 2 * np.fft.fft2(signal)).real.ravel()


def hotelling_template(present: np.ndarray, absent: np.ndarray) -> np.ndarray:
    """Return the Hotelling observer's weights of the channels, shape (channels,).

    Parameters
    ----------
    present, absent : numpy.ndarray
        Channel outputs of the training patches with and without the lesion, each of shape (patches, channels).
    """
    difference = present.mean(axis=0) - absent.mean(axis=0)
    covariance = np.atleast_2d(np.cov(absent, rowvar=False) + np.cov(present, rowvar=False)) / 2
    tolerance = present.shape[1] * np.finfo(np.float64).eps
    return np.linalg.pinv(covariance, rcond=tolerance) @ difference


def auc(present: np.ndarray, absent: np.ndarray) -> float:
    """Return the share of pairs in which the answer with the lesion is larger, ties counted as a half."""
    larger = np.asarray(present)[:, None] - np.asarray(absent)[None, :]
    return float(((larger > 0).sum() + 0.5 * (larger == 0).sum()) / larger.size)


def detectability(present: np.ndarray, absent: np.ndarray) -> float:
    """Return d' (SNR): the difference of the mean answers over the root of the mean of their variances, with sign."""
    spread = (np.var(present, ddof=1) + np.var(absent, ddof=1)) / 2
    return float((np.mean(present) - np.mean(absent)) / np.sqrt(spread))


def cross_fitted(present: np.ndarray, absent: np.ndarray, folds: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Return the answers of Hotelling observers to patches that they were not trained on.

    Parameters
    ----------
    present, absent : numpy.ndarray
        Channel outputs, shape (places, channels); row n of both is the same place with and without the lesion.
    folds : int
        The places n, n + folds, n + 2 folds … are answered by the observer trained on all others. Each observer's
        answers are scaled to a mean training variance of 1, so that those of the folds can be pooled.

    Returns
    -------
    tuple of numpy.ndarray
        Answers with and without the lesion, shape (places,).
    """
    answers = np.empty((2, len(present)))
    for fold in range(folds):
        test = np.arange(len(present)) % folds == fold
        template = hotelling_template(present[~test], absent[~test])
        with_lesion, without = present[~test] @ template, absent[~test] @ template
        scale = np.sqrt((with_lesion.var(ddof=1) + without.var(ddof=1)) / 2) or 1.0
        offset = without.mean()
        answers[0, test] = (present[test] @ template - offset) / scale
        answers[1, test] = (absent[test] @ template - offset) / scale
    return answers[0], answers[1]


class Bootstrap:
    """Resamples places, the same ones for every image, so that differences between images are paired.

    Parameters
    ----------
    places : int
        How many places there are.
    resamples : int
        How often as many are drawn with replacement.
    seed : int
        Of `numpy.random.default_rng`.
    """

    def __init__(self, places: int, resamples: int = 1000, seed: int = 0):
        draws = np.random.default_rng(seed).integers(0, places, (resamples, places))
        rows = np.arange(resamples)[:, None] * places
        counts = np.bincount((draws + rows).ravel(), minlength=resamples * places)
        self._weights = counts.reshape(resamples, places) / places
        self.places = places

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Return the mean of each resample, shape (resamples,)."""
        return self._weights @ np.asarray(values, dtype=np.float64)

    def detectability(self, present: np.ndarray, absent: np.ndarray) -> np.ndarray:
        """Return d' of each resample; one without any spread is left out as NaN."""
        means, variances = [], []
        for answers in (present, absent):
            centred = answers - answers.mean()
            mean = self.mean(centred)
            means.append(mean + answers.mean())
            variances.append((self.mean(centred**2) - mean**2) * self.places / (self.places - 1))
        spread = (variances[0] + variances[1]) / 2
        return (means[0] - means[1]) / np.sqrt(np.where(spread > 0, spread, np.nan))

    def auc(self, present: np.ndarray, absent: np.ndarray) -> np.ndarray:
        """Return the AUC of each resample."""
        larger = np.asarray(present)[:, None] - np.asarray(absent)[None, :]
        won = (larger > 0) + 0.5 * (larger == 0)
        return np.einsum("bi,bi->b", self._weights @ won, self._weights)


def interval(value: float, resampled: np.ndarray) -> dict[str, float]:
    """Return a value with the percentile interval of 95 % around it, as a `Finding` has them."""
    finite = resampled[np.isfinite(resampled)]
    lower, upper = np.percentile(finite, [2.5, 97.5]) if finite.size else (value, value)
    return {"value": float(value), "lower": float(lower), "upper": float(upper)}
