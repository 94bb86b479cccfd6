"""What HU look like: eight and more scales that are none are refused, and nothing that is CT is."""

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from LDCTDenoiseLib.cli.main import main
from LDCTDenoiseLib.errors import InputError, LDCTWarning
from LDCTDenoiseLib.volumes import Volume, check_ct, read_volume, write_volume

DATA = os.environ.get("LDCT_DATA")


def body(noise: float, slices: int = 4, size: int = 128, air: float = -1000) -> np.ndarray:
    """A body of fat, soft tissue, lung, spine and a bright organ in air; int16 HU."""
    j, i = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    one = np.full((size, size), air)
    for (x, y, a, b), hu in (
        ((0, 0, 0.9, 0.7), -100), ((0, 0, 0.84, 0.64), 50), ((0.4, -0.1, 0.2, 0.25), -820),
        ((0, 0.4, 0.15, 0.15), 700), ((-0.4, -0.1, 0.15, 0.1), 120),
    ):  # fmt: skip
        one[((i - x) / a) ** 2 + ((j - y) / b) ** 2 < 1] = hu
    rng = np.random.default_rng(int(noise))
    return (one + rng.normal(0, noise, (slices, size, size))).clip(-1024, 3071).round().astype(np.int16)


def with_border(array, value):
    return np.where(np.arange(array.shape[-1]) < 10, value, array).astype(array.dtype)


def circle(array, value):
    j, i = np.mgrid[-1 : 1 : array.shape[1] * 1j, -1 : 1 : array.shape[2] * 1j]
    return np.where(i**2 + j**2 < 1, array, value).astype(array.dtype)


#: Each makes of int16 HU what is none.
SCALES = {
    "z-scores": lambda a: ((a + 450) / 500).astype(np.float32),
    "HU / 1000": lambda a: (a / 1000).astype(np.float32),
    "HU / 10": lambda a: (a / 10).astype(np.float32),
    "HU x 2": lambda a: (a * 2).astype(np.int16),
    "HU / 2": lambda a: (a / 2).astype(np.float32),
    "water is 1": lambda a: (a / 1000 + 1).clip(0).astype(np.float32),
    "per cent of water": lambda a: (a / 10 + 100).astype(np.float32),
    "per cent, whole": lambda a: np.rint(a / 10 + 100).astype(np.int16),
    "1 / cm": lambda a: (0.19 * (1 + a / 1000)).astype(np.float32),
    "1 / mm": lambda a: (0.019 * (1 + a / 1000)).astype(np.float32),
    "1 / m": lambda a: (19 * (1 + a / 1000)).astype(np.float32),
    "window, 0 to 255": lambda a: ((a.clip(-160, 240) + 160) / 400 * 255).astype(np.float32),
    "window, whole": lambda a: ((a.clip(-160, 240) + 160) / 400 * 255).astype(np.int16),
    "window, per cent": lambda a: ((a.clip(-160, 240) + 160) / 4).astype(np.float32),
    "stretched over 16 bits": lambda a: ((a + 1024.0) / 4095 * 65535).astype(np.uint16),
    "wrapped at 16 bits": lambda a: a.view(np.uint16),
    "bytes swapped": lambda a: a.byteswap(),
    "32768 added": lambda a: (a + 32768.0).astype(np.uint16),
    "offset taken off twice": lambda a: (a - 1024).astype(np.int16),
    "offset, blank border": lambda a: with_border((a + 1024).astype(np.int16), -1024),
    "offset, blank circle": lambda a: circle((a + 1024).astype(np.int16), -2000),
    "offset 1000, border 0": lambda a: with_border((a + 1000).astype(np.int16), 0),
    "upside down": lambda a: (-a).astype(np.int16),
    "upside down from 1024": lambda a: (1024 - a).astype(np.int16),
    "upside down, unsigned": lambda a: (3071 - a).astype(np.uint16),
    "mean 0": lambda a: (a - a.mean()).astype(np.float32),
}

#: Each makes of HU what still is HU.
STILL_HU = {
    "as it is": lambda a: a,
    "float": lambda a: a.astype(np.float32),
    "fractions": lambda a: a + 0.25,
    "circle of -1024": lambda a: circle(a, -1024),
    "circle of -2000": lambda a: circle(a, -2000),
    "circle of -3024": lambda a: circle(a, -3024),
    "circle of 0": lambda a: circle(a, 0),
    "border of -1024": lambda a: with_border(a, -1024),
    "border of 0": lambda a: with_border(a, 0),
    "border of 3071": lambda a: with_border(a, 3071),
    "metal": lambda a: np.where(np.indices(a.shape)[1] == 70, 20000, a),
    "lungs alone": lambda a: np.where((a < -550) & (a > -950), a, -1024),
    "lungs alone on 0": lambda a: np.where((a < -550) & (a > -950), a, 0),
    "display range": lambda a: a.clip(-1000, 400),
    "fewer pixels": lambda a: a[:, ::3, ::3],
    "on its side": lambda a: np.moveaxis(a, 1, 0),
    "air alone": lambda a: a[:, :8],
}

