"""Leave-one-patient-out: trainings for each patient, and the table of all."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.files import write_text
from LDCTDenoiseLib.strict_json import fits, parse_json, read_text

from ..data import cache_scans
from ..patients import PatientSet, file_name, leave_one_out
from ..training.stopping import piece
from .evaluate import LOW_DOSE, evaluate_models
from .methods import Experiment, in_order
from .table import write_tables

RESULT = "result.json"


@dataclass
class CrossValidation(Experiment):
    """Leave-one-patient-out. Any number of processes, on any machines that see the folder, may call `run`.

    A fold is a folder for one patient, with a run for each method: fold-PATIENT/METHOD/. A process takes a fold that
    nobody holds; a lock that falls with its process guards it. A fold that was begun is resumed, one with a result is
    left alone, and who finds all results there writes table.csv and table.md. An adversarial method starts from its L1
    twin of the same fold.
    """

    methods: Sequence[str] = ()

    def __post_init__(self):
        super().__post_init__()
        self.methods = in_order(self.methods)

    def run(self) -> Path | None:
        """Train all folds that are free; return the table when all are done, else None."""
        taken: set[str] = set()
        folds = {self.output / f"fold-{file_name(name, taken)}": patients
                 for name, patients in leave_one_out(self.patients).items()}
        for folder, patients in folds.items():
            folder.mkdir(parents=True, exist_ok=True)
            try:
                with FileLock(folder / ".lock").acquire(blocking=False):
                    if not self._rows(folder):
                        self._fold(patients, folder)
            except Timeout:
                continue
        results = [self._rows(folder) for folder in folds]
        if not all(results):
            return None
        order = [LOW_DOSE, *self.methods]
        rows = [row for result in results for row in result if row["image"] in order]
        write_tables(self.output, sorted(rows, key=lambda row: order.index(row["image"])))
        return self.output / "table.md"

    def _rows(self, folder: Path) -> list[dict]:
        """Return a fold's results, none unless all methods are among them."""
        if not (folder / RESULT).exists():
            return []
        try:
            rows = parse_json(read_text(folder / RESULT), lenient=True)
            if not fits(rows, list[dict]) or not all(fits(row.get("image"), str) for row in rows):
                raise ValueError("it is no table of results")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(
                f"the results '{folder / RESULT}' cannot be read: {reason}; remove the file to have them made again."
            ) from error
        return rows if {row["image"] for row in rows} >= set(self.methods) else []

    def _fold(self, patients: PatientSet, folder: Path) -> None:
        models, config = self.train(patients, self.methods, folder)
        scans = [s for s in cache_scans(patients, self.cache, config.patch) if s.scan.role == "validation"]
        with piece():
            rows = evaluate_models(models, scans, config, self.device)
        write_text(folder / RESULT, json.dumps(rows))
