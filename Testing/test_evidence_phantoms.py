"""A phantom's modules before and after a method whose effect is known; pylinac where it is, and where not."""

import importlib.util
import json
import os
import sys

import numpy as np
import pytest
from LDCTDenoiseLib.cli.main import main
from LDCTDenoiseLib.errors import InputError, MissingDependencyError
from LDCTDenoiseLib.evidence import phantoms, report, resolution
from LDCTDenoiseLib.phantom import write_series
from LDCTDenoiseLib.volumes import Geometry, Volume
from scipy import ndimage

PIXEL, NOISE, SIGMA = 0.6, 6.0, 1.2


class BlurAndShift:
    name, on_device = "blur", False

    def prepare(self, device):
        pass

    def correction(self, hounsfield):
        return ndimage.gaussian_filter(hounsfield, (0, SIGMA, SIGMA), truncate=6) + 2.0 - hounsfield


def phantom():
    """Three modules of three slices each: four inserts, uniform, two faint disks."""
    side, fine = 340, 3
    y, x = (np.mgrid[: side * fine, : side * fine] - (side * fine - 1) / 2) * PIXEL / fine
    body = np.where(np.hypot(x, y) < 95, 90.0, -1000.0)
    inserts, low = body.copy(), body.copy()
    # A bead, as the ACR phantom has them to measure distances by.
    body[np.hypot(y + 14, x - 14) < 0.8] = 3000
    places = {"Air": (0, -55, -1000), "Delrin": (0, 55, 365), "Acrylic": (55, 0, 115), "Teflon": (-55.3, 0.4, 1000)}
    for row, column, hu in places.values():
        inserts[np.hypot(y - row, x - column) < 6.1] = hu
    for column, radius in ((-40, 7.5), (40, 4.5)):
        low[np.hypot(y, x - column) < radius] = 100
    modules = [ndimage.gaussian_filter(m, 0.5 * fine / PIXEL) for m in (inserts, body, low)]
    array = np.repeat([m.reshape(side, fine, side, fine).mean((1, 3)) for m in modules], 3, axis=0)
    array = array + np.random.default_rng(4).normal(0, NOISE, array.shape)
    middle = (side - 1) / 2
    spots = [
        phantoms.Spot(n, round(middle + r / PIXEL), round(middle + c / PIXEL), 6.1) for n, (r, c, _) in places.items()
    ]
    disks = [phantoms.Spot(f"disk {2 * r:g}", middle, middle + c / PIXEL, r) for c, r in ((-40, 7.5), (40, 4.5))]
    where = phantoms.Modules(1, 4, 7, (middle, middle), spots, disks)
    return Volume(array.astype(np.float32), Geometry((PIXEL, PIXEL, 3.0)), "phantom"), where


@pytest.fixture(scope="module")
def evidence():
    volume, modules = phantom()
    return phantoms.measure_phantom(volume, modules, {"blur": BlurAndShift()}, phantom="CatPhan504")


def value(evidence, quantity, image, tissue):
    return evidence.findings.one(quantity=quantity, image=image, tissue=tissue).value


def test_hu_of_inserts_and_their_shift(evidence):
    for insert, hu in (("Air", -1000), ("Delrin", 365), ("Acrylic", 115), ("Teflon", 1000)):
        assert value(evidence, "insert_hu", phantoms.BEFORE, insert) == pytest.approx(hu, abs=1)
        assert value(evidence, "insert_shift", "blur", insert) == pytest.approx(2, abs=1)
    assert evidence.findings.one(quantity="linearity", image="blur").value == pytest.approx(100, abs=0.2)


def test_resolution_at_the_inserts(evidence):
    f = np.arange(0, 0.5 / PIXEL, 1e-4)
    pixel_and_blur = np.exp(-2 * (np.pi * 0.5 * f) ** 2) * np.sinc(f * PIXEL)
    after = pixel_and_blur * np.exp(-2 * (np.pi * SIGMA * PIXEL * f) ** 2)
    for insert in ("Air", "Delrin", "Teflon"):
        for image, response in ((phantoms.BEFORE, pixel_and_blur), ("blur", after)):
            expected = resolution.falls_to(f, response, 0.5)
            assert value(evidence, "ttf50", image, insert) == pytest.approx(expected, rel=0.05), (insert, image)


def test_noise_and_disks(evidence):
    assert value(evidence, "noise_sd", phantoms.BEFORE, "uniformity module") == pytest.approx(NOISE, rel=0.03)
    assert value(evidence, "noise_sd", "blur", "uniformity module") < 0.4 * NOISE
    assert abs(value(evidence, "phantom_uniformity", "blur", "uniformity module")) < 0.3
    for disk in ("disk 15", "disk 9"):
        assert value(evidence, "disk_contrast", phantoms.BEFORE, disk) == pytest.approx(10, rel=0.2)
    # White noise: the blur takes noise away that the template averages anyway.
    before, after = (value(evidence, "disk_detectability", i, "disk 15") for i in (phantoms.BEFORE, "blur"))
    assert before > 10 and after == pytest.approx(before, rel=0.35)


