"""What a scan is, in words and numbers, and what is unusual about it."""

import json
import warnings

import numpy as np
import pytest
from LDCTDenoiseLib.cli.main import main
from LDCTDenoiseLib.engine import denoise_array
from LDCTDenoiseLib.errors import LDCTWarning
from LDCTDenoiseLib.methods import make_denoiser
from LDCTDenoiseLib.scan import measure_scan, outside, remarks_on
from LDCTDenoiseLib.volumes import Geometry, Volume, read_volume, write_volume
from scipy import ndimage


def scan(
    sd=18.0, blur=0.7, pixel=0.8, size=400, radius=150.0, bone=0.0, facts=None, slices=3, seed=1, spacing=3.0
) -> Volume:
    """Return a body of soft tissue in air, with a ring of bone `bone` mm wide and the noise of a ramp filter."""
    y, x = (np.mgrid[:size, :size] - (size - 1) / 2) * pixel
    distance = np.hypot(y, x)
    image = np.where(distance < radius, 45.0, -1000.0)
    image[(distance < radius) & (distance > radius - bone)] = 900
    white = np.random.default_rng(seed).standard_normal((slices, size, size))
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size))
    noise = ndimage.gaussian_filter(np.fft.ifft2(np.fft.fft2(white) * np.sqrt(frequency)).real, (0, blur, blur))
    array = np.rint(image + noise * (sd / noise.std())).clip(-1024, 3071).astype(np.int16)
    return Volume(array, Geometry((pixel, pixel, spacing)), "scan", facts or {})


@pytest.mark.slow
def test_an_ordinary_scan_is_described_and_not_unusual():
    facts = measure_scan(scan())
    assert facts.noise.sd == pytest.approx(18, rel=0.05) and facts.words.startswith("noise 18 HU")
    assert facts.words.endswith("0.80 mm, axial")
    assert facts.body_diameter == pytest.approx(300, rel=0.05) and outside(facts) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "unusual, words",
    [
        ({"sd": 0.5}, "hardly any noise"),
        ({"blur": 2.5}, "coarse"),
        ({"blur": 0.0}, "sharp"),
        ({"pixel": 0.3, "size": 700, "radius": 90.0}, "pixels of 0.30 mm"),
        ({"radius": 85.0, "bone": 7.0, "size": 256}, "head"),
        ({"facts": {"body_part": "HEAD"}}, "head"),
        ({"facts": {"scanner": "On-Board Imager (OBI)"}}, "cone-beam"),
        ({"facts": {"derivation": "LDCTDenoise 1.0; method DCSCN"}}, "denoised"),
        ({"facts": {"thickness": 20.0}}, "slices of 20 mm"),
        ({"facts": {"description": "CBCT 2"}}, "cone-beam scan by its headers"),
        ({"sd": 45.0, "blur": 1.2}, "cone-beam CT (strong noise for so smooth a kernel)"),
        ({"sd": 22.0, "blur": 1.2, "spacing": 0.8}, "cone-beam CT (strong noise for so smooth a kernel, cubic voxels)"),
        ({"sd": 6.0, "spacing": 1.0}, "denoised or iteratively reconstructed already (5.9 HU of noise"),
    ],
)
def test_what_networks_were_not_trained_on_is_named(unusual, words):
    found = outside(measure_scan(scan(**unusual)))
    assert any(words in phrase for phrase in found), found


class _Smoother:
    """Takes out the finer part of the noise, as a network does that sees some pixels around each."""

    name, on_device = "smoother", False

    def prepare(self, device):
        pass

    def correction(self, hounsfield):
        return 0.7 * (ndimage.gaussian_filter(hounsfield, (0, 2, 2)) - hounsfield)


@pytest.mark.slow
@pytest.mark.parametrize("method, words", [("", "noisier scan"), ("TV", "flat in patches"), ("NLM", "of noise")])
def test_an_image_that_was_denoised_looks_it(method, words):
    low = scan(sd=40.0, size=480, radius=180.0)
    output = low.with_array(denoise_array(low.array, make_denoiser(method) if method else _Smoother()))
    assert outside(measure_scan(low)) == []
    assert any("denoised" in phrase and words in phrase for phrase in outside(measure_scan(output)))


