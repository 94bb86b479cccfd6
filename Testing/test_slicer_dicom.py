"""Outputs back into Slicer's DICOM database: a real scene and real files, a strict stand-in for the database."""

import sys
import types

import numpy as np
import pydicom
import pytest
import slicer
import slicer.util
from dicom_series_maker import OTHER_UID, write_enhanced, write_series
from LDCTDenoiseLib.derived import SeriesOptions
from LDCTDenoiseLib.errors import InputError, OutputError
from LDCTDenoiseLib.volumes import read_volume
from volume_reading import without_patient


class Database:
    """What is used of ctkDICOMDatabase: any other name raises."""

    __slots__ = ("files", "isOpen", "takes")

    def __init__(self):
        self.files, self.isOpen, self.takes = {}, True, True

    def fileForInstance(self, uid: str) -> str:
        return self.files.get(uid, "")


class Indexer:
    """What is used of ctkDICOMIndexer."""

    copied = []

    def addDirectory(self, database, folder: str, copy: bool) -> None:
        assert isinstance(folder, str) and isinstance(copy, bool)
        self.copied.append(copy)
        if database.takes:
            for path in read_volume(folder).facts["files"]:
                database.files[str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID)] = path

    def waitForImportFinished(self) -> None:
        pass


@pytest.fixture
def database(monkeypatch):
    found = Database()
    Indexer.copied = []
    monkeypatch.setattr(slicer, "dicomDatabase", found, raising=False)
    monkeypatch.setitem(sys.modules, "ctk", types.SimpleNamespace(ctkDICOMIndexer=Indexer))
    return found


def load(scene, database, source, backwards: bool = False):
    """Load a series as Slicer does: HU in a node that names its instances."""
    volume = read_volume(source)
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    slicer.util.updateVolumeFromArray(node, np.array(volume.array[::-1] if backwards else volume.array))
    uids = []
    for path in volume.facts["files"]:
        uid = str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID)
        database.files[uid] = path
        uids.append(uid)
    node.SetAttribute("DICOM.instanceUIDs", " ".join(uids))
    return node


@pytest.mark.parametrize("backwards", [False, True])
def test_an_output_goes_beside_its_input(scene, logic, database, tmp_path, backwards):
    write_series(tmp_path / "in", 4)
    low = load(scene, database, tmp_path / "in", backwards)
    output = logic.denoise(low, method="TV", device="cpu", strength=0.5)
    states = []
    (uid,) = logic.exportToDICOM(output, tmp_path / "out", SeriesOptions(number="905"), states.append)
    assert output.GetAttribute("LDCTDenoise.ExportedSeriesUID") == uid and Indexer.copied == [False]
    assert [(s.done, s.of) for s in states] == [(n, 4) for n in range(5)]
    written, source = read_volume(tmp_path / "out"), read_volume(tmp_path / "in")
    voxels = slicer.util.arrayFromVolume(output)
    np.testing.assert_array_equal(written.array, voxels[::-1] if backwards else voxels)
    assert written.geometry == source.geometry and written.facts["series_uid"] == uid
    image = pydicom.dcmread(written.facts["files"][0])
    assert image.SeriesNumber == 905 and image.SeriesDescription == "TV ABD 5.0 B30s (research)"
    for word in ("method TV", "strength 0.5", "device CPU"):
        assert word in image.ContributingEquipmentSequence[0].ContributionDescription


def test_several_outputs_and_a_folder_of_the_databases_own(scene, logic, database, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "temporary").mkdir()
    write_enhanced(tmp_path / "in" / "multi.dcm")
    low = load(scene, database, tmp_path / "in")
    outputs = list(logic.denoiseAll(low, ["TV", "NLM"], device="cpu").values())
    before = set(database.files)
    uids = logic.exportToDICOM(outputs)
    assert len(set(uids)) == 2 and Indexer.copied == [True, True]
    assert [node.GetAttribute("LDCTDenoise.ExportedSeriesUID") for node in outputs] == uids
    assert len(set(database.files) - before) == 2
    # The database has its copies.
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_stopped_export_leaves_nothing(scene, logic, database, tmp_path):
    write_series(tmp_path / "in", 4)
    low = load(scene, database, tmp_path / "in")
    output = logic.denoise(low, method="TV", device="cpu")
    assert logic.exportToDICOM(output, tmp_path / "out", progress=lambda state: state.done < 2) is None
    assert not (tmp_path / "out").exists() and Indexer.copied == []
    assert output.GetAttribute("LDCTDenoise.ExportedSeriesUID") is None


def test_in_a_thread(scene, logic, database, tmp_path):
    write_series(tmp_path / "in", 3)
    low = load(scene, database, tmp_path / "in")
    task = logic.startExportToDICOM(logic.denoise(low, method="TV", device="cpu"), tmp_path / "out")
    while task.running:
        task.poll()
    assert task.finish() == [read_volume(tmp_path / "out").facts["series_uid"]]


def test_what_cannot_be_exported(scene, logic, database, tmp_path):
    write_series(tmp_path / "in", 3)
    low = load(scene, database, tmp_path / "in")
    output = logic.denoise(low, method="TV", device="cpu")

    def refused(error, words, nodes=output, **options) -> None:
        with pytest.raises(error, match=words) as caught:
            logic.exportToDICOM(nodes, tmp_path / "out", **options)
        assert "\n" not in without_patient(str(caught.value)) and not (tmp_path / "out").exists()

    refused(InputError, "no output to export", nodes=[])
    refused(InputError, "is no output of this module", nodes=low)
    # Edited, cropped and the like: the headers would no longer describe the voxels.
    voxels = slicer.util.arrayFromVolume(low)
    voxels[1, 2, 3] += 40
    refused(InputError, "not those of its DICOM files")
    voxels[1, 2, 3] -= 40
    database.takes = False
    with pytest.raises(OutputError, match="did not take"):
        logic.exportToDICOM(output)
    database.takes = True
    uids = low.GetAttribute("DICOM.instanceUIDs")
    low.SetAttribute("DICOM.instanceUIDs", f"{uids} {OTHER_UID}")
    refused(InputError, "1 of the 4 files of 'CT' are no longer")
    low.SetAttribute("DICOM.instanceUIDs", None)
    refused(InputError, "was not loaded from the DICOM database")
    low.SetAttribute("DICOM.instanceUIDs", uids)
    database.isOpen = False
    refused(OutputError, "database is not open")
    database.isOpen = True
    (tmp_path / "filled").mkdir()
    (tmp_path / "filled" / "a").write_text("")
    with pytest.raises(OutputError, match="not empty"):
        logic.exportToDICOM(output, tmp_path / "filled")
    assert len(logic.exportToDICOM(output, tmp_path / "out")) == 1


def test_without_a_database(scene, logic, monkeypatch, tmp_path):
    monkeypatch.delattr(slicer, "dicomDatabase", raising=False)
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    with pytest.raises(OutputError, match="database is not open"):
        logic.exportToDICOM(node)
