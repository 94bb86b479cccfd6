"""Evidence about a pair of the scene: the call of the logic, and the section of the panel on the strict stand-ins."""

import numpy as np
import pytest
import slicer
import slicer.util
from LDCTDenoiseLib.errors import GeometryError, InputError, OutputError
from LDCTDenoiseLib.evidence import lesions, plan, report
from slicer_host import Desktop, FileDialog
from slicer_volumes import addVolume


@pytest.fixture(autouse=True)
def little(monkeypatch):
    """Few kinds of lesion and few passes: what is tried here is the way to them."""
    kinds = tuple(lesions.Lesion(lesions.DISK, -20.0, size) for size in (6.0, 10.0))
    monkeypatch.setattr(plan, "LESIONS", kinds)
    monkeypatch.setattr(plan, "LESION_RUNS", 4)


def pair(scene):
    rng = np.random.default_rng(3)
    full = 60 + rng.normal(0, 8, (2, 190, 190))
    low = full + rng.normal(0, 14, full.shape)
    nodes = [addVolume(scene, np.rint(v).astype(np.int16), n) for v, n in ((full, "full"), (low, "low"))]
    for node in nodes:
        node.SetIJKToRASDirections(-1, 0, 0, 0, -1, 0, 0, 0, 1)
        node.SetSpacing(1.0, 1.0, 5.0)
    return nodes


@pytest.mark.slow
def test_a_call_of_the_logic(mrml, logic, tmp_path):
    scene = mrml
    full, low = pair(scene)
    seen = []
    table = logic.collectEvidence(full, low, ["TV"], folder=tmp_path / "new", progress=seen.append)
    written = {p.name for p in (tmp_path / "new").iterdir()}
    assert written == {"report.html", "evidence.csv", "evidence.json", "lesions.csv"}
    assert table.GetAttribute("LDCTDenoise.Report") == str(tmp_path / "new" / "report.html")
    rows = table.GetTable()
    assert rows.GetNumberOfRows() == 2
    for row in range(2):
        kept = rows.GetValueByName(row, "contrast_kept_percent").ToDouble()
        assert 0 < kept < 110 and rows.GetValueByName(row, "places").ToDouble() >= 12
        assert rows.GetValueByName(row, "colour").ToString() in ("green", "amber", "red")
    assert "green (kept) where at least 80 %" in table.GetAttribute("LDCTDenoise.Caption")
    assert seen and "left" in seen[-1].text
    charts = slicer.util.getNodesByClass("vtkMRMLPlotChartNode")
    assert {c.GetNumberOfPlotSeriesNodes() for c in charts} == {3} and len(charts) == 2
    # Into the same table again: no curves are left behind.
    count = scene.GetNumberOfNodes()
    assert logic.collectEvidence(full, low, ["TV"], tableNode=table) is table
    assert scene.GetNumberOfNodes() == count and table.GetAttribute("LDCTDenoise.Report") is None


def test_bad_input_leaves_the_scene_as_it_is(scene, logic, tmp_path):
    full, low = pair(scene)
    count = scene.GetNumberOfNodes()
    with pytest.raises(InputError, match="no full-dose volume is selected"):
        logic.collectEvidence(None, low, ["TV"])
    with pytest.raises(InputError, match="one volume"):
        logic.collectEvidence(full, full, ["TV"])
    with pytest.raises(InputError, match="give a method"):
        logic.collectEvidence(full, low)
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="not empty"):
        logic.collectEvidence(full, low, ["TV"], folder=tmp_path)
    low.SetSpacing(1.0, 1.0, 4.0)
    with pytest.raises(GeometryError, match="spacing"):
        logic.collectEvidence(full, low, ["TV"])
    assert logic.collectEvidence(full, None, ["TV"], progress=lambda state: False) is None
    assert scene.GetNumberOfNodes() == count


@pytest.mark.slow
def test_the_section_of_the_panel(widget, host, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "to_html", lambda evidence: "the page, which takes its time")
    section = widget.panel.evidence
    ui = section.ui
    assert not ui.evidenceRunButton.enabled and not ui.evidenceReportButton.enabled
    full, low = pair(slicer.mrmlScene)
    parameters = widget.logic.getParameterNode()
    parameters.inputVolume, parameters.referenceVolume, parameters.methods = low, full, ["TV"]
    assert ui.evidenceRunButton.enabled
    FileDialog.answer = ""
    ui.evidenceRunButton.click()
    assert not widget.panel.running
    FileDialog.answer = str(tmp_path / "report")
    ui.evidenceRunButton.click()
    assert widget.panel.running and not ui.evidenceRunButton.enabled
    host.spin(lambda: not widget.panel.running, seconds=300)
    assert ui.evidenceTable.headers == ["Method", "6 mm", "10 mm"]
    (line,) = ui.evidenceTable.cells
    assert line[0] == "TV" and all("%" in cell and "d' " in cell for cell in line[1:])
    assert ui.evidenceTable.item(0, 1).brush and "amber (weakened) otherwise" in ui.evidenceCaption.text
    assert "report.html" in widget.ui.statusLabel.text
    ui.evidenceReportButton.click()
    assert Desktop.opened[-1] == str(tmp_path / "report" / "report.html")
    assert ui.evidenceCurvesButton.enabled
    FileDialog.answer = ""
