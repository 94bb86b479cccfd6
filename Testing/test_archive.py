"""What an archive holds, what is planned for it, which full dose belongs to which low dose, and the ledger."""

import os
import shutil
import sys
from pathlib import Path

import pydicom
import pytest
from archive_maker import files_below, of_series, write_archive, write_what_is_no_ct
from dicom_series_maker import write_enhanced, write_series
from LDCTDenoiseLib.archive import Ledger, Processes, Wishes, check_roots, find_archive, make_plan
from LDCTDenoiseLib.archive.ledger import DONE, Record
from LDCTDenoiseLib.archive.plan import DENOISE, FAIL, MEASURE, SEND, SKIP, output_of
from LDCTDenoiseLib.archive.steps import read
from LDCTDenoiseLib.derived import Provenance, write_derived_series
from LDCTDenoiseLib.errors import InputError, OutputError
from LDCTDenoiseLib.volumes import read_volume, write_volume


def by_uid(found):
    return {one.uid or one.place.as_posix(): one for one in found.series}


#
# Finding
#


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


#
# Planning
#


def plan_of(root, output, wishes=None, **options):
    return {t.series.uid or t.series.place.as_posix(): t
            for t in make_plan(find_archive(root).series, Ledger(output), wishes or Wishes(), **options)}  # fmt: skip


def test_the_plan_follows_the_ledger(tmp_path):
    archive, output = tmp_path / "in", tmp_path / "out"
    made = write_archive(archive, 4)
    write_what_is_no_ct(archive)
    plan = plan_of(archive, output)
    assert {uid for uid, task in plan.items() if task.action == DENOISE} == set(made)
    assert not output.exists()
    first, second, third, _ = (plan[uid].series for uid in made)
    ledger = Ledger(output)
    ledger.begin({})
    for one, result in ((first, DONE), (second, DONE), (third, "failed")):
        ledger.write(Record(one.key, one.uid, "", output_of(one), result, fingerprint=one.fingerprint, attempts=3))
    (output / output_of(first)).mkdir(parents=True)
    (output / output_of(first) / "0001.dcm").write_bytes(b"here")
    (output / output_of(second)).mkdir(parents=True)  # empty: nothing is there
    plan = plan_of(archive, output)
    assert [plan[one.uid].action for one in (first, second, third)] == [SKIP, DENOISE, DENOISE]
    assert plan[third.uid].attempts == 3 and plan[first.uid].reason == "done before"
    assert plan_of(archive, output, Wishes(server="A@b:1"))[first.uid].action == SEND
    write_series(archive / first.place, 1, step=(0, 0, 1), change=of_series(first.uid), prefix="late")
    plan = plan_of(archive, output)
    assert plan[first.uid].action == FAIL and "has changed" in plan[first.uid].reason


def test_output_and_input_may_not_contain_each_other(tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "in")
    for output in ("in", "in/out", ".", "link/out", "in/deep/../out"):
        with pytest.raises(OutputError, match="inside the other"):
            check_roots(tmp_path / "in", tmp_path / output)
    check_roots(tmp_path / "in", tmp_path / "in-2")
    with pytest.raises(InputError, match="no folder"):
        check_roots(tmp_path / "in", tmp_path / "out", tmp_path / "full")
    (tmp_path / "full").mkdir()
    with pytest.raises(OutputError, match="full dose"):
        check_roots(tmp_path / "in", tmp_path / "full" / "out", tmp_path / "full")


def pairs(root, full_root=None, only_named=False):
    full = find_archive(full_root or root).series
    tasks = make_plan(find_archive(root).series, Ledger(root / "no"), Wishes(False, True), full, only_named)
    return {t.series.place.as_posix(): t.partner and t.partner.place.as_posix() for t in tasks if t.action == MEASURE}


def write_at(root, *places):
    for n, place in enumerate(places):
        uid = f"1.{abs(hash(str(root))) % 10**9}.{n}"
        write_series(root / place, 1, change=of_series(uid, SeriesDescription="ABD"))


def test_partners_are_named_alike_but_for_the_dose(tmp_path):
    write_at(tmp_path, "L067/quarter_3mm", "L067/full_3mm", "L067/quarter_1mm", "L067/full_1mm", "L068/quarter_3mm")
    assert pairs(tmp_path, only_named=True) == {
        "L067/quarter_3mm": "L067/full_3mm", "L067/quarter_1mm": "L067/full_1mm",
    }  # fmt: skip


def test_partners_in_another_archive_of_the_same_order(tmp_path):
    write_at(tmp_path / "low", "p1/a", "p1/b", "p2/a", "p3/ld")
    write_at(tmp_path / "full", "p1/a", "p1/b", "p3/fd", "p4/a")
    assert pairs(tmp_path / "low", tmp_path / "full") == {"p1/a": "p1/a", "p1/b": "p1/b", "p3/ld": "p3/fd"}


def test_partners_that_lie_side_by_side(tmp_path):
    """As in TCIA's LDCT-and-Projection-data, where the names of the two folders differ in more than the dose."""
    write_at(tmp_path, "p1/study/1.0-Full Dose Images-71581", "p1/study/2.0-Low Dose Images-39882")
    assert pairs(tmp_path, only_named=True) == {
        "p1/study/2.0-Low Dose Images-39882": "p1/study/1.0-Full Dose Images-71581"
    }


def test_two_that_fit_are_none(tmp_path):
    write_at(tmp_path, "p1/full a", "p1/full b", "p1/low c")
    assert pairs(tmp_path, only_named=True) == {}


