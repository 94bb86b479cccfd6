"""The paper's Table 1 on a patient set: all four methods, the table, and the figure."""

from pathlib import Path

import numpy as np
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.figure import save_comparison
from LDCTDenoiseLib.methods import PAPER_METHODS
from LDCTDenoiseLib.metrics import ROI, measure_slice
from LDCTDenoiseLib.models import load_model

from ..data import CachedScan, cache_scans
from ..training.config import LOG
from ..training.stopping import piece
from ..training.validate import denoise_slice, validation_slices
from .curves import save_curves
from .evaluate import LOW_DOSE, evaluate_models
from .methods import Experiment
from .paper import side_by_side
from .table import summarise, write_tables


class Reproduction(Experiment):
    """Train what is missing, then measure on the patients with the role "test", or without such on those that validate.

    The folder holds a folder for each method, table.csv, table.md, comparison.png and curves.png in the end.
    """

    def run(self, roi: ROI | None = None) -> Path:
        """Return the table's file."""
        models, config = self.train(self.patients, PAPER_METHODS, self.output)
        role = "test" if self.patients.with_role("test") else "validation"
        scans = [s for s in cache_scans(self.patients, self.cache, config.patch) if s.scan.role == role]
        if not scans:
            raise InputError("the patient set has no patient to test on; give one the role test or validation.")
        with piece():
            rows = evaluate_models(models, scans, config, self.device)
        means = {row["image"]: row for row in summarise(rows) if row["patient"] == "mean"}
        which = f"\nMeasured on the {role} patients"
        which += "." if role == "test" else ", which also chose the states: give patients the role test for more."
        write_tables(self.output, rows, f"{which}\n{side_by_side(means)}")
        with piece():
            self._figure(scans[0], config, models, roi)
        save_curves(self.output / "curves.png", {method: self.output / method / LOG for method in PAPER_METHODS})
        return self.output / "table.md"

    def _figure(self, scan: CachedScan, config, models: dict[str, Path], roi: ROI | None) -> None:
        """Write the paper-like figure of the ROI's slice, or the middle one, of the first test scan."""
        pair = validation_slices(scan, config, 0)
        k = roi.k if roi else len(pair.full) // 2
        if roi:
            roi.check(pair.full.shape)
        images: dict[str, np.ndarray] = {LOW_DOSE: pair.low[k]}
        for method, path in models.items():
            denoiser = load_model(path).denoiser()
            denoiser.prepare("cpu")
            images[method] = denoise_slice(denoiser, pair.stacks[k])
        save_comparison(
            self.output / "comparison.png", [("FDCT", pair.full[k]), *images.items()], roi=roi,
            metrics={label: measure_slice(pair.full[k], image) for label, image in images.items()},
            pixel_aspect=scan.spacing[1] / scan.spacing[0],
        )
