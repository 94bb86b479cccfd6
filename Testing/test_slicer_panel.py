"""The parts of the panel on the strict stand-ins: methods, strength, preview, numbers, figure."""

import contextlib
import time
import types

import numpy as np
import pytest
import slicer
import slicer.util
from LDCTDenoiseLib.metrics import Reference
from panel_helpers import names, slowDown, tick
from slicer_host import Clipboard, Mouse, QSettings, QTimer
from slicer_volumes import addVolume, ct, ijkToRAS, state


def quiet(panel):
    """Whether nothing runs and nothing is left to do."""
    return lambda: not any(timer.active for timer in QTimer.all)


@pytest.fixture
def pair(widget):
    """Add a pair, chosen in the panel, with an axial view on slice 2."""
    full = ct((4, 48, 48))
    noise = np.random.default_rng(9).normal(0, 15, full.shape).round().astype(np.int16)
    low = addVolume(slicer.mrmlScene, full + noise, "low")
    reference = addVolume(slicer.mrmlScene, full, "full")
    view = slicer.mrmlScene.AddNode(_slice())
    _show(view, low, 2)
    parameters = widget.logic.getParameterNode()
    parameters.methods = ["TV"]
    parameters.inputVolume, parameters.referenceVolume = low, reference
    return types.SimpleNamespace(low=low, full=reference, view=view, parameters=parameters)


def _slice():
    view = slicer.vtkMRMLSliceNode()
    view.SetSingletonTag("Red")
    view.SetLayoutName("Red")
    return view


def _show(view, volume, k):
    axes = ijkToRAS(volume)
    matrix = np.eye(4)
    matrix[:3, :3] = axes[:3, :3] / np.linalg.norm(axes[:3, :3], axis=0)
    matrix[:3, 3] = (axes @ [20, 20, k, 1])[:3]
    view.GetSliceToRAS().DeepCopy(slicer.util.vtkMatrixFromArray(matrix))
    view.UpdateMatrices()


def voxels(node):
    return slicer.util.arrayFromVolume(node)


def apply(widget, host):
    widget.ui.applyButton.click()
    assert widget.panel.running, widget.ui.statusLabel.text
    host.spin(quiet(widget.panel))


@pytest.mark.slow
def test_several_methods_and_a_model_of_ones_own(widget, host, pair, ownModel):
    tick(widget, "NLM")
    assert pair.parameters.methods == ["TV", "NLM"] and not widget.ui.outputSelector.enabled
    widget.ui.modelPathEdit.currentPath = str(ownModel)
    apply(widget, host)
    assert [n.GetName() for n in widget.panel.outputs().values()] == ["low TV", "low NLM", "low mine"]
    assert [row[0] for row in widget.ui.numbersTable.cells] == ["FDCT", "LDCT", "TV", "NLM", "mine"]
    assert "'low TV', 'low NLM', 'low mine': on CPU" in widget.ui.statusLabel.text
    # The time that each took is remembered, and told before the next run.
    assert {key.split("/")[2] for key in QSettings.kept if "SecondsPerSlice" in key} == {"TV", "NLM", "mine"}
    assert "about" in widget.ui.deviceLabel.text and "for 4 slices" in widget.ui.deviceLabel.text
    # Nothing ticked: nothing to apply.
    widget.ui.modelPathEdit.currentPath = ""
    tick(widget, "TV", "NLM")
    assert not widget.ui.applyButton.enabled and widget.ui.applyButton.toolTip == "Tick a method first"


