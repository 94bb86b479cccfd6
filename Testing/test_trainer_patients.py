"""The table of patients: from scene, folder, file and DICOM database to a checked patient set."""

import json

import numpy as np
import pytest
import slicer
import slicer.util
from LDCTDenoiseLib.errors import InputError, OutputError
from LDCTDenoiseLib.volumes import read_volume
from LDCTDenoiseTrainingLib.patients import SimulationRanges, read_patient_set, write_patient_set
from LDCTDenoiseTrainingSlicer.patients import FileImage, PatientTable, SceneImage
from LDCTDenoiseTrainingSlicer.patients.check import checkTask
from LDCTDenoiseTrainingSlicer.patients.scene_export import Export, requireSpace
from LDCTDenoiseTrainingSlicer.patients.simulation_preview import previewTask
from training_maker import body, save_scan


def addBody(scene, name, seed, noise=0, spacing=10.0, slices=2):
    array = body(seed, slices=slices)
    if noise:
        array = np.rint(array + np.random.default_rng(seed).normal(0, noise, array.shape)).astype(np.int16)
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    slicer.util.updateVolumeFromArray(node, array)
    node.SetSpacing(spacing, spacing, 5)
    return node


@pytest.fixture
def table():
    return PatientTable()


def described(table):
    return [(row.patient, row.role, row.full.label, row.low and row.low.label) for row in table.rows]


def test_volumes_of_the_scene_are_paired_by_name_then_by_grid(mrml, table):
    for name, seed, noise in (("A full", 1, 0), ("A low", 1, 60), ("B", 2, 0), ("LDCT of somebody", 3, 60)):
        addBody(mrml, name, seed, noise, spacing=8 if name == "B" else 10)
    mrml.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "organs")
    third = addBody(mrml, "C", 3, spacing=9)
    output = addBody(mrml, "A low DCSCN", 1)
    output.SetNodeReferenceID("LDCTDenoise.Input", mrml.GetFirstNodeByName("A low").GetID())
    notes = table.addVolumes()
    assert described(table) == [("A", "train", "A full", "A low"), ("B", "train", "B", None), ("C", "train", "C", None)]
    assert notes == ["left out 'LDCT of somebody': no full-dose image belongs to this low-dose one."]
    with pytest.raises(InputError, match="low-dose images only"):
        table.addVolumes()
    third.SetSpacing(10, 10, 5)
    table.remove(table.rows[2:])
    table.addVolumes()
    assert described(table)[2] == ("C", "train", "C", "LDCT of somebody")


def test_a_folder_a_file_and_the_scene_in_one_table(mrml, table, tmp_path):
    for n in range(2):
        save_scan(tmp_path / "data" / f"p{n}.nii.gz", body(n, slices=2))
    addBody(mrml, "S1", 5)
    table.addVolumes()
    assert any("no folder names a role" in note for note in table.addFolder(tmp_path / "data"))
    assert described(table) == [("S1", "train", "S1", None), ("p0", "train", "p0.nii.gz", None),
                                ("p1", "validation", "p1.nii.gz", None)]
    notes = table.addFile(_set(tmp_path, {"patient": "p0", "role": "validation", "full": "data/p1.nii.gz"}))
    assert notes == ["patient 'p0' is in the table already and keeps the role train."]
    assert table.sources == [{"name": "made", "licence": "none", "citation": "none"}]


def _set(folder, *patients):
    content = {"format": "LDCTDenoise patient set 1", "patients": list(patients),
               "sources": [{"name": "made", "licence": "none", "citation": "none"}]}
    (folder / "set.json").write_text(json.dumps(content))
    return folder / "set.json"


def test_nobody_ever_stands_on_two_sides(mrml, table):
    for name in ("HCC_007_a", "HCC_007_b", "P1", "P2"):
        addBody(mrml, name, len(name))
    table.addVolumes()
    table.setRole(table.rows[0], "validation")
    assert [row.role for row in table.rows] == ["validation", "validation", "train", "train"]
    table.rename(table.rows[2], "HCC_007_a")
    assert table.rows[2].role == "validation"
    with pytest.raises(InputError, match="nobody is left"):
        table.chooseValidation(["HCC_007_b", "P2"])
    table.chooseValidation(["P2"])
    assert [row.role for row in table.rows] == ["train", "train", "train", "validation"]
    with pytest.raises(InputError, match="'who'"):
        table.chooseValidation(["who"])
    with pytest.raises(InputError, match="name"):
        table.rename(table.rows[0], " ")


def test_seven_to_three_and_one_patient(mrml, table):
    addBody(mrml, "P0", 0)
    table.addVolumes()
    with pytest.raises(InputError, match="at least two"):
        table.splitSevenToThree()
    for n in range(1, 11):
        addBody(mrml, f"P{n}", n)
    table.addVolumes()
    table.setRole(table.rows[10], "test")
    table.splitSevenToThree()
    assert [row.role for row in table.rows] == ["train"] * 7 + ["validation"] * 3 + ["test"]


