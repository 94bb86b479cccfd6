"""How many photons a ray counts, and what noise its line integral has for it."""

import numpy as np
import torch

from .geometry import FanBeam

#: Attenuation of water at about 70 keV, the effective energy of 120 kVp, in 1/mm.
MU_WATER = 0.0192

#: Variance of the read-out noise, in photons².
ELECTRONIC_VARIANCE = 10.0

#: What the variance of a line integral cannot exceed: the logarithm of counts of at least one varies most at 3 to 5.
LARGEST_VARIANCE = 0.65

#: Views per rotation of the scanner whose detected photons are counted; fewer simulated views stand for several each.
SCANNER_VIEWS = 1152

#: Diameter in mm of the water cylinder whose intensity profile the bowtie filter evens out.
BOWTIE_DIAMETER = 340.0
#: Share of the profile that the filter evens out, and the least that it lets through at the edge of the fan.
BOWTIE_STRENGTH, BOWTIE_FLOOR = 0.35, 0.05

#: Half width in mm at the isocentre of the rays that the exposure control watches.
CONTROL_HALF_WIDTH = 60.0
#: Least and greatest photons per ray in air that the tube gives, per detected photon asked for.
TUBE_LIMITS = (8e4 / 490, 1.2e6 / 490)


def attenuation(hounsfield: torch.Tensor) -> torch.Tensor:
    """HU of any shape to attenuation in 1/mm; never below that of a vacuum."""
    return MU_WATER * (1 + hounsfield / 1000).clamp(min=0)


def bowtie(fan: FanBeam, device="cpu") -> torch.Tensor:
    """Share of the photons that the bowtie filter lets through to each column, shape (columns,), float32."""
    distance = fan.source_to_isocentre * torch.sin(fan.fan_angles(device))
    path = 2 * ((BOWTIE_DIAMETER / 2) ** 2 - distance**2).clamp(min=0).sqrt()
    return torch.exp(-MU_WATER * BOWTIE_STRENGTH * (path.max() - path)).clamp(min=BOWTIE_FLOOR).float()


def exposure(p: torch.Tensor, fan: FanBeam, photons: float) -> float:
    """Automatic exposure control: photons per ray in air at full dose, chosen for this slice.

    A fixed exposure would make a slim patient's scan ten times less noisy than a large one's; scanners do not.

    Parameters
    ----------
    p : torch.Tensor
        Line integrals of the slice, shape (views, columns).
    fan : FanBeam
    photons : float
        Photons that the rays within `CONTROL_HALF_WIDTH` of the isocentre shall detect on average.

    Returns
    -------
    float
        Photons per ray in air (I0).
    """
    distance = fan.source_to_isocentre * torch.sin(fan.fan_angles(p.device))
    central = p[:, distance.abs() < CONTROL_HALF_WIDTH].cpu().numpy().astype(np.float64).mean(axis=1)
    lower, upper = (limit * photons for limit in TUBE_LIMITS)
    return float(np.clip(photons * np.exp(central).mean(), lower, upper))


def detected_photons(p: torch.Tensor, fan: FanBeam, photons: float) -> torch.Tensor:
    """Mean photons that each ray of a full-dose scan detects, at least one.

    Parameters
    ----------
    p : torch.Tensor
        Line integrals of the slice, shape (views, columns).
    fan : FanBeam
    photons : float
        See `exposure`.
    """
    return (exposure(p, fan, photons) * bowtie(fan, p.device) * torch.exp(-p)).clamp(min=1.0)


def scan_variance(counts: torch.Tensor, dose: float) -> torch.Tensor:
    """Variance of each line integral in a scan at a fraction of the dose.

    To first order v = 1 / aN + σ² / (aN)². The logarithm makes it v + 2.5 v², and since a scanner takes the logarithm
    of one photon at least, it stays below `LARGEST_VARIANCE`; against drawn counts this holds within 3 % from
    20 photons upwards.

    Parameters
    ----------
    counts : torch.Tensor
        Photons detected at full dose (N).
    dose : float
        The scan's dose as a fraction of the full one (a).
    """
    counts = dose * counts
    first_order = 1 / counts + ELECTRONIC_VARIANCE / counts.square()
    return (first_order + 2.5 * first_order.square()).clamp(max=LARGEST_VARIANCE)


def added_variance(counts: torch.Tensor, dose: float) -> torch.Tensor:
    """Variance that lowering the dose adds to each line integral: that at the lower dose minus that at full dose.

    To first order (1 - a) / aN + (1 - a²) σ² / (aN)², as in Yu et al., J Comput Assist Tomogr 36:477 (2012), and
    Zeng et al., IEEE Trans Nucl Sci 62:2226 (2015).

    Parameters
    ----------
    counts : torch.Tensor
        Photons detected at full dose (N).
    dose : float
        The lower dose as a fraction of the full one (a).
    """
    return scan_variance(counts, dose) - scan_variance(counts, 1.0)


def hounsfield_change(attenuation_change: torch.Tensor) -> torch.Tensor:
    """A change of attenuation in 1/mm as a change in HU."""
    return attenuation_change * (1000 / MU_WATER)
