"""The module's own code, panel included, on the strict stand-ins of slicer_host."""

import logging
import sys
import threading
import types

import numpy as np
import pytest
import slicer
import slicer.util
from panel_helpers import holdUp, names, tick
from slicer_host import QTimer
from slicer_volumes import addVolume, ct, ijkToRAS


def test_module_describes_itself(host):
    import LDCTDenoise
    import LDCTDenoiseTraining

    for module in (LDCTDenoise.LDCTDenoise, LDCTDenoiseTraining.LDCTDenoiseTraining):
        parent = types.SimpleNamespace()
        module(parent)
        assert parent.title.startswith("LDCT Denoise") and parent.categories == ["Filtering.Denoising"]
        assert "1811.10564" in parent.acknowledgementText and "Not a medical device" in parent.helpText
        assert parent.contributors


def test_panel_opens_without_torch_and_imports_none(host, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    widget = host.openModule("LDCTDenoise")
    assert not widget.ui.applyButton.enabled and "low-dose" in widget.ui.applyButton.toolTip
    assert not widget.ui.progressBar.visible and widget.ui.sampleButton.visible
    assert "Not installed yet: torch" in widget.ui.statusLabel.text
    widget.cleanup()


def test_every_control_has_a_tooltip_and_every_parameter_its_widget(widget):
    for name in ("sampleButton", "inputSelector", "referenceSelector", "methodList", "modelPathEdit", "outputSelector",
                 "strengthSlider", "previewCheckBox", "deviceLabel", "applyButton", "regionComboBox", "measureButton",
                 "numbersTable", "copyNumbersButton", "csvButton", "tableButton", "figureButton", "deviceComboBox",
                 "batchSpinBox", "modelInfoText", "diagnosticsText", "copyDiagnosticsButton", "installButton"):
        assert getattr(widget.ui, name).toolTip, name
    bound = {w.property("SlicerParameterName") for w in vars(widget.ui).values()} - {None}
    assert bound == {"inputVolume", "referenceVolume", "outputVolume", "device", "strength", "preview", "batch"}


def test_every_widget_is_reached_by_the_keyboard(widget):
    import xml.etree.ElementTree as ElementTree

    root = ElementTree.parse(widget.resourcePath("UI/LDCTDenoise.ui")).getroot()
    stops = [stop.text for stop in root.find("tabstops")]
    takesKeys = {"QPushButton", "QComboBox", "QCheckBox", "QSpinBox", "QListWidget", "QTableWidget", "QPlainTextEdit",
                 "qMRMLNodeComboBox", "ctkSliderWidget", "ctkPathLineEdit", "QLineEdit"}
    inOrder = [w.get("name") for w in root.iter("widget") if w.get("class") in takesKeys]
    assert stops == inOrder


def test_first_volume_is_chosen_and_methods_are_those_at_hand(host, ownModel):
    labels = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "organs")
    volume = addVolume(slicer.mrmlScene, ct())
    widget = host.openModule("LDCTDenoise")
    assert widget.ui.inputSelector.currentNode() is volume is not labels
    from LDCTDenoiseLib.methods import available_methods

    items = widget.ui.methodList.items
    assert [item.text().split(" ")[0] for item in items] == [*available_methods(), "mine"]
    assert [item.text().split(" ")[0] for item in items if item.checkState()] == ["DCSCN"]
    assert widget.ui.applyButton.enabled and not widget.ui.sampleButton.visible
    assert widget.ui.outputSelector.baseName == "CT DCSCN"
    widget.cleanup()


def test_a_pair_that_comes_while_the_panel_is_open_is_proposed_once(widget, host):
    low, full = addVolume(slicer.mrmlScene, ct(), "P1 quarter"), addVolume(slicer.mrmlScene, ct(), "P1 full")
    parameters = widget.logic.getParameterNode()
    host.spin(lambda: parameters.inputVolume is not None)
    assert (parameters.inputVolume, parameters.referenceVolume) == (low, full)
    assert "'P1 quarter' is low dose, 'P1 full' is full dose" in widget.ui.statusLabel.text
    parameters.inputVolume = None
    addVolume(slicer.mrmlScene, ct(), "P2 low")
    host.spin(lambda: not any(timer.active for timer in QTimer.all))
    assert parameters.inputVolume is None


def test_a_guess_from_one_volume_is_made_again_when_the_other_comes_and_a_choice_is_not(widget, host):
    full = addVolume(slicer.mrmlScene, ct(), "P1 full")
    parameters = widget.logic.getParameterNode()
    host.spin(lambda: parameters.inputVolume is full)
    assert "'P1 full' is taken for low dose" in widget.ui.statusLabel.text
    low = addVolume(slicer.mrmlScene, ct(), "P1 quarter")
    host.spin(lambda: parameters.inputVolume is low)
    assert parameters.referenceVolume is full and "'P1 quarter' is low dose" in widget.ui.statusLabel.text
    parameters.referenceVolume = None
    parameters.inputVolume = full  # by the user, now
    addVolume(slicer.mrmlScene, ct(), "P1 low")
    host.spin(lambda: not any(timer.active for timer in QTimer.all))
    assert parameters.inputVolume is full and parameters.referenceVolume is None