def test_numbers_follow_the_slice_and_are_never_measured_twice(widget, host, pair, monkeypatch):
    from LDCTDenoiseSlicer.panel import numbers_section

    measured = []
    original = numbers_section.measureRows
    monkeypatch.setattr(numbers_section, "measureRows", lambda *a: measured.append(a[2].k) or original(*a))
    host.spin(quiet(widget.panel))
    measured.clear()
    for k in (0, 1, 3, 3):
        _show(pair.view, pair.low, k)
    host.spin(quiet(widget.panel))
    # Four events, one measurement: of where the view has come to rest, and then of the slice beside it.
    assert measured == [3, 2]
    expected = widget.logic.measure({"LDCT": pair.low}, pair.full, 3)
    assert widget.ui.numbersTable.cells[1] == expected.cells()[1]
    assert widget.ui.captionLabel.text == expected.caption()
    widget.panel.refresh()
    pair.view.Modified()
    host.spin(quiet(widget.panel))
    assert measured == [3, 2]
    # What has been measured is shown as it was, and nothing of it is measured again.
    again = []
    monkeypatch.setattr("LDCTDenoiseSlicer.numbers.Reference", lambda *a: again.append(a) or Reference(*a))
    _show(pair.view, pair.low, 2)
    _show(pair.view, pair.low, 3)
    host.spin(quiet(widget.panel))
    _show(pair.view, pair.low, 2)
    host.spin(lambda: widget.ui.captionLabel.text.startswith("Slice 3 of 4"))
    assert not again
    assert widget.ui.numbersTable.cells[1] == widget.logic.measure({"LDCT": pair.low}, pair.full, 2).cells()[1]
    _show(pair.view, pair.low, 3)
    host.spin(quiet(widget.panel))
    measured.clear()
    # Other voxels, other numbers.
    voxels(pair.low)[:] = voxels(pair.full)
    slicer.util.arrayFromVolumeModified(pair.low)
    widget.panel.refresh()
    host.spin(quiet(widget.panel))
    assert measured == [3, 2] and widget.ui.numbersTable.cells[1][2] == "inf"


def test_numbers_without_a_reference_and_without_a_slice(widget, host, pair):
    pair.parameters.referenceVolume = None
    host.spin(quiet(widget.panel))
    (row,) = widget.ui.numbersTable.cells
    assert row[:6] == ["LDCT", *"–––––"] and row[6] == f"{voxels(pair.low)[2].mean():.1f}"
    _show(pair.view, pair.low, 9)
    host.spin(quiet(widget.panel))
    assert not widget.ui.numbersTable.visible and "shows no slice of 'low'" in widget.ui.captionLabel.text
    widget.ui.regionComboBox.choose("roi")
    _show(pair.view, pair.low, 1)
    host.spin(quiet(widget.panel))
    assert "There is no region yet; draw one" in widget.ui.captionLabel.text and not widget.ui.csvButton.enabled


def test_the_whole_volume_is_measured_on_demand(widget, host, pair):
    widget.ui.regionComboBox.choose("volume")
    host.spin(quiet(widget.panel))
    assert widget.ui.captionLabel.text == "Not measured yet." and widget.ui.measureButton.visible
    widget.ui.measureButton.click()
    host.spin(quiet(widget.panel))
    full, low = widget.ui.numbersTable.cells
    assert (full[0], low[0]) == ("FDCT", "LDCT") and " ± " in low[2] and full[2] == "–" and float(full[-1]) > 0
    assert "mean ± SD over the slices" in widget.ui.captionLabel.text
    voxels(pair.low)[:] = voxels(pair.full)
    slicer.util.arrayFromVolumeModified(pair.low)
    widget.panel.refresh()
    host.spin(quiet(widget.panel))
    assert widget.ui.captionLabel.text.startswith("Measured before the volumes changed; measure again.")


@pytest.mark.slow
def test_numbers_are_copied_written_and_put_into_a_table(widget, host, pair, tmp_path):
    host.spin(quiet(widget.panel))
    widget.ui.copyNumbersButton.click()
    assert Clipboard.text.startswith("Image\tStrength\tPSNR (dB)") and widget.ui.captionLabel.text in Clipboard.text
    widget.panel.export.writeCSV(str(tmp_path / "numbers.csv"))
    lines = (tmp_path / "numbers.csv").read_text().splitlines()
    assert lines[0].startswith("image,method,plane,slice_index,roi,strength,psnr_db") and len(lines) == 3
    widget.ui.tableButton.click()
    widget.ui.tableButton.click()
    tables = slicer.util.getNodesByClass("vtkMRMLTableNode")
    assert [t.GetName() for t in tables] == ["full slice 3 of 4", "full slice 3 of 4_1"]
    assert all(t.GetTable().GetNumberOfRows() == 2 for t in tables)
    widget.panel.guarded(lambda: widget.panel.saveFigure(str(tmp_path / "figure.png")))
    host.spin(lambda: not widget.panel.running)
    assert (tmp_path / "figure.png").stat().st_size > 10000


