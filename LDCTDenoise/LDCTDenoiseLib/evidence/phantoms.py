"""The same figures in a Catphan or ACR phantom, before and after denoising; pylinac finds the modules."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..engine import denoise_array
from ..errors import InputError, MissingDependencyError, disk_errors
from ..requirements import require
from ..volumes import Volume
from . import noise, places, resolution
from .findings import Finding
from .lesions import DISK, DISK_TEMPLATE, Lesion, Put, Reader
from .result import Evidence, Options

#: What pylinac calls each phantom, and the radius of its inserts in mm.
PHANTOMS = {
    "CatPhan503": ("CatPhan503", 6.1), "CatPhan504": ("CatPhan504", 6.1), "CatPhan600": ("CatPhan600", 6.1),
    "CatPhan604": ("CatPhan604", 6.1), "CatPhan700": ("CatPhan700", 6.1), "ACR": ("ACRCT", 12.5),
}  # fmt: skip
#: What the scan is called before denoising.
BEFORE = "SCAN"
#: The uniform part of the uniformity module, mm from its middle, and the half thickness of a module that is used, mm.
_UNIFORM, _HALF_MODULE = 65.0, 3.0
#: What lies within so many mm of a bead is not uniform.
_AROUND_BEAD = 4.0


@dataclass(frozen=True)
class Spot:
    """A disk of a module: its name, place (row and column in pixels) and radius in mm."""

    name: str
    row: float
    column: float
    radius: float


@dataclass(frozen=True)
class Modules:
    """Where the modules of a phantom are."""

    hu_slice: int  #: Slice of the volume in the middle of the module, as the other two.
    uniformity_slice: int | None
    low_contrast_slice: int | None
    centre: tuple[float, float]  #: Row and column of the phantom's middle in the uniformity module.
    inserts: list[Spot] = field(default_factory=list)  #: Of the HU module.
    disks: list[Spot] = field(default_factory=list)  #: Of the low-contrast module.


def phantom_name(name: str) -> str:
    """Return the canonical spelling of a phantom's name.

    Raises
    ------
    InputError
        If it is not one of `PHANTOMS`.
    """
    wanted = "".join(c for c in name.lower() if c.isalnum())
    for known in PHANTOMS:
        if wanted in (known.lower(), known.lower().removeprefix("catphan"), PHANTOMS[known][0].lower()):
            return known
    raise InputError(f"the phantom '{name}' is unknown; choose from {', '.join(PHANTOMS)}.")


def find_modules(folder: str | Path, phantom: str, volume: Volume, python: str | None = None) -> Modules:
    """Find the modules of a phantom in a DICOM folder.

    Parameters
    ----------
    folder : path
        With the DICOM series of the phantom and nothing else.
    phantom : str
        One of `PHANTOMS`.
    volume : Volume
        The same series as it was read, whose slices are numbered.
    python : str, optional
        A Python that has pylinac. pylinac wants pydicom 2, this library 3, so it needs an environment of its own.

    Raises
    ------
    MissingDependencyError
        If that Python has no pylinac.
    InputError
        If pylinac does not find the phantom there; the line says what it says.
    """
    phantom = phantom_name(phantom)
    if not Path(folder).is_dir():
        raise InputError(f"'{folder}' is not a folder; a phantom is given as a folder with its DICOM series.")
    kind, radius = PHANTOMS[phantom]
    script = Path(__file__).with_name("pylinac_modules.py")
    with disk_errors(InputError, f"cannot run '{python}'", "Give the Python that has pylinac."):
        done = subprocess.run(
            [python or sys.executable, str(script), str(folder), kind], capture_output=True, text=True, check=False
        )
    if done.returncode == 3:
        raise MissingDependencyError(
            f"the Python package 'pylinac' is needed to find the modules of a {phantom} phantom. It wants an older "
            "pydicom, so install it apart (python -m venv pylinac-env; pylinac-env/bin/pip install pylinac) and give "
            "--pylinac pylinac-env/bin/python"
        )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise InputError(f"pylinac finds no {phantom} phantom in '{folder}': {reason}")
    found = json.loads(done.stdout.strip().splitlines()[-1])
    hu, uniformity, low = (found[name] for name in ("hu", "uniformity", "low_contrast"))

    def slice_of(module) -> int | None:
        # Both know positions along the bed; how they count slices, and in which direction, is each one's own business.
        if module is None:
            return None
        normal = np.array(volume.geometry.direction).reshape(3, 3)[2, 2]
        step = volume.geometry.spacing[2] * (1 if normal >= 0 else -1)
        k = round((module["z"] - volume.geometry.origin[2]) / step)
        if not 0 <= k < len(volume.array):
            raise InputError(
                f"the slices of '{folder}' as pylinac reads them are not those of the volume; give one series."
            )
        return int(k)

    def spots(module, radius=None) -> list[Spot]:
        return [] if module is None else [Spot(n, r[0], r[1], radius or r[2]) for n, r in module["rois"].items()]

    return Modules(
        slice_of(hu), slice_of(uniformity), slice_of(low), tuple((uniformity or hu)["centre"]), spots(hu, radius),
        [replace(spot, name=f"disk {spot.name}", radius=_disk_radius(spot)) for spot in spots(low)],
    )  # fmt: skip


def _disk_radius(spot: Spot) -> float:
    """Return the radius of a disk in mm; pylinac's circle lies inside it, and its name is the diameter (ACR: 25 mm)."""
    try:
        return float(spot.name) / 2
    except ValueError:
        return 12.5


