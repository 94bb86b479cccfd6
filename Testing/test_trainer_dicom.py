"""The trainer's picker of DICOM series: real files, stand-ins for the database and for Qt."""

import os
from pathlib import Path

import pytest
import slicer
import slicer.util
from dicom_database import Database, imported
from dicom_series_maker import write_enhanced, write_series
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseTrainingLib.patients import read_patient_set
from LDCTDenoiseTrainingSlicer.logic import LDCTDenoiseTrainingLogic
from LDCTDenoiseTrainingSlicer.patients import PatientTable
from LDCTDenoiseTrainingSlicer.patients.database_series import listSeries, pairSeries


def write(folder, patient, words, uid, count=4, image_type="AXIAL", modality="CT"):
    def change(k, dataset):
        dataset.PatientName, dataset.PatientID = f"Name^{patient}", f"ID-{patient}"
        dataset.StudyInstanceUID, dataset.StudyDescription, dataset.StudyDate = f"9.{patient}", "Abdomen", "20240229"
        dataset.SeriesInstanceUID, dataset.SeriesDescription = f"9.{patient}.{uid}", words
        dataset.ImageType, dataset.Modality = ["ORIGINAL", "PRIMARY", image_type], modality

    write_series(folder, count, change=change, prefix=f"{patient}-{uid}-")
    return f"9.{patient}.{uid}"


@pytest.fixture
def database(tmp_path):
    """Patient 1: full, low, a scout, an MR, and an export of LDCT Denoise. Patient 2: full alone."""
    source = tmp_path / "source"
    write(source, 1, "Full Dose 5.0", 1)
    write(source, 1, "Low Dose 5.0", 2)
    write(source, 1, "Topogram", 3, count=1, image_type="LOCALIZER")
    write(source, 1, "T1", 4, modality="MR")
    write(source, 1, "DCSCN Low Dose 5.0 (research)", 5)
    write(source, 2, "Chest", 1, count=3)
    return imported(Database(tmp_path / "database"), source)


def test_the_list_has_what_slicer_shows_and_a_pseudonym(database, tmp_path):
    found = listSeries(database)
    assert [(s.pseudonym, s.description, s.images, s.localizer, s.derived) for s in found] == [
        ("DICOM-1", "Full Dose 5.0", 4, False, False),
        ("DICOM-1", "Low Dose 5.0", 4, False, False),
        ("DICOM-1", "Topogram", 1, True, False),
        ("DICOM-1", "DCSCN Low Dose 5.0 (research)", 4, False, True),
        ("DICOM-2", "Chest", 3, False, False),
    ]
    first = found[0]
    assert (first.patient, first.studyDescription, first.date, first.size) == (
        "Name, 1",
        "Abdomen",
        "2024-02-29",
        "28x20",
    )
    # What may be printed does not say who it is.
    assert "Name" not in repr(found) and "ID-" not in repr(found)
    # An enhanced multi-frame image is one file and no scout.
    write_enhanced(tmp_path / "enhanced" / "a.dcm")
    imported(database, tmp_path / "enhanced")
    last = listSeries(database)[-1]
    assert (last.pseudonym, last.images, last.localizer) == ("DICOM-3", 1, False)


def test_pairs_within_a_patient_and_a_grid(database, tmp_path):
    found = {one.uid: one for one in listSeries(database)}
    pairs, notes = pairSeries([found["9.1.1"], found["9.1.2"], found["9.2.1"]])
    assert [(p.patient, p.full.uid, p.low and p.low.uid) for p in pairs] == [
        ("DICOM-1", "9.1.1", "9.1.2"),
        ("DICOM-2", "9.2.1", None),
    ] and notes == []
    # A low dose of other slices has no partner; without words for a dose both are targets.
    write(tmp_path / "more", 2, "Low dose thin", 2, count=5)
    write(tmp_path / "more", 2, "Lung", 3, count=3)
    imported(database, tmp_path / "more")
    mine = [one for one in listSeries(database) if one.pseudonym == "DICOM-2"]
    pairs, notes = pairSeries(mine)
    assert [(p.full.label, p.low) for p in pairs] == [("Chest", None), ("Lung", None)]
    assert "left out 'Low dose thin'" in notes[0]