@pytest.mark.slow
def test_the_report_of_a_phantom(evidence, tmp_path):
    report.write_report(evidence, tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for said in ("CatPhan504 phantom before and after blur", "HU of the inserts", "Low contrast", "uniformity"):
        assert said in page


def test_without_pylinac_a_line_names_it(tmp_path, capsys):
    volume, _ = phantom()
    if importlib.util.find_spec("pylinac") is None:
        with pytest.raises(MissingDependencyError, match="'pylinac' is needed.*--pylinac"):
            phantoms.find_modules(tmp_path, "604", volume)
    with pytest.raises(InputError, match="cannot run"):
        phantoms.find_modules(tmp_path, "604", volume, str(tmp_path / "no-python"))
    with pytest.raises(InputError, match="unknown; choose from CatPhan503"):
        phantoms.phantom_name("Catphan 505")
    with pytest.raises(InputError, match="not a folder"):
        phantoms.find_modules(tmp_path / "a.dcm", "ACR", volume)
    assert phantoms.phantom_name("catphan 600") == "CatPhan600" and phantoms.phantom_name("acr") == "ACR"
    assert main(["evidence", str(tmp_path), "--phantom", "604", "--output", str(tmp_path / "o")]) == 2
    assert "--phantom takes one folder and at least one method" in capsys.readouterr().err


@pytest.mark.skipif("LDCT_PYLINAC" not in os.environ, reason="LDCT_PYLINAC names no Python that has pylinac")
def test_pylinac_says_what_it_does_not_find(tmp_path):
    volume, _ = phantom()
    with pytest.raises(InputError, match="pylinac finds no ACR phantom"):
        phantoms.find_modules(tmp_path, "ACR", volume, os.environ.get("LDCT_PYLINAC", sys.executable))


def acr(folder):
    """An ACR phantom as DICOM: HU module at 0 mm, low contrast at 30, uniformity at 70 and resolution at 100 mm."""
    side, pixel, step = 256, 0.9, 5.0
    y, x = (np.mgrid[:side, :side] - (side - 1) / 2) * pixel

    def put(image, angle, distance, radius, hu):
        a = np.radians(angle)
        image[np.hypot(y - distance * np.sin(a), x - distance * np.cos(a)) < radius] = hu

    slices = []
    for z in np.arange(-20, 121, step):
        image = np.where(np.hypot(x, y) < 100, 0.0, -1000.0)
        if z < 15:
            for angle, hu in ((45, -1000), (225, -95), (135, 120), (-45, 955), (180, 2)):
                put(image, angle, 63, 12.5, hu)
        elif z < 45:
            image[np.hypot(x, y) < 100] = 90
            put(image, -90, 60, 12.5, 96)
        elif z < 85:
            put(image, -45, 20, 0.9, 1500)
            put(image, 135, 80, 0.9, 1500)
        else:
            for n in range(8):
                put(image, 45 * n, 70, 8, 600)
        slices.append(ndimage.gaussian_filter(image, 0.6))
    array = np.stack(slices) + np.random.default_rng(9).normal(0, 4, (len(slices), side, side))
    write_series(np.rint(array).astype(np.int16), folder, (pixel, pixel, step), Manufacturer="none")


@pytest.mark.slow
@pytest.mark.skipif("LDCT_PYLINAC" not in os.environ, reason="LDCT_PYLINAC names no Python that has pylinac")
def test_an_acr_phantom_from_its_folder(tmp_path, capsys):
    acr(tmp_path / "acr")
    command = ["evidence", str(tmp_path / "acr"), "--phantom", "ACR", "--methods", "TV", "--pylinac"]
    assert main([*command, os.environ["LDCT_PYLINAC"], "--output", str(tmp_path / "out")]) == 0, capsys.readouterr().err
    content = json.loads((tmp_path / "out" / "evidence.json").read_text(encoding="utf-8"))
    found = {(f["quantity"], f["image"], f["tissue"]): f["value"] for f in content["findings"]}
    for insert, hu in (("Air", -1000), ("Poly", -95), ("Acrylic", 120), ("Bone", 955), ("Water", 2)):
        assert found["insert_hu", phantoms.BEFORE, insert] == pytest.approx(hu, abs=3)
    # Neither bead counts as noise.
    assert found["noise_sd", phantoms.BEFORE, "uniformity module"] == pytest.approx(4, rel=0.05)
    assert found["noise_sd", "TV", "uniformity module"] < 3
    assert found["disk_contrast", phantoms.BEFORE, "disk ROI"] == pytest.approx(6, abs=1)