def measure_phantom(
    volume: Volume, modules: Modules, methods: dict, options: Options | None = None, phantom: str = ""
) -> Evidence:
    """Measure a phantom before and after each method, and return the `Evidence`.

    Parameters
    ----------
    volume : Volume
        The scan of the phantom.
    modules : Modules
        See `find_modules`.
    methods : dict of str to Denoiser
        By label.
    """
    options = options or Options(dose=None)
    pixel, step = places.square_pixel(volume.geometry.spacing), volume.geometry.spacing[2]
    result = Evidence.begin([BEFORE, *methods], options, methods)
    around = max(0, int(_HALF_MODULE / step))
    images = {BEFORE: volume.array}
    for label, denoiser in methods.items():
        images[label] = denoise_array(volume, denoiser, options.device)
    measure = _Measure(volume.name, images, pixel, step, around, result)
    measure.inserts(modules)
    if modules.uniformity_slice is None:
        result.notes.append("this phantom has no uniformity module: noise was not measured.")
    else:
        measure.uniformity(modules)
        if modules.low_contrast_slice is None or not modules.disks:
            result.notes.append("this phantom has no low-contrast module.")
        else:
            measure.low_contrast(modules)
    result.scans.append(
        {
            "name": volume.name, "slices": len(volume.array), "rows_columns": list(volume.array.shape[1:]), "passes": 0,
            "spacing_mm": [round(float(s), 4) for s in volume.geometry.spacing], "dose": None, "phantom": phantom,
            "places": Counter({t: 0 for t in places.TISSUES}), "pair": False, "slice_shown": modules.hu_slice,
        }
    )  # fmt: skip
    result.pictures[volume.name] = {
        "slice": {label: np.asarray(image[modules.hu_slice], np.float32) for label, image in images.items()}
    }
    return result