def test_a_script_chooses_saves_and_reads(database, tmp_path, monkeypatch):
    monkeypatch.setattr(slicer, "dicomDatabase", database, raising=False)
    logic = LDCTDenoiseTrainingLogic(tmp_path / "runs")
    wanted = [one.uid for one in logic.dicomSeries() if "Dose 5.0" in one.description and not one.derived]
    table = logic.newPatients()
    table.addDicom(slicer.dicomDatabase, wanted)
    (row,) = table.rows
    assert (row.patient, row.full.label, row.low.label) == ("DICOM-1", "Full Dose 5.0", "Low Dose 5.0")
    volume = row.full.reader("it")()
    assert volume.array.shape == (4, 20, 28) and volume.facts["series_uid"] == "9.1.1"
    logic.savePatients(table, tmp_path / "set.json")
    text = (tmp_path / "set.json").read_text()
    assert "Name" not in text and "ID-" not in text
    (scan,) = read_patient_set(tmp_path / "set.json").scans
    assert scan.full_series == "9.1.1" and scan.low_series == "9.1.2"
    # The rest: neither scout nor a network's output; what is there already stays as it is.
    table.addDicom(slicer.dicomDatabase)
    assert [(row.patient, row.full.label) for row in table.rows] == [("DICOM-1", "Full Dose 5.0"), ("DICOM-2", "Chest")]
    with pytest.raises(InputError, match="in the table already"):
        table.addDicom(slicer.dicomDatabase)


def test_a_database_that_gives_nothing(database, tmp_path):
    def refused(words, series=None, of=database):
        with pytest.raises(InputError, match=words) as caught:
            PatientTable().addDicom(of, series)
        assert "Name" not in str(caught.value) and "ID-" not in str(caught.value)

    refused("no DICOM database is open", of=None)
    refused("no CT series at all", of=Database(tmp_path / "empty"))
    refused("no CT series 1.2.3", ["9.1.1", "1.2.3"])
    refused("no CT series 9.1.4", ["9.1.4"])  # MR
    refused("low-dose images only", ["9.1.2"])
    lost = database.filesForSeries("9.2.1")[0]
    Path(lost).unlink()
    refused("1 of the 3 files of the series 9.2.1 of DICOM-2 are not there", ["9.2.1"])
    # Known from a server alone.
    for uid in database.instancesForSeries("9.2.1"):
        database.files[uid] = ""
    refused("3 of the 3 files .* not there any more; import", ["9.2.1"])
    # Below the root of a drive everything would be searched.
    for number, uid in enumerate(database.instancesForSeries("9.2.1")):
        database.files[uid] = os.__file__ if number else str(tmp_path / "source" / "1-1-0000.dcm")
    refused("no folder in common", ["9.2.1"])
    database.isOpen = False
    refused("no DICOM database is open")


@pytest.fixture
def panel(monkeypatch, database, trainer):
    """The trainer's panel, with a database."""
    monkeypatch.setattr(slicer, "dicomDatabase", database, raising=False)
    return trainer.panel


