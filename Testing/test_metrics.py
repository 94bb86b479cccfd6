"""The metrics against independent computations."""

import csv
import io
import json
import math

import numpy as np
import pytest
from LDCTDenoiseLib.errors import GeometryError, InputError
from LDCTDenoiseLib.hounsfield import PAPER, Window
from LDCTDenoiseLib.metrics import (
    METRICS,
    ROI,
    SSIM_VARIANT,
    Metric,
    Reference,
    Summary,
    compare_volumes,
    measure_images,
    measure_slice,
    measure_volumes,
)
from LDCTDenoiseLib.volumes import Geometry, Volume
from scipy.ndimage import correlate1d


def pair(shape=(3, 40, 50), seed=0):
    rng = np.random.default_rng(seed)
    full = rng.normal(40, 120, shape)
    return full, full + rng.normal(0, 30, shape)


def measure_volume(full, image, **options):
    return measure_volumes(full, {"": image}, **options)[""]


def unit(x):
    return np.clip((x + 160) / 400, 0, 1)


def wang_ssim(a, b):
    """SSIM written out from the paper of Wang et al., without scikit-image."""
    x = np.arange(-5, 6)
    g = np.exp(-(x**2) / (2 * 1.5**2))
    g /= g.sum()

    def blur(image):
        return correlate1d(correlate1d(image, g, axis=0), g, axis=1)[5:-5, 5:-5]

    ma, mb = blur(a), blur(b)
    va, vb, cov = blur(a * a) - ma**2, blur(b * b) - mb**2, blur(a * b) - ma * mb
    c1, c2 = 0.01**2, 0.03**2
    return np.mean((2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2)))


def test_a_slice_against_the_formulas():
    full, low = (x[0] for x in pair())
    quality = measure_slice(full, low)
    rmse = math.sqrt(np.mean((unit(full) - unit(low)) ** 2))
    assert quality.rmse == pytest.approx(rmse, rel=1e-12)
    assert quality.rmse_hu == pytest.approx(400 * rmse, rel=1e-12)
    assert quality.psnr == pytest.approx(-20 * math.log10(rmse), rel=1e-12)
    assert quality.ssim == pytest.approx(wang_ssim(unit(full), unit(low)), abs=1e-6)
    assert quality.window == PAPER


@pytest.mark.parametrize(("psnr", "rmse"), [(22.818, 0.0723), (27.791, 0.0408), (25.727, 0.0517), (26.928, 0.0449)])
def test_psnr_and_rmse_are_related_as_in_table_1(psnr, rmse):
    a = np.full((11, 11), 40.0)
    quality = measure_slice(a, a + 400 * rmse)
    assert quality.psnr == pytest.approx(psnr, abs=0.08)


def test_identical_images():
    full, _ = pair()
    quality = measure_slice(full[0], full[0].copy())
    assert quality.psnr == math.inf and quality.ssim == 1 and quality.rmse == 0
    volume = measure_volume(full, full)
    assert volume["psnr"] == Summary(math.inf, 0) and volume["ssim"].mean == 1 and volume.psnr_all == math.inf
    assert volume.equal == [], "nothing is left to average, so that all count"


def test_the_window_decides_what_counts():
    a = np.full((12, 12), 500.0)
    assert measure_slice(a, a + 300).rmse == 0
    assert measure_slice(a, a + 300, Window(0, 1000)).rmse == pytest.approx(0.3)


def test_integers_do_not_wrap_around():
    a = np.full((12, 12), -30000, np.int16)
    assert measure_slice(a, np.full((12, 12), 30000, np.int16)).rmse == 1


