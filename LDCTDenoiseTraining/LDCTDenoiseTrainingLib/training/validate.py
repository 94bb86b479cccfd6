"""Validation on whole slices of patients that are not trained on."""

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from LDCTDenoiseLib.hounsfield import PAPER, HURange, add_correction
from LDCTDenoiseLib.methods import NetworkDenoiser
from LDCTDenoiseLib.methods.denoiser import told
from LDCTDenoiseLib.metrics import SSIM_VARIANT, measure_slice
from LDCTDenoiseLib.scan import measure_noise
from LDCTDenoiseLib.scan.level import told_level
from LDCTDenoiseLib.scan.noise import FEWEST_WINDOWS, noise_in, scan_windows
from LDCTDenoiseLib.simulation import ScanSettings
from scipy import ndimage

from ..data.cache import CachedScan, is_whole, save_array, to_int16, with_neighbours
from ..data.noise_cache import Drawn, simulate_slices
from ..losses import tissue_masks
from ..validation_metrics import METRIC
from .config import TrainingConfig

#: Pixels of the Gaussian low-pass which leaves texture behind.
_TEXTURE_SIGMA = 1.5
#: Diameter and contrast of the lesions that are put into validation slices.
_LESION_MM, _LESION_HU = 6.0, -20.0
#: A soft-tissue voxel that is off by more HU than this is a speck.
_SPECK = 100.0


