"""Leave-one-patient-out: one training for each patient, and the table of all."""

import json
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from LDCTDenoiseLib.files import write_whole

from ..data import cache_scans
from ..loop import Training
from ..loop.resume import make_config
from ..patients import PatientSet, leave_one_out
from .evaluate import evaluate_models
from .table import write_tables

RESULT = "result.json"


@dataclass
class CrossValidation:
    """The folds of one method. Any number of processes, on any machines that see the folder, may call `run`.

    A fold is a folder. A process takes one that nobody holds; a lock that falls with its process guards it. A fold
    that was begun is resumed, one with a result is left alone, and who finds all results there writes the table.

    Parameters
    ----------
    patients : PatientSet
    method : str
    output : Path
        Holds fold-PATIENT/ for each patient, and cache/.
    settings : dict
        See `TrainingConfig`.
    config_file : str, optional
    cache : Path, optional
    device : str
    json_lines : bool
    twin : Path, optional
        For an adversarial method: the output of the cross-validation of its L1 twin, whose fold it starts from.
    """

    patients: PatientSet
    method: str
    output: Path
    settings: dict
    config_file: str | None = None
    cache: Path | None = None
    device: str = "auto"
    json_lines: bool = False
    twin: Path | None = None

    def run(self) -> Path | None:
        """Train all folds that are free; return the table when all are done, else None."""
        folds = leave_one_out(self.patients)
        for name, patients in folds.items():
            folder = self.folder(name)
            folder.mkdir(parents=True, exist_ok=True)
            try:
                with FileLock(folder / ".lock").acquire(blocking=False):
                    if not (folder / RESULT).exists():
                        self._fold(patients, folder)
            except Timeout:
                continue
        results = [self.folder(name) / RESULT for name in folds]
        if not all(result.exists() for result in results):
            return None
        rows = [row for result in results for row in json.loads(result.read_text())]
        write_tables(self.output, sorted(rows, key=lambda row: row["image"] != "LDCT"))
        return self.output / "table.md"

    def folder(self, patient: str) -> Path:
        """Return the folder of a fold."""
        return self.output / f"fold-{''.join(c if c.isalnum() or c in '-_.' else '_' for c in patient)}"

    def _fold(self, patients: PatientSet, folder: Path) -> None:
        settings = dict(self.settings)
        if self.twin:
            settings["start_from"] = str(self.twin / folder.name / "model.safetensors")
        config = make_config(self.method, folder, settings, True, self.config_file)
        cache = self.cache or self.output / "cache"
        model = Training(patients, config, folder, cache=cache, device=self.device, resume=True,
                         json_lines=self.json_lines).run()
        scans = [s for s in cache_scans(patients, cache, config.patch) if s.scan.role == "validation"]
        rows = evaluate_models({config.method: model}, scans, config, self.device)
        with write_whole(folder / RESULT) as part:
            part.write_text(json.dumps(rows), encoding="utf-8")
