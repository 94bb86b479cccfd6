"""One reader of headers: what each file below a folder is, what is left out is said, and volumes, archives and
training agree."""

import os
import re
import shutil
from pathlib import Path

import pydicom
import pytest
from dicom_series_maker import expected_hu, write_series
from LDCTDenoiseLib.archive import find_archive
from LDCTDenoiseLib.volumes.dicom_headers import DAMAGED, FOREIGN, OTHER, SLICE, VOLUME, look, look_below
from LDCTDenoiseTrainingLib.patients import find_patients
from pydicom.dataset import Dataset
from volume_reading import read_quietly, refused, warned

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def put(**values):
    def change(k, dataset):
        for tag, value in values.items():
            if value is None:
                del dataset[tag]
            else:
                setattr(dataset, tag, value)
        if "SOPClassUID" in values:
            # An unknown one where the class is lost: a file cannot be written without.
            dataset.file_meta.MediaStorageSOPClassUID = values["SOPClassUID"] or "1.2.840.10008.5.1.4.1.1.2.77"

    return change


@pytest.mark.parametrize(
    ("change", "kind", "why"),
    (
        (put(), SLICE, ""),
        (put(SOPClassUID="1.2.840.10008.5.1.4.1.1.2.1"), SLICE, ""),
        (put(ImageType=["DERIVED", "SECONDARY", "REFORMATTED", "AVERAGE"]), SLICE, ""),
        (put(ImageType=None), SLICE, ""),
        (put(SOPClassUID="1.3.12.2.1107.5.9.1"), SLICE, ""),  # a maker's own class, with all that a slice has
        (put(SOPClassUID=SECONDARY_CAPTURE), OTHER, "Secondary Capture"),
        (put(SOPClassUID=SECONDARY_CAPTURE, ImageType=["DERIVED", "SECONDARY", "REF_SURVIEW"]), OTHER, "Secondary"),
        (put(SOPClassUID="1.2.840.10008.5.1.4.1.1.7.4"), OTHER, "Secondary Capture"),
        (put(SOPClassUID="1.2.840.10008.5.1.4.1.1.4", Modality="MR"), OTHER, "modality MR"),
        (put(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), OTHER, "localizer"),
        (put(ImageType=["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 TOP"]), OTHER, "localizer"),
        (put(ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"]), OTHER, "localizer"),
        (put(SOPClassUID=None, Modality=None), DAMAGED, "lost"),
        (put(SOPClassUID=None, Rows=None), DAMAGED, "lost"),
        (put(SOPClassUID="1.2.840.10008.5.1.4.1.1.2.77", Modality="C\u00df \u00ff"), DAMAGED, "lost"),
    ),
)
def test_what_a_file_is(tmp_path, change, kind, why):
    entry = look(write_series(tmp_path, 1, change=lambda k, d: change(k, d))[0])
    assert entry.kind == kind and why in entry.why


@pytest.mark.parametrize("count", (1, 3))
def test_scouts_stored_as_pictures_with_a_place(tmp_path, count):
    change = put(SOPClassUID=SECONDARY_CAPTURE, ImageType=["DERIVED", "SECONDARY", "REF_SURVIEW"])
    write_series(tmp_path / "in", count, step=(0, 0, 0), change=change)
    assert "Secondary Capture" in refused(tmp_path / "in")
    (series,) = find_archive(tmp_path).series
    assert "Secondary Capture" in series.not_ct and not series.damage
    write_series(tmp_path / "in", 4, prefix="slice")
    assert read_quietly(tmp_path / "in").array.shape[0] == 4


@pytest.mark.parametrize(
    "change",
    (
        put(SOPClassUID=None, Modality=None),
        put(SOPClassUID=None, Rows=None),
        put(SOPClassUID="1.2.840.10008.5.1.4.1.1.4"),
        put(SOPClassUID="1.2.840.10008.5.1.4.1.1.4", Modality="MR"),
    ),
)
def test_an_end_slice_that_is_lost_is_named(tmp_path, change):
    path = write_series(tmp_path, 5, change=lambda k, dataset: change(k, dataset) if k == 4 else None)[4]
    volume, text = warned(tmp_path)
    assert volume.array.tolist() == expected_hu(range(4)).tolist() and path.name in text


def test_what_the_system_will_not_show_is_named_and_the_rest_read(tmp_path):
    write_series(tmp_path, 3)
    (tmp_path / "gone.dcm").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "folder").symlink_to(tmp_path)  # a link to a folder is passed over
    os.mkfifo(tmp_path / "pipe.dcm")  # and what is no file
    volume, text = warned(tmp_path)
    assert volume.array.shape[0] == 3 and "left out 2 files" in text
    assert "'gone.dcm' is a link that leads nowhere" in text and "'loop'" in text
    found = find_archive(tmp_path)
    assert len(found.series) == 2 and "gone.dcm" in found.series[0].damage + found.series[1].damage


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_forbidden_folders(tmp_path):
    write_series(tmp_path / "a", 3)
    for name, rights in (("closed", 0), ("listed", 0o400)):
        write_series(tmp_path / name, 1, prefix=name)
        (tmp_path / name).chmod(rights)
    (tmp_path / "a" / "link.dcm").symlink_to(tmp_path / "closed" / "closed0000.dcm")
    try:
        volume, text = warned(tmp_path)
        assert volume.array.shape[0] == 3 and text.count("Permission denied") == 3
    finally:
        for name in ("closed", "listed"):
            (tmp_path / name).chmod(0o700)


@pytest.mark.slow
def test_folders_nested_deeper_than_calls(tmp_path):
    folder = os.getcwd()
    os.chdir(tmp_path)
    try:
        for _ in range(1500):
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.chdir(folder)
    write_series(tmp_path / "series", 2)
    try:
        assert read_quietly(tmp_path).array.shape[0] == 2
        assert len(find_archive(tmp_path).series) == 1
    finally:
        os.chdir(tmp_path)  # rmtree of this Python would go by calls
        for _ in range(1500):
            os.chdir("d")
        for _ in range(1500):
            os.chdir("..")
            os.rmdir("d")
        os.chdir(folder)


def test_a_file_that_vanishes_while_looking(tmp_path, monkeypatch):
    paths = write_series(tmp_path, 3)
    read = pydicom.dcmread

    def lose_one(path, **options):
        if Path(path) == paths[2]:
            paths[2].unlink(missing_ok=True)
        return read(path, **options)

    monkeypatch.setattr(pydicom, "dcmread", lose_one)
    volume, text = warned(tmp_path)
    assert volume.array.shape[0] == 2 and paths[2].name in text and "No such file" in text


def test_names_that_are_not_utf8(tmp_path):
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    for path in write_series(Path(os.fsdecode(folder)), 2):
        os.rename(path, os.fsencode(path)[:-4] + b"\xff.dcm")
    assert read_quietly(tmp_path).array.shape[0] == 2
    (series,) = find_archive(tmp_path).series
    assert series.slices == 2


def test_volumes_archives_and_training_read_the_same_files(tmp_path):
    """A series without preambles, one with, a scout, an MR image, a hidden copy, a volume's name, a page, a link."""

    def bare(path):
        dataset = pydicom.dcmread(path)
        Dataset(dict(dataset.items())).save_as(path, implicit_vr=True, little_endian=True)

    for patient in ("p1", "p2"):
        for path in write_series(tmp_path / patient, 3, change=put(SeriesInstanceUID=f"1.2.3.{patient[1]}")):
            if patient == "p1":
                bare(path)
        write_series(tmp_path / patient, 1, prefix="scout", change=put(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]))
        write_series(tmp_path / patient / ".hidden", 1)
        write_series(tmp_path / patient, 1, prefix="page", change=put(SOPClassUID=SECONDARY_CAPTURE))
        shutil.copy(pydicom.data.get_testdata_file("MR_small.dcm", download=False), tmp_path / patient / "mr")
        (tmp_path / patient / "readme").write_text("nothing")
        assert read_quietly(tmp_path / patient).array.shape[0] == 3
    kinds = [entry.kind for entry in look_below(tmp_path)]
    assert kinds.count(SLICE) == 6 and kinds.count(OTHER) == 6 and kinds.count(FOREIGN) == 2 and len(kinds) == 14
    slices = [one for one in find_archive(tmp_path).series if not one.not_ct]
    assert {one.place.name: one.slices for one in slices} == {"p1": 3, "p2": 3}
    patients = find_patients(tmp_path).patients
    assert [scan.full.name for scan in patients.scans] == ["p1", "p2"]
    (tmp_path / "x.nii.gz").write_text("by its name")
    assert VOLUME in [entry.kind for entry in look_below(tmp_path)]


def test_no_description_in_a_message(tmp_path):
    """A description is free text, and people write names into it."""
    write_series(tmp_path, 2, change=put(SeriesDescription="Smith John"))
    write_series(tmp_path, 2, prefix="b", change=put(SeriesDescription="Smith John", SeriesInstanceUID="1.2.3"))
    message = refused(tmp_path)
    assert not re.search("Smith|John", message) and "1.2.3 (2 slices, kernel 'STANDARD')" in message