#: Too little of a scan to know: taken, with a word.
UNKNOWN = {
    "a cut of soft tissue": lambda a: a[:, 55:75, 55:75],
    "a cut of bone and tissue": lambda a: a[:, 70:100, 54:74],
    "a window of HU": lambda a: a.clip(-160, 240),
}


def passes(array) -> list[str]:
    volume = Volume(np.ascontiguousarray(array), name="scan")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert check_ct(volume) is volume
    return [str(w.message) for w in caught if issubclass(w.category, LDCTWarning)]


@pytest.mark.parametrize("noise", (8, 40))
@pytest.mark.parametrize("scale", SCALES)
def test_what_is_no_hu_is_refused(scale, noise):
    with pytest.raises(InputError, match="not in HU") as caught:
        check_ct(Volume(SCALES[scale](body(noise)), name="scan"))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


@pytest.mark.parametrize("noise", (3, 12, 40, 90))
@pytest.mark.parametrize("kind", STILL_HU)
def test_what_is_hu_passes_without_a_word(kind, noise):
    assert passes(STILL_HU[kind](body(noise))) == []


@pytest.mark.parametrize("kind", UNKNOWN)
def test_what_cannot_be_known_passes_with_a_word(kind):
    (said,) = passes(UNKNOWN[kind](body(20)))
    assert "no air" in said


def test_tissue_up_to_every_border_and_phantoms():
    rng = np.random.default_rng(5)
    j, i = np.mgrid[:192, :192]
    disk = np.where(np.hypot(j - 96, i - 96) < 30, 150, 50)
    assert len(passes(np.rint(disk + rng.normal(0, 20, (2, 192, 192))).astype(np.int16))) == 1
    # Water with inserts up to the border, and in air without noise.
    water = np.where(np.hypot(j - 40, i - 40) < 12, 14, 0) + rng.normal(0, 6, (2, 192, 192))
    assert len(passes(np.rint(water).astype(np.int16))) == 1
    clean = np.select([np.hypot(j - 96, i - 96) < 20, np.hypot(j - 96, i - 96) < 80], [340, 0], -1000)
    assert passes(clean[None].astype(np.int16)) == []
    # A kidney in fat, cut out closely.
    kidney = np.where(np.hypot(j - 96, i - 96) < 60, 180, -100) + rng.normal(0, 9, (2, 192, 192))
    assert len(passes(np.rint(kidney).astype(np.int16))) == 1


def test_a_head_with_its_table_and_without_air_outside():
    rng = np.random.default_rng(1)
    j, i = np.mgrid[-1:1:128j, -1:1:128j]
    radius = np.hypot(i / 0.8, j)
    head = np.select([radius < 0.75, radius < 0.85, radius < 0.9], [30, 1100, 10], -1000).astype(float)
    head[100:] = np.where(radius[100:] > 0.95, -300, head[100:])
    assert passes((head + rng.normal(0, 4, (3, 128, 128))).round().astype(np.int16)) == []
    brain = np.where(radius < 0.75, 30 + rng.normal(0, 6, (3, 128, 128)), 0).round().astype(np.int16)
    assert len(passes(brain)) == 1  # stripped of the skull, blank outside


def test_what_the_user_says_is_taken(tmp_path, capsys):
    array = SCALES["HU / 10"](body(12))
    write_volume(Volume(array), tmp_path / "x.nrrd")
    out = tmp_path / "y.nrrd"
    command = ["denoise", str(tmp_path / "x.nrrd"), str(out), "--method", "TV"]
    assert main(command) == 2 and not out.exists() and "--hu-offset 0" in capsys.readouterr().err
    assert main([*command, "--hu-offset", "0"]) == 0
    assert read_volume(out).array.shape == array.shape
    # An offset that does not lead to HU is no help.
    with pytest.raises(InputError, match="not in HU"):
        check_ct(Volume((body(12) + 3000).astype(np.int16)), hu_offset=-1024)


def test_compare_and_batch_ask_the_same(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    write_volume(Volume(body(30)), tmp_path / "in" / "good.nrrd")
    write_volume(Volume(SCALES["upside down"](body(30))), tmp_path / "in" / "bad.nrrd")
    pair = ["--low", str(tmp_path / "in" / "good.nrrd"), "--full", str(tmp_path / "in" / "bad.nrrd")]
    assert main(["compare", *pair, "--output", str(tmp_path / "c"), "--method", "TV"]) == 2
    assert "not in HU" in capsys.readouterr().err and not (tmp_path / "c").exists()
    with pytest.raises(SystemExit, match="1"):  # partly done
        main(["batch", str(tmp_path / "in"), str(tmp_path / "out"), "--method", "TV"])
    assert "not in HU" in (tmp_path / "out" / "report.csv").read_text()
    assert (tmp_path / "out" / "good.nrrd").exists() and not (tmp_path / "out" / "bad.nrrd").exists()


@pytest.mark.slow
@pytest.mark.skipif(not DATA, reason="LDCT_DATA names no folder of real CT")
def test_no_real_scan_is_refused():
    files = sorted(Path(DATA).glob("**/*.nii.gz"))
    assert files
    for path in files[:: max(1, len(files) // 12)]:
        assert passes(read_volume(path).array[:6]) == []