@pytest.mark.slow
def test_the_dialog_ticks_filters_says_what_comes_of_it_and_adds(panel):
    ui = panel.patients.ui
    ui.addDicomButton.click()
    picker = panel.patients.picker
    table = picker.ui.seriesTable
    dialog = picker.dialog
    assert dialog.calls == ["show"] and not picker.ui.addButton.enabled
    assert [cells[1:] for cells in table.cells][:2] == [
        ["Name, 1", "DICOM-1", "Abdomen", "2024-02-29", "Full Dose 5.0", "4", "28x20", ""],
        ["Name, 1", "DICOM-1", "Abdomen", "2024-02-29", "Low Dose 5.0", "4", "28x20", ""],
    ]
    becomes = lambda: [cells[8] for cells in table.cells]  # noqa: E731
    assert becomes() == ["", "", "localizer", "result of LDCT Denoise", ""]
    table.tick(1, True)
    assert "left out" in becomes()[1]
    table.tick(0, True)
    assert becomes()[:2] == ["full dose, with 'Low Dose 5.0'", "low dose of 'Full Dose 5.0'"]
    # The words in any order; what is hidden is neither ticked nor unticked by the buttons.
    picker.ui.filterEdit.text = "chest name, 2"
    assert table.hidden == {0, 1, 2, 3}
    picker.ui.untickButton.click()
    picker.ui.tickButton.click()
    assert picker.ticked == {"9.1.1", "9.1.2", "9.2.1"} and becomes()[4] == "full dose; low dose simulated"
    assert picker.ui.countLabel.text == "3 of 5 series ticked."
    picker.ui.filterEdit.text = ""
    picker.ui.tickButton.click()
    assert picker.ticked == {"9.1.1", "9.1.2", "9.2.1"} and table.hidden == set()
    picker.ui.addButton.click()
    assert dialog.calls == ["show", "hide", "deleteLater"]
    assert [(row.patient, row.full.label) for row in panel.patients.table.rows] == [
        ("DICOM-1", "Full Dose 5.0"),
        ("DICOM-2", "Chest"),
    ]
    assert ui.patientTable.item(0, 1).toolTip == "DICOM-1: Full Dose 5.0; Low Dose 5.0"
    # Once more: those have no box to tick.
    ui.addDicomButton.click()
    picker = panel.patients.picker
    picker.ui.tickButton.click()
    words = [cells[8] for cells in picker.ui.seriesTable.cells]
    assert picker.ticked == set() and words[:2] == ["in the table already"] * 2
    assert not picker.ui.seriesTable.item(0, 0).flags & 16
    ui.addDicomButton.click()  # closes the one before
    panel.patients.picker.ui.closeButton.click()
    assert len(panel.patients.table.rows) == 2


@pytest.mark.slow
def test_the_dialog_says_what_is_wrong(panel, database, monkeypatch):
    ui, messages = panel.patients.ui, []
    monkeypatch.setattr(slicer.util, "errorDisplay", lambda text, **options: messages.append(text))
    ui.addDicomButton.click()
    picker = panel.patients.picker
    picker.ui.seriesTable.tick(4, True)
    Path(database.filesForSeries("9.2.1")[1]).unlink()
    picker.ui.addButton.click()
    assert "1 of the 3 files" in messages[0] and panel.patients.table.rows == []
    ui.addDicomButton.click()
    database.isOpen = False
    panel.patients.picker.ui.seriesTable.tick(0, True)
    panel.patients.picker.ui.addButton.click()
    ui.addDicomButton.click()
    database.isOpen = True
    for uid in list(database.headers):
        del database.headers[uid]
    ui.addDicomButton.click()
    assert all("No DICOM database is open" in message for message in messages[1:3])
    assert "holds no CT series" in messages[3] and len(messages) == 4


@pytest.mark.slow
def test_a_pair_can_be_made_by_hand(panel, database, tmp_path):
    """Of two series without words for a dose, the one may be made the low dose of the other."""
    write(tmp_path / "more", 2, "Lung", 3, count=3)
    imported(database, tmp_path / "more")
    section = panel.patients
    section.table.addDicom(database, ["9.2.1", "9.2.3"])
    section.refresh()
    section.ui.patientTable.selectRow(0)
    assert [text for text, _ in section.ui.lowComboBox.items] == ["simulated", "Lung"]
    section.ui.lowComboBox.setCurrentIndex(1)
    assert section.table.rows[0].low.series == "9.2.3"
