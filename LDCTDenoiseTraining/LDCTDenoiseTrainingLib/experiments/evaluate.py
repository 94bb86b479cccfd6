"""Measure a trained model on whole scans."""

from pathlib import Path

import numpy as np
from LDCTDenoiseLib.engine import choose_device
from LDCTDenoiseLib.models import load_model

from ..data import CachedScan
from ..training.config import TrainingConfig
from ..training.validate import denoise_slice, mean_of, measure_pair, noise_and_lesions, validation_slices

#: What the low-dose image itself is called in tables.
LOW_DOSE = "LDCT"


def evaluate_models(
    models: dict[str, Path], scans: list[CachedScan], config: TrainingConfig, device: str
) -> list[dict]:
    """Measure low dose and models on whole scans.

    Parameters
    ----------
    models : dict
        Label to model file.
    scans : list of CachedScan
    config : TrainingConfig
        For the simulated dose, photons and kernel.
    device : str

    Returns
    -------
    list of dict
        A row for each image and patient, see `experiments.table`; a patient's scans are averaged.
    """
    denoisers = {label: load_model(path).denoiser() for label, path in models.items()}
    for denoiser in denoisers.values():
        denoiser.prepare(choose_device(device).name)
    values: dict[tuple[str, str], list] = {}
    for scan in scans:
        pair = validation_slices(scan, config, 0)
        low: list[dict] = []
        for label, denoiser in {LOW_DOSE: None, **denoisers}.items():
            output = pair.low
            if denoiser is not None:
                output = np.stack([denoise_slice(denoiser, stack) for stack in pair.stacks])
            figures, beyond = values.setdefault((label, scan.scan.patient), ([], []))
            figures += [measure_pair(full, image) for full, image in zip(pair.full, output, strict=True)]
            if denoiser is not None:
                found = noise_and_lesions(pair, output, denoiser)
                beyond.append(found["result"])
                low = [found["low"]]
        values[LOW_DOSE, scan.scan.patient][1].extend(low)
    order = [LOW_DOSE, *models]
    rows = [{"image": label, "patient": name, **mean_of(figures), **(mean_of(beyond) if beyond else {})}
            for (label, name), (figures, beyond) in values.items()]
    return sorted(rows, key=lambda row: order.index(row["image"]))