def test_a_volume_is_the_mean_and_spread_of_its_slices():
    full, low = pair()
    each = [measure_slice(a, b) for a, b in zip(full, low, strict=True)]
    seen = []
    volume = measure_volume(full, low, progress=lambda *p: seen.append(p))
    for metric in METRICS:
        values = [getattr(q, metric.key) for q in each]
        assert volume[metric.key].mean == pytest.approx(np.mean(values))
        assert volume[metric.key].sd == pytest.approx(np.std(values))
    assert volume.psnr_all == pytest.approx(-10 * math.log10(np.mean((unit(full) - unit(low)) ** 2)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_slices_of_air_in_both_are_left_out_of_the_means_counted_and_said():
    full, low = pair((5, 20, 20))
    full[0], low[0] = -1000, -990  # both are below the window
    better = low.copy()
    better[0] = 0
    images = {"LDCT": Volume(low), "again": Volume(low.copy()), "odd": Volume(better), "same": Volume(full)}
    comparison = compare_volumes(Volume(full), images)
    first, _, odd, same = comparison.records()
    each = [measure_slice(full[k], low[k]) for k in range(1, 5)]
    for metric in METRICS:
        values = [getattr(q, metric.key) for q in each]
        assert first[metric.column] == pytest.approx(np.mean(values))
        assert first[metric.spread_column] == pytest.approx(np.std(values))
    assert (first["slices"], first["slices_equal"]) == (4, 1) and (odd["slices"], odd["slices_equal"]) == (5, 0)
    assert first["psnr_all_db"] == pytest.approx(-10 * math.log10(np.mean((unit(full) - unit(low)) ** 2)))
    assert (same["psnr_db"], same["slices_equal"]) == (math.inf, 0)
    text = comparison.to_markdown()
    assert "means, as equal to the reference in this window (counted from 1): slice 1 of LDCT, again." in text
    assert "nan" not in text and "PSNR of all voxels (dB)" in text and f"| {first['psnr_all_db']:.2f} |" in text
    alone = compare_volumes(Volume(full), {"LDCT": Volume(low), "again": Volume(low)})
    assert "slice 1 of all images" in alone.caption()
    small = compare_volumes(Volume(full[:, :9]), {"LDCT": Volume(low[:, :9])})
    assert "| – |" in small.to_markdown() and "of 11×11 pixels and more" in small.caption()


def test_one_row_says_all_of_a_metric():
    assert [m.heading for m in METRICS] == ["PSNR (dB)", "SSIM", "RMSE", "RMSE (HU)"]
    assert [m.column for m in METRICS] == ["psnr_db", "ssim", "rmse", "rmse_hu"]
    psnr, _, rmse, _ = METRICS
    assert psnr.text(1, 0.5) == "1.00 ± 0.50" and psnr.text(math.nan) == psnr.text(None) == "–"
    assert psnr.score(2) > psnr.score(1) and rmse.score(1) > rmse.score(2)
    texture = Metric("texture", "texture", 2, better="one")
    assert texture.score(1) > texture.score(1.1) > texture.score(0.5) > texture.score(0)


def test_an_roi_is_measured_on_its_pixels_alone():
    full, low = pair()
    roi = ROI.of("10,30,5,25,1")
    expected = measure_slice(full[1, 5:25, 10:30], low[1, 5:25, 10:30])
    assert measure_volume(full, low, roi=roi).slices == [expected]


def test_ssim_of_an_image_below_its_window_is_not_a_number():
    quality = measure_slice(np.zeros((10, 40)), np.ones((10, 40)))
    assert math.isnan(quality.ssim) and quality.rmse == pytest.approx(1 / 400)
    assert measure_slice(np.zeros((1, 1)), np.ones((1, 1))).rmse_hu == pytest.approx(1)


@pytest.mark.parametrize("shape", [(11, 11), (11, 300), (26, 42), (27, 43), (60, 11), (130, 97), (257, 259)])
@pytest.mark.parametrize("middle", [0.5, 0.98])
@pytest.mark.parametrize("scale", [1.0, 1e-2, 1e-3, 0.0])
def test_ssim_is_that_of_scikit_image(shape, scale, middle):
    from skimage.metrics import structural_similarity

    rng = np.random.default_rng(2)
    a, b = (np.clip(middle + scale * rng.normal(0, 0.4, shape), 0, 1) for _ in range(2))
    b[: shape[0] // 2] = a[: shape[0] // 2]
    expected = structural_similarity(
        a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1
    )
    measured = measure_slice(a, b, Window(0, 1)).ssim
    assert measured == pytest.approx(expected, abs=1e-6)


def test_several_images_are_measured_as_each_alone():
    full, low = pair()
    images = {"LDCT": low[0], "same": full[0], "other": low[1]}
    measured = measure_images(full[0], images)
    assert measured == {label: measure_slice(full[0], image) for label, image in images.items()}
    reference = Reference(full[0])
    assert [reference.measure(image) for image in images.values()] == list(measured.values())
    with pytest.raises(InputError, match="shape"):
        measure_images(full[0], {"small": low[0, :3]})
    with pytest.raises(InputError, match="2D"):
        Reference(full)
    with pytest.raises(InputError, match="empty"):
        Reference(full[0, :0])


@pytest.mark.parametrize("text", ["1,2,3", "a,b,c,d,e", "0,5,0,5,0.5", (1, 2, 3, 4), "1,2,3,4,5,6"])
def test_what_is_no_roi_is_refused(text):
    with pytest.raises(InputError, match="five whole numbers"):
        ROI.of(text)


@pytest.mark.parametrize("roi", ["0,51,0,5,0", "0,5,0,41,0", "0,5,0,5,3", "5,5,0,5,0", "-1,5,0,5,0", "0,5,9,5,0"])
def test_an_roi_outside_is_refused(roi):
    full, low = pair()
    with pytest.raises(InputError, match="does not lie in the volume"):
        measure_volume(full, low, roi=ROI.of(roi))


def test_shapes_must_agree():
    full, low = pair()
    with pytest.raises(GeometryError, match="shape"):
        measure_volume(full, low[:2])
    with pytest.raises(InputError, match="shape"):
        measure_slice(full[0], low[0, :3])
    with pytest.raises(InputError, match="NaN"):
        measure_slice(full[0], full[0] * np.nan)


def test_a_comparison_says_what_differs_in_geometry():
    full, low = pair()
    shifted = Volume(low, Geometry(origin=(0, 0, 2)), "low")
    with pytest.raises(GeometryError, match=r"'full' and 'low'.*origin \(0.0, 0.0, 0.0\) against \(0.0, 0.0, 2.0\)"):
        compare_volumes(Volume(full, name="full"), {"LDCT": shifted})
    with pytest.raises(GeometryError, match="size 50×40×3 against 50×40×2"):
        compare_volumes(Volume(full), {"LDCT": Volume(low[:2])})


def test_the_table_carries_window_range_and_variant_with_every_number():
    full, low = (Volume(x) for x in pair())
    comparison = compare_volumes(full, {"LDCT": low, "same": full}, roi=ROI(0, 20, 0, 20, 1))
    rows = list(csv.DictReader(io.StringIO(comparison.to_csv())))
    assert [r["image"] for r in rows] == ["LDCT", "same"]
    for row in rows:
        assert row["window_lower_hu"] == "-160" and row["window_upper_hu"] == "240" and row["data_range"] == "1"
        assert row["ssim_variant"] == SSIM_VARIANT and row["roi"] == "0,20,0,20,1"
    measured = measure_slice(full.array[1, :20, :20], low.array[1, :20, :20])
    assert float(rows[0]["psnr_db"]) == pytest.approx(measured.psnr, rel=1e-5)
    assert rows[1]["psnr_db"] == "inf"
    parsed = json.loads(comparison.to_json())
    assert parsed["rows"][1]["psnr_db"] == "inf" and parsed["rows"][0]["ssim"] == pytest.approx(measured.ssim)
    assert "[-160, 240] HU" in comparison.to_markdown() and SSIM_VARIANT in comparison.to_markdown()


def test_several_volumes_at_once_are_what_each_is_alone():
    full, low = pair()
    images = {"low": low, "full": full, "shifted": low + 3}
    seen = []
    together = measure_volumes(full, images, progress=lambda *p: seen.append(p))
    assert together == {label: measure_volume(full, image) for label, image in images.items()}
    assert seen == [(n, 3 * len(full)) for n in range(1, 3 * len(full) + 1)]
    with pytest.raises(GeometryError):
        measure_volumes(full, {"low": low, "short": low[:1]})
