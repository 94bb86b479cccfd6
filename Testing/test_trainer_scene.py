"""The parameter node of the trainer: what is saved with the scene, and what becomes of it; the list of runs."""

import json

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


def addFile(trainer, tmp_path):
    save_scan(tmp_path / "data" / "folder.nii.gz", body(7, slices=2))
    FileDialog.answer = str(tmp_path / "data")
    trainer.ui.addFolderButton.click()


def finishedRun(folder, name):
    """A folder as a training leaves it, as far as the list of runs asks."""
    from LDCTDenoiseTrainingLib.training.config import TrainingConfig

    (folder / name).mkdir(parents=True)
    TrainingConfig.of_method("DCSCN").write(folder / name / "config.json")
    (folder / name / "log.jsonl").write_text('{"step": 4, "of": 4}\n')
    (folder / name / "checkpoint.pt").write_bytes(b"x")
    return folder / name


def shown(trainer):
    return [[name.text(), role.text(), name.toolTip] for _, name, role, _ in trainer.ui.patientTable.items]


def fill(trainer, tmp_path):
    """Two patients of the scene and one of a file, a recipe of one's own, two runs, one of them ticked."""
    ui = trainer.ui
    addPairs()
    ui.addSceneButton.click()
    addFile(trainer, tmp_path)
    ui.splitButton.click()
    ui.patientTable.tick(1, False)
    ui.patientTable.selectRow(2)
    ui.doseEdit.type("0.25")
    ui.methodComboBox.choose("WGAN")
    ui.kindComboBox.choose("cross-validate")
    trainer.panel.recipe._ticks["DCSCN"].checked = True
    trainer.panel.recipe._fields["batch"].type("16")
    trainer.panel.recipe._fields["select_by"].choose("ssim")
    for name in ("one", "two"):
        finishedRun(tmp_path / "runs", name)
    ui.runsFolderEdit.currentPath = str(tmp_path)
    ui.runsFolderEdit.currentPath = str(tmp_path / "runs")
    number = [row[1] for row in ui.runTable.cells].index("two")
    ui.runTable.tick(number, True)


EXPECTED = [["P0", "train", "P0: P0 full; P0 low"], ["P1", "train", "P1: P1 full; P1 low"],
            ["folder", "validation", "folder: folder.nii.gz; low dose simulated"]]


def requireFilled(trainer, tmp_path):
    panel = trainer.panel
    assert shown(trainer) == EXPECTED
    rows = panel.patients.table.rows
    assert [row.used for row in rows] == [True, False, True] and rows[2].simulation.dose == (0.25, 0.25)
    assert rows[0].full.node is slicer.util.getNode("P0 full")
    config = panel.recipe.config()
    assert (config.method, config.batch, config.select_by) == ("WGAN", 16, "ssim")
    assert panel.recipe.kind == "cross-validate" and panel.recipe.methods == ["DCSCN"]
    assert panel.runs.folder == str(tmp_path / "runs") and panel.runs.ticked == [str(tmp_path / "runs" / "two")]


@pytest.mark.slow
def test_everything_comes_back_with_the_scene(trainer, host, tmp_path):
    fill(trainer, tmp_path)
    requireFilled(trainer, tmp_path)
    slicer.mrmlScene.SetRootDirectory(str(tmp_path))
    slicer.mrmlScene.SetURL(str(tmp_path / "scene.mrml"))
    for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
        storage = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLNRRDStorageNode")
        storage.SetFileName(str(tmp_path / f"{node.GetName()}.nrrd"))
        node.SetAndObserveStorageNodeID(storage.GetID())
        assert storage.WriteData(node)
    assert slicer.mrmlScene.Commit()
    slicer.mrmlScene.Clear(0)
    # Another scene: nothing of the one before, and the runs' folder is the user's.
    assert shown(trainer) == [] and trainer.panel.recipe.method == "DCSCN" and not trainer.panel.runs.ticked
    assert trainer.panel.recipe.config().batch == 32 and trainer.panel.runs.folder == str(tmp_path / "runs")
    trainer.ui.runsFolderEdit.currentPath = str(tmp_path)
    slicer.mrmlScene.SetURL(str(tmp_path / "scene.mrml"))
    assert slicer.mrmlScene.Connect()
    requireFilled(trainer, tmp_path)


