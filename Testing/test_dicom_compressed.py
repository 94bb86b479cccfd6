"""Compressed sources, made by other programs' encoders, give the same derived series as the plain one."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_series_maker import expected_hu, write_enhanced, write_series
from LDCTDenoiseLib.derived import Provenance, write_derived_series
from LDCTDenoiseLib.volumes import read_volume
from pydicom.data import get_testdata_file
from pydicom.pixels import get_decoder, get_encoder
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless
from volume_reading import read_quietly

PROVENANCE = Provenance("TV", 1.0, "CPU")

#: Programs of DCMTK with what makes them encode, and the transfer syntax that comes of it.
PROGRAMS = {
    "JPEG lossless, process 14": (["dcmcjpeg", "+el"], "1.2.840.10008.1.2.4.57"),
    "JPEG lossless, first order": (["dcmcjpeg", "+e1"], "1.2.840.10008.1.2.4.70"),
    "JPEG-LS": (["dcmcjpls", "+el"], "1.2.840.10008.1.2.4.80"),
    "RLE": (["dcmcrle"], "1.2.840.10008.1.2.5"),
}


def check(folder, out, expected) -> None:
    """Derive a series from compressed files, plainly stored, and hold its values against the HU expected."""
    syntax = pydicom.dcmread(next(folder.iterdir()), stop_before_pixels=True).file_meta.TransferSyntaxUID
    assert syntax.is_compressed
    volume = read_quietly(folder)
    np.testing.assert_array_equal(volume.array, expected)
    write_derived_series(volume, volume.array + np.int16(1), out, PROVENANCE)
    written = read_volume(out)
    np.testing.assert_array_equal(written.array, expected + 1)
    image = pydicom.dcmread(written.facts["files"][0])
    assert image.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert image.get("LossyImageCompression", "00") == "00"


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("kind", ["series", "enhanced"])
def test_files_of_other_encoders(tmp_path, name, kind):
    command, syntax = PROGRAMS[name]
    if shutil.which(command[0]) is None:
        pytest.skip(f"not installed: {command[0]}")
    if not get_decoder(pydicom.uid.UID(syntax)).is_available:
        pytest.skip("no decoder: python-gdcm is not installed")
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    packed.mkdir()
    expected = expected_hu(range(3))
    if kind == "series":
        write_series(plain, 3)
    else:
        expected = write_enhanced(plain / "multi.dcm")
    for path in plain.iterdir():
        done = subprocess.run([*command, path, packed / path.name], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
    assert pydicom.dcmread(next(packed.iterdir())).file_meta.TransferSyntaxUID == syntax
    check(packed, tmp_path / "out", expected)


def test_files_of_pydicoms_encoder(tmp_path):
    if not get_encoder(JPEGLSLossless).is_available:
        pytest.skip("no encoder: pyjpegls is not installed")
    write_series(tmp_path / "packed", 3, change=lambda k, dataset: dataset.compress(JPEGLSLossless))
    check(tmp_path / "packed", tmp_path / "out", expected_hu(range(3)))


def test_jpeg2000_of_another_encoder(tmp_path):
    """Real CT, lossless, whose header and stream disagree about the sign: only the values of the stream are right."""
    path = Path(shutil.copy(get_testdata_file("J2K_pixelrep_mismatch.dcm", download=False), tmp_path / "in.dcm"))
    if not get_decoder(JPEG2000Lossless).is_available:
        pytest.skip("no decoder: python-gdcm is not installed")
    volume = read_volume(path)
    assert volume.array.min() < -1000 and volume.array.max() > 1000
    write_derived_series(volume, volume.array, tmp_path / "out", PROVENANCE)
    np.testing.assert_array_equal(read_volume(tmp_path / "out").array, volume.array)
