"""Leave-one-patient-out: trainings for each patient, and the table of all."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout
from LDCTDenoiseLib.files import write_atomic

from ..data import cache_scans
from ..loop.stopping import STOP_FILE, piece
from ..patients import PatientSet, leave_one_out
from .evaluate import LOW_DOSE, evaluate_models
from .methods import in_order, train_methods
from .table import write_tables

RESULT = "result.json"


@dataclass
class CrossValidation:
    """Leave-one-patient-out. Any number of processes, on any machines that see the folder, may call `run`.

    A fold is a folder for one patient, with a run for each method. A process takes a fold that nobody holds; a lock
    that falls with its process guards it. A fold that was begun is resumed, one with a result is left alone, and who
    finds all results there writes the table. An adversarial method starts from its L1 twin of the same fold.

    Parameters
    ----------
    patients : PatientSet
    methods : sequence of str
    output : Path
        Holds fold-PATIENT/METHOD/ and cache/; table.csv and table.md in the end. A file named stop ends it.
    settings : dict
        See `TrainingConfig`; `method_settings` has those of single methods, by name.
    config_file : str, optional
    cache : Path, optional
    device : str
    json_lines : bool
    """

    patients: PatientSet
    methods: Sequence[str]
    output: Path
    settings: dict
    method_settings: dict[str, dict] = field(default_factory=dict)
    config_file: str | None = None
    cache: Path | None = None
    device: str = "auto"
    json_lines: bool = False

    def __post_init__(self):
        self.methods = in_order(self.methods)

    def run(self) -> Path | None:
        """Train all folds that are free; return the table when all are done, else None."""
        folds = leave_one_out(self.patients)
        for name, patients in folds.items():
            folder = self.folder(name)
            folder.mkdir(parents=True, exist_ok=True)
            try:
                with FileLock(folder / ".lock").acquire(blocking=False):
                    if not self._rows(folder):
                        self._fold(patients, folder)
            except Timeout:
                continue
        results = [self._rows(self.folder(name)) for name in folds]
        if not all(results):
            return None
        order = [LOW_DOSE, *self.methods]
        rows = [row for result in results for row in result if row["image"] in order]
        write_tables(self.output, sorted(rows, key=lambda row: order.index(row["image"])))
        return self.output / "table.md"

    def folder(self, patient: str) -> Path:
        """Return the folder of a fold."""
        return self.output / f"fold-{''.join(c if c.isalnum() or c in '-_.' else '_' for c in patient)}"

    def _rows(self, folder: Path) -> list[dict]:
        """Return a fold's results, none unless all methods are among them."""
        if not (folder / RESULT).exists():
            return []
        rows = json.loads((folder / RESULT).read_text(encoding="utf-8"))
        return rows if {row["image"] for row in rows} >= set(self.methods) else []

    def _fold(self, patients: PatientSet, folder: Path) -> None:
        cache = self.cache or self.output / "cache"
        models, config = train_methods(
            patients, self.methods, folder, self.settings, self.method_settings, self.config_file,
            cache=cache, device=self.device, json_lines=self.json_lines, stop_file=self.output / STOP_FILE,
        )
        scans = [s for s in cache_scans(patients, cache, config.patch) if s.scan.role == "validation"]
        with piece():
            rows = evaluate_models(models, scans, config, self.device)
        with write_atomic(folder / RESULT) as part:
            part.write_text(json.dumps(rows), encoding="utf-8")
