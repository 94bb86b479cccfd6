"""A derived series that is written while it is computed: the same as one written afterwards, or nothing."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_series_maker import ROWS, set_pixels, stored_values, write_series
from LDCTDenoiseLib.derived import Provenance, SeriesAlongside, SeriesOptions, write_derived_series
from LDCTDenoiseLib.engine import DenoiseRun
from LDCTDenoiseLib.engine.device import HOST
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.volumes import read_volume

COUNT = 5


class Adds:
    """A method that adds so many HU to each slice."""

    name, on_device = "adds", False

    def __init__(self, *hounsfield: float):
        self._values, self._next = hounsfield, 0

    def prepare(self, device):
        self._next = 0

    def correction(self, hounsfield):
        value = self._values[self._next % len(self._values)]
        self._next += 1
        return np.full(hounsfield.shape, value, np.float32)


@pytest.fixture
def volume(tmp_path):
    def unsigned(k, dataset):
        set_pixels(dataset, stored_values(k).astype(np.uint16))
        dataset.BitsStored, dataset.HighBit = 12, 11

    write_series(tmp_path / "in", COUNT, change=unsigned)
    return read_volume(tmp_path / "in")


def written_early(folder) -> list:
    return sorted(folder.glob(".out.*/*.dcm"))


def wait_until(condition):
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < 300
        time.sleep(0.01)


def elements(path) -> list:
    """All of an image but what is new in each writing: identifiers and the time."""
    own = ("SOPInstanceUID", "SeriesInstanceUID", "InstanceCreationTime", "SeriesTime", "ContentTime",
           "InstanceCreationDate", "SeriesDate", "ContentDate")
    image = pydicom.dcmread(path)
    del image.ContributingEquipmentSequence[0].ContributionDateTime
    return [(e.tag, e.VR, e.value) for e in image if e.keyword not in own]


def test_it_is_the_series_that_is_written_afterwards(tmp_path, volume):
    options = SeriesOptions(compression="rle")
    run = DenoiseRun(volume.array, Adds(3, -2))
    with SeriesAlongside(volume, run, tmp_path / "deep" / "out", options) as series:
        for progress in series:
            # While later slices are not even begun.
            wait_until(lambda n=progress.done: len(written_early(tmp_path / "deep")) == n)
            assert not (tmp_path / "deep" / "out").exists()
        files = series.finish()
    assert [file.parent for file in files] == [tmp_path / "deep" / "out"] * COUNT
    after = write_derived_series(volume, run.output, tmp_path / "after", Provenance.of_run(run), options)
    for early, late in zip(files, after, strict=True):
        assert elements(early) == elements(late)
    np.testing.assert_array_equal(read_volume(tmp_path / "deep" / "out").array, run.output)
    assert not [thread for thread in threading.enumerate() if "series" in thread.name]


def test_values_that_the_form_of_the_source_does_not_hold(tmp_path, volume):
    # Only the last slice goes below what 12 unsigned bits hold.
    run = DenoiseRun(volume.array, Adds(1, 1, 1, 1, -3000))
    with SeriesAlongside(volume, run, tmp_path / "out") as series:
        for progress in series:
            wait_until(lambda n=progress.done: len(written_early(tmp_path)) == n or n == COUNT)
        files = series.finish()
    assert {pydicom.dcmread(file).PixelRepresentation for file in files} == {1}
    np.testing.assert_array_equal(read_volume(tmp_path / "out").array, run.output)
    assert len(list((tmp_path / "out").iterdir())) == COUNT and not written_early(tmp_path)


def test_the_device_that_is_told_is_the_one_at_the_end(tmp_path, volume):
    run = DenoiseRun(volume.array, Adds(1))
    with SeriesAlongside(volume, run, tmp_path / "out") as series:
        for progress in series:
            if progress.done == 2:
                run.device = replace(HOST, words="another device")
        files = series.finish()
    assert all("another device" in pydicom.dcmread(file).DerivationDescription for file in files)


def test_left_early_it_leaves_nothing(tmp_path, volume):
    with pytest.raises(KeyboardInterrupt), SeriesAlongside(
        volume, DenoiseRun(volume.array, Adds(1)), tmp_path / "deep" / "out"
    ) as series:
        for progress in series:
            wait_until(lambda: written_early(tmp_path / "deep"))
            if progress.done == 3:
                with pytest.raises(InputError, match="not finished"):
                    series.finish()
                raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_not_agreed_to_it_leaves_nothing(tmp_path, volume):
    with SeriesAlongside(volume, DenoiseRun(volume.array, Adds(1)), tmp_path / "out") as series:
        for _ in series:
            pass
        wait_until(lambda: len(written_early(tmp_path)) == COUNT)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_what_cannot_be_written_is_told_while_it_runs(tmp_path, volume):
    run = DenoiseRun(volume.array, Adds(1))
    done = 0
    with pytest.raises(InputError, match="cannot read"), SeriesAlongside(volume, run, tmp_path / "out") as series:
        for progress in series:
            done = progress.done
            if done == 1:
                for file in volume.facts["files"][1:]:
                    Path(file).unlink()
            time.sleep(0.2)
    assert 1 <= done < COUNT and [path.name for path in tmp_path.iterdir()] == ["in"]


def test_slices_of_unequal_form_are_written_at_the_end(tmp_path):
    def mixed(k, dataset):
        if k % 2:
            set_pixels(dataset, stored_values(k).astype(np.uint16))

    write_series(tmp_path / "in", COUNT, change=mixed)
    volume = read_volume(tmp_path / "in")
    run = DenoiseRun(volume.array, Adds(2))
    with SeriesAlongside(volume, run, tmp_path / "out") as series:
        for _ in series:
            assert not written_early(tmp_path)
        series.finish()
    written = read_volume(tmp_path / "out")
    np.testing.assert_array_equal(written.array, volume.array + 2)
    assert written.array.shape[1] == ROWS