@pytest.mark.slow
def test_a_volume_deleted_is_told_in_red_at_once_and_after_it_was_saved(trainer, host, tmp_path):
    from LDCTDenoiseTrainingSlicer.training_parameters import getParameterNode

    addPairs(1)
    trainer.ui.addSceneButton.click()
    slicer.mrmlScene.RemoveNode(slicer.util.getNode("P0 low"))
    item = trainer.ui.patientTable.item(0, 3)
    assert item.text() == "deleted" and item.brush == "#d02020"
    assert "'P0 low', the low-dose volume" in trainer.ui.patientsLabel.text
    stored = json.loads(getParameterNode(slicer.mrmlScene).patients)
    assert stored["rows"][0]["low"] == {"volume": None, "name": "P0 low"}
    # Another panel reads it from the parameter node.
    trainer.cleanup()
    again = host.openModule("LDCTDenoiseTraining")
    assert shown(again) == [["P0", "train", "P0: P0 full; P0 low"]]
    assert "has been deleted from the scene" in again.ui.patientsLabel.text
    assert "'P0 low', the low-dose volume of patient 'P0', has been deleted" in again.ui.startLabel.text
    again.cleanup()


@pytest.mark.slow
def test_a_file_that_is_gone_and_a_table_that_cannot_be_read(trainer, host, tmp_path):
    from LDCTDenoiseTrainingSlicer.training_parameters import getParameterNode

    addFile(trainer, tmp_path)
    (tmp_path / "data" / "folder.nii.gz").unlink()
    node = getParameterNode(slicer.mrmlScene)
    trainer.setParameterNode(None)
    trainer.panel.patients.show(trainer.logic.newPatients())
    trainer.setParameterNode(node)
    assert "folder.nii.gz' is not there" in trainer.ui.patientsLabel.text
    node.patients = '{"rows": [{}]}'
    assert "cannot be read" in trainer.ui.statusLabel.text
    node.patients = ""
    assert shown(trainer) == []
    node.recipe = "[]"
    assert "recipe in this scene cannot be read" in trainer.ui.statusLabel.text


@pytest.mark.slow
def test_a_run_is_forgotten_found_again_and_deleted(trainer, tmp_path, monkeypatch):
    ui, runs = trainer.ui, trainer.panel.runs
    folders = [finishedRun(tmp_path / "runs", name) for name in ("one", "two")]
    trainer.panel.runs._onFolder(str(tmp_path / "runs"))
    names = lambda: sorted(row[1] for row in ui.runTable.cells)  # noqa: E731
    assert names() == ["one", "two"]

    def select(name):
        ui.runTable.selectRow([row[1] for row in ui.runTable.cells].index(name))

    select("one")
    ui.forgetButton.click()
    assert names() == ["two"] and folders[0].is_dir() and "no longer listed" in ui.statusLabel.text
    assert [run.name for run in trainer.logic.runs()] == ["two"]
    FileDialog.answer = str(folders[0])
    ui.attachButton.click()
    assert names() == ["one", "two"] and len(trainer.logic.runs()) == 2
    asked = []
    monkeypatch.setattr(slicer.util, "confirmYesNoDisplay", lambda text: asked.append(text) or len(asked) > 1,
                        raising=False)
    select("two")
    ui.deleteButton.click()
    assert folders[1].is_dir() and "'two' for good" in asked[0] and str(folders[1]) in asked[0]
    (folders[1] / "thesis.txt").write_text("mine")
    ui.deleteButton.click()
    host_spin(trainer)
    assert "also holds 'thesis.txt'" in ui.statusLabel.text and (folders[1] / "checkpoint.pt").is_file()
    (folders[1] / "thesis.txt").unlink()
    ui.deleteButton.click()
    host_spin(trainer)
    assert names() == ["one"] and not folders[1].exists() and runs.ticked == [str(folders[0])]
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == [".forgotten", "one"]


def host_spin(trainer):
    from slicer_host import Host

    Host().spin(lambda: not trainer.panel.work.running, 60)