def test_a_scene_with_a_method_that_has_no_weights_here_opens(widget, host):
    parameters = widget.logic.getParameterNode()
    host.leave(widget)
    parameters.methods = ["DCSWGAN"]
    host.enter(widget)
    ticked = [item.text() for item in widget.ui.methodList.items if item.checkState()]
    assert ticked == ["DCSWGAN (skip connections, adversarial)"]
    tick(widget, "TV", "DCSWGAN")
    assert parameters.methods == ["TV"]


def test_panel_and_parameter_node_follow_each_other(widget):
    parameters = widget.logic.getParameterNode()
    widget.ui.strengthSlider.value = 0.5
    widget.ui.deviceComboBox.choose("cpu")
    assert (parameters.strength, parameters.device) == (0.5, "cpu")
    parameters.strength = 0.25
    assert widget.ui.strengthSlider.value == 0.25
    volume = addVolume(slicer.mrmlScene, ct())
    assert not widget.ui.applyButton.enabled
    parameters.inputVolume = volume
    assert widget.ui.applyButton.enabled and widget.ui.inputSelector.currentNode() is volume


def test_apply_denoises_and_shows(widget, host):
    view = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    low = addVolume(slicer.mrmlScene, ct((4, 32, 32)), "low")
    widget.initializeParameterNode()
    tick(widget, "DCSCN", "NLM")
    widget.ui.applyButton.click()
    assert widget.panel.running and widget.ui.applyButton.text == "Cancel" and widget.ui.applyButton.enabled
    assert widget.ui.progressBar.visible and not widget.ui.choices.enabled
    host.spin(lambda: not widget.panel.running)
    assert widget.ui.applyButton.text == "Apply" and widget.ui.choices.enabled and not widget.ui.progressBar.visible
    output = slicer.util.getNode("low NLM")
    np.testing.assert_array_equal(ijkToRAS(output), ijkToRAS(low))
    assert view.GetBackgroundVolumeID() == output.GetID()
    assert widget.ui.statusLabel.text.startswith("'low NLM': on CPU, ")
    assert list(widget.panel.outputs().values()) == [output]
    # Once more: the same output is filled.
    widget.ui.applyButton.click()
    host.spin(lambda: not widget.panel.running)
    assert names() == ["low", "low NLM"]


@pytest.mark.slow
def test_cancel_and_apply_again(widget, host, monkeypatch):
    batches = []
    holdUp(monkeypatch, batches, free=2)
    addVolume(slicer.mrmlScene, ct((30, 16, 16)))
    widget.initializeParameterNode()
    widget.logic.getParameterNode().methods = ["TV"]
    widget.ui.applyButton.click()
    host.spin(lambda: len(batches) == 3 and widget.ui.progressBar.value > 0)
    assert "of 30 slices, " in widget.ui.progressBar.format and 0 < widget.ui.progressBar.value < 100
    assert threading.main_thread() not in batches
    widget.ui.applyButton.click()
    assert not widget.panel.running and widget.ui.applyButton.text == "Apply"
    assert "Stopped" in widget.ui.statusLabel.text
    # Slicer's main thread gives the worker a turn only while it polls: a timer runs until the worker has ended.
    assert any(timer.active for timer in QTimer.all)
    host.spin(lambda: not any(timer.active for timer in QTimer.all))
    assert not any(t.name == "LDCTDenoise" for t in threading.enumerate())
    assert len(batches) == 3 and names() == ["CT"]
    widget.logic.getParameterNode().methods = ["NLM"]
    widget.ui.applyButton.click()
    host.spin(lambda: not widget.panel.running)
    assert names() == ["CT", "CT NLM"]


def _closeScene(widget, host):
    slicer.mrmlScene.Clear(0)
    assert not widget.panel.running


def _deleteInput(widget, host):
    slicer.mrmlScene.RemoveNode(slicer.util.getNode("CT"))


def _reload(widget, host):
    widget.onReload()
    assert widget.reloads == 1 and "LDCTDenoiseSlicer.panel" not in sys.modules
    # The training module, which stays, goes on to catch the errors of code that is loaded anew.
    from LDCTDenoiseLib.errors import InputError as before

    sys.modules.pop("LDCTDenoiseLib.metrics", None)
    from LDCTDenoiseLib.metrics import ROI

    with pytest.raises(before):
        ROI.of("no ROI")
    widget.cleanup()