@dataclass(frozen=True)
class ValidationSlices:
    """Some slices of one scan: the same ones in every validation."""

    scan: CachedScan
    #: HU, int16, shape (slices, rows, columns), and (slices, 2 neighbours + 1, rows, columns): low dose as the network
    #: reads it.
    full: np.ndarray
    stacks: np.ndarray

    @property
    def low(self) -> np.ndarray:
        """Low dose, HU, int16, shape (slices, rows, columns)."""
        return self.stacks[:, self.stacks.shape[1] // 2]

    def level(self) -> float:
        """Return the noise level that a network is told of the low dose, see `scan.level`."""
        return told_level(measure_noise(self.low, self.scan.spacing[::-1]), self.scan.slice_spacing)


def validation_slices(scan: CachedScan, config: TrainingConfig, count: int) -> ValidationSlices:
    """Return `count` evenly spread slices of a scan, all of them for 0; low dose is simulated once and kept.

    Simulated scans have the dose of the config, not a drawn one, and their own noise: numbers must compare.
    """
    total = scan.shape[0]
    count = min(count or total, total)
    # The middles of `count` equal parts.
    chosen = [int((n + 0.5) * total / count) for n in range(count)]
    full = np.asarray(scan.full[chosen])
    numbers, stacks = with_neighbours(chosen, total, config.neighbours)
    if scan.scan.low is not None:
        return ValidationSlices(scan, full, scan.low[numbers][stacks])
    settings = ScanSettings(config.validation_dose, config.validation_photons or None, config.validation_kernel or None)
    facts = [2, scan.key, chosen, settings.dose, settings.photons, settings.kernel_cutoff]
    facts = json.dumps(facts + [config.neighbours] * bool(config.neighbours))
    path = scan.folder / f"{hashlib.sha256(facts.encode()).hexdigest()[:20]}-validation.npy"
    if not is_whole(path, (len(numbers), *full.shape[1:])):
        save_array(path, simulate_slices(scan, Drawn(tuple(chosen), 1, 1.0, settings, config.neighbours)).noise)
    low = to_int16(scan.full[numbers] + np.load(path).astype(np.int32))
    return ValidationSlices(scan, full, low[stacks])


def measure_pair(full: np.ndarray, image: np.ndarray) -> dict[str, float]:
    """Measure one slice against full dose.

    Returns
    -------
    dict
        `psnr`, `ssim`, `rmse` in the paper's window; `texture`: SD of what a low-pass removes from soft tissue, as a
        part of full dose's (1 is the same amount); `shift_lung`, `shift_fat`, `shift_soft`, `shift_bone`: mean HU off;
        `specks_ppm`: soft-tissue voxels off by more than 100 HU. What a slice does not have is NaN.
    """
    quality = measure_slice(full, image)
    full, image = full.astype(np.float32), image.astype(np.float32)
    error = image - full
    masks = {name: mask[0, 0].numpy() for name, mask in tissue_masks(torch.from_numpy(full)[None, None]).items()}
    soft = masks["soft"]

    def of(values: np.ndarray, mask: np.ndarray) -> float:
        return float(values[mask].mean()) if mask.sum() >= 50 else math.nan

    textures = [(x - ndimage.gaussian_filter(x, _TEXTURE_SIGMA)) ** 2 for x in (image, full)]
    there, wanted = (of(t, soft) for t in textures)
    return {
        # A slice that is equal within the window, such as one of air, says nothing of an image; see `metrics`.
        **{key: math.nan if quality.equal else getattr(quality, key) for key in ("psnr", "ssim", "rmse")},
        "texture": math.sqrt(there / wanted) if wanted else math.nan,
        **{f"shift_{name}": of(error, mask) for name, mask in masks.items()},
        "specks_ppm": 1e6 * of((np.abs(error) > _SPECK).astype(np.float32), soft),
    }


def denoise_slice(denoiser: NetworkDenoiser, stack: np.ndarray) -> np.ndarray:
    """Return a slice as the extension would denoise it, whole HU, from it between its neighbours, if it has any."""
    hounsfield, middle = stack.astype(np.float32), len(stack) // 2
    correction = denoiser.correction(hounsfield)
    return np.rint(add_correction(hounsfield[middle : middle + 1], correction)[0]).astype(np.int16)


def validate(
    generator: torch.nn.Module,
    slices: list[ValidationSlices],
    config: TrainingConfig,
    device: str,
    progress: Callable[[int, int], None] | None = None,
    show: Callable[[ValidationSlices, np.ndarray], None] | None = None,
) -> dict:
    """Measure a generator on the validation slices.

    Parameters
    ----------
    generator : torch.nn.Module
    slices : list of ValidationSlices
    config : TrainingConfig
    device : str
    progress : callable, optional
        Called with the slices done and the slices in all.
    show : callable, optional
        Called with the first scan's slices and their outputs, HU.

    Returns
    -------
    dict
        `low` and `result`: means over the patients (see `measure_pair` and `noise_and_lesions`), `full` what of it full
        dose has; `patients`: the same for each; `l1`: mean absolute error on `validation_pairs` patches in the loss
        window; and what the numbers are measured in.
    """
    network = NetworkDenoiser(generator.eval(), HURange(*config.hu_range), config.method)
    done, of = 0, sum(len(s.full) for s in slices)
    values: dict[str, dict[str, list]] = {}
    outputs, beyond = [], {}
    for part in slices:
        rows = values.setdefault(part.scan.scan.patient, {"low": [], "result": []})
        denoiser = told(network, part.level)
        denoiser.prepare(device)
        output = np.stack([denoise_slice(denoiser, stack) for stack in part.stacks])
        outputs.append(output)
        if show and len(outputs) == 1:
            show(part, output)
        for full, low, image in zip(part.full, part.low, output, strict=True):
            rows["low"].append(measure_pair(full, low))
            rows["result"].append(measure_pair(full, image))
            done += 1
            if progress:
                progress(done, of)
        for image, record in noise_and_lesions(part, output, denoiser).items():
            beyond.setdefault(part.scan.scan.patient, {}).setdefault(image, []).append(record)
    generator.train()
    patients = {name: {k: mean_of(v) for k, v in rows.items()} for name, rows in values.items()}
    for name, images in beyond.items():
        for image, records in images.items():
            patients[name].setdefault(image, {}).update(mean_of(records))
    means = {k: mean_of([p[k] for p in patients.values()]) for k in ("full", "low", "result")}
    return {
        **means, "patients": patients, "l1": _patch_error(slices, outputs, config),
        "window": [PAPER.lower, PAPER.upper], "data_range": 1.0, "ssim": SSIM_VARIANT,
    }


def noise_and_lesions(
    part: ValidationSlices, output: np.ndarray, denoiser: NetworkDenoiser
) -> dict[str, dict[str, float]]:
    """Measure the noise of full dose, low dose and output in the same flat windows, and how a lesion comes through.

    Returns
    -------
    dict
        For "full", "low" and "result": `noise_sd` in HU and `noise_frequency` in 1/mm (`scan.measure_noise`); for the
        last two `lesion_kept`: which part of the contrast of disks of 6 mm and -20 HU is left, put into low dose on
        flat places, through all slices that are read, as the change that the disks make to the image. What cannot be
        measured is NaN.
    """
    spacing = part.scan.spacing[::-1]
    images = {"full": part.full, "low": part.low, "result": output}
    windows = scan_windows(part.full, spacing)
    if len(windows) < FEWEST_WINDOWS:
        nothing = dict.fromkeys(("noise_sd", "noise_frequency", "lesion_kept"), math.nan)
        return {name: dict(nothing) for name in images}
    found = {}
    for name, image in images.items():
        noise = noise_in(image, spacing, windows)
        found[name] = {"noise_sd": noise.sd, "noise_frequency": noise.mean_frequency, "lesion_kept": math.nan}
    lesions, disks = _lesions(part.full.shape, windows, spacing)
    with_lesions = to_int16(part.stacks + lesions[:, None])
    changed = np.stack([denoise_slice(denoiser, stack) for stack in with_lesions]) - output.astype(np.float32)
    found["low"]["lesion_kept"] = 1.0
    found["result"]["lesion_kept"] = float(changed[disks].mean() / _LESION_HU)
    return found


def _lesions(shape, windows, spacing) -> tuple[np.ndarray, np.ndarray]:
    """Return disks at some of the windows' centres, HU, and the mask of what lies wholly in them."""
    lesions, taken = np.zeros(shape, np.float32), np.zeros(shape, bool)
    apart = math.ceil(3 * _LESION_MM / min(spacing))
    half = apart // 2
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    radius = _LESION_MM / 2
    disk = np.clip((radius - np.hypot(y * spacing[0], x * spacing[1])) / min(spacing) + 0.5, 0, 1)
    for k, j, i in windows:
        box = np.s_[k, max(0, j - half) : j + half + 1, max(0, i - half) : i + half + 1]
        if lesions[box].shape == disk.shape and not taken[box].any():
            lesions[box], taken[box] = _LESION_HU * disk, True
    return lesions, lesions <= 0.99 * _LESION_HU


def mean_of(records: list[dict[str, float]]) -> dict[str, float]:
    """Return the mean of each figure over the records that have it, rounded; None where none has."""
    means = {}
    for key in records[0]:
        known = [r[key] for r in records if r[key] is not None and not math.isnan(r[key])]
        means[key] = round(float(np.mean(known)), 5) if known else None
    return means


def _patch_error(slices: list[ValidationSlices], outputs: list[np.ndarray], config: TrainingConfig) -> float | None:
    """Return the mean absolute error on patches at fixed random places, in units of the loss window's width."""
    rng = np.random.default_rng(config.seed)
    errors = []
    for _ in range(config.validation_pairs):
        n = rng.integers(len(slices))
        full, output = slices[n].full, outputs[n]
        k, j, i = (rng.integers(s) for s in (len(full), *(s - config.patch + 1 for s in full.shape[1:])))
        box = np.s_[k, j : j + config.patch, i : i + config.patch]
        errors.append(np.abs(full[box].astype(np.float32) - output[box]).mean())
    return round(float(np.mean(errors)) / (config.loss_window[1] - config.loss_window[0]), 6) if errors else None


def score(validation: dict, config: TrainingConfig, step: int) -> float:
    """Return how good a validation is, by the config's `select_by`; more is better.

    An adversarial training loses PSNR while it gains texture, so that PSNR would always choose its start. "texture"
    takes the amount of texture nearest to full dose's among the states that gain `least_gain_db` on the low dose.
    """
    result = validation["result"]
    if config.select_by == "last":
        return float(step)
    if config.select_by == "texture":
        gain = result["psnr"] - validation["low"]["psnr"]
        if gain < config.least_gain_db or not result["texture"]:
            return gain - 1000.0
    return METRIC[config.select_by].score(result[config.select_by])