def test_strength_follows_the_slider_without_a_run(widget, host, pair):
    apply(widget, host)
    (output,) = widget.panel.outputs().values()
    full = voxels(output).copy()
    widget.ui.strengthSlider.value = 0.5
    # The slice in view at once, before the event loop turns.
    assert (voxels(output)[2] != full[2]).any() and not widget.panel.running
    host.spin(quiet(widget.panel))
    halfway = voxels(output).copy()
    widget.ui.strengthSlider.value = 0.0
    # A scene that is saved now must hold one strength, and not two.
    widget.onSceneStartSave(None, None)
    np.testing.assert_array_equal(voxels(output), voxels(pair.low))
    widget.ui.strengthSlider.value = 1.0
    host.spin(quiet(widget.panel))
    np.testing.assert_array_equal(voxels(output), full)
    pair.parameters.strength = 0.5
    host.spin(quiet(widget.panel))
    np.testing.assert_array_equal(voxels(output), halfway)
    assert output.GetAttribute("LDCTDenoise.Strength") == "0.5"


@pytest.mark.slow
def test_preview_follows_the_slice_and_leaves_no_trace(widget, host, pair, monkeypatch):
    before = state(slicer.mrmlScene)
    denoised = []
    slowDown(monkeypatch, denoised)
    widget.ui.previewCheckBox.checked = True
    host.spin(lambda: bool(widget.panel.preview.nodes))
    for k in (0, 1, 3):
        _show(pair.view, pair.low, k)
    host.spin(quiet(widget.panel))
    # What was scrolled past while another slice was denoised is left out.
    assert len(denoised) == 3
    node = widget.panel.preview.nodes["TV"]
    assert node.GetName() == "low TV preview" and not node.GetSaveWithScene()
    assert [row[0] for row in widget.ui.numbersTable.cells] == ["FDCT", "LDCT", "TV preview"]
    _show(pair.view, pair.low, 2)
    host.spin(quiet(widget.panel))
    assert len(denoised) == 3
    widget.ui.previewCheckBox.checked = False
    host.spin(quiet(widget.panel))
    assert not widget.panel.preview.nodes and node.GetScene() is None
    assert not [n for n in state(slicer.mrmlScene) if "preview" in n[1]]
    assert len(state(slicer.mrmlScene)) == len(before)


def test_preview_survives_the_loss_of_its_input(widget, host, pair, monkeypatch):
    slowDown(monkeypatch, [])
    widget.ui.previewCheckBox.checked = True
    slicer.mrmlScene.RemoveNode(pair.low)
    host.spin(quiet(widget.panel))
    assert names() == ["full"]


def test_advanced_shows_models_and_diagnostics(widget, host, pair):
    pair.parameters.methods = ["DCSCN", "TV"]
    widget.ui.advancedButton.collapsed = False
    text = widget.ui.modelInfoText.plainText
    assert "Method: DCSCN" in text and "HU range: [-1024, 3071] HU" in text and "SHA-256: " in text
    assert "TV: no training, no model file." in text
    widget.ui.copyDiagnosticsButton.click()
    assert Clipboard.text == widget.logic.diagnostics() == widget.ui.diagnosticsText.plainText
    assert not widget.ui.installButton.enabled


def test_low_dose_is_no_reference_of_itself(widget, host, pair, monkeypatch):
    messages = []
    monkeypatch.setattr(slicer.util, "errorDisplay", lambda text, **options: messages.append(text))
    pair.parameters.referenceVolume = pair.low
    for region in ("slice", "volume"):
        widget.ui.regionComboBox.choose(region)
        host.spin(quiet(widget.panel))
        assert "'low' would be measured against itself" in widget.ui.captionLabel.text
        assert widget.ui.numbersTable.cells == []
    widget.ui.applyButton.click()
    assert not widget.panel.running and "'low' would be measured" in messages[0] and names() == ["full", "low"]


@pytest.mark.slow
def test_a_full_disk_is_one_line(widget, host, pair, monkeypatch, tmp_path):
    """The system's own refusal, by a limit on the size of files."""
    import resource

    messages = []
    monkeypatch.setattr(slicer.util, "errorDisplay", lambda text, **options: messages.append(text))
    host.spin(quiet(widget.panel))
    widget.panel.say("Drawing")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        widget.panel.guarded(lambda: widget.panel.saveFigure(str(tmp_path / "figure.png")))
        host.spin(lambda: not widget.panel.running)
        widget.panel.guarded(lambda: widget.panel.export.writeCSV(str(tmp_path / "numbers.csv")))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len(messages) == 2 and all("File too large" in message for message in messages)
    assert widget.ui.statusLabel.text == messages[1] and not list(tmp_path.glob("*.png")) + list(tmp_path.glob("*.csv"))


