"""Read and check every row of the table beside the event loop."""

from pathlib import Path

from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseSlicer.nodes import requireComparableTransforms
from LDCTDenoiseSlicer.tasks import Task
from LDCTDenoiseTrainingLib.patients import Scan
from LDCTDenoiseTrainingLib.patients.check import split_problems
from LDCTDenoiseTrainingLib.patients.inspect import inspect_images

from .images import SceneImage
from .patient_table import PatientTable, Row


def checkTask(table: PatientTable, patch: int) -> Task:
    """Return the check of all rows that take part.

    Its progress objects are (rows done, rows in all). Its `finish` writes shapes and problems into the rows and
    returns all problems, those of the split first.

    Parameters
    ----------
    table : PatientTable
    patch : int
        Side of the patches that are to be cut out.
    """
    rows = [row for row in table.rows if row.takesPart]
    plans = [_plan(row) for row in rows]

    def work(report):
        found = []
        for done, (row, plan) in enumerate(zip(rows, plans, strict=True), start=1):
            found.append((row, _inspect(row, plan, patch)))
            report((done, len(rows)))
        return found

    def finish(found) -> list[str]:
        digests, scans, problems = {}, [], []
        for row, (shape, digest, mine) in found:
            row.shape, row.problems = shape, list(mine)
            scan = Scan(row.patient, row.role, Path(row.full.place), getattr(row.full, "series", ""),
                        row.low and Path(row.low.place), identity=row.identity)
            scans.append(scan)
            if digest:
                digests[scan] = digest
            problems += mine
        split = split_problems(scans, digests)
        for row in rows:
            row.problems += [problem for problem in split if f"'{Path(row.full.place)}'" in problem]
        return split + problems

    return Task(work, finish)


def _plan(row: Row) -> list | str:
    """Return the readers of a row's images, or what is wrong with them."""
    try:
        if isinstance(row.full, SceneImage) and isinstance(row.low, SceneImage):
            requireComparableTransforms(row.full.node, row.low.node)
        return [image.reader(role) for role, image in row.images]
    except InputError as error:
        return str(error)


def _inspect(row: Row, plan: list | str, patch: int) -> tuple[tuple | None, str, list[str]]:
    if isinstance(plan, str):
        return None, "", [plan]
    low = plan[1] if row.low is not None else None
    inspected, problems = inspect_images(plan[0], row.full.place, low, row.low.place if low else "", patch)
    if inspected is None:
        return None, "", problems
    return inspected.full.array.shape, inspected.digest, problems
