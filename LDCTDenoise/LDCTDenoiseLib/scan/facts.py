"""What a scan is: its noise, its pixels, its planes, its padding, and what is unusual about it."""

from dataclasses import asdict, dataclass, field
from functools import cached_property

import numpy as np

from ..hounsfield import NEVER_TOUCHED
from ..requirements import require
from ..volumes.volume import Volume
from .level import EXPECTED, slice_thickness, told_level
from .noise import FEWEST_WINDOWS, OwnNoise, noise_in, peakedness, ramp_excess, scan_windows
from .planes import measured_planes, orientation

#: Mean frequencies of the noise in 1/mm up to which a kernel is soft, standard.
_SOFT, _STANDARD = 0.3, 0.44
#: HU above which a pixel, its neighbours averaged, is body and is dense bone.
_BODY, _BONE = -300.0, 250.0
#: Slices that the body is looked at in.
_SLICES = 5
#: HU between which flat tissue is fat, and between which it is soft, where HU are what they should be; HU per mm up to
#: which tissue is flat, and how many pixels of it say something.
_FAT, _SOFT_TISSUE, _FLAT, _ENOUGH = (-250.0, -20.0), (-20.0, 200.0), 3.0, 500


@dataclass(frozen=True)
class Looks:
    """What the image itself tells of how it was made."""

    ramp_excess: float | None  #: Power of the noise at low frequencies, see `noise.ramp_excess`.
    peakedness: float | None  #: Kurtosis of the finest detail, see `noise.peakedness`.
    field_diameter: float  #: Millimetres of the round field; 0 where nothing is padded.
    field_cut: float  #: Share of that field's rim that lies in the body: a field too small for it.
    fat_spread: float | None  #: HU: interquartile range of flat fat over the slices.
    soft_level: float | None  #: HU: median of flat soft tissue.


@dataclass(frozen=True)
class ScanFacts:
    """A scan, measured once."""

    noise: OwnNoise | None  #: None where there is too little flat soft tissue to measure it in.
    pixel_spacing: tuple[float, float]  #: Millimetres between columns and between rows.
    slice_spacing: float  #: Millimetres between slices.
    slices: int
    orientation: str  #: "axial", "coronal", "sagittal" or "oblique".
    #: Share of the voxels that lie outside the scanner's field: below -1500 HU, or of one value in all corners.
    padding: float
    #: Millimetres of the circle that has the area of the body in a slice; 0 where there is no body.
    body_diameter: float
    bone: float  #: Share of the body that is dense bone.
    thickness: float | None  #: Millimetres of a slice, where the headers say so.
    described: str  #: What the headers say of the series, body part, scanner and processing.
    looks: Looks
    #: Centres (slice, row, column) of the windows in the planes that the noise was looked for in.
    flat: tuple[tuple[int, int, int], ...] = field(default=(), repr=False)
    noise_level: float = EXPECTED  #: What networks are told of the noise, see `scan.level`.

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
    planes, (columns, rows), apart = measured_planes(volume)
    pixel = rows, columns
    windows = scan_windows(planes, pixel)
    noise = noise_in(planes, pixel, windows) if len(windows) >= FEWEST_WINDOWS else None
    diameter, bone, shape = _body(planes, pixel)
    looks = Looks(
        ramp_excess=ramp_excess(planes, pixel, windows, noise) if noise else None,
        peakedness=peakedness(planes, windows) if noise and noise.sd > 1 else None,
        **shape,
    )
    facts = volume.facts
    described = (facts.get(key) for key in ("description", "body_part", "scanner", "derivation"))
    return ScanFacts(
        noise=noise,
        pixel_spacing=tuple(float(s) for s in volume.geometry.spacing[:2]),
        slice_spacing=float(volume.geometry.spacing[2]),
        slices=len(volume.array),
        orientation=orientation(volume.geometry),
        padding=float(padding_mask(volume.array[_some(len(volume.array))]).mean()),
        body_diameter=diameter,
        bone=bone,
        thickness=facts.get("thickness"),
        described="; ".join(text for text in described if text),
        looks=looks,
        flat=tuple(windows),
        noise_level=told_level(noise, slice_thickness(volume, apart)),
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


def _body(planes: np.ndarray, pixel: tuple[float, float]) -> tuple[float, float, dict]:
    """Return the median diameter in mm of the body in a slice, its share of dense bone, and the rest of `Looks`."""
    ndimage = require("scipy.ndimage")
    diameters, bones, fields, cuts, tissue = [], [], [], [], [np.empty(0)]
    step = max(1, min(planes.shape[1:]) // 128)  # a coarse look is enough
    area = step**2 * pixel[0] * pixel[1]
    for k in _some(len(planes)):
        padding = padding_mask(planes[k : k + 1])[0]
        image = np.where(padding, -1000, planes[k]).astype(np.float32)
        smooth = ndimage.uniform_filter(image, 2 * step + 1)[::step, ::step]
        found, count = ndimage.label(ndimage.binary_opening(smooth > _BODY))
        if not count:
            continue
        body = ndimage.binary_fill_holes(found == np.bincount(found.ravel())[1:].argmax() + 1)
        diameters.append(2 * np.sqrt(body.sum() * area / np.pi))
        bones.append((smooth[body] > _BONE).mean())
        if min(smooth.shape) > 1:
            slope = np.hypot(*np.gradient(smooth, step * pixel[0], step * pixel[1]))
            tissue.append(smooth[ndimage.binary_erosion(body, iterations=2) & (slope < _FLAT)])
        padding = padding[::step, ::step]
        if padding.any() and not padding.all():
            rim = ndimage.binary_dilation(padding, iterations=2) & ~padding
            fields.append(2 * np.sqrt((~padding).sum() * area / np.pi))
            cuts.append((rim & body).sum() / max(1, rim.sum()))
    hu = np.concatenate(tissue)
    fat, soft = (hu[(hu > low) & (hu < high)] for low, high in (_FAT, _SOFT_TISSUE))
    shape = {
        "field_diameter": float(np.median(fields)) if fields else 0.0,
        "field_cut": float(np.median(cuts)) if cuts else 0.0,
        "fat_spread": float(np.subtract(*np.percentile(fat, (75, 25)))) if len(fat) >= _ENOUGH else None,
        "soft_level": float(np.median(soft)) if len(soft) >= _ENOUGH else None,
    }
    return (float(np.median(diameters)), float(np.median(bones)), shape) if diameters else (0.0, 0.0, shape)
