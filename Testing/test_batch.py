"""`ldct-denoise batch` as a user runs it: what it leaves behind, says and returns."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading

import numpy as np
import pydicom
import pytest
from archive_maker import files_below, of_series, write_archive, write_what_is_no_ct
from batch_running import batch, check_nothing_half_made, report_of, results
from dicom_mutations_files import MUTATIONS
from dicom_series_maker import PATIENT_ID, SERIES_UID, write_enhanced, write_series
from LDCTDenoiseLib.archive import Ledger, steps
from LDCTDenoiseLib.engine import denoise_array
from LDCTDenoiseLib.methods import make_denoiser
from LDCTDenoiseLib.volumes import read_volume, write_volume

_UID_ROOT = SERIES_UID.rsplit(".", 2)[0].encode() + b"."


@pytest.mark.slow
def test_every_series_is_denoised_as_the_library_does_it(archive, output, capsys):
    made = write_archive(archive, 3)
    write_what_is_no_ct(archive)
    before = files_below(archive)
    assert batch(archive, output) == 0
    assert files_below(archive) == before
    rows = report_of(output)
    assert {uid for uid, row in rows.items() if row["result"] == "done"} == set(made)
    assert sum(row["result"] == "skipped" for row in rows.values()) == 4
    for uid, slices in made.items():
        row = rows[uid]
        assert row["output"] == f"{row['source']}/{uid}" and int(row["slices"]) == slices and row["device"] == "CPU"
        assert all(float(row[f"seconds_{step}"]) > 0 for step in ("read", "compute", "write"))
        source, result = read_volume(archive / row["source"]), read_volume(output / row["output"])
        assert (result.array == denoise_array(source.array, make_denoiser("TV"), "cpu")).all()
        assert result.geometry == source.geometry and len(list((output / row["output"]).iterdir())) == slices
        assert (result.array != source.array).any()
    check_nothing_half_made(output)
    assert "3 done, 4 skipped" in capsys.readouterr().out


def test_a_dry_run_says_it_all_and_writes_nothing(archive, output, capsys):
    made = write_archive(archive, 3)
    write_what_is_no_ct(archive)
    (archive / "odd\nname.txt").write_text("other")
    assert batch(archive, output, "--dry-run") == 0
    said = capsys.readouterr().out
    for uid in made:
        assert re.search(rf"^denoise +\d+ +.*{re.escape(uid)} -> .*{re.escape(uid)}$", said, re.MULTILINE)
    assert "modality MR" in said and "localizer" in said and "1 other files" in said
    assert "3 to denoise" in said and "4 to skip" in said and not output.exists()


@pytest.mark.slow
def test_a_second_run_does_nothing_twice_and_a_new_series_once(archive, output):
    write_archive(archive, 3)
    assert batch(archive, output) == 0
    before = {name: facts for name, facts in files_below(output).items() if name != "report.csv"}
    assert batch(archive, output) == 0
    assert {name: facts for name, facts in files_below(output).items() if name != "report.csv"} == before
    assert set(results(output).values()) == {"done"}
    write_series(archive / "patient 1" / "series 3", 4, change=of_series("1.2.826.0.1.9.3"))
    shutil.rmtree(output / "patient 0" / "series 1")
    write_series(archive / "patient 0" / "series 0", 1, (0, 0, 99), of_series("1.2.826.0.1.9.0"), prefix="late")
    assert batch(archive, output) == 1
    assert results(output) == {
        "1.2.826.0.1.9.0": "failed", "1.2.826.0.1.9.1": "done", "1.2.826.0.1.9.2": "done", "1.2.826.0.1.9.3": "done",
    }  # fmt: skip
    after = files_below(output)
    assert all(after[name] == facts for name, facts in before.items() if name.startswith("patient 1/series 2"))


@pytest.mark.slow
def test_a_failure_in_the_middle_ends_nothing_and_is_tried_again(archive, output, capsys):
    write_archive(archive, 5)
    broken = sorted((archive / "patient 1" / "series 2").iterdir())[0]
    whole = broken.read_bytes()
    broken.write_bytes(whole[:-200])
    assert batch(archive, output) == 1
    told = capsys.readouterr()
    assert "4 done, 1 failed" in told.out and broken.name in told.err
    row = report_of(output)["1.2.826.0.1.9.2"]
    assert row["result"] == "failed" and broken.name in row["error"] and not row["output"]
    assert not (output / "patient 1" / "series 2").exists()
    check_nothing_half_made(output)
    broken.write_bytes(whole)
    assert batch(archive, output) == 0
    assert set(results(output).values()) == {"done"}
    record = json.loads((output / ".ldct-denoise" / "series" / "1.2.826.0.1.9.2.json").read_text())
    assert record["attempts"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("step", ["read", "denoise", "write"])
@pytest.mark.parametrize("error", [RuntimeError("Secret^Person"), MemoryError(), OSError(28, "No space left")])
def test_whatever_goes_wrong_with_one_series_the_others_go_on(archive, output, monkeypatch, capsys, step, error):
    write_archive(archive, 3)
    real = getattr(steps, step)

    def once(first, *more):
        if (first.uid if step == "read" else first.task.series.uid).endswith(".1"):
            raise error
        return real(first, *more)

    monkeypatch.setattr(steps, step, once)
    assert batch(archive, output) == 1
    assert list(results(output).values()) == ["done", "failed", "done"]
    captured = capsys.readouterr()
    told = report_of(output)["1.2.826.0.1.9.1"]["error"]
    assert "Secret" not in captured.out + captured.err + told
    assert any(word in told for word in ("RuntimeError", "too little memory", "No space left"))
    check_nothing_half_made(output)
    monkeypatch.undo()
    assert batch(archive, output) == 0


def test_no_patient_in_what_is_written_beside_the_series(archive, output, capsys):
    write_archive(archive, 2)
    write_series(archive / "bad", 2, (0, 0, 0), of_series("1.7"))
    assert batch(archive, output) == 1
    captured = capsys.readouterr()
    said = captured.out + captured.err + (output / "report.csv").read_text()
    said += "".join(path.read_text() for path in (output / ".ldct-denoise").rglob("*") if path.is_file())
    assert "Secret" not in said and PATIENT_ID not in said


def test_warnings_stand_beside_their_series(archive, output, capsys):
    write_archive(archive, 2)
    write_series(archive / "gap", 8, change=of_series("1.7"), skip=(3, 4))
    assert batch(archive, output) == 0
    rows = report_of(output)
    assert "slices are missing" in rows["1.7"]["notes"]
    assert not any("missing" in row["notes"] for uid, row in rows.items() if uid != "1.7")


@pytest.mark.slow
def test_odd_names(archive, output):
    names = ["ünï cödé", "semi;colon, comma", 'quo"te', "new\nline", "-dash", "%s {x}", "a" * 200]
    for n, name in enumerate(names):
        write_series(archive / name, 2, change=of_series(f"1.6.{n}"))
    raw = str(archive).encode() + b"/latin\xff"
    write_series(archive / "raw", 2, change=of_series("1.6.99"))
    try:
        (archive / "raw").rename(raw.decode("utf-8", "surrogateescape"))
    except OSError:
        pass  # a file system that takes UTF-8 only
    assert batch(archive, output) == 0
    rows = report_of(output)
    assert set(results(output).values()) == {"done"} and len(rows) == len(names) + 1
    for row in rows.values():
        assert len(list((output / row["output"].removeprefix("'")).iterdir())) == 2
    assert batch(archive, output, "--dry-run") == 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are Unicode there")
def test_what_the_system_holds_in_readiness(archive, output):
    """Names that are no Unicode, loops of links, pipes, and folders nested deeper than any path: one line each."""
    made = write_archive(archive, 1)
    volume = read_volume(archive)
    for suffix in (".nii.gz", ".nrrd", ".mha"):
        write_volume(volume, archive / f"x{suffix}")
        (archive / f"x{suffix}").rename(os.fsdecode(os.fsencode(archive) + b"/v\xff" + suffix.encode()))
    for name, target in (("a.dcm", "b.dcm"), ("b.dcm", "a.dcm"), ("l.nii", "l.nii"), ("gone.dcm", "nowhere")):
        (archive / name).symlink_to(target)
    (archive / "folder").mkdir()
    (archive / "folder" / "itself").symlink_to("..")
    for name in ("pipe", "pipe.dcm", "pipe.nii"):
        os.mkfifo(archive / name)
    folder = os.open(archive, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("abc", dir_fd=folder)
        folder, outer = os.open("abc", os.O_RDONLY, dir_fd=folder), folder
        os.close(outer)
    os.close(folder)
    try:
        for _ in range(2):
            assert batch(archive, output) == 1
            rows = report_of(output)
            assert [uid for uid, row in rows.items() if row["result"] == "done"] == list(made)
            failed = {row["source"].rpartition("/")[2]: row["error"] for row in rows.values() if row["error"]}
            assert sum("not UTF-8" in error for error in failed.values()) == 3
            assert "File name too long" in failed["abc"] and "link" in failed["."]
            check_nothing_half_made(output)
    finally:  # deeper than most tools can remove
        subprocess.run(["rm", "-rf", archive / "abc"], check=True)


def test_volume_files_keep_place_and_format_and_label_maps_are_skipped(archive, output, tmp_path):
    write_series(tmp_path / "series", 3)
    volume = read_volume(tmp_path / "series")
    (archive / "p").mkdir(parents=True)
    for name in ("a.nii.gz", "b.nrrd", "p/c.mha"):
        write_volume(volume, archive / name)
    write_volume(volume.with_array((volume.array > 0).astype(np.uint8)), archive / "p" / "labels.nii.gz")
    write_volume(volume.with_array(np.where(volume.array > 100, np.nan, volume.array)), archive / "nan.nrrd")
    assert batch(archive, output) == 1
    assert results(output) == {
        "a.nii.gz": "done", "b.nrrd": "done", "p/c.mha": "done", "p/labels.nii.gz": "skipped", "nan.nrrd": "failed",
    }  # fmt: skip
    expected = denoise_array(volume.array, make_denoiser("TV"), "cpu")
    for name in ("a.nii.gz", "b.nrrd", "p/c.mha"):
        assert (read_volume(output / name).array == expected).all()
    assert report_of(output)["p/labels.nii.gz"]["error"] == "a label map (segmentation)"
    assert batch(archive, output) == 1
    check_nothing_half_made(output)


def test_multi_frame_and_compressed_sources(archive, output):
    expected = write_enhanced(archive / "enhanced" / "all.dcm")

    def compress(k, dataset):
        of_series("1.8")(k, dataset)
        dataset.compress(pydicom.uid.RLELossless, generate_instance_uid=False)

    write_series(archive / "rle", 3, change=compress)
    assert batch(archive, output, "--compression", "rle") == 0
    rows = report_of(output)
    for row in rows.values():
        (some, *_) = (output / row["output"]).iterdir()
        assert pydicom.dcmread(some).file_meta.TransferSyntaxUID == pydicom.uid.RLELossless
    (row,) = [row for uid, row in rows.items() if uid != "1.8"]
    result = read_volume(output / row["output"]).array
    assert (result == denoise_array(expected, make_denoiser("TV"), "cpu")).all()


@pytest.mark.slow
def test_reading_and_writing_overlap_the_computation_with_one_series_ahead(archive, output, monkeypatch):
    """Each step waits for what must be able to run beside it: a batch that does one after the other never ends."""
    write_archive(archive, 4)
    begun = {(step, n): threading.Event() for step in ("read", "denoise", "write") for n in range(4)}
    started = []

    def begin(step, uid, *beside):
        number = int(uid.rsplit(".", 1)[1])
        started.append((step, number))
        begun[step, number].set()
        for other, offset in beside:
            if (other, number + offset) in begun:
                assert begun[other, number + offset].wait(60), f"{step} {number} ran without {other}"

    def patched(name, *beside):
        real = getattr(steps, name)

        def step(first, *more):
            begin(name, first.uid if name == "read" else first.task.series.uid, *beside)
            return real(first, *more)

        monkeypatch.setattr(steps, name, step)

    patched("read")
    patched("write", ("denoise", 1))
    patched("denoise", ("read", 1))
    assert batch(archive, output) == 0
    assert sorted(started) == sorted(begun)
    for n in range(2):  # two ahead would be one too many in memory
        assert started.index(("read", n + 2)) > started.index(("denoise", n))


@pytest.mark.slow
def test_what_another_process_holds_is_waited_for_and_done_when_it_dies(archive, output):
    """Also when there was other work after it."""
    made = write_archive(archive, 4)
    other = Ledger(output)
    other.begin({"method": "TV", "model": "", "strength": 1.0, "volumes": True, "metrics in": ""})
    claims = [other.claim(uid) for uid in list(made)[:2]]

    def die():
        for claim in claims:
            claim.release()

    timer = threading.Timer(4, die)
    timer.start()
    assert batch(archive, output) == 0
    timer.join()
    assert set(results(output)) == set(made) and set(results(output).values()) == {"done"}


@pytest.mark.slow
def test_malformed_series_fail_alone_and_the_others_are_right(archive, output):
    names = list(MUTATIONS)[::6]
    truth = {}
    for n, name in enumerate(names):
        folder = archive / f"{n:02d}"
        folder.mkdir(parents=True)
        truth[folder.name] = MUTATIONS[name](folder)
        for path in folder.rglob("*"):
            if path.is_file():  # a series of its own, by bytes: what is malformed stays so
                path.write_bytes(path.read_bytes().replace(SERIES_UID.encode(), b"%s%03d.1" % (_UID_ROOT, 500 + n)))
    assert batch(archive, output) == 1
    done = {row["source"].split("/")[0]: row for row in report_of(output).values() if row["result"] == "done"}
    assert set(done) == {name for name, hu in truth.items() if hu is not None} and len(done) < len(truth)
    for name, row in done.items():
        source, result = read_volume(archive / name), read_volume(output / row["output"])
        expected = np.rint(denoise_array(source.array, make_denoiser("TV"), "cpu"))
        inside = ~np.isin(source.array, source.facts["padding"])
        assert (result.array[inside] == expected[inside]).all(), names[int(name)]
    check_nothing_half_made(output)
