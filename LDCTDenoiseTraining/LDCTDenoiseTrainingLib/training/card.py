"""The model file of a training, its card filled in from what was really used."""

import hashlib
import platform
from dataclasses import asdict
from pathlib import Path

import numpy as np
from LDCTDenoiseLib import __version__
from LDCTDenoiseLib.models import ModelCard, save_model

from ..data.cache import CachedScan
from ..data.noise_cache import PIXELS, noise_of
from ..patients import PatientSet
from .state import State

#: Settings that say nothing about the result.
_NOT_FACTS = ("method", "steps", "seed", "hu_range", "log_every", "checkpoint_every", "workers", "noise_workers",
              "start_from")


def write_model(
    path: Path, state: State, patients: PatientSet, scans: list[CachedScan], validation: dict, device: str
) -> None:
    """Write the generator that was validated, with its card.

    Parameters
    ----------
    path : Path
    state : State
    patients : PatientSet
        For the sources of the data.
    scans : list of CachedScan
        Those trained on.
    validation : dict
        See `validate`; of each patient only the count goes into the card.
    device : str
        In words.
    """
    config = state.config
    settings = {k: v for k, v in asdict(config).items() if k not in _NOT_FACTS}
    loss = "L1" if not config.adversarial else "WGAN-GP" + (" + L1" if config.l1_weight else "")
    if config.ssim_weight:
        loss += " + SSIM"
    if config.mean_weight:
        loss += " + mean over blocks"
    if config.tissue_weight:
        loss += " + means of tissues"
    start = f"a trained {state.began_as}" if state.began_as else "random weights"
    trained = {
        "loss": loss, "steps": state.step, "steps_planned": config.total_steps,
        "seconds": round(state.seconds), "device": device, "machine": f"{platform.system()} {platform.machine()}",
        **settings, "started_from": start, "full_dose_sha256": checksum_of(scans),
    }
    named = {scan.scan.patient for scan in scans}
    sources = [dict(source) for source in patients.sources] or [
        {"name": "not stated in the patient set", "licence": "not stated", "citation": "not stated"}
    ]
    sources.append({"name": "all of the above", "licence": "as above", "citation": "as above",
                    "patients": len(named), "scans": len(scans), "slices": sum(scan.shape[0] for scan in scans)})
    result = {k: v for k, v in validation.items() if k != "patients"}
    card = ModelCard(
        method=config.method, architecture=config.architecture, hu_range=config.hu_range,
        dose=_dose(scans, config.scale), training_data=sources,
        validation={**result, "patients": len(validation.get("patients", {}))}, training=trained,
        software=f"LDCTDenoise {__version__}", seed=config.seed,
    )
    save_model(path, state.result, card)


def checksum_of(scans: list[CachedScan]) -> str:
    """Return a SHA-256 that tells patient sets apart: of those of the full-dose values, in order of themselves."""
    return hashlib.sha256("".join(sorted(scan.digest for scan in scans)).encode()).hexdigest()


def _dose(scans: list[CachedScan], scale: tuple[float, float]) -> dict:
    """Say which doses were trained on."""
    ranges = [scan.scan.simulation for scan in scans if scan.scan.simulation]
    measured = len(scans) - len(ranges)
    if not ranges:
        return {
            "fraction": "as scanned", "simulation": "none: measured low-dose images",
            "trained": trained_on(scans, [], scale),
        }

    def span(name):
        given = [getattr(r, name) for r in ranges if getattr(r, name)]
        return [min(r[0] for r in given), max(r[1] for r in given)] if given else "the scan's own"

    return {
        "fraction": span("dose"), "photons": span("photons"), "kernel_cutoff": span("kernel"),
        "simulation": "fan beam, noise inserted in the projections (LDCTDenoiseLib.simulation)",
        **({"measured_scans": measured} if measured else {}),
        "trained": trained_on(scans, [r.dose for r in ranges], scale),
    }


def trained_on(scans: list[CachedScan], doses: list[tuple[float, float]], scale=(1.0, 1.0)) -> dict:
    """Return the ranges of noise, kernel, pixels and slices of what was trained on, as `scan.TRAINED` has them.

    The engine brings other pixels to these, and warns of other scans.
    """
    pixels = _most([step for scan in scans for step in scan.spacing])
    found = {"pixel_mm": [float(np.clip(step * factor, *PIXELS)) for step, factor in zip(pixels, scale, strict=True)]}
    noises = [noise for noise in map(noise_of, scans) if noise]
    if noises:
        sds, frequencies = zip(*noises, strict=True)
        least = min((low for low, _ in doses), default=1.0)
        # A full-dose scan is an input as well; the noisiest are those of the lowest dose.
        found["noise_hu"] = [min(sds), _most(sds)[1] / least**0.5]
        found["noise_frequency"] = _most(frequencies)
    slices = [scan.slice_spacing for scan in scans if scan.shape[0] > 1]
    if slices:
        found["slice_mm"] = [min(slices), max(slices)]
    return {key: [round(float(v), 3) for v in ends] for key, ends in found.items()}


def _most(values) -> list[float]:
    """Return the 5th and the 95th percentile: what lies beyond was seen too seldom to count on."""
    return [float(v) for v in np.quantile(values, (0.05, 0.95))]
