"""Curves, log and readings in the panel, on the strict stand-ins."""

import types

import numpy as np
import pytest
import slicer
import slicer.util
from comparison_scene import addViews, background, sliceNode
from LDCTDenoiseLib.reading import CRITERIA
from LDCTDenoiseSlicer.curves_of_images import lineOf
from LDCTDenoiseSlicer.plots import chartOf
from slicer_host import FileDialog, QTimer
from slicer_volumes import addVolume, ct


def quiet():
    return not any(timer.active for timer in QTimer.all)


@pytest.fixture
def measuring(widget, host):
    """A pair and an output, chosen, laid out in the comparison's views."""
    views = addViews(slicer.mrmlScene)
    full = ct((4, 48, 48))
    full[:, :, 24:] += 60
    rng = np.random.default_rng(9)
    images = {label: addVolume(slicer.mrmlScene, (full + rng.normal(0, sd, full.shape)).astype(np.int16), label)
              for label, sd in (("full", 1), ("low", 30), ("other", 8))}
    parameters = widget.logic.getParameterNode()
    parameters.inputVolume, parameters.referenceVolume = images["low"], images["full"]
    widget.logic.comparedImages(images["low"]).add(images["other"])
    widget.panel.refresh()
    widget.panel.section.ui.sideBySideButton.click()
    host.spin(quiet)
    assert widget.panel.section.shown
    return types.SimpleNamespace(views=views, images=images, parameters=parameters, panel=widget.panel)


def test_a_line_is_drawn_and_its_profile_follows(widget, host, measuring, tmp_path):
    section = measuring.panel.curves
    ui = section.ui
    ui.profileButton.click()
    line = lineOf(slicer.mrmlScene)
    assert "Click the two ends" in ui.curvesLabel.text and measuring.views.interaction.GetCurrentInteractionMode() == 1
    drawn = widget.logic.makeLine(measuring.images["low"], (12, 20, 2), (40, 20, 2))
    for n in range(2):
        line.AddControlPointWorld(*drawn.GetNthControlPointPositionWorld(n))
    slicer.mrmlScene.RemoveNode(drawn)
    measuring.views.interaction.SwitchToViewTransformMode()
    host.spin(quiet)
    assert [row[0] for row in ui.curvesTable.cells] == ["FDCT", "LDCT", "other"] and section.curves.kind == "profile"
    assert chartOf(slicer.mrmlScene, "profile").GetNumberOfPlotSeriesNodes() == 3
    before = section.curves.x[-1]
    line.SetNthControlPointPositionWorld(1, *np.add(line.GetNthControlPointPositionWorld(1), 3))
    host.spin(quiet)
    assert section.curves.x[-1] != before
    ui.profileWidthSpinBox.value = 4.0
    host.spin(quiet)
    assert measuring.parameters.profileWidth == 4 and "over 4 mm" in ui.curvesLabel.text
    FileDialog.answer = str(tmp_path / "curves.csv")
    ui.curvesSaveButton.click()
    assert (tmp_path / "curves.csv").read_text().startswith("image,edge_width_mm")
    # Given up: the line that was there stays.
    ui.profileButton.click()
    measuring.views.interaction.SwitchToViewTransformMode()
    assert lineOf(slicer.mrmlScene) is line
    ui.curvesCloseButton.click()
    host.spin(quiet)
    assert section.curves is None and not ui.curvesTable.visible and not ui.curvesSaveButton.enabled


def test_the_spectrum_of_the_selected_region_comes_back_with_the_scene(widget, host, measuring):
    section = measuring.panel.curves
    section.ui.spectrumButton.click()
    host.spin(quiet)
    assert "There is no region yet" in section.ui.curvesLabel.text
    region = widget.logic.makeRegion(measuring.images["low"], (26, 44, 10, 40, 2), role="background")
    widget.panel.refresh()
    host.spin(quiet)
    assert section.curves.kind == "spectrum" and float(section.ui.curvesTable.cells[1][1]) > 20
    shown = section.curves
    measuring.panel.setParameterNode(None)
    assert section.curves is None
    measuring.panel.setParameterNode(measuring.parameters)
    host.spin(quiet)
    assert section.curves.values == shown.values
    widget.logic.removeRegion(region)
    widget.panel.refresh()
    host.spin(quiet)
    assert section.curves is None


def test_numbers_go_to_the_log(widget, host, measuring, tmp_path, monkeypatch):
    import importlib

    monkeypatch.setattr(importlib.import_module("LDCTDenoiseLib.figure"), "save_comparison",
                        lambda path, panels, **options: path.write_bytes(b"figure"))
    measure = measuring.panel.curves.ui
    measure.logButton.click()
    measure.logButton.click()
    assert "which has 2 entries now" in widget.ui.statusLabel.text
    FileDialog.answer = str(tmp_path / "log")
    measure.writeLogButton.click()
    host.spin(quiet)
    assert {p.name for p in (tmp_path / "log").iterdir()} == {"log.csv", "entry-001-1.png", "entry-002-1.png"}
    assert "2 figures" in widget.ui.statusLabel.text


