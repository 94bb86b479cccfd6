"""The trainer's panel on the strict stand-ins: what is pressed, what is shown, and what Slicer does with a module."""

import dataclasses
import json

import numpy as np
import pytest
import slicer
import slicer.util
from comparison_scene import USERS_LAYOUT, addViews, background, looksAt, sliceNode
from slicer_host import FileDialog
from training_maker import body, save_scan


def addPairs(count=2):
    """Add pairs of tiny volumes to the application's scene."""
    # Imported here: it imports the logic, which each test has anew.
    import trainer_runs

    trainer_runs.addPairs(slicer.mrmlScene, count)


def settle(host, trainer):
    """Let the work in hand come to its end."""
    host.spin(lambda: not trainer.panel.work.running, 600)


def small(trainer, **more):
    from trainer_runs import SMALL

    trainer.ui.recipeComboBox.choose("defaults of the method")
    trainer.ui.lengthComboBox.choose("steps")
    for key, value in {**SMALL, **more}.items():
        trainer.panel.recipe._fields[key].type(str(value))


@pytest.mark.slow
def test_it_opens_without_torch_and_imports_none(host, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    trainer = host.openModule("LDCTDenoiseTraining")
    assert not trainer.ui.workBar.visible and not trainer.ui.stopButton.enabled and not trainer.ui.useButton.enabled
    assert not trainer.ui.startButton.enabled and trainer.ui.startLabel.text.startswith("No patient is ticked")
    addPairs()
    trainer.ui.addSceneButton.click()
    assert trainer.ui.startButton.enabled and not trainer.ui.startLabel.text
    trainer.ui.startButton.click()
    assert "torch" in trainer.ui.statusLabel.text or "PyTorch" in trainer.ui.statusLabel.text
    trainer.cleanup()


def test_every_control_has_a_tooltip(trainer):
    for name, control in vars(trainer.ui).items():
        if getattr(control, "kind", "") in ("QPushButton", "QLineEdit", "QCheckBox", "QTableWidget"):
            assert control.toolTip or name == "statusLabel", name


def test_every_setting_of_a_training_has_its_words_and_its_field(trainer):
    from LDCTDenoiseTrainingLib.training.config import TrainingConfig
    from LDCTDenoiseTrainingSlicer.recipe import CHOICES, CODES, MAIN, WORDS

    keys = {field.name for field in dataclasses.fields(TrainingConfig)} - {"method"}
    fields = trainer.panel.recipe._fields
    assert set(fields) == keys >= set(WORDS) >= set(MAIN) | set(CHOICES) | set(CODES)
    for method in ("CNN-L1", "WGAN", "DCSCN", "DCSWGAN"):
        trainer.ui.methodComboBox.choose(method)
        trainer.ui.recipeComboBox.choose("defaults of the method")
        assert trainer.panel.recipe.config() == TrainingConfig.of_method(method)
        assert fields["penalty_weight"].visible == method.endswith("WGAN")
    assert all(field.toolTip.endswith(f"[{key}]") for key, field in fields.items())
    assert fields["workers"].text == "" and fields["workers"].placeholderText == "automatic"
    assert fields["validation_kernel"].placeholderText == "the scan's own"
    assert [words for words, _ in fields["optimiser"].items] == ["SOAP", "Adam"]
    assert trainer.ui.deviceComboBox.items[0] == ("automatic", "auto")


def test_recipes_that_ship_are_in_the_list(trainer):
    from LDCTDenoiseTrainingLib.training.config import TrainingConfig
    from LDCTDenoiseTrainingSlicer.recipe import recipes

    recipe, ui = trainer.panel.recipe, trainer.ui
    assert list(recipes())[-1] == "two minutes" and "DCSCN as it ships" in recipes()
    # What ships is what one begins with.
    assert ui.recipeComboBox.itemData(ui.recipeComboBox.currentIndex) == "DCSCN as it ships"
    for name, file in recipes().items():
        ui.recipeComboBox.choose(name)
        stored = json.loads(file.read_text())
        method = stored.pop("method")
        if "ships" in name:
            stored["validate_every"] = 0  # twenty times, so that a short run has a curve
        assert recipe.method == method
        assert recipe.config() == TrainingConfig.of_method(method).changed(stored)
        assert ui.recipeComboBox.itemData(ui.recipeComboBox.currentIndex) == name
        alone = recipe.config().critic_alone
        assert (f" In the first {alone} steps the critic learns alone." in ui.recipeLabel.text) == (alone > 0)
    recipe._fields["seed"].type("7")
    assert ui.recipeComboBox.currentIndex == 0 and recipe.config().seed == 7


def test_there_is_one_length(trainer):
    recipe, ui = trainer.panel.recipe, trainer.ui
    assert ui.stepsEdit.visible and not ui.epochsEdit.visible  # from the first moment
    ui.recipeComboBox.choose("defaults of the method")
    assert recipe.length == "epochs" and ui.epochsEdit.visible and not ui.stepsEdit.visible
    assert ui.recipeLabel.text == "39,060 steps of 128 pairs, 4,999,680 pairs in all."
    ui.lengthComboBox.choose("steps")
    assert (ui.stepsEdit.text, ui.stepsEdit.visible, ui.epochsEdit.visible) == ("39060", True, False)
    ui.stepsEdit.type("3906")
    assert ui.recipeLabel.text.startswith("3,906 steps") and recipe.config().steps == 3906
    ui.lengthComboBox.choose("epochs")
    assert ui.epochsEdit.text == "1" and recipe.config().total_steps == 3906
    ui.lengthComboBox.choose("steps")
    ui.stepsEdit.type("0")
    assert recipe.problem == "Steps must be positive" and "✗" in ui.lengthLabel.text
    assert not ui.startButton.enabled and ui.startLabel.text == recipe.problem


@pytest.mark.slow
def test_a_recipe_is_read_judged_saved_and_loaded(trainer, tmp_path):
    recipe, ui = trainer.panel.recipe, trainer.ui
    ui.recipeComboBox.choose("defaults of the method")
    ui.lengthComboBox.choose("steps")
    recipe._fields["steps"].type("100")
    assert ui.recipeLabel.text.startswith("100 steps")
    # All bad fields are named and marked, and the reason stands where Start is.
    recipe._fields["batch"].type("many")
    recipe._fields["dose_jitter"].type("-1")
    assert ui.recipeLabel.text == ("Batch (patches) must be a whole number, not 'many'; "
                                   "Dose jitter must be positive, not -1.0.")
    assert "✗" in recipe._labels["batch"].text and "✗" not in recipe._labels["patch"].text
    assert not ui.otherButton.collapsed and ui.startLabel.text == recipe.problem
    recipe._fields["dose_jitter"].type("1.15")
    recipe._fields["batch"].type("16")
    assert "✗" not in recipe._labels["batch"].text and ui.startLabel.text.startswith("No patient is ticked")
    # What does not go together is found, too.
    recipe._fields["loss_margin"].type("60")
    assert recipe.problem.startswith("Margin of patches (pixels) of 60 leaves nothing")
    recipe._fields["loss_margin"].type("")
    recipe._fields["select_by"].choose("ssim")
    FileDialog.answer = str(tmp_path / "config.json")
    ui.saveConfigButton.click()
    stored = json.loads((tmp_path / "config.json").read_text())
    assert (stored["steps"], stored["batch"], stored["select_by"], stored["betas"]) == (100, 16, "ssim", [0.9, 0.999])
    assert stored["loss_margin"] == -1
    ui.methodComboBox.choose("DCSWGAN")
    assert recipe.config().learning_rate == 1e-4
    ui.loadConfigButton.click()
    config = recipe.config()
    assert (config.method, config.steps, config.batch, config.learning_rate) == ("DCSCN", 100, 16, 2e-3)
    assert ui.recipeComboBox.currentIndex == 0
    ui.recipeComboBox.choose("defaults of the method")
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
    assert [row[1:] for row in ui.patientTable.cells] == [
        ["P0", "train", "not checked"], ["P1", "train", "not checked"], ["folder", "train", "not checked"]]
    # Which scans they are is under the pointer, and of the selected row below the table.
    assert [row[1].toolTip for row in ui.patientTable.items] == [
        "P0: P0 full; P0 low", "P1: P1 full; P1 low", "folder: folder.nii.gz; low dose simulated"]
    ui.patientTable.selectRow(2)
    assert ui.fullLabel.text == "folder.nii.gz" and ui.fullLabel.toolTip == str(tmp_path / "data" / "folder.nii.gz")
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
    ui.recipeComboBox.choose("defaults of the method")
    trainer.panel.recipe._fields["patch"].type("16")
    slicer.mrmlScene.RemoveNode(slicer.util.getNode("P1 low"))
    # The row looks so, in all its cells; the reason stands below the table, and beside Start.
    assert [item.brush for item in ui.patientTable.items[1][1:]] == ["#d02020"] * 3
    assert ui.patientTable.item(0, 1).brush is None and ui.patientTable.item(1, 3).text() == "deleted"
    assert "'P1 low', the low-dose volume of patient 'P1', has been deleted" in ui.patientsLabel.text
    assert not ui.startButton.enabled and "'P1 low'" in ui.startLabel.text
    ui.checkButton.click()
    assert trainer.panel.work.running and not ui.sections.enabled and ui.workBar.visible
    settle(host, trainer)
    assert ui.sections.enabled and "problems, in red at the table" in ui.statusLabel.text
    assert "not in a scene" in ui.patientsLabel.text and "has been deleted from the scene" in ui.patientsLabel.text
    assert "No problems found" not in ui.patientsLabel.text
    ui.patientTable.selectRow(1)
    ui.removeButton.click()
    assert len(table.rows) == 2
    ui.patientTable.selectRow(1)
    ui.lowComboBox.setCurrentIndex(0)
    assert all(item.brush is None for row in ui.patientTable.items for item in row)
    ui.checkButton.click()
    settle(host, trainer)
    assert ui.patientsLabel.text.startswith("No problems found.") and ui.patientTable.item(1, 3).text() == "2 slices"
    FileDialog.answer = str(tmp_path / "set.csv")
    ui.patientTable.tick(0, True)
    ui.saveButton.click()
    assert (tmp_path / "set.csv").read_text().splitlines()[1].startswith("P0,train,set-volumes/images/P0-full.nrrd")


@pytest.mark.slow
def test_the_dicom_button_without_a_database_and_a_row_that_is_not_there(trainer):
    ui = trainer.ui
    for button, words in ((ui.addDicomButton, "no DICOM database"), (ui.removeButton, "select a row"),
                          (ui.previewButton, "select a row"), (ui.checkButton, "no patient is ticked"),
                          (ui.splitButton, "at least two patients"), (ui.tableButton, ""), (ui.attachButton, "")):
        ui.statusLabel.text = ""
        button.click()
        assert words.lower() in ui.statusLabel.text.lower(), button.name


@pytest.fixture
def layout(host):
    """The layout node of a scene whose views follow it, as in Slicer's window."""
    views = addViews(slicer.mrmlScene)  # it holds the logic that follows
    yield views.layout


def shownIn(number):
    """The volume in a view of ours, and where the view looks."""
    name = f"LDCTDenoiseTraining{number}"
    return background(slicer.mrmlScene, name), looksAt(sliceNode(slicer.mrmlScene, name))


@pytest.mark.slow
def test_the_preview_is_shown_in_linked_views(trainer, host, layout):
    addPairs(1)
    slicer.mrmlScene.RemoveNode(slicer.util.getNode("P0 low"))
    trainer.ui.addSceneButton.click()
    trainer.ui.patientTable.selectRow(0)
    trainer.ui.previewButton.click()
    settle(host, trainer)
    assert "24 % of the dose" in trainer.ui.statusLabel.text
    (full, at), (low, alike) = shownIn(1), shownIn(2)
    assert full.GetName().startswith("full dose") and low.GetName().startswith("24 % of the dose")
    np.testing.assert_array_equal(at, alike)
    source = slicer.util.getNode("P0 full")
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(full)[0], slicer.util.arrayFromVolume(source)[1])
    # The slice lies where it is in the patient.
    np.testing.assert_allclose(np.array(full.GetOrigin()) - source.GetOrigin(), (0, 0, 5))
    assert not np.array_equal(slicer.util.arrayFromVolume(full), slicer.util.arrayFromVolume(low))
    assert (low.GetDisplayNode().GetWindowLevelMin(), low.GetDisplayNode().GetWindowLevelMax()) == (-160, 240)
    assert low.GetHideFromEditors() and not low.GetSaveWithScene()
    # It is nobody's patient, and goes with the module.
    trainer.ui.addSceneButton.click()
    assert len(trainer.panel.patients.table.rows) == 1
    assert layout.GetViewArrangement() != USERS_LAYOUT and not layout.GetSaveWithScene()
    host.leave(trainer)
    assert layout.GetViewArrangement() == USERS_LAYOUT and layout.GetSaveWithScene() and full.GetScene() is None