def test_what_nobody_foresaw_leaves_no_stale_line(widget, host, monkeypatch):
    def fail():
        raise KeyError("odd")

    widget.panel.say("Written: figure.png")
    with contextlib.suppress(KeyError):
        widget.panel.guarded(fail)
    assert "failed" in widget.ui.statusLabel.text and "odd" in widget.ui.statusLabel.text


@pytest.mark.slow
def test_the_list_is_ticked_named_ordered_and_taken_from(widget, host, pair):
    tick(widget, "NLM")
    apply(widget, host)
    table, ui = widget.ui.imageTable, widget.ui
    assert [row[0] for row in table.cells] == ["FDCT", "LDCT", "TV", "NLM"]
    assert table.cells[2][2:] == ["TV", "1.00", "✕"]
    # A foreign volume, under a name of one's own.
    scanner = addVolume(slicer.mrmlScene, voxels(pair.low) - 3, "ADMIRE")
    ui.addImageSelector.setCurrentNode(scanner)
    assert ui.addImageSelector.currentNode() is None and table.cells[4][0] == "ADMIRE"
    table.type(4, 0, "scanner")
    table.tick(2, False)
    host.spin(quiet(widget.panel))
    assert [row[0] for row in ui.numbersTable.cells] == ["FDCT", "LDCT", "NLM", "scanner"]
    table.verticalHeader().emit("sectionMoved(int,int,int)", 4, 4, 2)
    assert [row[0] for row in table.cells] == ["FDCT", "LDCT", "scanner", "TV", "NLM"]
    color = table.item(2, 1).brush
    table.emit("cellClicked(int,int)", 2, 1)
    assert table.item(2, 1).brush != color
    # Nothing is computed twice, and what was hidden is shown again.
    ui.applyButton.click()
    assert not widget.panel.running and "Nothing to compute: TV, NLM is there already" in ui.statusLabel.text
    assert [row.shown for row in widget.logic.comparedImages(pair.low).rows()] == [True, True, True]
    table.emit("cellClicked(int,int)", 3, 4)
    assert [row[0] for row in table.cells] == ["FDCT", "LDCT", "scanner", "NLM"]
    apply(widget, host)
    assert "'low TV_1'" in ui.statusLabel.text and "NLM was there already." in ui.statusLabel.text
    # Low dose itself can be left out; what is wrong is said.
    table.tick(1, False)
    host.spin(quiet(widget.panel))
    assert [row[0] for row in ui.numbersTable.cells][:2] == ["FDCT", "scanner"]
    table.type(2, 0, "NLM")
    assert "Another image is called 'NLM' already" in ui.statusLabel.text and table.cells[2][0] == "scanner"


def test_the_first_region_shows_its_numbers_unless_the_user_has_chosen(widget, host, pair):
    host.spin(quiet(widget.panel))
    region = widget.logic.makeRegion(pair.low, (20, 30, 20, 30, 2), name="A")
    host.spin(quiet(widget.panel))
    combo = widget.ui.regionComboBox
    assert "1 A\nMean (HU)" in widget.ui.numbersTable.headers and combo.itemData(combo.currentIndex) == "roi"
    widget.logic.removeRegion(region)
    host.spin(quiet(widget.panel))
    assert widget.ui.captionLabel.text.startswith("Slice 3 of 4") and combo.itemData(combo.currentIndex) == "slice"
    combo.emit("activated(int)", combo.currentIndex)
    widget.logic.addRegion(region.node)
    host.spin(quiet(widget.panel))
    assert widget.ui.captionLabel.text.startswith("Slice 3 of 4")


