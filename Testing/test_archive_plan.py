"""What is planned for an archive, and which full dose belongs to which low dose."""

import shutil

import pytest
from archive_maker import of_series, write_archive, write_what_is_no_ct
from dicom_series_maker import write_series
from LDCTDenoiseLib.archive import BatchOptions, Ledger, check_roots, find_archive, make_plan
from LDCTDenoiseLib.archive.file_facts import facts_of
from LDCTDenoiseLib.archive.ledger import DONE, Record
from LDCTDenoiseLib.archive.plan import DENOISE, FAIL, MEASURE, SEND, SKIP, output_of
from LDCTDenoiseLib.errors import InputError, OutputError
from LDCTDenoiseLib.volumes import read_volume, write_volume


def plan_of(root, output, options=None):
    plan = make_plan(find_archive(root).series, Ledger(output), options or BatchOptions())
    return {task.series.uid or task.series.place.as_posix(): task for task in plan}


@pytest.mark.slow
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
        record = Record(one.key, one.uid, "", output_of(one), result, attempts=3)
        record.sources = facts_of(one.files, one.folder)
        if one is first:
            (made := ledger.work_folder(one.key) / "series").mkdir()
            (made / "0001.dcm").write_bytes(b"here")
            ledger.publish(made, record)
        ledger.write(record)
    (output / output_of(second)).mkdir(parents=True)  # empty: nothing is there
    plan = plan_of(archive, output)
    assert [plan[one.uid].action for one in (first, second, third)] == [SKIP, DENOISE, DENOISE]
    assert plan[third.uid].attempts == 3 and plan[first.uid].reason == "done before"
    assert plan_of(archive, output, BatchOptions(server="A@b:1"))[first.uid].action == SEND
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
    tasks = make_plan(find_archive(root).series, Ledger(root / "no"), BatchOptions(False, True), full, only_named)
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
    tasks = make_plan(series, Ledger(tmp_path / "no"), BatchOptions(True, True), series, True)
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
