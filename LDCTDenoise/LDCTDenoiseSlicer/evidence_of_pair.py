"""Evidence about methods on the chosen pair, as a task: lesions, edges, noise and HU, in a table and a report."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import slicer
import vtk
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.metrics import Curves

from .measuring import requireSameGrid
from .nodes import volumeFromNode, withSliceGaps
from .plots import drawCurves, newChart, removeChart
from .tables import CAPTION, requireTable, tableOf
from .tasks import Task

#: The attribute of a table node with the path of its report, and the role under which it refers to its curves.
REPORT, CHART_ROLE = "LDCTDenoise.Report", "LDCTDenoise.Chart"

_COLUMNS = ("method", "size_mm", "word", "colour", "contrast_kept_percent", "kept_lower", "kept_upper",
            "detected_against_low_dose", "d_change", "d_change_lower", "d_change_upper", "places")


def evidenceTask(
    reference, lowVolume, methods: Sequence[str], models: Sequence, dose: float | None, device: str, folder, tableNode
) -> Task:
    """Return the task of `LDCTDenoiseLogic.collectEvidence`; parameters and errors as there."""
    from LDCTDenoiseLib.evidence import EvidenceRun, Options, Scan, write_report
    from LDCTDenoiseLib.files import check_folder, replace_folder
    from LDCTDenoiseLib.methods import make_denoisers

    requireTable(tableNode)
    full = withSliceGaps(volumeFromNode(reference, "full-dose volume"), reference)
    low = None
    if lowVolume is not None:
        if lowVolume is reference:
            raise InputError("full dose and low dose are one volume; choose two, or leave the low dose out.")
        requireSameGrid(reference, lowVolume)
        low = volumeFromNode(lowVolume, "low-dose volume")
    if folder is not None:
        check_folder(folder)
    denoisers = make_denoisers(methods, models)
    # Copies: minutes pass, and the nodes' voxels are the user's to change.
    scan = Scan(*(None if v is None else replace(v, array=v.array.copy()) for v in (full, low)))
    run = EvidenceRun([scan], denoisers, Options(dose if dose is not None or low is not None else 0.25, device=device))

    def work(report):
        for progress in run:
            report(progress)
        if folder is not None:
            with replace_folder(folder) as place:
                write_report(run.result, place)
        return run.result

    def finish(evidence):
        return _write(tableNode, reference, evidence, folder)

    return Task(work, finish, [node for node in (reference, lowVolume, tableNode) if node is not None])


def _write(node, reference, evidence, folder):
    """Put the verdicts into a table node and return it."""
    from LDCTDenoiseLib.evidence import words

    records = [
        dict(zip(_COLUMNS, (v.image, v.size, v.word, v.colour, v.kept, v.kept_lower, v.kept_upper, v.detection,
                            *(float("nan") if x is None else x for x in (v.change, v.change_lower, v.change_upper)),
                            v.places), strict=True))
        for v in words.verdicts(evidence)
    ]  # fmt: skip
    if node is None:
        node = reference.GetScene().AddNewNodeByClass("vtkMRMLTableNode", f"{reference.GetName()} evidence")
    beside = "d' lower, alike or higher: than in low dose without a denoiser."
    caption = f"{words.DEFINITION} {beside}" if records else "No lesion could be measured. " + " ".join(evidence.notes)
    with slicer.util.NodeModify(node):
        node.SetAndObserveTable(tableOf(records) if records else vtk.vtkTable())
        node.SetAttribute(CAPTION, caption)
        node.SetAttribute(REPORT, None if folder is None else str(Path(folder) / "report.html"))
    _draw(node, evidence)
    return node


def _draw(node, evidence) -> None:
    """Draw contrast kept and d' over the lesions' diameters, one curve an image, as plot nodes; again on a new run."""
    from LDCTDenoiseLib.evidence import words
    from LDCTDenoiseLib.methods import colours_of

    for chart in chartsOf(node):
        removeChart(chart)
    node.RemoveNodeReferenceIDs(CHART_ROLE)
    found = evidence.findings.where(scan=words.main_scan(evidence), contrast=words.CONTRAST, shape="disk")
    tissue = next((v.tissue for v in words.verdicts(evidence)), None)
    colours = {"FDCT": "#000000", "LDCT": "#888888"} | colours_of(words.methods_of(evidence))
    for title, unit, chosen in (
        ("contrast kept", "%", found.where(quantity="contrast_kept", tissue=tissue)),
        (f"d' ({words.OBSERVER})", "d'", found.where(quantity="detectability", tissue=tissue, observer=words.OBSERVER)),
    ):
        if not chosen:
            continue
        sizes = sorted({f.size for f in chosen})
        values = {(f.image, f.size): f.value for f in chosen}
        curves = Curves(
            "evidence", f"{words.CONTRAST:g} HU in {tissue}: {title}", "diameter, mm", unit, np.array(sizes),
            {image: np.array([values.get((image, size), np.nan) for size in sizes])
             for image in evidence.images if chosen.where(image=image)},
            (), {}, words.DEFINITION, colours,
        )  # fmt: skip
        chart = drawCurves(newChart(node.GetScene(), curves), curves)
        node.AddNodeReferenceID(CHART_ROLE, chart.GetID())


def chartsOf(node) -> list:
    """Return the plot charts of a filled table: contrast kept, and d'."""
    return [node.GetNthNodeReference(CHART_ROLE, n) for n in range(node.GetNumberOfNodeReferences(CHART_ROLE))]


def evidenceCells(node) -> tuple[list[str], list[list[tuple[str, str]]]]:
    """Return a filled table as it is read: a heading for each size, and of each method cells of text and colour."""
    table = node.GetTable()
    rows = [{name: table.GetValueByName(r, name) for name in _COLUMNS} for r in range(table.GetNumberOfRows())]
    sizes = sorted({row["size_mm"].ToDouble() for row in rows})
    methods = list(dict.fromkeys(row["method"].ToString() for row in rows))
    # What low dose does better, the method does worse.
    compared = {"better": "d' lower", "worse": "d' higher", "as well": "d' alike", "": ""}
    cells = []
    for method in methods:
        line = [(method, "")]
        for size in sizes:
            row = next((r for r in rows if r["method"].ToString() == method and r["size_mm"].ToDouble() == size), None)
            if row is None:
                line.append(("", ""))
                continue
            kept = row["contrast_kept_percent"].ToDouble()
            detection = compared[row["detected_against_low_dose"].ToString()]
            line.append((f"{row['word'].ToString()}\n{kept:.0f} %\n{detection}".strip(), row["colour"].ToString()))
        cells.append(line)
    return [f"{size:g} mm" for size in sizes], cells