def test_the_slices_of_a_region_are_chosen_in_the_list(widget, host, measuring):
    ui = measuring.panel.section.ui
    region = widget.logic.makeRegion(measuring.images["low"], (26, 44, 10, 40, 2))
    ui.regionTable.selectRow(len(widget.logic.regions()) - 1)
    assert (ui.fromSpinBox.value, ui.toSpinBox.value, ui.toSpinBox.maximum) == (3, 3, 4) and ui.toSpinBox.visible
    ui.fromSpinBox.value = 2
    assert region.reach(measuring.images["low"]) == (1, 2)
    ui.fromSpinBox.value = 4
    assert region.reach(measuring.images["low"]) == (3, 3) and ui.toSpinBox.value == 4


def test_the_table_of_regions_stays_while_another_is_drawn(widget, host, measuring):
    ui = measuring.panel.section.ui
    widget.logic.makeRegion(measuring.images["low"], (26, 44, 10, 40, 2))
    measuring.parameters.region = "roi"
    host.spin(quiet)
    shown = measuring.panel.numbers.text()
    ui.drawButton.click()
    host.spin(quiet)
    assert len(widget.logic.regions()) == 2 and measuring.panel.numbers.text() == shown
    slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLInteractionNode").SwitchToViewTransformMode()
    host.spin(quiet)
    assert measuring.panel.numbers.text() == shown and len(widget.logic.regions()) == 1


@pytest.mark.parametrize("kind", ["scores", "pairs"])
def test_a_reading_is_done_with_keys_alone(widget, host, measuring, tmp_path, kind):
    section, panel = measuring.panel.reading, measuring.panel
    ui = section.ui
    ui.readingKindComboBox.choose(kind)
    ui.readingCasesComboBox.choose("spread")
    ui.readingButton.click()
    assert "needs its reader's name" in widget.ui.statusLabel.text and not section.shown
    ui.readerEdit.text = "AB"
    ui.readingButton.click()
    assert section.shown and not panel.section.shown and ui.readingButton.text == "Pause"
    reading = section.view.reading
    shown = background(slicer.mrmlScene, "LDCTDenoiseReading1")
    # Nothing that the reader sees says which it is.
    texts = ui.readingLabel.text + shown.GetName() + sliceNode(slicer.mrmlScene, "LDCTDenoiseReading1").GetLayoutLabel()
    assert not [word for word in ("FDCT", "LDCT", "other", "full", "low") if word in texts]
    if kind == "scores":
        assert "[noise _]" in ui.readingLabel.text
        section.press("Return")
        assert reading.study.number == 0
        for key in ("4", "3", "Backspace", "2", "5", "0"):
            section.press(key)
        assert "noise 4   sharpness 2   artefacts 5   lesion conspicuity –   [overall _]" in ui.readingLabel.text
        section.press("Up")
        section.press("1")
        section.press("3")
        section.press("Return")
        assert reading.study.answers[0].scores == {
            "noise": 4, "sharpness": 2, "artefacts": 5, "lesion conspicuity": 1, "overall": 3}
    else:
        section.press("Right")
        assert reading.study.answers[0].preferred == 1
    assert reading.study.answers[0].seconds >= 0
    section.press("Backspace")
    assert reading.study.number == 0
    section.press("F4")
    assert shown.GetDisplayNode().GetWindowLevelMax() == 150
    section.press("PgDown")
    section.press("Esc")
    assert not section.shown and ui.readingButton.text == "Go on" and "AB, 0 of" in ui.readingLabel.text
    ui.readingButton.click()
    assert section.view.reading.node is reading.node
    FileDialog.answer = str(tmp_path)
    while section.shown:
        for key in (["3"] * len(CRITERIA) + ["Return"] if kind == "scores" else ["Left"]):
            section.press(key)
    reading = panel.logic.readings()[-1]
    assert reading.trial is None and (tmp_path / reading.study.file_name).exists()
    assert (tmp_path / "key" / reading.study.file_name).exists() and "the key is in" in ui.readingLabel.text
    ui.readingSummaryButton.click()
    assert ("AUC 0.50" if kind == "scores" else "preferred to") in ui.readingLabel.text
    assert (tmp_path / "summary.csv").read_text().startswith("what,criterion")
    assert ui.readingButton.text == "Reading…"


def test_the_strength_of_one_image_is_typed_in_its_row(widget, host, measuring):
    measuring.parameters.methods = ["TV"]
    widget.ui.applyButton.click()
    host.spin(lambda: not widget.panel.running)
    host.spin(quiet)
    rows = [row[0] for row in widget.ui.imageTable.cells]
    row, other = rows.index("TV"), rows.index("other")
    node = widget.panel.outputs()["TV"]
    widget.ui.imageTable.type(row, 3, "0.25")
    assert node.GetAttribute("LDCTDenoise.Strength") == "0.25" and widget.ui.imageTable.cells[row][3] == "0.25"
    for wrong, words in (("strong", "is no strength"), ("7", "7")):
        widget.ui.imageTable.type(row, 3, wrong)
        assert words in widget.ui.statusLabel.text and widget.ui.imageTable.cells[row][3] == "0.25"
    assert not widget.ui.imageTable.item(other, 3).flags & 2