def test_partners_in_one_folder_are_told_apart_by_their_description(tmp_path):
    for n, words in enumerate(("Full Dose 3mm", "Low Dose 3mm", "Low Dose 1mm")):
        write_series(tmp_path / "p", 1, change=of_series(f"1.5.{n}", SeriesDescription=words), prefix=str(n))
    series = find_archive(tmp_path).series
    tasks = make_plan(series, Ledger(tmp_path / "no"), Wishes(True, True), series, True)
    partners = {t.series.uid: t.partner and t.partner.uid for t in tasks if t.action == DENOISE}
    assert partners == {"1.5.1": "1.5.0", "1.5.2": None}
    assert [t.action for t in tasks if t.series.uid == "1.5.0"] == [SKIP]


def test_volume_files_have_partners_too(tmp_path):
    write_series(tmp_path / "series", 3)
    volume = read_volume(tmp_path / "series")
    shutil.rmtree(tmp_path / "series")
    for name in ("a_low.nii.gz", "a_full.nrrd", "b_low.mha"):
        write_volume(volume, tmp_path / name)
    assert pairs(tmp_path, only_named=True) == {"a_low.nii.gz": "a_full.nrrd"}


#
# The ledger and the processes
#


def test_a_ledger_goes_on_only_with_what_it_began(tmp_path):
    settings = {"method": "TV", "strength": 1.0}
    Ledger(tmp_path / "out").begin(settings)
    Ledger(tmp_path / "out").begin(settings)
    with pytest.raises(OutputError, match="strength 1.0 instead of 0.5"):
        Ledger(tmp_path / "out").begin({**settings, "strength": 0.5})
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OutputError, match="cannot write"):
        Ledger(tmp_path / "file").begin(settings)
    with pytest.raises(OutputError, match="cannot write"):
        Ledger(tmp_path / "file" / "out").begin(settings)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_output_is_said_at_once(tmp_path):
    (tmp_path / "out").mkdir(mode=0o555)
    with pytest.raises(OutputError, match="Choose a writable place"):
        Ledger(tmp_path / "out").begin({})


def test_one_claims_what_another_gives_back(tmp_path):
    mine, theirs = Ledger(tmp_path), Ledger(tmp_path)
    mine.begin({})
    claim = mine.claim("1.2")
    assert claim and theirs.claim("1.2") is None and theirs.claim("1.3")
    claim.release()
    assert theirs.claim("1.2")


def test_a_record_that_is_damaged_counts_as_none(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.begin({})
    ledger.write(Record("1.2", "1.2", "ä\udcff", notes=["a"], metrics={"psnr_db": float("inf")}))
    assert ledger.record("1.2") == Record("1.2", "1.2", "ä\udcff", notes=["a"], metrics={"psnr_db": float("inf")})
    path = tmp_path / ".ldct-denoise" / "series" / "1.2.json"
    for text in ("", "{", "[]", '{"key": "1.2"}'):
        path.write_text(text)
        assert ledger.record("1.2") is None and not ledger.is_done(ledger.record("1.2"))


def test_what_was_sent_is_kept_by_server_and_a_line_cut_short_is_none(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.begin({})
    ledger.note_sent("k", "A@b:1", "1.1")
    ledger.note_sent("k", "C@d:2", "1.2")
    with (tmp_path / ".ldct-denoise" / "sent" / "k.txt").open("a") as file:
        file.write("1.3 A@")
    assert ledger.sent("k", "A@b:1") == {"1.1"} and ledger.sent("other", "A@b:1") == set()


def test_what_a_killed_process_left_goes_but_not_what_is_under_way(tmp_path):
    ledger, other = Ledger(tmp_path), Ledger(tmp_path)
    ledger.begin({})
    for key in ("1.1", "1.2"):
        (ledger.work_folder(key) / "series").mkdir()
        (tmp_path / ".ldct-denoise" / "work" / f"{key}.json.part").write_text("{")
    claim = other.claim("1.1")
    ledger.clean()
    assert sorted(p.name for p in (tmp_path / ".ldct-denoise" / "work").iterdir()) == ["1.1", "1.1.json.part"]
    claim.release()
    ledger.clean()
    assert files_below(tmp_path / ".ldct-denoise" / "work") == {}


def test_what_lies_in_the_way_stays(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.begin({})
    made = ledger.work_folder("1.1") / "series"
    made.mkdir()
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine.txt").write_text("of the user")
    with pytest.raises(OutputError, match="not of this batch"):
        ledger.publish(made, Record("1.1", "1.1", "", "there", DONE))
    assert (tmp_path / "there" / "mine.txt").read_text() == "of the user" and ledger.record("1.1") is None


def test_processes_begin_with_different_series_and_know_all(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    orders = []
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("LOCAL_RANK", str(rank))
        orders.append(Processes.of_environment().in_turn(list(range(10))))
    assert all(sorted(order) == list(range(10)) for order in orders)
    assert len({order[0] for order in orders}) == 3
    monkeypatch.setenv("RANK", "three")
    with pytest.raises(InputError, match="RANK"):
        Processes.of_environment()
    monkeypatch.delenv("WORLD_SIZE")
    assert Processes.of_environment() == Processes() and Processes().device("auto") == "auto"


def test_each_process_has_the_card_of_its_local_rank(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert Processes(5, 8, 1).device("auto") == "cuda:1" and Processes(5, 8, 5).device("cuda") == "cuda:1"
    assert Processes(5, 8, 1).device("cpu") == "cpu" and Processes(5, 8, 1).device("cuda:0") == "cuda:0"
    assert Processes(0, 1, 0).device("auto") == "auto"
