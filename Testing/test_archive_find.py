"""What an archive holds: series in any mix of folders, and what is no CT."""

import os
import shutil
import sys
from pathlib import Path

import pydicom
import pytest
from archive_maker import of_series, write_archive, write_what_is_no_ct
from dicom_series_maker import write_enhanced, write_series
from LDCTDenoiseLib.archive import find_archive
from LDCTDenoiseLib.archive.plan import output_of
from LDCTDenoiseLib.archive.steps import read
from LDCTDenoiseLib.derived import Provenance, write_derived_series
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.volumes import read_volume


def by_uid(found):
    return {one.uid or one.place.as_posix(): one for one in found.series}


def test_series_are_found_in_any_mix_of_folders(tmp_path):
    write_series(tmp_path / "mixed", 3, change=of_series("1.1"), prefix="a")
    write_series(tmp_path / "mixed", 4, change=of_series("1.2"), prefix="b")
    write_series(tmp_path / "apart" / "one", 6, change=of_series("1.3"), skip=(1, 3, 5))
    write_series(tmp_path / "apart" / "two" / "deep", 6, change=of_series("1.3"), skip=(0, 2, 4))
    write_enhanced(tmp_path / "enhanced" / "all.dcm", 4)
    (tmp_path / "mixed" / "notes.txt").write_text("nothing")
    (tmp_path / ".hidden").mkdir()
    shutil.copy(tmp_path / "enhanced" / "all.dcm", tmp_path / ".hidden")
    found = find_archive(tmp_path)
    series = by_uid(found)
    assert {uid: (one.place.as_posix(), one.slices) for uid, one in series.items() if uid in ("1.1", "1.2", "1.3")} == {
        "1.1": ("mixed", 3), "1.2": ("mixed", 4), "1.3": ("apart", 6),
    }  # fmt: skip
    assert len(series) == 4 and found.others == 1
    assert [one.slices for one in series.values() if one.place.name == "enhanced"] == [4]
    volume = read(series["1.3"])
    assert len(volume.array) == 6
    assert (volume.array == read_volume(tmp_path / "apart").array).all()


def test_what_is_no_ct_is_known_by_its_header(tmp_path):
    write_what_is_no_ct(tmp_path)
    found = by_uid(find_archive(tmp_path))
    assert {uid: one.not_ct for uid, one in found.items()} == {
        "1.9.1": "modality MR", "1.9.2": "localizer", "1.9.3": "modality SR", "1.9.4": "Secondary Capture Image",
    }  # fmt: skip


def test_a_scout_in_a_series_is_left_out_of_it(tmp_path):
    write_series(tmp_path, 4, change=of_series("1.1"))
    write_series(tmp_path, 1, change=of_series("1.1", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), prefix="scout")
    (one,) = find_archive(tmp_path).series
    assert one.slices == len(one.files) == 4 and not one.not_ct


def test_our_own_series_are_not_taken_for_input(tmp_path):
    write_series(tmp_path / "source", 3)
    volume = read_volume(tmp_path / "source")
    write_derived_series(volume, volume.array, tmp_path / "ours", Provenance("TV", 1.0, "CPU"))
    found = find_archive(tmp_path)
    assert sorted(one.not_ct for one in found.series) == ["", "made by LDCTDenoise"]


def test_copies_of_a_file_count_once_and_others_of_its_uid_do_not(tmp_path):
    paths = write_series(tmp_path / "a", 4, change=of_series("1.1"))
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    (one,) = find_archive(tmp_path).series
    assert len(one.files) == 4 and len(read(one).array) == 4
    changed = pydicom.dcmread(tmp_path / "b" / paths[0].name)
    changed.RescaleIntercept = -1000
    changed.save_as(tmp_path / "b" / paths[0].name)
    (one,) = find_archive(tmp_path).series
    assert len(one.files) == 5
    with pytest.raises(InputError, match="more than one slice"):
        read(one)


def test_a_series_in_two_studies_is_not_guessed_at(tmp_path):
    write_series(tmp_path / "a", 2, change=of_series("1.1", StudyInstanceUID="9.1"))
    write_series(tmp_path / "b", 2, step=(0, 0, 50), change=of_series("1.1", StudyInstanceUID="9.2"))
    (one,) = find_archive(tmp_path).series
    assert "2 different studies" in one.damage


def test_damaged_files_are_named_and_other_files_are_not_read(tmp_path):
    (good,) = write_series(tmp_path / "good", 1)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "empty.dcm").write_bytes(b"")
    (tmp_path / "bad" / "cut.dcm").write_bytes(good.read_bytes()[:200])
    (tmp_path / "bad" / "picture.png").write_bytes(b"\x02\x00\x10\x00\x04\x00\x00\x00" + bytes(400))
    (tmp_path / "bad" / "empty").write_bytes(b"")
    found = find_archive(tmp_path)
    (bad,) = [one for one in found.series if one.damage]
    assert "1 more" in bad.damage and bad.place.as_posix() == "bad" and found.others == 2
    assert len(found.series) == 2


def test_a_slice_that_lost_its_series_stops_what_it_may_belong_to(tmp_path):
    """Without it the series would lack a slice, which nothing would show at its ends."""
    write_series(tmp_path / "whole", 3, change=of_series("1.1"))
    paths = write_series(tmp_path / "cut", 3, change=of_series("1.2"))
    dataset = pydicom.dcmread(paths[-1])
    del dataset.SeriesInstanceUID
    dataset.save_as(paths[-1])
    found = by_uid(find_archive(tmp_path))
    assert "names no series" in found["1.2"].damage and not found["1.1"].damage
    assert paths[-1].name in found["cut"].damage


@pytest.mark.slow
def test_thousands_of_other_files_do_no_harm(tmp_path):
    made = write_archive(tmp_path, 2)
    for n in range(3000):
        (tmp_path / f"{n}.txt").write_bytes(bytes([n % 256]) * (n % 300))
    counted = []
    found = find_archive(tmp_path, counted.append)
    assert {one.uid: one.slices for one in found.series} == made and found.others == 3000
    assert counted[-1] == 3000 + sum(made.values())


def test_an_archive_that_is_not_there_is_said(tmp_path):
    with pytest.raises(InputError, match="no folder"):
        find_archive(tmp_path / "absent")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="needs a user who may not read everything")
def test_a_folder_that_may_not_be_read_does_not_end_the_search(tmp_path):
    write_archive(tmp_path, 1)
    (tmp_path / "closed").mkdir(mode=0)
    found = by_uid(find_archive(tmp_path))
    assert "cannot be read" in found["closed"].damage and len(found) == 2


def test_a_uid_that_is_none_gives_a_name_that_is_one(tmp_path):
    write_series(tmp_path / "a", 1, change=of_series("../../etc"))
    write_series(tmp_path / "b", 1, change=of_series("1.2"))
    for one in find_archive(tmp_path).series:
        assert "/" not in one.key and ".." not in one.key and len(one.key) < 65
        assert Path(output_of(one)).parent.as_posix() == one.place.as_posix()
