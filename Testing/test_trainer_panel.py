"""The trainer's panel on the strict stand-ins: what is pressed, what is shown, and what Slicer does with a module."""

import dataclasses
import json

import numpy as np
import pytest
import slicer
import slicer.util
from slicer_host import FileDialog
from training_maker import body, save_scan


def addPairs(count=2):
    """Add pairs of tiny volumes to the application's scene."""
    # Imported here: it imports the logic, which each test has anew.
    import trainer_runs

    trainer_runs.addPairs(slicer.mrmlScene, count)


def settle(host, trainer):
    """Let the work in hand come to its end."""
    host.spin(lambda: not trainer.panel.work.running, 120)


def small(trainer, **more):
    from trainer_runs import SMALL

    for key, value in {**SMALL, **more}.items():
        trainer.panel.recipe._fields[key].type(str(value))


@pytest.mark.slow
def test_it_opens_without_torch_and_imports_none(host, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    trainer = host.openModule("LDCTDenoiseTraining")
    assert not trainer.ui.workBar.visible and not trainer.ui.stopButton.enabled and not trainer.ui.useButton.enabled
    trainer.ui.startButton.click()
    assert "torch" in trainer.ui.statusLabel.text or "PyTorch" in trainer.ui.statusLabel.text
    trainer.cleanup()


def test_every_control_has_a_tooltip(trainer):
    for name, control in vars(trainer.ui).items():
        if getattr(control, "kind", "") in ("QPushButton", "QLineEdit", "QCheckBox", "QTableWidget"):
            assert control.toolTip or name == "statusLabel", name


def test_every_setting_of_a_training_has_its_words_and_its_field(trainer):
    from LDCTDenoiseTrainingLib.training.config import TrainingConfig
    from LDCTDenoiseTrainingSlicer.recipe import CHOICES, MAIN, WORDS

    keys = {field.name for field in dataclasses.fields(TrainingConfig)} - {"method"}
    assert set(trainer.panel.recipe._fields) == keys >= set(WORDS) >= set(MAIN) | set(CHOICES)
    for method in ("CNN-L1", "WGAN", "DCSCN", "DCSWGAN"):
        trainer.ui.methodComboBox.choose(method)
        assert trainer.panel.recipe.config() == TrainingConfig.of_method(method)
    assert all(field.toolTip.endswith(f"[{key}]") for key, field in trainer.panel.recipe._fields.items())


@pytest.mark.slow
def test_a_recipe_is_read_judged_saved_and_loaded(trainer, tmp_path):
    recipe, ui = trainer.panel.recipe, trainer.ui
    assert ui.recipeLabel.text == "39,060 steps of 128 pairs, 4,999,680 pairs in all."
    recipe._fields["steps"].type("100")
    assert ui.recipeLabel.text.startswith("100 steps")
    recipe._fields["batch"].type("many")
    assert "'batch' must be a whole number, not 'many'" in ui.recipeLabel.text
    recipe._fields["batch"].type("16")
    recipe._fields["select_by"].choose("ssim")
    FileDialog.answer = str(tmp_path / "config.json")
    ui.saveConfigButton.click()
    stored = json.loads((tmp_path / "config.json").read_text())
    assert (stored["steps"], stored["batch"], stored["select_by"], stored["betas"]) == (100, 16, "ssim", [0.9, 0.999])
    ui.methodComboBox.choose("DCSWGAN")
    assert recipe.config().learning_rate == 1e-4
    ui.loadConfigButton.click()
    config = recipe.config()
    assert (config.method, config.steps, config.batch, config.learning_rate) == ("DCSCN", 100, 16, 2e-3)
    ui.defaultsButton.click()
    assert recipe.config().batch == 128
    (tmp_path / "config.json").write_text("[]")
    ui.loadConfigButton.click()
    assert "not a JSON object" in ui.statusLabel.text


@pytest.mark.slow
def test_patients_are_added_edited_split_and_checked(trainer, host, tmp_path):
    ui, table = trainer.ui, trainer.panel.patients.table
    ui.addSceneButton.click()
    assert "scene holds no volume" in ui.statusLabel.text
    addPairs()
    ui.addSceneButton.click()
    save_scan(tmp_path / "data" / "folder.nii.gz", body(7, slices=2))
    FileDialog.answer = str(tmp_path / "data")
    ui.addFolderButton.click()
    assert [row[1:5] for row in ui.patientTable.cells] == [
        ["P0", "train", "P0 full", "P0 low"], ["P1", "train", "P1 full", "P1 low"],
        ["folder", "train", "folder.nii.gz", "simulated"]]
    ui.splitButton.click()
    assert [row[2] for row in ui.patientTable.cells] == ["train", "train", "validation"]
    ui.patientTable.type(2, 1, "P1")
    assert [row.role for row in table.rows] == ["train"] * 3
    ui.patientTable.type(2, 1, "P2")
    ui.patientTable.selectRow(2)
    ui.roleComboBox.choose("test")
    assert table.rows[2].role == "test" and ui.patientTable.cells[2][2] == "test"
    assert ui.details.visible and ui.previewButton.enabled and ui.doseEdit.text == "0.1, 0.6"
    ui.doseEdit.type("0.25")
    assert table.rows[2].simulation.dose == (0.25, 0.25)
    ui.doseEdit.type("2, 3")
    assert "'dose' must rise and lie within" in ui.statusLabel.text
    # A low dose of another patient is on the same grid, and shows something else.
    lows = [text for text, _ in ui.lowComboBox.items]
    assert lows == ["simulated", "P0 full", "P0 low", "P1 full", "P1 low"]
    ui.lowComboBox.setCurrentIndex(3)
    assert table.rows[2].low.label == "P1 full" and not ui.doseEdit.enabled
    ui.patientTable.tick(0, False)
    assert not table.rows[0].used
    ui.recipeLabel.text = ""
    trainer.panel.recipe._fields["patch"].type("16")
    slicer.mrmlScene.RemoveNode(slicer.util.getNode("P1 low"))
    assert "'P1 low', the low-dose volume of patient 'P1', has been deleted" in ui.patientTable.item(1, 6).text()
    ui.checkButton.click()
    assert trainer.panel.work.running and not ui.sections.enabled and ui.workBar.visible
    settle(host, trainer)
    assert ui.sections.enabled and "problems, in red above" in ui.statusLabel.text
    item = ui.patientTable.item(1, 6)
    assert "not in a scene" in item.text() and "has been deleted from the scene" in item.text()
    assert item.brush == "#d02020" and item.toolTip == item.text()
    ui.startButton.click()
    assert "has been deleted from the scene" in ui.statusLabel.text
    ui.patientTable.selectRow(1)
    ui.removeButton.click()
    assert len(table.rows) == 2
    FileDialog.answer = str(tmp_path / "set.csv")
    ui.patientTable.tick(0, True)
    ui.patientTable.selectRow(1)
    ui.lowComboBox.setCurrentIndex(0)
    ui.saveButton.click()
    assert (tmp_path / "set.csv").read_text().splitlines()[1].startswith("P0,train,set-volumes/images/P0-1-full.nrrd")


@pytest.mark.slow
def test_the_dicom_button_without_a_database_and_a_row_that_is_not_there(trainer):
    ui = trainer.ui
    for button, words in ((ui.addDicomButton, "no DICOM database"), (ui.removeButton, "select a row"),
                          (ui.previewButton, "select a row"), (ui.checkButton, "no patient is ticked"),
                          (ui.splitButton, "at least two patients"), (ui.tableButton, ""), (ui.attachButton, "")):
        ui.statusLabel.text = ""
        button.click()
        assert words.lower() in ui.statusLabel.text.lower(), button.name


@pytest.mark.slow
def test_the_preview_is_shown_beside_the_original(trainer, host):
    addPairs(1)
    slicer.mrmlScene.RemoveNode(slicer.util.getNode("P0 low"))
    trainer.ui.addSceneButton.click()
    trainer.ui.patientTable.selectRow(0)
    trainer.ui.previewButton.click()
    settle(host, trainer)
    assert trainer.ui.previewLabel.visible and "0.24 of it" in trainer.ui.statusLabel.text
    strip = trainer.ui.previewLabel.pixmap.array
    assert strip.shape == (32, 2 * 32 + 4)
    full = slicer.util.arrayFromVolume(slicer.util.getNode("P0 full"))[1]
    np.testing.assert_allclose(strip[:, :32], np.clip((full + 160.0) / 400, 0, 1) * 255, atol=0.51)
    assert not np.array_equal(strip[:, :32], strip[:, 36:])


@pytest.fixture
def layout(host):
    """A layout node with its plot view, as the host's layout manager keeps them."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLayoutNode")
    for layout in (node.SlicerLayoutFourUpView, node.SlicerLayoutConventionalPlotView):
        node.AddLayoutDescription(layout, "<layout></layout>")
    node.SetViewArrangement(node.SlicerLayoutFourUpView)
    return node, slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotViewNode")


@pytest.mark.slow
def test_start_watch_stop_leave_reload_resume_and_use(trainer, host, layout, tmp_path):
    from LDCTDenoiseLib.models import catalogue
    from LDCTDenoiseSlicer.parameters import getParameterNode

    ui, runs = trainer.ui, trainer.panel.runs
    addPairs()
    ui.addSceneButton.click()
    ui.splitButton.click()
    ui.methodComboBox.choose("CNN-L1")
    ui.deviceComboBox.choose("cpu")
    small(trainer, steps=100_000, validate_every=2)
    ui.nameEdit.text = "mine"
    ui.startButton.click()
    settle(host, trainer)
    assert "Training 'mine' in" in ui.statusLabel.text and ui.runTable.cells[0][1:3] == ["mine", "training"]
    assert runs.run.name == "mine" and ui.stopButton.enabled and not ui.resumeButton.enabled
    ui.chartComboBox.setCurrentIndex(2)
    node, view = layout
    assert node.GetViewArrangement() == node.SlicerLayoutConventionalPlotView
    host.spin(lambda: runs.state(runs.runs[0]).step >= 4 and ui.pictureLabel.visible, 300)
    chart = view.GetPlotChartNode()
    assert chart.GetTitle() == "Validation PSNR" and chart.GetNumberOfPlotSeriesNodes() == 2
    assert ui.pictureLabel.pixmap.array.shape == (32, 3 * 32 + 2 * 4) and "step" in ui.pictureCaption.text
    assert "step" in ui.logText.plainText and ui.runTable.cells[0][3].endswith("/ 100,000")
    host.leave(trainer)
    assert node.GetViewArrangement() == node.SlicerLayoutFourUpView
    host.enter(trainer)
    # A reload does not stop it; Slicer's end does.
    trainer._reloading = True
    trainer.cleanup()
    assert not (runs.runs[0].folder / "stop").exists()
    again = host.openModule("LDCTDenoiseTraining")
    ui, runs = again.ui, again.panel.runs
    assert ui.runsFolderEdit.currentPath == str(tmp_path / "runs")
    assert ui.runTable.cells[0][2] == "training"
    # What the panel showed came back with the parameter node.
    assert [row[1:4] for row in ui.patientTable.cells] == [["P0", "train", "P0 full"], ["P1", "validation", "P1 full"]]
    assert again.panel.recipe.config().steps == 100_000 and again.panel.recipe.method == "CNN-L1"
    assert again.panel.runs.ticked == [str(tmp_path / "runs" / "mine")]
    ui.runTable.selectRow(0)
    ui.keepCheckBox.checked = True
    again.panel.closing()
    assert not (runs.runs[0].folder / "stop").exists()
    ui.keepCheckBox.checked = False
    again.cleanup()
    assert (runs.runs[0].folder / "stop").exists() or not runs.runs[0].poll().active
    again = host.openModule("LDCTDenoiseTraining")
    ui, runs = again.ui, again.panel.runs
    ui.runTable.selectRow(0)
    host.spin(lambda: not runs.state(runs.runs[0]).active, 300)
    assert "Stopped. Resume goes on" in ui.runLabel.text and ui.resumeButton.enabled
    # Its figures and its model.
    assert "[-160, 240]" in ui.captionLabel.text, ui.captionLabel.text
    assert [row[:2] for row in ui.resultTable.cells][:2] == [["LDCT", "P1"], ["CNN-L1", "P1"]]
    assert "[-160, 240]" in ui.captionLabel.text
    ui.tableButton.click()
    assert slicer.util.getNode("mine results").GetTable().GetNumberOfRows() == 6
    FileDialog.answer = str(tmp_path / "figures.csv")
    ui.csvButton.click()
    assert (tmp_path / "figures.csv").is_file()
    ui.useButton.click()
    settle(host, again)
    (entry,) = [entry for entry in catalogue() if not entry.ships]
    assert entry.name == "mine" and list(getParameterNode(slicer.mrmlScene).models) == ["mine"]
    again.cleanup()


@pytest.mark.slow
def test_the_self_test_of_the_panel_passes(trainer, host, monkeypatch):
    import LDCTDenoiseTraining

    monkeypatch.setattr(slicer.util, "getModuleWidget", lambda name: trainer, raising=False)
    test = LDCTDenoiseTraining.LDCTDenoiseTrainingTest()
    test.setUp()
    test.test_PanelOpens()
