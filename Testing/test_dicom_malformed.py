"""Malformed DICOM series: no crash, no wrong image, nothing half-written; the DICOM path is the volume path."""

import errno
import os
import random
import shutil
import warnings

import numpy as np
import pydicom
import pytest
from dicom_mutations_files import MUTATIONS
from dicom_series_maker import expected_hu, set_pixels, stored_values, write_enhanced, write_series
from LDCTDenoiseLib.cli.main import main
from LDCTDenoiseLib.derived import Provenance, write_derived_series
from LDCTDenoiseLib.errors import LDCTError, OutputError
from LDCTDenoiseLib.volumes import read_volume
from pydicom.uid import RLELossless
from volume_reading import without_patient

pytestmark = pytest.mark.slow

PROVENANCE = Provenance("TV", 1.0, "CPU")


def files_below(folder) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def test_there_are_forty():
    assert len(MUTATIONS) >= 40


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_malformed_series(tmp_path, capsys, name):
    source, work = tmp_path / "source", tmp_path / "work"
    source.mkdir()
    work.mkdir()
    truth = MUTATIONS[name](source)
    before = files_below(source)
    code = main(["denoise", str(source), str(work / "out"), "--method", "TV", "--device", "cpu"])
    said = without_patient("".join(capsys.readouterr()))
    lines = [line for line in said.splitlines() if line.startswith("ldct-denoise")]
    assert "Traceback" not in said and files_below(source) == before
    if truth is None:
        assert code == 2 and lines[-1].startswith("ldct-denoise: error: ") and len(lines[-1]) < 700
        assert all("warning: " in line for line in lines[:-1])
        assert files_below(work) == []
        return
    assert code == 0, said
    assert all("warning: " in line for line in lines)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        volume, written = read_volume(source), read_volume(work / "out")
        np.testing.assert_allclose(volume.array, truth, rtol=0, atol=2e-3)
        # The same command with a volume as its output is what the values are held against.
        assert main(["denoise", str(source), str(work / "out.nrrd"), "--method", "TV", "--device", "cpu"]) == 0
        plain = read_volume(work / "out.nrrd")
    outside = np.stack(
        [_outside(part, values) for part, values in zip(volume.facts["slices"], volume.array, strict=True)]
    )
    expected = np.where(outside, np.rint(volume.array), np.rint(plain.array))
    np.testing.assert_array_equal(written.array, expected)
    assert volume.geometry.difference(written.geometry) == ""
    assert len(files_below(work / "out")) == len(set(volume.facts["files"]))
    assert written.facts["series_uid"] != volume.facts["series_uid"]
    for key in ("study_uid", "frame_of_reference_uid"):
        assert written.facts[key] == volume.facts[key]


def _outside(part, values: np.ndarray) -> np.ndarray:
    if not part.padding:
        return np.zeros(values.shape, bool)
    return (values >= part.padding[0]) & (values <= part.padding[1])


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), ValueError()])
def test_nothing_is_left_of_a_series_that_stopped_half_way(tmp_path, monkeypatch, error):
    write_series(tmp_path / "in", 5)
    volume = read_volume(tmp_path / "in")
    save, saved = pydicom.Dataset.save_as, []

    def stumble(dataset, path, **options):
        if len(saved) == 3:
            raise error
        saved.append(path)
        save(dataset, path, **options)

    monkeypatch.setattr(pydicom.Dataset, "save_as", stumble)
    with pytest.raises((OutputError, type(error))):
        write_derived_series(volume, volume.array, tmp_path / "out", PROVENANCE)
    assert len(saved) == 3 and os.listdir(tmp_path) == ["in"]


@pytest.mark.parametrize("seed", range(30))
def test_bytes_that_changed(tmp_path, seed):
    """Whatever bytes of a header are flipped, lost or put in: a series as read, or one line and no file."""
    rng = random.Random(seed)
    source = tmp_path / "in"
    if seed % 3:
        write_series(source, 3, change=(lambda k, dataset: dataset.compress(RLELossless)) if seed % 3 == 2 else None)
    else:
        write_enhanced(source / "multi.dcm")
    path = rng.choice(sorted(source.iterdir()))
    content = bytearray(path.read_bytes())
    for _ in range(rng.choice((1, 1, 3, 10))):
        at, count = rng.randrange(132, 2400), rng.choice((1, 2, 4, 8, 50))
        kind = rng.randrange(3)
        content[at : at + (0 if kind == 1 else count)] = b"" if kind == 0 else rng.randbytes(count)
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            volume = read_volume(source)
            write_derived_series(volume, volume.array, tmp_path / "out", PROVENANCE)
        except LDCTError as error:
            assert "\n" not in without_patient(str(error)) and not (tmp_path / "out").exists()
            return
        written = read_volume(tmp_path / "out")
    np.testing.assert_array_equal(written.array, np.rint(volume.array))


