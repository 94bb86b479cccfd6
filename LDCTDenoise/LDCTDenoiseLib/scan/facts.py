"""What a scan is: its noise, its pixels, its planes, its padding, and what is unusual about it."""

from dataclasses import asdict, dataclass, field
from functools import cached_property

import numpy as np

from ..errors import InputError
from ..hounsfield import NEVER_TOUCHED
from ..requirements import require
from ..volumes.volume import Volume
from .noise import FEWEST_WINDOWS, OwnNoise, noise_in, scan_windows
from .planes import axial_planes, orientation

#: Mean frequencies of the noise in 1/mm up to which a kernel is soft, standard.
_SOFT, _STANDARD = 0.3, 0.44
#: HU above which a pixel, its neighbours averaged, is body and is dense bone.
_BODY, _BONE = -300.0, 250.0
#: Slices that the body is looked at in.
_SLICES = 5


@dataclass(frozen=True)
class ScanFacts:
    """A scan, measured once.

    Attributes
    ----------
    noise : OwnNoise or None
        None where there is too little flat soft tissue to measure it in.
    pixel_spacing : tuple of float
        Millimetres between columns and between rows.
    slice_spacing : float
        Millimetres between slices.
    slices : int
    orientation : str
        "axial", "coronal", "sagittal" or "oblique".
    padding : float
        Share of the voxels that lie outside the scanner's field: below -1500 HU, or of one value in all corners.
    body_diameter : float
        Millimetres of the circle that has the area of the body in a slice; 0 where there is no body.
    bone : float
        Share of the body that is dense bone.
    thickness : float or None
        Millimetres of a slice, where the headers say so.
    described : str
        What the headers say of body part, scanner and processing.
    flat : tuple
        Centres (slice, row, column) of the windows in the planes that the noise was looked for in.
    """

    noise: OwnNoise | None
    pixel_spacing: tuple[float, float]
    slice_spacing: float
    slices: int
    orientation: str
    padding: float
    body_diameter: float
    bone: float
    thickness: float | None
    described: str
    flat: tuple[tuple[int, int, int], ...] = field(default=(), repr=False)

    @cached_property
    def kernel(self) -> str:
        """How the noise looks: "soft", "standard" or "sharp"; empty where it is not measured."""
        if self.noise is None or not self.noise.sd:
            return ""
        frequency = self.noise.mean_frequency
        return "soft" if frequency < _SOFT else "standard" if frequency < _STANDARD else "sharp"

    @property
    def words(self) -> str:
        """The scan in one line, such as "noise 18 HU, sharp kernel, 0.78 mm, axial"."""
        noise = "noise not measurable" if self.noise is None else f"noise {self.noise.sd:.{self.noise.sd < 10:d}f} HU"
        columns, rows = self.pixel_spacing
        pixel = f"{columns:.2f} mm" if abs(columns - rows) < 0.005 else f"{columns:.2f}×{rows:.2f} mm"
        kernel = self.kernel and f"{self.kernel} kernel"
        return ", ".join(part for part in (noise, kernel, pixel, self.orientation) if part)

    def to_dict(self) -> dict:
        """Return the facts as JSON has them."""
        return {**{name: value for name, value in asdict(self).items() if name != "flat"}, "kernel": self.kernel}


def measure_scan(volume: Volume) -> ScanFacts:
    """Measure a scan: under two seconds for 60 slices.

    Parameters
    ----------
    volume : Volume
        HU. The noise is measured in its axial planes where it has such, else in its slices.
    """
    try:
        planes, (columns, rows), _ = axial_planes(volume)
    except InputError:
        planes, (columns, rows) = volume.array, volume.geometry.spacing[:2]
    windows = scan_windows(planes, (rows, columns))
    diameter, bone = _body(planes, columns * rows)
    facts = volume.facts
    described = (facts.get(key) for key in ("body_part", "scanner", "derivation"))
    return ScanFacts(
        noise=noise_in(planes, (rows, columns), windows) if len(windows) >= FEWEST_WINDOWS else None,
        pixel_spacing=tuple(float(s) for s in volume.geometry.spacing[:2]),
        slice_spacing=float(volume.geometry.spacing[2]),
        slices=len(volume.array),
        orientation=orientation(volume.geometry),
        padding=float(padding_mask(volume.array[_some(len(volume.array))]).mean()),
        body_diameter=diameter,
        bone=bone,
        thickness=facts.get("thickness"),
        described="; ".join(text for text in described if text),
        flat=tuple(windows),
    )


def padding_mask(slices: np.ndarray) -> np.ndarray:
    """Tell which voxels lie outside the scanner's field.

    Values below -1500 HU are padding wherever they are. A round field may also be padded with air's value, such as
    -1024: then all four corners of a slice have the image's lowest value, and so has whatever lies there.

    Parameters
    ----------
    slices : numpy.ndarray
        HU, shape (slices, rows, columns).
    """
    mask = slices < NEVER_TOUCHED[0]
    for k, image in enumerate(slices):
        corners = image[[0, 0, -1, -1], [0, -1, 0, -1]]
        corner = corners[0]
        if -1500 <= corner <= -990 and (corners == corner).all() and corner == image.min():
            mask[k] = image == corner
    return mask


def _some(count: int) -> list[int]:
    return sorted({int(k) for k in np.linspace(0, count - 1, min(_SLICES, count))})


def _body(planes: np.ndarray, pixel_area: float) -> tuple[float, float]:
    """Return the median diameter in mm of the body in a slice, and its share of dense bone."""
    ndimage = require("scipy.ndimage")
    diameters, bones = [], []
    step = max(1, min(planes.shape[1:]) // 128)  # a coarse look is enough
    for k in _some(len(planes)):
        smooth = ndimage.uniform_filter(planes[k].astype(np.float32), 2 * step + 1)[::step, ::step]
        found, count = ndimage.label(ndimage.binary_opening(smooth > _BODY))
        if not count:
            continue
        body = ndimage.binary_fill_holes(found == np.bincount(found.ravel())[1:].argmax() + 1)
        diameters.append(2 * np.sqrt(body.sum() * step**2 * pixel_area / np.pi))
        bones.append((smooth[body] > _BONE).mean())
    return (float(np.median(diameters)), float(np.median(bones))) if diameters else (0.0, 0.0)
