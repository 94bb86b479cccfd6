"""A full simulation of a CT scan to check the inserted noise against: counts are drawn, and everything reconstructed.

Unlike `LDCTDenoiseLib.simulation`, which draws Gaussian noise of a computed variance for half of the scanner's views
and reconstructs nothing else, this projects the image at full resolution, draws Poisson counts and read-out noise for
every ray of every view, takes the logarithm and reconstructs the image with its noise.
"""

import numpy as np
import pytest
import torch
from LDCTDenoiseLib.simulation import ScanSettings
from LDCTDenoiseLib.simulation.backprojection import back_project, filter_views
from LDCTDenoiseLib.simulation.geometry import FanBeam, PixelGrid
from LDCTDenoiseLib.simulation.photons import (
    ELECTRONIC_VARIANCE,
    MU_WATER,
    SCANNER_VIEWS,
    attenuation,
    bowtie,
    exposure,
)
from LDCTDenoiseLib.simulation.projection import forward_project


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Compute on one thread: on images this small, threads that share a busy machine mostly wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class PoissonScan:
    """Scans one slice again and again, at any dose.

    Parameters
    ----------
    hounsfield : numpy.ndarray
        The slice without noise, HU, shape (rows, columns).
    spacing : float
        Pixel spacing in mm.
    photons, kernel_cutoff : float
        As in `ScanSettings`.
    """

    def __init__(self, hounsfield, spacing, photons, kernel_cutoff=1.0):
        self.fan = FanBeam(views=SCANNER_VIEWS)
        self.grid = PixelGrid(*hounsfield.shape, spacing, spacing)
        self.window = ScanSettings(photons=photons, kernel_cutoff=kernel_cutoff).window
        mu = attenuation(torch.from_numpy(hounsfield.astype(np.float32)))
        p = forward_project(mu[None], self.fan, self.grid)[0]
        in_air = exposure(p, self.fan, photons) * bowtie(self.fan)
        self.in_air, self.line_integrals = in_air.double().numpy(), p.double().numpy()

    def images(self, doses, scans, seed):
        """Scan at full dose and, with a share of the very same photons, at lower ones.

        Each lower dose keeps every photon with the probability of its dose fraction, which leaves Poisson counts; the
        difference of two images of one scan is thus what the lower dose adds.

        Parameters
        ----------
        doses : sequence of float
            The lower doses.
        scans : int
            Scans at each dose.
        seed : int

        Returns
        -------
        dict
            HU of shape (scans, rows, columns) by dose, 1.0 included.
        """
        generator = np.random.default_rng(seed)
        filtered = {dose: [] for dose in (1.0, *doses)}
        for _ in range(scans):
            counts = generator.poisson(self.in_air * np.exp(-self.line_integrals))
            read_out = generator.normal(0, ELECTRONIC_VARIANCE**0.5, counts.shape)
            for dose, views in filtered.items():
                # Read-out noise does not shrink with the dose: relative to the photons its variance is σ² / a².
                extra = generator.normal(0, (ELECTRONIC_VARIANCE * (1 / dose**2 - 1)) ** 0.5, counts.shape)
                signal = generator.binomial(counts, dose) + dose * (read_out + extra)
                p = np.log(dose * self.in_air / np.maximum(signal, 1))
                views.append(filter_views(torch.from_numpy(p.astype(np.float32)), self.fan, self.window))
        return {dose: self._image(torch.stack(views)) for dose, views in filtered.items()}

    def _image(self, filtered):
        return 1000 * (back_project(filtered, self.fan, self.grid).numpy() / MU_WATER - 1)


def mean_frequency(noise: np.ndarray, spacing: float) -> float:
    """Return the mean frequency in 1/mm of the radial noise power spectrum of square patches (patches, n, n)."""
    n = noise.shape[-1]
    window = np.hanning(n)
    power = (np.abs(np.fft.fft2(noise * window * window[:, None])) ** 2).mean(axis=0)
    frequency = np.hypot(np.fft.fftfreq(n, spacing)[:, None], np.fft.fftfreq(n, spacing))
    ring = np.rint(frequency * n * spacing).astype(int)
    rings = np.bincount(ring.ravel())
    radial = np.bincount(ring.ravel(), power.ravel()) / np.maximum(rings, 1)
    radial = radial[: n // 2]
    return float((np.arange(n // 2) * radial).sum() / radial.sum() / (n * spacing))
