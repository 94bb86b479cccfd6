"""A result appears whole or not at all."""

import errno
import os
import subprocess
import sys

import pytest
from LDCTDenoiseLib import files
from LDCTDenoiseLib.errors import OutputError
from LDCTDenoiseLib.files import check_folder, check_place, replace_folder, write_atomic


def test_a_file_appears_when_the_block_ends_well(tmp_path):
    target = tmp_path / "a.nii.gz"
    with write_atomic(target) as part:
        assert part.name == "a.nii.gz"
        part.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new" and os.listdir(tmp_path) == ["a.nii.gz"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_stood_there_stays_when_it_does_not(tmp_path, error):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(error), write_atomic(target) as part:
        part.write_text("half")
        raise error
    assert target.read_text() == "old" and os.listdir(tmp_path) == ["a.txt"]


def test_a_file_that_somebody_reads_is_replaced_once_they_have(tmp_path, monkeypatch):
    """As on Windows, which refuses to replace a file that is open."""
    target, refused = tmp_path / "a.txt", []
    target.write_text("old")
    replace = os.replace

    def refuse(part, path):
        if len(refused) < 3:
            refused.append(path)
            raise PermissionError(errno.EACCES, "in use")
        replace(part, path)

    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(files, "_READERS", 600.0)
    with write_atomic(target) as part:
        part.write_text("new")
    assert target.read_text() == "new" and len(refused) == 3
    refused.clear()
    monkeypatch.setattr(files, "_READERS", 0.0)
    with pytest.raises(OutputError, match="in use"), write_atomic(target) as part:
        part.write_text("newer")
    assert target.read_text() == "new" and os.listdir(tmp_path) == ["a.txt"]


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    for bad in (tmp_path, tmp_path / "absent" / "a.txt", tmp_path / "file" / "a.txt"):
        with pytest.raises(OutputError, match="cannot write"):
            check_place(bad)
        with pytest.raises(OutputError), write_atomic(bad) as part:
            part.write_text("x")
    with pytest.raises(OutputError, match="it is a file"), replace_folder(tmp_path / "file"):
        pass
    check_place(tmp_path / "good.txt")
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="Permission denied"):
        check_place(tmp_path / "a.txt")
    tmp_path.chmod(0o700)


def test_a_folder_is_filled_at_the_end_and_other_files_stay(tmp_path):
    folder = tmp_path / "deep" / "out"
    with replace_folder(folder) as part:
        (part / "a").write_text("1")
        assert not folder.exists()
    with pytest.raises(ValueError, match="stop"), replace_folder(folder) as part:
        (part / "a").write_text("half")
        raise ValueError("stop")
    with replace_folder(folder) as part:
        (part / "b").write_text("2")
    assert {p.name: p.read_text() for p in folder.iterdir()} == {"a": "1", "b": "2"}
    assert os.listdir(tmp_path / "deep") == ["out"]


def test_a_new_folder_appears_with_all_its_files_at_once(tmp_path, monkeypatch):
    def one_by_one(*_arguments):
        raise AssertionError("a file was moved alone")

    monkeypatch.setattr(os, "replace", one_by_one)
    (tmp_path / "empty").mkdir(mode=0o750)
    (tmp_path / "empty").chmod(0o750)
    for name in ("empty", "absent"):
        with replace_folder(tmp_path / name) as part:
            (part / "a").write_text("1")
            (part / "b").write_text("2")
        assert sorted(os.listdir(tmp_path / name)) == ["a", "b"]
    # Not with the rights of a temporary folder, which is for its owner alone.
    (tmp_path / "plain").mkdir()
    assert (tmp_path / "absent").stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert (tmp_path / "empty").stat().st_mode & 0o777 == 0o750
    assert sorted(os.listdir(tmp_path)) == ["absent", "empty", "plain"]


