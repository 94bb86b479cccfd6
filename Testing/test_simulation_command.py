"""`ldct-denoise simulate`."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("SimpleITK")

from LDCTDenoiseLib.cli.main import main  # noqa: E402
from LDCTDenoiseLib.simulation import simulate_low_dose  # noqa: E402
from LDCTDenoiseLib.volumes import Geometry, Volume, read_volume, write_volume  # noqa: E402
from poisson_scan import one_thread  # noqa: E402, F401


@pytest.fixture
def full(tmp_path):
    """Write a water cylinder of 20 cm in air and return the file."""
    radius = np.hypot(*(np.indices((64, 64)) - 31.5)) * 4
    array = np.where(radius < 100, 40, -1000).astype(np.int16)[None].repeat(3, axis=0)
    path = tmp_path / "full.nrrd"
    write_volume(Volume(array, Geometry(spacing=(4.0, 4.0, 5.0))), path)
    return path


@pytest.mark.slow
def test_the_command_writes_what_the_library_makes(full, tmp_path, capsys):
    output = tmp_path / "low.nrrd"
    assert main(["simulate", str(full), str(output), "--dose", "0.1", "--seed", "3", "--device", "cpu",
                 "--photons", "340", "--kernel-cutoff", "1"]) == 0
    low, volume = read_volume(output), read_volume(full)
    expected = simulate_low_dose(volume, dose=0.1, photons=340, kernel_cutoff=1, seed=3, device="cpu")
    np.testing.assert_array_equal(low.array, expected.array)
    assert low.array.dtype == np.int16 and low.geometry == volume.geometry
    told = capsys.readouterr()
    # The bar, with the time left, is on standard error; standard output holds the result's line only.
    assert "10% dose: 3 slices" in told.out and len(told.out.splitlines()) == 1 and "3/3" in told.err


@pytest.mark.parametrize(
    "options, words",
    [
        (["--dose", "0"], "dose"),
        (["--dose", "2"], "dose"),
        (["--photons", "-1"], "photons"),
        (["--kernel-cutoff", "9"], "cut-off"),
        (["--seed", "-1"], "seed"),
        (["--device", "abacus"], "abacus"),
    ],
)
def test_a_wrong_option_is_one_line_and_leaves_no_file(full, tmp_path, capsys, options, words):
    output = tmp_path / "low.nrrd"
    assert main(["simulate", str(full), str(output), *options]) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 1 and words in error[0] and not output.exists()


def test_the_full_dose_is_never_overwritten(full, capsys):
    before = full.read_bytes()
    assert main(["simulate", str(full), str(full)]) == 2
    assert "another name" in capsys.readouterr().err and full.read_bytes() == before