@pytest.mark.slow
def test_a_narrow_round_field_that_cuts_the_body_looks_like_cone_beam_ct():
    volume = scan(size=340)
    y, x = (np.mgrid[:340, :340] - 169.5) * 0.8
    volume.array[:, np.hypot(y, x) > 120] = -1024
    facts = measure_scan(volume)
    assert facts.looks.field_diameter == pytest.approx(240, rel=0.03) and facts.looks.field_cut > 0.5
    assert outside(facts) == ["it looks like cone-beam CT (a round field of 240 mm cuts the body)"]


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 9, 400), (2, 40, 40), (1, 300, 22)])
@pytest.mark.parametrize("value", [-1024, 45, 3071, np.float32(1e30)])
def test_odd_volumes_are_measured_or_said_not_to_be(shape, value):
    volume = Volume(np.full(shape, value), Geometry((0.8, 0.3, 3.0)), "odd")
    facts = measure_scan(volume)
    assert facts.words and json.dumps(facts.to_dict())
    with pytest.warns(LDCTWarning, match="'odd' is unlike"):
        assert remarks_on(volume, _Network())


def test_a_models_own_ranges_count():
    facts = measure_scan(scan())
    assert "sharp" in outside(facts, {"noise_frequency": (0.1, 0.2)})[0]


class _Network:
    name, on_device = "DCSCN", True


def test_one_warning_names_it_all():
    volume = scan(sd=0.5, facts={"body_part": "HEAD"})
    with pytest.warns(LDCTWarning, match="hardly any noise.*head") as told:
        remarks = remarks_on(volume, _Network())
    assert len(told) == 1 and remarks[0].startswith("unusual scan: ")


def test_an_ordinary_scan_is_not_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert remarks_on(scan(), _Network()) == ()


def test_words_of_headers_count_whole():
    facts = measure_scan(scan(facts={"scanner": "Mobile Exviewer 4", "derivation": "forehead phantom"}))
    assert outside(facts) == []


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
def test_our_own_output_is_known_again_by_its_file(tmp_path, suffix):
    write_volume(scan(), tmp_path / f"scan{suffix}")
    assert main(["denoise", str(tmp_path / f"scan{suffix}"), str(tmp_path / f"out{suffix}"), "--method", "DCSCN"]) == 0
    with pytest.warns(LDCTWarning, match="denoised"):
        remarks_on(read_volume(tmp_path / f"out{suffix}"), _Network())


def test_a_round_field_is_padding():
    volume = scan()
    y, x = np.mgrid[-200:200, -200:200]
    volume.array[:, np.hypot(y, x) > 190] = -2000
    assert measure_scan(volume).padding == pytest.approx((np.hypot(y, x) > 190).mean(), abs=0.01)


@pytest.mark.slow
def test_inspect_prints_it(tmp_path, capsys):
    path = tmp_path / "scan.nrrd"
    write_volume(scan(facts={}), path)
    assert main(["inspect", str(path)]) == 0
    text = capsys.readouterr().out
    assert "scan.nrrd: noise 18 HU" in text and "windows" in text and "0.800×0.800 mm" in text
    assert main(["inspect", str(path), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["noise"]["sd"] == pytest.approx(18, rel=0.05) and facts["orientation"] == "axial"
    assert facts["unusual"] == []


def test_inspect_says_what_cannot_be_measured(tmp_path, capsys):
    path = tmp_path / "air.nrrd"
    array = np.random.default_rng(0).normal(-1000, 10, (2, 64, 64)).astype(np.int16)
    write_volume(Volume(array, Geometry((0.8, 0.8, 3.0))), path)
    assert main(["inspect", str(path), "--hu-offset", "0"]) == 0
    assert "not measurable" in capsys.readouterr().out