@pytest.mark.slow
def test_sample_patients_are_added_with_their_roles_and_fit(trainer, host):
    ui = trainer.ui
    ui.addSampleButton.click()
    # What is done is said from the first moment, then how far it is; and it can be cancelled.
    assert ui.statusLabel.text == "Scanning three phantoms at full and at a quarter of the dose" and ui.workBar.visible
    host.spin(lambda: "dose: 2 of 12." in ui.statusLabel.text, 600)
    assert (ui.workBar.value, ui.workBar.maximum) == (2, 12)
    ui.cancelButton.click()
    assert ui.statusLabel.text == "Cancelled." and ui.sections.enabled and ui.patientTable.cells == []
    ui.addSampleButton.click()
    settle(host, trainer)
    assert [row[1:3] for row in ui.patientTable.cells] == [
        ["Phantom-small", "train"], ["Phantom-mirrored", "train"], ["Phantom-large", "validation"]]
    assert "drawn and not scanned" in ui.statusLabel.text
    ui.recipeComboBox.choose("two minutes")
    ui.checkButton.click()
    settle(host, trainer)
    assert ui.patientsLabel.text == "No problems found." and ui.startButton.enabled


@pytest.mark.slow
def test_start_watch_stop_leave_reload_resume_and_use(trainer, host, layout, tmp_path, monkeypatch):
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
    # The curve of the validation, since somebody validates.
    assert ui.chartComboBox.currentIndex == 2
    assert layout.GetViewArrangement() != USERS_LAYOUT
    host.spin(lambda: runs.state(runs.runs[0]).step >= 4 and runs._plots._slices, 300)
    (view,) = slicer.util.getNodesByClass("vtkMRMLPlotViewNode")
    chart = view.GetPlotChartNode()
    assert chart.GetTitle() == "Validation PSNR" and chart.GetNumberOfPlotSeriesNodes() == 2
    low, denoised, full = (shownIn(number)[0] for number in (1, 2, 3))
    assert (low.GetName(), full.GetName()) == ("low dose", "full dose") and "denoised, step" in denoised.GetName()
    assert slicer.util.arrayFromVolume(low).shape == (1, 32, 32)
    assert "step" in ui.logText.plainText and ui.runTable.cells[0][3].endswith("/ 100,000")
    host.leave(trainer)
    assert layout.GetViewArrangement() == USERS_LAYOUT
    host.enter(trainer)
    # A reload does not stop it; Slicer's end does.
    trainer._reloading = True
    trainer.cleanup()
    assert not (runs.runs[0].folder / "stop").exists()
    again = host.openModule("LDCTDenoiseTraining")
    ui, runs = again.ui, again.panel.runs
    assert ui.runsFolderEdit.currentPath == str(tmp_path / "runs")
    assert ui.runTable.cells[0][2].endswith(" left")
    # What the panel showed came back with the parameter node.
    assert [row[1:3] for row in ui.patientTable.cells] == [["P0", "train"], ["P1", "validation"]]
    assert again.panel.recipe.config().steps == 100_000 and again.panel.recipe.method == "CNN-L1"
    assert again.panel.runs.ticked == [str(tmp_path / "runs" / "mine")]
    ui.runTable.selectRow(0)
    ui.keepCheckBox.checked = True
    again.panel.closing()
    assert not (runs.runs[0].folder / "stop").exists()
    ui.keepCheckBox.checked = False
    again.cleanup()
    # On a busy machine the run has taken the file, and is still writing its checkpoint.
    host.spin(lambda: (runs.runs[0].folder / "stop").exists() or not runs.runs[0].poll().active)
    again = host.openModule("LDCTDenoiseTraining")
    ui, runs = again.ui, again.panel.runs
    ui.runTable.selectRow(0)
    host.spin(lambda: not runs.state(runs.runs[0]).active, 300)
    assert "Stopped. Resume goes on" in ui.runLabel.text and ui.resumeButton.enabled
    # Its figures and its model.
    assert "[-160, 240]" in ui.captionLabel.text, ui.captionLabel.text
    rows = {row[0]: row for row in ui.resultTable.cells}
    assert {"LDCT", "CNN-L1"} <= set(rows) and "mean" not in str(rows) and ui.captionLabel.text.startswith("P1. ")
    assert ui.resultTable.headers[:3] == ["Image", "PSNR\n(dB)", "SSIM"]
    assert "SSIM:" in ui.captionLabel.text and "Texture" not in ui.captionLabel.text
    assert "±" not in ui.captionLabel.text
    ui.tableButton.click()
    assert slicer.util.getNode("mine results").GetTable().GetNumberOfRows() == len(rows)
    FileDialog.answer = str(tmp_path / "figures.csv")
    ui.csvButton.click()
    assert (tmp_path / "figures.csv").is_file()
    gone = []
    monkeypatch.setattr(slicer.util, "selectModule", gone.append)
    ui.useButton.click()
    settle(host, again)
    assert gone == ["LDCTDenoise"]
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