def test_the_check_names_every_problem_in_its_row(mrml, table, tmp_path):
    good, low = addBody(mrml, "A full", 1), addBody(mrml, "A low", 1, 60)
    addBody(mrml, "B full", 2)
    addBody(mrml, "B low", 2, 60, spacing=7)
    twin = addBody(mrml, "C", 1)
    assert low and twin
    table.addVolumes()
    table.addFile(_set(tmp_path, {"patient": "D", "role": "validation", "full": "lost.nii.gz"}))
    table.setRole(table.rows[2], "validation")
    task = checkTask(table, 16)
    seen = []
    problems = task.run(seen.append)
    assert seen == [(n, 4) for n in (1, 2, 3, 4)]
    rows = table.rows
    assert rows[0].shape == (2, 32, 32) and "same image in different roles" in rows[0].problems[0]
    assert rows[0].problems == rows[2].problems
    assert "same grid" in rows[1].problems[0] and "volume B low" in rows[1].problems[0]
    assert "lost.nii.gz" in rows[3].problems[0] and rows[3].shape is None
    assert len(problems) == 3
    with pytest.raises(InputError, match="has a problem"):
        Export(table, tmp_path)
    for row in (rows[1], rows[2], rows[3]):
        row.used = False
    assert checkTask(table, 16).run() == [] == rows[0].problems
    assert "smaller than a patch of 80" in checkTask(table, 80).run()[0]
    mrml.RemoveNode(good)
    assert "not in a scene" in checkTask(table, 16).run()[0]


def test_scene_volumes_are_written_for_the_training(mrml, table, tmp_path):
    full = addBody(mrml, "A full", 1)
    addBody(mrml, "A low", 1, 60)
    addBody(mrml, "B", 2)
    addBody(mrml, "unticked", 3)
    table.addVolumes()
    table.splitSevenToThree()
    table.rows[2].used = False
    table.rows[1].simulation = SimulationRanges(dose=(0.2, 0.3))
    export = Export(table, tmp_path / "run")
    export.write(lambda done: None)
    patients = export.patients
    assert [(s.patient, s.role, s.low is None) for s in patients.scans] == [("A", "train", False), ("B", "train", True)]
    assert patients.scans[1].simulation.dose == (0.2, 0.3)
    volume = read_volume(patients.scans[0].full)
    np.testing.assert_array_equal(volume.array, slicer.util.arrayFromVolume(full))
    assert volume.geometry.spacing == (10, 10, 5)
    write_patient_set(patients, tmp_path / "run" / "patients.json")
    again = PatientTable()
    again.addFile(tmp_path / "run" / "patients.json")
    assert isinstance(again.rows[0].low, FileImage) and not again.rows[0].problems
    assert read_patient_set(tmp_path / "run" / "patients.json").scans[1].simulation.dose == (0.2, 0.3)


def test_a_volume_deleted_between_ticking_and_starting_is_named(mrml, table, tmp_path):
    node = addBody(mrml, "A", 1)
    table.addVolumes()
    mrml.RemoveNode(node)
    with pytest.raises(InputError, match="'A', the full-dose volume of patient 'A', has been deleted"):
        Export(table, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    table.rows[0].used = False
    with pytest.raises(InputError, match="no patient is ticked"):
        Export(table, tmp_path / "run")


def test_a_pair_by_hand_and_its_low_dose_changed(mrml, table):
    full, low = addBody(mrml, "one", 1), addBody(mrml, "other", 1, 60)
    row = table.addPair(full, patient="A")
    assert row.simulated
    table.setLow(row, SceneImage(low))
    assert not row.simulated
    with pytest.raises(InputError, match="is the full-dose image"):
        table.setLow(row, SceneImage(full))
    with pytest.raises(InputError, match="full-dose volume"):
        table.addPair(None)
    with pytest.raises(InputError, match="role 'teach'"):
        table.setRole(row, "teach")


def test_a_disk_without_room_is_named_before_the_start(mrml, table, tmp_path, monkeypatch):
    import shutil
    from types import SimpleNamespace

    addBody(mrml, "A", 1)
    table.addVolumes()
    checkTask(table, 16).run()
    requireSpace(table, tmp_path / "new" / "run", 8)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=40_000))
    with pytest.raises(OutputError, match="0.0 MB free"):
        requireSpace(table, tmp_path / "new" / "run", 8)


@pytest.mark.slow
def test_the_preview_simulates_the_middle_slice(mrml, table):
    addBody(mrml, "A", 1, slices=3)
    table.addVolumes()
    row = table.rows[0]
    row.simulation = SimulationRanges(dose=(0.1, 0.4), photons=(500, 500), kernel=(1.0, 1.2))
    preview = previewTask(row).run()
    np.testing.assert_array_equal(preview.full.array[0], body(1, slices=3)[1])
    assert (preview.slice, round(preview.dose, 3)) == (1, 0.2)
    assert preview.low.array.shape == preview.full.array.shape == (1, 32, 32)
    assert 1 < np.std(preview.low.array.astype(float) - preview.full.array) < 500


def test_the_previewed_slice_of_a_sagittal_volume_lies_where_it_is():
    from LDCTDenoiseLib.volumes import Geometry, Volume
    from LDCTDenoiseTrainingSlicer.patients.simulation_preview import _slice

    # Axes i, j, k run to the back, to the head and to the left; planes along j are axial.
    geometry = Geometry((1.0, 2.0, 3.0), (10.0, 20.0, 30.0), (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0))
    volume = Volume(np.arange(24, dtype=np.int16).reshape(2, 3, 4), geometry)
    one = _slice(volume, np.moveaxis(volume.array, 1, 0)[2:3], 2)
    np.testing.assert_array_equal(one.array, volume.array[:, 2:3])
    assert one.geometry.origin == (10.0, 20.0, 34.0) and one.geometry.direction == geometry.direction
