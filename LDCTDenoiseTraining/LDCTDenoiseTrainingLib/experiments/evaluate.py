"""Measure a trained model on whole scans."""

from collections.abc import Callable
from pathlib import Path

from LDCTDenoiseLib.engine import choose_device
from LDCTDenoiseLib.models import load_model

from ..data import CachedScan
from ..training.config import TrainingConfig
from ..training.validate import denoise_slice, mean_of, measure_pair, validation_slices

#: What the low-dose image itself is called in tables.
LOW_DOSE = "LDCT"


def evaluate_models(
    models: dict[str, Path],
    scans: list[CachedScan],
    config: TrainingConfig,
    device: str = "auto",
    slices: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> list[dict]:
    """Measure low dose and models on scans.

    Parameters
    ----------
    models : dict
        Label to model file.
    scans : list of CachedScan
    config : TrainingConfig
        For the simulated dose, photons and kernel.
    device : str
    slices : int
        Evenly spread slices of each scan; 0 for all.
    progress : callable, optional
        Called with the scans done and the scans in all.

    Returns
    -------
    list of dict
        A row for each image and patient, see `experiments.table`; a patient's scans are averaged.
    """
    denoisers = {label: load_model(path).denoiser() for label, path in models.items()}
    for denoiser in denoisers.values():
        denoiser.prepare(choose_device(device).name)
    values: dict[tuple[str, str], list] = {}
    for done, scan in enumerate(scans, start=1):
        pair = validation_slices(scan, config, slices)
        for full, low in zip(pair.full, pair.low, strict=True):
            values.setdefault((LOW_DOSE, scan.scan.patient), []).append(measure_pair(full, low))
            for label, denoiser in denoisers.items():
                image = denoise_slice(denoiser, low)
                values.setdefault((label, scan.scan.patient), []).append(measure_pair(full, image))
        if progress:
            progress(done, len(scans))
    order = [LOW_DOSE, *models]
    rows = [{"image": label, "patient": name, **mean_of(records)} for (label, name), records in values.items()]
    return sorted(rows, key=lambda row: order.index(row["image"]))
