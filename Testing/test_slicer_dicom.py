"""Outputs back into Slicer's DICOM database: a real scene and real files, a strict stand-in for the database."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
import slicer
import slicer.util
from dicom_database import loadSeries
from dicom_series_maker import OTHER_UID, write_enhanced, write_series
from LDCTDenoiseLib.derived import SeriesOptions
from LDCTDenoiseLib.errors import InputError, OutputError
from LDCTDenoiseLib.volumes import read_volume
from LDCTDenoiseSlicer.dicom_export import exportTask
from LDCTDenoiseSlicer.nodes import volumeFromNode, withSliceGaps
from volume_reading import without_patient


@pytest.mark.parametrize("backwards", [False, True])
def test_an_output_goes_beside_its_input(scene, logic, openDatabase, tmp_path, backwards):
    write_series(tmp_path / "in", 4)
    low = loadSeries(scene, openDatabase, tmp_path / "in", backwards)
    output = logic.denoise(low, method="TV", device="cpu", strength=0.5)
    states = []
    (uid,) = logic.exportToDICOM(output, tmp_path / "out", SeriesOptions(number="905"), progress=states.append)
    assert output.GetAttribute("LDCTDenoise.ExportedSeriesUID") == uid
    assert all(Path(file).parent == tmp_path / "out" for file in openDatabase.filesForSeries(uid))
    assert [(s.done, s.of) for s in states] == [(n, 4) for n in range(5)]
    written, source = read_volume(tmp_path / "out"), read_volume(tmp_path / "in")
    voxels = slicer.util.arrayFromVolume(output)
    np.testing.assert_array_equal(written.array, voxels[::-1] if backwards else voxels)
    assert written.geometry == source.geometry and written.facts["series_uid"] == uid
    image = pydicom.dcmread(written.facts["files"][0])
    assert image.SeriesNumber == 905 and image.SeriesDescription == "TV ABD 5.0 B30s (research)"
    for word in ("method TV", "strength 0.5", "device CPU"):
        assert word in image.ContributingEquipmentSequence[0].ContributionDescription


@pytest.mark.parametrize("backwards", [False, True])
def test_gaps_between_slices_are_those_of_the_files(scene, openDatabase, tmp_path, backwards):
    write_series(tmp_path / "in", 9, skip=(3, 6, 7))
    node = loadSeries(scene, openDatabase, tmp_path / "in", backwards)
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(np.diag([-1.0, -1.0, -2.5 if backwards else 2.5, 1.0])))
    uids = node.GetAttribute("DICOM.instanceUIDs").split()
    node.SetAttribute("DICOM.instanceUIDs", " ".join(reversed(uids)))  # their order says nothing
    volume = volumeFromNode(node)
    assert volume.geometry.gaps == ()
    assert withSliceGaps(volume, node).geometry.gaps == ((0, 2) if backwards else (2, 4))
    node.SetAttribute("DICOM.instanceUIDs", " ".join([*uids[1:], OTHER_UID]))
    assert withSliceGaps(volume, node) is volume
    node.SetAttribute("DICOM.instanceUIDs", " ".join(uids[1:]))
    assert withSliceGaps(volume, node) is volume


def test_several_outputs_and_a_folder_of_the_databases_own(scene, logic, openDatabase, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "temporary").mkdir()
    write_enhanced(tmp_path / "in" / "multi.dcm")
    low = loadSeries(scene, openDatabase, tmp_path / "in")
    outputs = list(logic.denoiseAll(low, ["TV", "NLM"], device="cpu").values())
    before = set(openDatabase.files)
    uids = logic.exportToDICOM(outputs)
    assert len(set(uids)) == 2
    assert [node.GetAttribute("LDCTDenoise.ExportedSeriesUID") for node in outputs] == uids
    (study,) = openDatabase.studiesForPatient("1")
    assert openDatabase.patients() == ("1",) and set(uids) < set(openDatabase.seriesForStudy(study))
    new = set(openDatabase.files) - before
    assert len(new) == 2 and all(tmp_path / "database" in Path(openDatabase.files[uid]).parents for uid in new)
    # The openDatabase has its copies.
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_stopped_export_leaves_nothing(scene, logic, openDatabase, tmp_path):
    write_series(tmp_path / "in", 4)
    low = loadSeries(scene, openDatabase, tmp_path / "in")
    output = logic.denoise(low, method="TV", device="cpu")
    assert logic.exportToDICOM(output, tmp_path / "out", progress=lambda state: state.done < 2) is None
    assert not (tmp_path / "out").exists() and len(openDatabase.files) == 4
    assert output.GetAttribute("LDCTDenoise.ExportedSeriesUID") is None


def test_a_stopped_or_refused_import_leaves_no_temporary_files(scene, logic, openDatabase, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    write_series(tmp_path / "in", 4)
    output = logic.denoise(loadSeries(scene, openDatabase, tmp_path / "in"), method="TV", device="cpu")
    task = exportTask([output])
    assert task.run(lambda state: state.done < 2) is None
    assert list((tmp_path / "temporary").iterdir()) == []
    openDatabase.takes = False
    task = exportTask([output])
    with pytest.raises(OutputError, match="did not take"):
        task.run()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_in_a_thread(scene, logic, openDatabase, tmp_path):
    write_series(tmp_path / "in", 3)
    low = loadSeries(scene, openDatabase, tmp_path / "in")
    task = logic.exportToDICOM.task(logic.denoise(low, method="TV", device="cpu"), tmp_path / "out").start()
    while task.running:
        task.poll()
    assert task.finish() == [read_volume(tmp_path / "out").facts["series_uid"]]


def test_what_cannot_be_exported(scene, logic, openDatabase, tmp_path):
    write_series(tmp_path / "in", 3)
    low = loadSeries(scene, openDatabase, tmp_path / "in")
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
    openDatabase.takes = False
    with pytest.raises(OutputError, match="did not take"):
        logic.exportToDICOM(output)
    openDatabase.takes = True
    uids = low.GetAttribute("DICOM.instanceUIDs")
    low.SetAttribute("DICOM.instanceUIDs", f"{uids} {OTHER_UID}")
    refused(InputError, "1 of the 4 files of 'CT' are no longer")
    low.SetAttribute("DICOM.instanceUIDs", None)
    refused(InputError, "was not loaded from the DICOM database")
    low.SetAttribute("DICOM.instanceUIDs", uids)
    openDatabase.isOpen = False
    refused(OutputError, "database is not open")
    openDatabase.isOpen = True
    (tmp_path / "filled").mkdir()
    (tmp_path / "filled" / "a").write_text("")
    with pytest.raises(OutputError, match="not empty"):
        logic.exportToDICOM(output, tmp_path / "filled")
    assert len(logic.exportToDICOM(output, tmp_path / "out")) == 1


def test_frames_of_which_slicer_took_one_scale_for_all(scene, logic, openDatabase, tmp_path):
    """Slicer's reader takes the first frame's intercept, here one HU off for each frame further on."""
    write_enhanced(tmp_path / "in" / "multi.dcm")
    low = loadSeries(scene, openDatabase, tmp_path / "in")
    slicer.util.arrayFromVolume(low)[:] += np.arange(3, -1, -1, dtype=np.int16)[:, None, None]
    with pytest.raises(InputError, match="frames have a scale each"):
        logic.exportToDICOM(logic.denoise(low, method="TV", device="cpu"))


def test_without_a_database(scene, logic, monkeypatch, tmp_path):
    monkeypatch.delattr(slicer, "dicomDatabase", raising=False)
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    with pytest.raises(OutputError, match="database is not open"):
        logic.exportToDICOM(node)