@pytest.mark.slow
def test_numbers_of_regions_stand_in_groups_and_follow_a_drag(widget, host, pair, monkeypatch):
    from LDCTDenoiseSlicer import region_numbers

    lesion = widget.logic.makeRegion(pair.low, (20, 30, 20, 30, 2), role="lesion", name="A")
    widget.logic.makeRegion(pair.low, (32, 46, 20, 30, 2), role="background", name="B")
    widget.ui.regionComboBox.choose("roi")
    host.spin(quiet(widget.panel))
    numbers = widget.logic.measureRegions({"LDCT": pair.low}, pair.full)
    assert [h.replace("\n", ": ") for h in widget.ui.numbersTable.headers] == ["Image", *numbers.header()]
    assert widget.ui.numbersTable.cells == numbers.cells() and widget.ui.captionLabel.text == numbers.caption()
    # Whatever slice is looked at, and in whatever window: a region stays where it is.
    before = widget.ui.numbersTable.cells
    _show(pair.view, pair.low, 0)
    host.spin(quiet(widget.panel))
    assert widget.ui.numbersTable.cells == before
    # Dragged: measured in the event itself, before the event loop turns, and only what has moved.
    measured, original = [], region_numbers.measureRegion
    monkeypatch.setattr(region_numbers, "measureRegion", lambda *a: measured.append(a) or original(*a))
    widget.panel.numbers._throttle._ended = 0.0  # the last one is long ago, however fast this computer is
    lesion.node.SetCenterWorld(*(np.array(lesion.node.GetCenterWorld()) + [1.0, 0, 0]))
    widget.panel._onRegion()
    assert widget.ui.numbersTable.cells != before and len(measured) == 2
    # Again at once, on a clock that stands still: not before a while has passed, and then once.
    with monkeypatch.context() as patch:
        now = time.monotonic()
        patch.setattr("LDCTDenoiseSlicer.comparison.debounce.time", types.SimpleNamespace(monotonic=lambda: now))
        widget.panel.numbers._throttle._ended = now
        for _ in range(5):
            lesion.node.SetCenterWorld(*(np.array(lesion.node.GetCenterWorld()) + [0.8, 0, 0]))
            widget.panel._onRegion()
        assert len(measured) == 2
    host.spin(quiet(widget.panel))
    assert len(measured) == 4
    widget.panel.export.writeCSV("/dev/null")
    widget.ui.tableButton.click()
    assert slicer.util.getNode("full regions").GetTable().GetNumberOfRows() == 2


@pytest.mark.slow
def test_the_metric_window_is_not_the_display_window(widget, host, pair):
    host.spin(quiet(widget.panel))
    before = widget.ui.numbersTable.cells
    pair.low.GetDisplayNode().SetWindowLevel(1500, -600)
    widget.panel.refresh()
    host.spin(quiet(widget.panel))
    assert widget.ui.numbersTable.cells == before and "[-160, 240]" in widget.ui.captionLabel.text
    combo = widget.ui.metricWindowComboBox
    names = [data for _, data in combo.items]
    combo.emit("activated(int)", names.index("lung"))
    host.spin(quiet(widget.panel))
    expected = widget.logic.measure({"LDCT": pair.low}, pair.full, 2, window=(-1350, 150))
    assert widget.ui.numbersTable.cells == expected.cells() != before
    assert (pair.parameters.metricLower, pair.parameters.metricUpper) == (-1350, 150)
    pair.parameters.metricLower = -1000.0
    host.spin(quiet(widget.panel))
    assert combo.items[combo.currentIndex] == ("in [-1000, 150] HU", None)


def test_nothing_is_measured_ahead_while_the_mouse_is_down(widget, host, pair, monkeypatch):
    numbers = widget.panel.numbers
    monkeypatch.setattr(Mouse, "buttons", 1)
    host.spin(lambda: widget.ui.numbersTable.rowCount == 2)
    known = len(numbers._known)
    for _ in range(5):
        numbers._idle.fire()
    assert len(numbers._known) == known and numbers._idle.active
    monkeypatch.setattr(Mouse, "buttons", 0)
    for _ in range(5):
        numbers._idle.fire()
    assert len(numbers._known) > known


def test_what_is_chosen_is_shown_and_told_at_once(widget, host, pair, monkeypatch):
    shown = []
    monkeypatch.setattr(slicer.util, "setSliceViewerLayers", lambda **layers: shown.append(layers["background"]))
    assert widget.ui.scanLabel.text.startswith("48×48×4 voxels, ")
    other = addVolume(slicer.mrmlScene, ct((4, 40, 48)), "other")
    widget.panel.say("of the pair before")
    pair.parameters.referenceVolume = other
    assert shown == [other] and widget.ui.statusLabel.text == ""
    assert "do not lie on the same grid" in widget.ui.scanLabel.text.splitlines()[-1]
    pair.parameters.referenceVolume = pair.full
    assert shown[-1] is pair.full and "grid" not in widget.ui.scanLabel.text
