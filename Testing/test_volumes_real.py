"""Real CT, when LDCT_DATA names the folder that holds it (dicom/KiTS-00072 and train/*.nii.gz)."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from LDCTDenoiseLib.errors import InputError, LDCTWarning
from LDCTDenoiseLib.volumes import Volume, check_ct, read_volume, write_volume

DATA = Path(os.environ.get("LDCT_DATA", "/nowhere"))
SERIES = DATA / "dicom" / "KiTS-00072"
pytestmark = [
    pytest.mark.skipif(not SERIES.is_dir(), reason="LDCT_DATA does not name the development data"),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def series() -> Volume:
    return read_volume(SERIES)


def test_the_series_is_what_simpleitk_reads(series):
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(SERIES)))
    image = reader.Execute()
    np.testing.assert_array_equal(series.array, sitk.GetArrayFromImage(image))
    assert series.array.dtype == np.int16 and series.array.shape == (18, 512, 512)
    np.testing.assert_allclose(series.geometry.spacing, image.GetSpacing(), atol=1e-6)
    np.testing.assert_allclose(series.geometry.origin, image.GetOrigin(), atol=1e-6)
    np.testing.assert_allclose(series.geometry.direction, image.GetDirection(), atol=1e-6)
    assert series.facts["description"] == "arterial" and series.facts["window"] == (30.0, 350.0)


def test_the_series_is_ct_and_survives_a_round_trip(series, tmp_path):
    assert check_ct(series) is series
    few = series.with_array(series.array[:4])
    write_volume(few, tmp_path / "x.nrrd")
    back = read_volume(tmp_path / "x.nrrd")
    np.testing.assert_array_equal(back.array, few.array)
    assert not back.geometry.difference(series.geometry)


def test_a_slice_taken_out_of_the_series_is_missed(tmp_path):
    for path in SERIES.iterdir():
        if path.name != "0007.dcm":
            shutil.copy(path, tmp_path)
    with pytest.warns(LDCTWarning, match="1 missing between"):
        assert read_volume(tmp_path).array.shape[0] == 17


@pytest.mark.parametrize("name", ("train/abdomen_KiTS_00072.nii.gz", "train/chest_LIDC_0001.nii.gz"))
def test_real_values_pass_in_hu_and_not_with_an_offset(name):
    volume = read_volume(DATA / name)
    check_ct(volume)
    stored = volume.with_array((volume.array + 1024).astype(np.uint16))
    with pytest.raises(InputError, match="--hu-offset -1024"):
        check_ct(stored)
    np.testing.assert_array_equal(check_ct(stored, hu_offset=-1024).array, volume.array)
    rng = np.random.default_rng(0)
    for _ in range(50):
        j, i = rng.integers(100, 380, 2)
        check_ct(volume.with_array(volume.array[2:4, j : j + 32, i : i + 32]))