def test_mount_points_and_links(tmp_path, monkeypatch):
    (tmp_path / "mounted").mkdir()
    (tmp_path / "linked").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "linked", target_is_directory=True)
    monkeypatch.setattr(os.path, "ismount", lambda path: os.path.basename(path) == "mounted")
    for name in ("mounted", "link"):
        with replace_folder(tmp_path / name) as part:
            (part / "a").write_text("1")
            # A mounted folder is another file system than the one around it.
            assert (part.parent.name == "mounted") == (name == "mounted")
        assert os.listdir(tmp_path / name) == ["a"]
    assert (tmp_path / "link").is_symlink() and sorted(os.listdir(tmp_path)) == ["link", "linked", "mounted"]


def test_places_for_a_new_folder(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "filled").mkdir()
    (tmp_path / "filled" / "a").write_text("")
    (tmp_path / "empty").mkdir()
    for name in ("file", "file/below", "filled"):
        with pytest.raises(OutputError, match="cannot write into"):
            check_folder(tmp_path / name)
    for name in ("empty", "absent", "deep/below"):
        check_folder(tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == ["empty", "file", "filled"]


def test_a_full_disk_is_one_line_and_other_errors_stay_what_they_are(tmp_path):
    for block in (write_atomic, replace_folder):
        with pytest.raises(OutputError, match="No space left"), block(tmp_path / "x"):
            raise OSError(errno.ENOSPC, "No space left on device")
        with pytest.raises(FileNotFoundError), block(tmp_path / "x"):
            (tmp_path / "an input that is gone").read_text()
    assert os.listdir(tmp_path) == []


def test_everything_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    """What fsync finds wrong is found before the rename."""
    (tmp_path / "x").write_text("old")

    def full(_handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"), write_atomic(tmp_path / "x") as part:
        part.write_text("new")
    with pytest.raises(OutputError, match="No space left"), replace_folder(tmp_path / "folder") as part:
        (part / "a").write_text("new")
    assert os.listdir(tmp_path) == ["x"] and (tmp_path / "x").read_text() == "old"


@pytest.mark.skipif(sys.platform == "win32", reason="a folder cannot be locked there")
def test_what_a_killed_process_left_goes_and_what_another_fills_stays(tmp_path):
    """A process is killed while it fills a part; the next one that writes that name takes the part away."""
    code = (
        "import os, signal, sys; from LDCTDenoiseLib.files import {way}\n"
        "with {way}(sys.argv[1]) as part:\n"
        "    (part if part.is_dir() else part.parent).joinpath('patient').write_text('x')\n"
        "    print('ready', flush=True); sys.stdin.read(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def parts():
        return [name for name in os.listdir(tmp_path) if name.endswith(".part")]

    for way in ("write_atomic", "replace_folder"):
        other = subprocess.Popen([sys.executable, "-c", code.format(way=way), tmp_path / "a.nii"], env=environment,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
        with other:
            assert other.stdout.readline() == b"ready\n"
            check_place(tmp_path / "a.nii")
            assert len(parts()) == 1, "a part that is being filled was taken away"
        assert other.returncode < 0 and len(parts()) == 1
        check_place(tmp_path / "b.nii")
        check_place(tmp_path / "a")
        assert len(parts()) == 1, "a part of another name was taken away"
        with replace_folder(tmp_path / "a.nii"):
            assert len(parts()) == 1
        assert not parts()
        (tmp_path / "a.nii").rmdir()


def test_a_part_is_held_by_a_file_beside_it_where_folders_cannot_be_locked(tmp_path):
    """Windows' way; that the system deletes the file with its process is for Windows to show."""
    import threading

    from LDCTDenoiseLib import files

    part = tmp_path / ".a.nrrd.12345678.part"
    part.mkdir()
    mine = files._hold(part, wait=True)
    assert mine is not None and files._hold(part, wait=False) is None
    got = []
    waiting = threading.Thread(target=lambda: got.append(files._hold(part, wait=True)))
    waiting.start()
    os.close(mine)
    os.unlink(f"{part}.held")  # what closing does there
    waiting.join(60)
    assert got and got[0] is not None
    os.close(got[0])
    assert files._hold(tmp_path / "gone" / "part", wait=True) is None