class _Measure:
    """Measures the modules in all images."""

    def __init__(self, name, images, pixel, step, around, result):
        self._name, self._images, self._pixel, self._step = name, images, pixel, step
        self._around, self._result = around, result

    def _labels(self, label: str) -> dict:
        return {"image": label, "scan": self._name}

    def _slices(self, middle: int) -> range:
        last = len(self._images[BEFORE]) - 1
        return range(max(0, middle - self._around), min(last, middle + self._around) + 1)

    def inserts(self, modules: Modules) -> None:
        """HU, shift, linearity, TTF and overshoot of each insert."""
        findings, slices = self._result.findings, self._slices(modules.hu_slice)
        curves = self._result.curves["ttf"].setdefault(self._name, {})
        means = {label: [] for label in self._images}
        for spot in modules.inserts:
            n = int(np.ceil((spot.radius + 7) / self._pixel))
            j, i = int(round(spot.row)), int(round(spot.column))
            patch = {
                label: np.stack([image[k, j - n : j + n + 1, i - n : i + n + 1] for k in slices]).astype(np.float64)
                for label, image in self._images.items()
            }
            if patch[BEFORE].shape[1:] != (2 * n + 1, 2 * n + 1):
                continue
            centre = _centre_of(patch[BEFORE].mean(axis=0), spot.radius / self._pixel)
            y, x = np.mgrid[-n : n + 1, -n : n + 1]
            distance = np.hypot(y - centre[0], x - centre[1]) * self._pixel
            inside = distance < 0.5 * spot.radius
            around = (distance > spot.radius + 3) & (distance < spot.radius + 6)
            for label, cut in patch.items():
                labels = {**self._labels(label), "tissue": spot.name}
                hu = float(cut[:, inside].mean())
                means[label].append(hu)
                findings.append(Finding("insert_hu", value=hu, count=len(slices), **labels))
                before = float(patch[BEFORE][:, inside].mean())
                if label != BEFORE:
                    findings.append(Finding("insert_shift", value=hu - before, count=len(slices), **labels))
                background = float(cut[:, around].mean())
                contrast = hu - background
                if abs(before - float(patch[BEFORE][:, around].mean())) < 25:
                    continue
                labels["contrast"] = round(contrast, 1)
                normal = (cut - background) / contrast
                found, curve = resolution.measure_resolution(normal, self._pixel, spot.radius, centre, **labels)
                findings += [f for f in found if f.quantity != "insert_contrast"]
                curves[label, spot.name] = curve
        for label, values in means.items():
            if label != BEFORE and len(values) > 1:
                before, after = np.array(means[BEFORE]), np.array(values)
                slope, offset = np.polyfit(before, after, 1)
                error = np.abs(after - slope * before - offset).max()
                labels = self._labels(label)
                findings.append(Finding("linearity", value=100 * float(slope), count=len(values), **labels))
                findings.append(Finding("linearity_error", value=float(error), count=len(values), **labels))

    def uniformity(self, modules: Modules) -> None:
        """Noise and uniformity of the uniformity module."""
        slices, shape = self._slices(modules.uniformity_slice), self._images[BEFORE].shape
        y, x = np.mgrid[: shape[1], : shape[2]]
        distance = np.hypot(y - modules.centre[0], x - modules.centre[1]) * self._pixel
        mask = np.zeros(shape, bool)
        mask[slices.start : slices.stop] = (distance < _UNIFORM) & ~self._beads(slices, distance)
        tissues = places.Tissues({"uniformity module": mask}, mask, self._pixel)
        depth = np.broadcast_to((100 - distance).astype(np.float32), shape)
        windows = noise.find_windows(tissues, "uniformity module", depth)
        curves = self._result.curves["nps"].setdefault(self._name, {})
        for label, image in self._images.items():
            labels = {**self._labels(label), "tissue": "uniformity module"}
            found, curve = noise.measure_noise(image, windows, self._step, **labels)
            self._result.findings += found
            if curve:
                curves[label, "uniformity module"] = curve
            part = image[slices.start : slices.stop].astype(np.float64)
            near_edge = 55 / self._pixel
            edge = [
                part[:, np.hypot(y - modules.centre[0] - a, x - modules.centre[1] - b) * self._pixel < 8].mean()
                for a, b in ((0, near_edge), (0, -near_edge), (near_edge, 0), (-near_edge, 0))
            ]
            value = float(part[:, distance < 8].mean() - np.mean(edge))
            self._result.findings.append(Finding("phantom_uniformity", value=value, count=len(slices), **labels))
        self._uniform = mask

    def _beads(self, slices: range, distance: np.ndarray) -> np.ndarray:
        """Return where beads are, as the ACR phantom has them to measure distances by, and what is around them."""
        module = self._images[BEFORE][slices.start : slices.stop].astype(np.float32)
        uniform = module[:, distance < _UNIFORM]
        middle = np.median(uniform)
        spread = 1.4826 * np.median(np.abs(uniform - middle))
        bead = (np.abs(module - middle) > 8 * spread).any(axis=0)
        if not bead.any():
            return bead
        return require("scipy.ndimage").distance_transform_edt(~bead) * self._pixel < _AROUND_BEAD

    def low_contrast(self, modules: Modules) -> None:
        """Contrast and d' of the disks of the low-contrast module."""
        slices = self._slices(modules.low_contrast_slice)
        for spot in modules.disks:
            lesion = Lesion(DISK, 1.0, 2 * spot.radius)
            reader = Reader([lesion], self._pixel)
            where = np.array([[k, int(round(spot.row)), int(round(spot.column))] for k in slices])
            uniform = places.Tissues({"uniform": self._uniform}, self._uniform, self._pixel).places(
                "uniform", clearance=min(3 * spot.radius, 15.0), apart=2 * spot.radius + 1
            )
            if len(uniform) < noise.LEAST_WINDOWS:
                continue
            for label, image in self._images.items():
                labels = {**self._labels(label), "tissue": spot.name, "size": round(2 * spot.radius, 1)}
                answers, alone = (
                    reader.read(image, at, Put(np.arange(len(at)), np.zeros(len(at), int)))[:, DISK_TEMPLATE]
                    for at in (where, uniform)
                )
                contrast, spread = float(answers.mean()), float(alone.std(ddof=1))
                self._result.findings.append(Finding("disk_contrast", value=contrast, count=len(where), **labels))
                self._result.findings.append(
                    Finding("disk_detectability", value=contrast / spread, count=len(uniform), observer="NPW", **labels)
                )


def _centre_of(patch: np.ndarray, radius: float) -> tuple[float, float]:
    """Return the centre of an insert from the middle pixel: the centroid of what differs from its surroundings."""
    n = len(patch) // 2
    y, x = np.mgrid[-n : n + 1, -n : n + 1]
    row = column = 0.0
    for _ in range(5):
        distance = np.hypot(y - row, x - column)
        background = patch[(distance > radius + 4) & (distance < n)].mean()
        contrast = patch[distance < 0.6 * radius].mean() - background
        if not contrast:
            break
        weight = np.clip((patch - background) / contrast, 0, 1) * (distance < radius + 4)
        row, column = (weight * y).sum() / weight.sum(), (weight * x).sum() / weight.sum()
    return float(row), float(column)