def test_a_full_disk(tmp_path, monkeypatch):
    write_series(tmp_path / "in", 3)
    volume = read_volume(tmp_path / "in")

    def full(*_arguments, **_options):
        # As it comes out of pydicom's depths: wrapped by element, with a traceback for its text.
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise OSError("With tag (7fe0,0010) got exception:\nTraceback ...") from error

    monkeypatch.setattr(pydicom.Dataset, "save_as", full)
    with pytest.raises(OutputError) as caught:
        write_derived_series(volume, volume.array, tmp_path / "out", PROVENANCE)
    assert "No space left" in str(caught.value) and "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == ["in"]


def test_only_dicom_becomes_dicom(tmp_path, capsys):
    write_series(tmp_path / "in", 3)
    assert main(["denoise", str(tmp_path / "in"), str(tmp_path / "low.nrrd"), "--method", "TV"]) == 0
    for source, output, words in (
        ("low.nrrd", "out", "low.nrrd' is not DICOM"),
        ("in", "out.dcm", "a DICOM series is a folder"),
        ("in", "out.png", "unknown format"),
        ("absent", "out", "no file or folder"),
        ("in", "in", "not empty"),
    ):
        assert main(["denoise", str(tmp_path / source), str(tmp_path / output), "--method", "TV"]) == 2
        assert words in capsys.readouterr().err
    assert sorted(os.listdir(tmp_path)) == ["in", "low.nrrd"] and len(os.listdir(tmp_path / "in")) == 3


def test_places_that_cannot_take_a_series(tmp_path):
    write_series(tmp_path / "in", 2)
    volume = read_volume(tmp_path / "in")
    (tmp_path / "file").write_text("")
    (tmp_path / "filled").mkdir()
    (tmp_path / "filled" / "a.dcm").write_text("kept")
    for place in ("file", "file/below", "filled", "in"):
        with pytest.raises(OutputError, match="cannot write into"):
            write_derived_series(volume, volume.array, tmp_path / place, PROVENANCE)
    assert (tmp_path / "filled" / "a.dcm").read_text() == "kept" and len(os.listdir(tmp_path / "in")) == 2
    # An empty folder is as good as none.
    (tmp_path / "empty").mkdir()
    assert len(write_derived_series(volume, volume.array, tmp_path / "empty", PROVENANCE)) == 2


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_media(tmp_path):
    write_series(tmp_path / "in", 3)
    for path in (*(tmp_path / "in").iterdir(), tmp_path / "in"):
        path.chmod(0o500 if path.is_dir() else 0o400)
    volume = read_volume(tmp_path / "in")
    with pytest.raises(OutputError, match="Permission denied"):
        write_derived_series(volume, volume.array, tmp_path / "in" / "out", PROVENANCE)
    assert len(write_derived_series(volume, volume.array, tmp_path / "out", PROVENANCE)) == 3
    (tmp_path / "in").chmod(0o700)


def test_a_source_that_went_or_changed_meanwhile(tmp_path):
    paths = write_series(tmp_path / "in", 3)
    volume = read_volume(tmp_path / "in")
    shutil.copy(paths[0], paths[2])
    for reason in ("changed since it was read", "cannot read"):
        with pytest.raises(ValueError, match=reason):
            write_derived_series(volume, volume.array, tmp_path / "out", PROVENANCE)
        paths[2].unlink(missing_ok=True)
    assert os.listdir(tmp_path) == ["in"]


def test_a_long_series(tmp_path):
    write_series(tmp_path / "in", 150)
    volume = read_volume(tmp_path / "in")
    files = write_derived_series(volume, volume.array, tmp_path / "out", PROVENANCE)
    assert len(files) == 150 and files[-1].name == "0150.dcm"
    np.testing.assert_array_equal(read_volume(tmp_path / "out").array, expected_hu(range(150)))


def test_a_padding_value_of_the_wrong_sign_is_left_out_where_it_does_not_fit(tmp_path):
    def unsigned(k, dataset):
        # The header still says -2000, which among unsigned values is 63536: no pixel has it.
        set_pixels(dataset, stored_values(k).astype(np.uint16))
        dataset.BitsStored, dataset.HighBit = 12, 11

    write_series(tmp_path / "in", 2, change=unsigned)
    volume = read_volume(tmp_path / "in")
    same = write_derived_series(volume, volume.array, tmp_path / "same", PROVENANCE)
    assert pydicom.dcmread(same[0]).PixelPaddingValue == -2000
    array = np.where(volume.array == volume.array.min(), -1500, volume.array)
    for file in write_derived_series(volume, array, tmp_path / "signed", PROVENANCE):
        image = pydicom.dcmread(file)
        assert image.PixelRepresentation == 1 and "PixelPaddingValue" not in image
    np.testing.assert_array_equal(read_volume(tmp_path / "signed").array, array)
