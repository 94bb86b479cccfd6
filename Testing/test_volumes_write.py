"""What cannot be written is refused, and what stood there before stays."""

import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import LDCTDenoiseLib
import numpy as np
import pytest
import SimpleITK as sitk
from LDCTDenoiseLib.errors import OutputError
from LDCTDenoiseLib.volumes import Geometry, check_writable, read_volume, write_volume
from volume_reading import refused_file

SUFFIXES = (".nrrd", ".nii.gz", ".nii", ".mha")
LIBRARY = str(Path(LDCTDenoiseLib.__file__).parent.parent)


def test_a_place_is_checked_before_the_work(tmp_path):
    check_writable(tmp_path / "x.nii.gz")
    assert not list(tmp_path.iterdir())
    for name in ("x.png", "x.dcm", "X.NII.GZ", "gone/x.nrrd"):
        with pytest.raises(OutputError):
            check_writable(tmp_path / name)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_made_a_volume_is_kept_in_its_file(tmp_path, volume, suffix):
    made_by = "LDCTDenoise 1.0; method DCSCN; " + 200 * "x"
    write_volume(volume, tmp_path / f"x{suffix}", made_by)
    kept = read_volume(tmp_path / f"x{suffix}").facts["derivation"]
    assert kept == made_by[:79] if suffix.startswith(".nii") else kept == made_by
    write_volume(volume, tmp_path / f"y{suffix}")
    assert "derivation" not in read_volume(tmp_path / f"y{suffix}").facts


def cannot_write(volume, path) -> str:
    with pytest.raises(OutputError) as caught:
        write_volume(volume, path)
    message = str(caught.value)
    assert "\n" not in message and os.path.basename(path) in message
    return message


def test_unknown_formats_are_named(tmp_path, volume):
    for name in ("x.png", "x.nhdr", "x.mhd", "x.hdr"):
        message = cannot_write(volume, tmp_path / name)
        assert all(suffix in message for suffix in SUFFIXES)
    assert "lower case" in cannot_write(volume, tmp_path / "X.MHA")
    for name in ("x.dcm", "x"):
        message = cannot_write(volume, tmp_path / name)
        assert "folder" in message and ".nrrd" in message
    (tmp_path / "folder.d").mkdir()
    assert "name of a folder" in cannot_write(volume, tmp_path / "folder.d")
    (tmp_path / "folder.nrrd").mkdir()
    assert "folder" in cannot_write(volume, tmp_path / "folder.nrrd")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder.d", "folder.nrrd"]


def test_a_missing_folder(tmp_path, volume):
    cannot_write(volume, tmp_path / "gone" / "x.nrrd")
    (tmp_path / "file").write_text("")
    cannot_write(volume, tmp_path / "file" / "x.nrrd")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="this user may write and read anywhere")
def test_what_the_user_has_no_right_to(tmp_path, volume):
    write_volume(volume, tmp_path / "secret.nii.gz")
    (tmp_path / "secret.nii.gz").chmod(0)
    assert "ermission" in refused_file(tmp_path / "secret.nii.gz")
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert "ermission" in cannot_write(volume, tmp_path / "x.nrrd")
    finally:
        tmp_path.chmod(stat.S_IRWXU)


def test_what_a_format_cannot_hold_is_refused_and_the_old_file_stays(tmp_path, volume):
    path = tmp_path / "x.nii.gz"
    write_volume(volume, path)
    before = path.read_bytes()
    sheared = Geometry(direction=(1.0, 0.2, 0, 0, np.sqrt(1 - 0.04), 0, 0, 0, 1.0))
    assert "sheared" in cannot_write(replace(volume, geometry=sheared), path)
    assert "float16" in cannot_write(volume.with_array(volume.array.astype(np.float16)), path)
    assert "bool" in cannot_write(volume.with_array(volume.array > 0), path)
    for broken in (Geometry(spacing=(1, 0, 1)), Geometry(origin=(np.nan, 0, 0)), Geometry(direction=(1.0,) * 9)):
        cannot_write(replace(volume, geometry=broken), path)
    cannot_write(volume.with_array(np.zeros((0, 3, 3), np.int16)), path)
    cannot_write(volume.with_array(np.zeros((3, 3), np.int16)), path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_a_failing_writer_leaves_nothing(tmp_path, volume, monkeypatch):
    def fail(self, image):
        raise RuntimeError("Exception thrown in SimpleITK\nsitk::ERROR: no space left")

    monkeypatch.setattr(sitk.ImageFileWriter, "Execute", fail)
    message = cannot_write(volume, tmp_path / "x.nrrd")
    assert "sitk" not in message and not list(tmp_path.iterdir())


_WRITE_WITH_LITTLE_ROOM = """
import resource, sys
import numpy as np
from LDCTDenoiseLib.errors import OutputError
from LDCTDenoiseLib.volumes import Volume, write_volume

array = np.random.default_rng(0).normal(0, 300, (8, 64, 64)).astype(np.int16)
for path in sys.argv[1:]:
    for room in (0, 300, 20000, 40000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        try:
            write_volume(Volume(array, name="made"), path)
        except OutputError as error:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            print(error)
        else:
            sys.exit(f"{path} was written with room for {room} bytes")
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="a limit on the size of files is POSIX's")
def test_a_full_disk(tmp_path):
    """Whatever part of a file fits: one line, and what stood there stays."""
    paths = [tmp_path / f"x{suffix}" for suffix in SUFFIXES]
    for path in paths:
        path.write_text("old")
    child = subprocess.run(
        [sys.executable, "-c", _WRITE_WITH_LITTLE_ROOM, *map(str, paths)],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": LIBRARY},
    )  # fmt: skip
    assert child.returncode == 0 and child.stderr == "", child
    lines = child.stdout.splitlines()
    assert len(lines) == 16 and all("disk full" in line or "File too large" in line for line in lines)
    assert all(path.read_text() == "old" for path in paths) and len(os.listdir(tmp_path)) == 4