@pytest.mark.slow
@pytest.mark.parametrize("disturb", [_closeScene, _deleteInput, _reload])
def test_disturbed_while_it_runs(widget, host, monkeypatch, disturb):
    batches = []
    holdUp(monkeypatch, batches, free=1)
    loaded = {n: m for n, m in sys.modules.items() if n.startswith("LDCTDenoise")}
    addVolume(slicer.mrmlScene, ct((30, 16, 16)))
    widget.initializeParameterNode()
    widget.logic.getParameterNode().methods = ["TV"]
    widget.ui.applyButton.click()
    host.spin(lambda: len(batches) == 2)
    disturb(widget, host)
    host.spin(lambda: not widget.panel.running)
    host.spin(lambda: not any(t.name == "LDCTDenoise" for t in threading.enumerate()))
    assert len(batches) == 2 and "CT TV" not in names()
    assert widget.ui.statusLabel.text.startswith("Stopped")
    sys.modules.update(loaded)


def test_a_closed_scene_gets_a_new_parameter_node(widget):
    addVolume(slicer.mrmlScene, ct())
    widget.initializeParameterNode()
    slicer.mrmlScene.Clear(0)
    assert not widget.ui.applyButton.enabled
    addVolume(slicer.mrmlScene, ct(), "next")
    widget.logic.getParameterNode().inputVolume = slicer.util.getNode("next")
    assert widget.ui.applyButton.enabled


def test_a_scene_that_is_read_keeps_its_choice(widget):
    scene = slicer.mrmlScene
    parameters = widget.logic.getParameterNode()
    scene.StartState(scene.ImportState)
    first, saved = addVolume(scene, ct(), "first"), addVolume(scene, ct(), "saved")
    # What Slicer's selector does by itself as volumes arrive.
    widget.ui.inputSelector.setCurrentNode(first)
    parameters.inputVolume = saved
    scene.EndState(scene.ImportState)
    assert widget.logic.getParameterNode().inputVolume is saved is widget.ui.inputSelector.currentNode()


def test_leaving_the_module_does_not_stop_it_and_changes_no_view(widget, host):
    view = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    addVolume(slicer.mrmlScene, ct())
    widget.initializeParameterNode()
    widget.logic.getParameterNode().methods = ["TV"]
    widget.ui.applyButton.click()
    host.leave(widget)
    host.spin(lambda: not widget.panel.running)
    assert names() == ["CT", "CT TV"] and view.GetBackgroundVolumeID() == slicer.util.getNode("CT").GetID()
    host.enter(widget)
    assert widget.ui.applyButton.enabled


@pytest.mark.slow
@pytest.mark.parametrize("where", ["at once", "in the worker"])
def test_errors_are_shown_as_one_line(widget, host, caplog, where):
    array = ct(dtype=np.float32)
    if where == "in the worker":
        array[0, 0, 0] = np.nan
    volume = addVolume(slicer.mrmlScene, array)
    widget.initializeParameterNode()
    parameters = widget.logic.getParameterNode()
    if where == "at once":
        parameters.outputVolume = volume
    with caplog.at_level(logging.ERROR):
        widget.ui.applyButton.click()
        host.spin(lambda: not widget.panel.running)
    words = "The output is the input itself" if where == "at once" else "'CT' has 1 voxel that is NaN"
    assert [r.message for r in caplog.records if words in r.message]
    assert words in widget.ui.statusLabel.text and "Traceback" not in widget.ui.statusLabel.text
    assert names() == ["CT"] and widget.ui.applyButton.text == "Apply"


def test_reference_must_fit_and_must_not_be_overwritten(widget, host, caplog):
    volume = addVolume(slicer.mrmlScene, ct())
    other = addVolume(slicer.mrmlScene, ct((3, 24, 41)), "full")
    parameters = widget.logic.getParameterNode()
    parameters.inputVolume, parameters.referenceVolume = volume, other
    widget.ui.applyButton.click()
    assert not widget.panel.running and "do not lie on the same grid" in widget.ui.statusLabel.text
    parameters.outputVolume = other
    widget.ui.applyButton.click()
    assert not widget.panel.running and "The output is the full-dose reference" in widget.ui.statusLabel.text


def test_missing_packages_are_asked_for_at_apply(widget, host, monkeypatch):
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n, *a: None if n == "torch" else found(n, *a))
    addVolume(slicer.mrmlScene, ct())
    widget.initializeParameterNode()
    widget.ui.applyButton.click()
    assert not widget.panel.running and "Install the extension 'PyTorch'" in widget.ui.statusLabel.text
    assert names() == ["CT"]


def test_the_self_test_of_the_module_passes(host):
    import LDCTDenoise

    LDCTDenoise.LDCTDenoiseTest().runTest()
