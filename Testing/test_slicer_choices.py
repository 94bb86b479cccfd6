"""What is chosen in the panel: models of one's own by name, and nothing in place of what is deleted."""

import pytest
import slicer
import slicer.util
from model_maker import make_model
from panel_helpers import tick
from slicer_volumes import addVolume, ct


def test_a_model_of_ones_own_is_ticked_by_its_name_and_missed_by_it(widget, host, ownModel):
    volume = addVolume(slicer.mrmlScene, ct())
    parameters = widget.logic.getParameterNode()
    parameters.inputVolume, parameters.methods = volume, []
    tick(widget, "mine")
    assert parameters.models == ["mine"] and widget.logic.ownModels() == {"mine": ownModel}
    assert widget.ui.methodList.items[-1].text() == "mine (your own model, DCSCN)"
    widget.ui.applyButton.click()
    host.spin(lambda: not widget.panel.running)
    assert slicer.util.getNode("CT mine").GetAttribute("LDCTDenoise.Label") == "mine"
    # What the training module does: a new model of the folder is ticked, another file goes to the line below.
    widget.logic.chooseModel(make_model(ownModel.with_name("next.safetensors")))
    widget.logic.chooseModel(ownModel.with_name("next.safetensors"))
    assert parameters.models == ["mine", "next"] and not parameters.modelPath
    assert [i.text() for i in widget.ui.methodList.items if i.checkState()][-1] == "next (your own model, DCSCN)"
    elsewhere = make_model(ownModel.parent.parent / "elsewhere.safetensors")
    widget.logic.chooseModel(elsewhere)
    assert widget.ui.modelPathEdit.currentPath == str(elsewhere)
    # A file that is gone stays ticked, is called so, and is asked for at Apply.
    ownModel.unlink()
    host.leave(widget)
    host.enter(widget)
    assert "mine (your own model, not there any more)" in [
        i.text() for i in widget.ui.methodList.items if i.checkState()]
    widget.ui.applyButton.click()
    assert not widget.panel.running and "Your model 'mine' is not in" in widget.ui.statusLabel.text
    tick(widget, "mine")
    assert parameters.models == ["next"]


@pytest.mark.parametrize("entered", [True, False])
def test_what_is_deleted_is_replaced_by_nothing(widget, host, entered):
    low, full, other, output = (addVolume(slicer.mrmlScene, ct(), name) for name in ("low", "full", "other", "out"))
    parameters = widget.logic.getParameterNode()
    parameters.inputVolume, parameters.referenceVolume, parameters.outputVolume = low, full, output
    if not entered:
        host.leave(widget)
    for node in (full, low, output):
        slicer.mrmlScene.RemoveNode(node)
        assert not entered or node.GetScene() is None
    if not entered:
        host.enter(widget)
    assert (parameters.inputVolume, parameters.referenceVolume, parameters.outputVolume) == (None, None, None)
    assert widget.ui.inputSelector.currentNode() is None is widget.ui.referenceSelector.currentNode()
    assert not widget.ui.applyButton.enabled and other.GetScene() is slicer.mrmlScene
    # The next scene begins anew.
    slicer.mrmlScene.Clear(0)
    first = addVolume(slicer.mrmlScene, ct(), "first")
    host.leave(widget)
    host.enter(widget)
    assert widget.ui.inputSelector.currentNode() is first
