"""Small files that claim to be large, and headers that point elsewhere: one line, and little memory."""

import gzip
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import LDCTDenoiseLib
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicom_series_maker import write_series
from LDCTDenoiseLib.cli.main import main
from LDCTDenoiseLib.volumes import read_volume
from pydicom.data import get_testdata_file
from pydicom.uid import DeflatedExplicitVRLittleEndian
from volume_reading import read_quietly, refused, refused_file

_READ = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, resource.RLIM_INFINITY))
from LDCTDenoiseLib.errors import LDCTError
from LDCTDenoiseLib.volumes import read_volume
for path in sys.argv[1:]:
    try:
        print("read", read_volume(path).array.shape)
    except LDCTError as error:
        print(error)
# Not ru_maxrss, which counts the process that this one was forked from.
print(next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
ZEROS = 600 << 20  # more than the reader may take


def zeros(length: int, wbits: int) -> bytes:
    """Deflate zeros; a block that stands for itself, over and over, without a checksum behind it."""
    packer = zlib.compressobj(9, wbits=wbits)
    first, again = (packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + again * (length >> 20)


def nrrd(encoding: str, sizes: str, *more: str) -> bytes:
    lines = ("NRRD0004", "type: short", "dimension: 3", f"sizes: {sizes}", f"encoding: {encoding}", "endian: little")
    return "\n".join((*lines, *more)).encode() + b"\n\n"


def meta(sizes: str, data: str = "LOCAL", *more: str) -> bytes:
    lines = ("ObjectType = Image", "NDims = 3", f"DimSize = {sizes}", *more, "ElementType = MET_SHORT")
    return "\n".join((*lines, f"ElementDataFile = {data}\n")).encode()


def nifti(*sizes: int) -> bytes:
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, 3, *sizes, 1, 1, 1, 1)
    struct.pack_into("<2h", head, 70, 4, 16)
    struct.pack_into("<f", head, 108, 352)
    head[344:348] = b"n+1\0"
    return bytes(head)


def _deflated(folder: Path) -> Path:
    path = write_series(folder, 1)[0]
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(path)
    whole = path.read_bytes()
    begin = 144 + int.from_bytes(whole[140:144], "little")
    plain = zlib.decompress(whole[begin:], -zlib.MAX_WBITS)
    # A private element of any length before the pixels.
    huge = struct.pack("<HH2sHI", 0x0009, 0x1001, b"OB", 0, ZEROS)
    middle = plain.index(b"\x10\0\x10\0")
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    start = packer.compress(plain[:middle] + huge) + packer.flush(zlib.Z_FULL_FLUSH)
    path.write_bytes(whole[:begin] + start + zeros(ZEROS, -zlib.MAX_WBITS))
    return path


def _jpeg_2000(folder: Path) -> Path:
    dataset = pydicom.dcmread(get_testdata_file("MR_small_jp2klossless.dcm", download=False))
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    pixels = bytearray(dataset.PixelData)
    struct.pack_into(">2I", pixels, pixels.find(b"\xff\x51") + 6, 65535, 65535)
    dataset.PixelData, dataset.Rows, dataset.Columns, dataset.Modality = bytes(pixels), 65535, 65535, "CT"
    dataset.save_as(folder / "x.dcm")
    return folder / "x.dcm"


def _written(name: str, *parts):
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(b"".join(part() if callable(part) else part for part in parts))
        return folder / name

    return make


GZIP, ZLIB = zlib.MAX_WBITS | 16, zlib.MAX_WBITS
BOMBS = {
    "gzip NRRD that unpacks beyond its header": _written("x.nrrd", nrrd("gzip", "8 8 8"), lambda: zeros(ZEROS, GZIP)),
    "gzip NRRD as large as its header": _written("x.nrrd", nrrd("gzip", "1024 1024 300"), lambda: zeros(ZEROS, GZIP)),
    "gzip NRRD with nothing in it": _written("x.nrrd", nrrd("gzip", "2048 2048 600"), gzip.compress(bytes(500))),
    "raw NRRD of 4 GB in 512 bytes": _written("x.nrrd", nrrd("raw", "2048 2048 512"), bytes(512)),
    "text NRRD of 4 GB": _written("x.nrrd", nrrd("ascii", "2048 2048 512"), b"1 2 3"),
    "MetaImage that unpacks beyond its header": _written(
        "x.mha", meta("8 8 8", "LOCAL", "CompressedData = True"), lambda: zeros(ZEROS, ZLIB)
    ),
    "MetaImage of 4 GB": _written("x.mha", meta("2048 2048 512"), bytes(512)),
    "NIfTI of 4 GB": _written("x.nii", nifti(2048, 2048, 512), bytes(512)),
    "gzip NIfTI that unpacks beyond its header": _written(
        "x.nii.gz", gzip.compress(nifti(8, 8, 8)), lambda: zeros(ZEROS, GZIP)
    ),
    "gzip NIfTI as large as its header": _written(
        "x.nii.gz", gzip.compress(nifti(1024, 1024, 300)), lambda: zeros(ZEROS, GZIP)
    ),
    "deflated DICOM": _deflated,
    "JPEG 2000 of 65535 x 65535": _jpeg_2000,
}


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="a limit on memory is POSIX's")
def test_a_bomb_is_refused_in_little_memory(tmp_path):
    paths = []
    for number, make in enumerate(BOMBS.values()):
        (tmp_path / str(number)).mkdir()
        paths.append(make(tmp_path / str(number)))
        assert paths[-1].stat().st_size < 2 << 20
    child = subprocess.run(
        [sys.executable, "-c", _READ, *map(str, paths)], capture_output=True, text=True, timeout=300,
        env={**os.environ, "PYTHONPATH": str(Path(LDCTDenoiseLib.__file__).parent.parent), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert child.returncode == 0 and child.stderr == "", child.stderr
    *lines, megabytes = child.stdout.splitlines()
    assert len(lines) == len(paths) and int(megabytes) < 500, child.stdout
    for path, line in zip(paths, lines, strict=True):
        assert path.name in line and not line.startswith("read"), line


RAW = np.arange(24, dtype="<i2").tobytes()


def _pointing(folder: Path, name: str, place: str) -> Path:
    header = meta("4 3 2", place) if name.endswith(".mhd") else nrrd("raw", "4 3 2", f"data file: {place}")
    if "LIST" in place:  # the names follow at once, one a line
        header = header.rstrip(b"\n") + b"\n"
    (folder / name).write_bytes(header)
    return folder / name


@pytest.mark.parametrize("name", ("x.nhdr", "x.nrrd", "x.mhd"))
def test_data_lie_beside_their_header(tmp_path, name):
    folder, other = tmp_path / "folder", tmp_path / "other"
    folder.mkdir()
    other.mkdir()
    for place in (folder / "data.raw", other / "data.raw", folder / "0.raw", folder / "1.raw"):
        place.write_bytes(RAW if place.name == "data.raw" else RAW[:24])
    (folder / "link.raw").symlink_to(other / "data.raw")
    expected = np.frombuffer(RAW, "<i2").reshape(2, 3, 4)
    np.testing.assert_array_equal(read_quietly(_pointing(folder, name, "data.raw")).array, expected)
    halves = expected.copy()
    halves[1] = halves[0]
    for place in ("LIST\n0.raw\n1.raw", "%d.raw 0 1 1"):
        np.testing.assert_array_equal(read_quietly(_pointing(folder, name, place)).array, halves)
    elsewhere = ("/etc/passwd", "../other/data.raw", str(other / "data.raw"), "link.raw", "..", "%d.raw/../../x 0 1 1")
    for place in elsewhere:
        message = refused_file(_pointing(folder, name, place))
        assert "not beside it" in message and "--data-elsewhere" in message
    path = _pointing(folder, name, "../other/data.raw")
    np.testing.assert_array_equal(read_volume(path, data_elsewhere=True).array, expected)
    assert "bytes" in refused(_pointing(folder, name, "0.raw"))


def test_the_user_may_say_so(tmp_path, capsys):
    (tmp_path / "data").mkdir()
    (tmp_path / "head").mkdir()
    image = sitk.GetImageFromArray(np.random.default_rng(0).normal(-400, 400, (2, 40, 40)).astype(np.int16))
    sitk.WriteImage(image, str(tmp_path / "data" / "x.mhd"))
    text = (tmp_path / "data" / "x.mhd").read_text().replace("x.raw", "../data/x.raw")
    (tmp_path / "head" / "x.mhd").write_text(text)
    command = ["denoise", str(tmp_path / "head" / "x.mhd"), str(tmp_path / "out.nrrd"), "--method", "TV"]
    assert main(command) == 2 and "not beside it" in capsys.readouterr().err
    assert main([*command, "--data-elsewhere"]) == 0 and (tmp_path / "out.nrrd").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    (
        ("x.mhd", meta("4 3 2", "data.raw\nElementDataFile = /etc/passwd").replace(b"Element", b"element", 2)),
        ("x.mhd", meta("4 3 2", "/etc/passwd").replace(b"ElementDataFile =", b"ElementDataFile:")),
        ("x.mhd", meta("4 3 2", " " * 40000 + "/etc/passwd")),
        ("x.nhdr", nrrd("raw", "4 3 2", "data file: data.raw", "datafile: /etc/passwd")),
        ("x.nhdr", nrrd("raw", "4 3 2", "data file: " + " " * 40000 + "/etc/passwd")),
        ("x.nhdr", nrrd("raw", "4 3 2", "DATA FILE: /etc/passwd")),
        ("x.nhdr", nrrd("raw", "4 3 2", "sizes: 4 3 2")),
        ("x.nhdr", nrrd("raw", "4 -3 2", "data file: data.raw")),
        ("x.nhdr", nrrd("raw", "4 3 " + "9" * 5000, "data file: data.raw")),
        ("x.nhdr", nrrd("bzip2", "4 3 2", "data file: data.raw")),
        ("x.nhdr", nrrd("raw", "4 3 2", "data file: %s%n.raw 0 1 1")),
        ("x.nhdr", nrrd("raw", "4 3 2", "data file: %d.raw 0 999999 1")),
        ("x.nhdr", nrrd("raw", "4 3 2", "data file: LIST")),
        ("x.nhdr", nrrd("raw", "4 3 2", "data file: a\0b")),
    ),
)
def test_headers_that_two_readers_could_take_differently(tmp_path, name, content):
    (tmp_path / "data.raw").write_bytes(RAW)
    (tmp_path / name).write_bytes(content)
    refused_file(tmp_path / name)