@pytest.mark.slow
def test_what_is_no_run_or_runs_is_not_deleted(trainer, tmp_path):
    from filelock import FileLock
    from LDCTDenoiseLib.errors import InputError

    logic = trainer.logic
    folder = finishedRun(tmp_path / "runs", "one")
    run = logic.attach(folder)
    with FileLock(folder / ".lock"):
        for step in (logic.delete, logic.forget):
            with pytest.raises(InputError, match="is running"):
                step(run)
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(InputError, match="is a link"):
        logic.delete(logic.attach(tmp_path / "link"))
    (folder / "config.json").unlink()
    with pytest.raises(InputError, match="holds no training"):
        logic.delete(run)
    assert (folder / "checkpoint.pt").is_file()


@pytest.mark.slow
def test_a_gpu_that_ran_out_of_memory_is_measured_for_a_batch_that_fits(trainer, host, tmp_path, monkeypatch):
    from LDCTDenoiseTrainingSlicer import logic as module
    from LDCTDenoiseTrainingSlicer.estimate import Estimate

    monkeypatch.setattr(module, "estimateTask", lambda config, device, scans=0: _Ready(
        Estimate("GPU", config.batch, 32, 0.1, 60.0, 8_000_000_000, 8_500_000_000)))
    runs = trainer.panel.runs
    folder = tmp_path / "runs" / "big"
    folder.mkdir(parents=True)
    trainer.logic.config("DCSCN").write(folder / "config.json")
    (folder / "log.jsonl").write_text("")
    (folder / "run.json").write_text(json.dumps({"pid": 0, "began": "", "arguments": ["train"], "keep": False}))
    (folder / "process.log").write_text(
        "ldct-train: error: GPU has too little memory for a batch of 128: choose a smaller one with --set batch=N\n")
    FileDialog.answer = str(folder)
    trainer.ui.attachButton.click()
    state = runs.state(runs.runs[0])
    assert state.status == "failed" and "too little memory for a batch of 128" in state.message
    runs._ended(runs.runs[0], state)
    host_spin(trainer)
    assert "a batch of 32 does" in trainer.ui.statusLabel.text


class _Ready:
    """A task whose result is there."""

    running = orphaned = False

    def __init__(self, result):
        self.finish = lambda: result

    def start(self):
        return self

    def poll(self):
        pass


def test_the_selected_scan_is_told(trainer, tmp_path):
    from slicer_host import Host, QTimer

    addPairs(1)
    trainer.ui.addSceneButton.click()
    addFile(trainer, tmp_path)
    assert trainer.ui.scanLabel.text == ""
    for number in (0, 1):
        trainer.ui.patientTable.selectRow(number)
        assert trainer.ui.scanLabel.text.endswith("…")
        Host().spin(lambda: not any(timer.active for timer in QTimer.all), 60)
        assert " mm, axial, 2 slices of " in trainer.ui.scanLabel.text
    trainer.ui.patientTable.selectRow(0)
    assert not trainer.ui.scanLabel.text.endswith("…")


@pytest.mark.slow
def test_a_curve_is_drawn_once_though_slicer_serves_events_meanwhile(trainer, tmp_path):
    folder = finishedRun(tmp_path / "runs", "one")
    figures = {"psnr": 30.0, "ssim": 0.9, "rmse": 0.03}
    record = {"step": 2, "of": 4, "validation": {"low": figures, "result": figures, "patients": {}}}
    (folder / "log.jsonl").write_text(json.dumps(record) + "\n")
    ui, runs = trainer.ui, trainer.panel.runs
    ui.runsFolderEdit.currentPath = str(tmp_path)
    ui.runsFolderEdit.currentPath = str(tmp_path / "runs")
    added = []

    def serve(caller, event):
        added.append(event)
        if len(added) == 2:  # the chart's first table
            runs.draw()

    tag = slicer.mrmlScene.AddObserver(slicer.vtkMRMLScene.NodeAddedEvent, serve)
    ui.runTable.tick(0, True)
    ui.chartComboBox.setCurrentIndex(2)
    slicer.mrmlScene.RemoveObserver(tag)
    chart = trainer.logic.plots.chart("Validation PSNR")
    assert len(added) > 2 and chart.GetNumberOfPlotSeriesNodes() == 2
    assert len(slicer.util.getNodesByClass("vtkMRMLTableNode")) == 2
