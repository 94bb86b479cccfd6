"""What a run has come to: its table, and its model among the others."""

import csv
import io
import itertools
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import slicer
import slicer.util
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.files import write_text
from LDCTDenoiseLib.models import add_model, read_card, user_folder
from LDCTDenoiseLib.text_tables import records_to_csv
from LDCTDenoiseSlicer.tables import CAPTION, tableOf
from LDCTDenoiseSlicer.tasks import Task
from LDCTDenoiseSlicer.torch_import import importTorch
from LDCTDenoiseTrainingLib.experiments.curves import read_curves
from LDCTDenoiseTrainingLib.experiments.table import caption_of, to_csv
from LDCTDenoiseTrainingLib.training.config import LOG
from LDCTDenoiseTrainingLib.validation_metrics import ALL_METRICS

from ..jobs.run_state import LEAVE_ONE_OUT, TABLE, TRAINING
from ..jobs.training_run import TrainingRun

#: The table of an experiment of several trainings, which it writes itself.
_TABLE = "table.csv"

_MEASURED_ON = {
    TRAINING: "Slices of validation patients, best state.",
    LEAVE_ONE_OUT: "Whole scans of the patient left out.",
    TABLE: "Whole scans of the patients with the role test, or of those who validate where there are none.",
}


def resultRows(run: TrainingRun) -> list[dict[str, str]]:
    """Return a run's table as texts: images and patients with their figures, then means and SDs.

    Of a leave-one-out these are the left-out patients' whole scans; of the paper's table, those of the test patients,
    or else of those who validate; of a single training, the slices of the best validation.

    Raises
    ------
    InputError
        If there is nothing yet.
    """
    if run.kind != TRAINING:
        path = run.folder / _TABLE
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise InputError(f"'{run.name}' has no table yet; it is written when everything has been trained.") \
                from error
    else:
        text = to_csv(_validated(run))
    return list(csv.DictReader(io.StringIO(text)))


def resultTable(run: TrainingRun, node=None):
    """Put a run's table into a table node and return it.

    Parameters
    ----------
    run : TrainingRun
    node : vtkMRMLTableNode, optional
        The node whose content is replaced. Default: a new one, named after the run.

    Raises
    ------
    InputError
        If there is nothing yet.
    """
    rows = resultRows(run)
    known = [name for name in rows[0] if any(row[name] for row in rows)]
    texts = ("image", "patient")
    table = tableOf([{n: row[n] if n in texts else float(row[n] or "nan") for n in known} for row in rows])
    if node is None:
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", f"{run.name} results")
    node.SetAndObserveTable(table)
    node.SetAttribute(CAPTION, caption(run, known, rows))
    return node


def writeResults(run: TrainingRun, path: str | Path) -> None:
    """Write a run's table as CSV.

    Raises
    ------
    InputError
        If there is nothing yet.
    OutputError
        If it cannot be written.
    """
    write_text(path, records_to_csv(resultRows(run)))


def caption(run: TrainingRun, columns: Sequence[str], rows: Sequence[dict]) -> str:
    """Say what these rows of a run are measured on and in, as far as the columns are shown."""
    return f"{_MEASURED_ON[run.kind]} {caption_of(columns, any(row['patient'] == 'sd' for row in rows))}"


def useModelTask(run: TrainingRun, name: str | None = None) -> Task:
    """Return the copying of a run's model to the user's models; its `finish` returns the copy.

    Parameters
    ----------
    run : TrainingRun
    name : str, optional
        What to call it. Default: the run's name, with a number when another model has it.

    Raises
    ------
    InputError
        If there is no model yet.
    """
    if run.model is None:
        why = "a leave-one-out makes none to keep; train one on all patients" if run.kind == LEAVE_ONE_OUT else \
            "the first validation makes it"
        raise InputError(f"'{run.name}' has no model yet: {why}.")
    read_card(run.model)
    stem = re.sub(r"[^A-Za-z0-9_. -]+", "_", name or run.name).strip(" .")
    if not stem:
        raise InputError("the model needs a name.")

    def work(report) -> Path:
        importTorch()
        return _copy(run.model, stem, name is None)

    return Task(work, lambda path: path)


def _copy(model: Path, stem: str, numbered: bool) -> Path:
    """Add a model to the user's; raises `ModelFileError` when another has the name, unless it may get a number."""
    with tempfile.TemporaryDirectory() as folder:
        # What stands in the run's folder may be replaced by a better state any moment.
        still = Path(shutil.copyfile(model, Path(folder) / "model.safetensors"))
        names = itertools.chain([stem], (f"{stem}-{number}" for number in itertools.count(2)))
        name = next(name for name in names if not (numbered and _other(still, name)))
        return add_model(shutil.move(still, Path(folder) / f"{name}.safetensors"))


def _other(file: Path, name: str) -> bool:
    there = user_folder() / f"{name}.safetensors"
    return there.is_file() and there.read_bytes() != file.read_bytes()


def _validated(run: TrainingRun) -> list[dict]:
    """Return the patients of the best validation as rows of the library's table."""
    if run.model is None:
        raise InputError(f"'{run.name}' has no result yet: the first validation makes it.")
    card = read_card(run.model)
    validations = read_curves(run.folder / LOG).validation.values()
    # By its figures: a card need not say of which step it is.
    validation = next((v for v in validations if v["result"] == card.validation.get("result")), None)
    if validation is None:
        raise InputError(f"nobody validates in '{run.name}', so there is nothing to show.")
    return [
        {"image": image, "patient": patient, **{metric.key: figures[key].get(metric.key) for metric in ALL_METRICS}}
        for image, key in (("FDCT", "full"), ("LDCT", "low"), (card.method, "result"))
        for patient, figures in validation["patients"].items()
        if key in figures
    ]
