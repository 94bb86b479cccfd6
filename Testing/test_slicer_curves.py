"""Profiles and noise spectra of a scene's volumes, on an oblique grid, against independent numbers."""

import csv

import numpy as np
import pytest
import slicer
import slicer.util
from LDCTDenoiseLib.errors import GeometryError, InputError, OutputError
from LDCTDenoiseSlicer.plots import chartOf
from LDCTDenoiseSlicer.tables import CAPTION
from scipy import ndimage, special
from slicer_volumes import addTransform, addVolume, ct

SHAPE = (6, 60, 70)
SPACING = (0.7, 0.8, 2.5)  # of slicer_volumes' grid, columns first


@pytest.fixture
def images(mrml):
    """An edge across the columns at 35.0, of 1.2 mm, in noise; blurred and smoothed by a method."""
    i = np.arange(70)
    edge = 40 + 120 * special.ndtr((i - 35.0) * SPACING[0] / 1.2)
    rng = np.random.default_rng(1)
    noise = ndimage.gaussian_filter(rng.normal(0, 1, SHAPE), (0, 0.6, 0.6))
    noise *= 12 / noise.std()
    arrays = {"FDCT": edge + 0.02 * noise, "LDCT": edge + noise,
              "NLM": ndimage.gaussian_filter(edge + noise, (0, 1.5, 1.5))}
    return {label: addVolume(mrml, np.broadcast_to(array, SHAPE).astype(np.float32), label)
            for label, array in arrays.items()}


def others(images):
    return {label: node for label, node in images.items() if label != "FDCT"}


def test_a_profile_has_the_edges_width_and_slope(mrml, logic, images):
    line = logic.makeLine(images["LDCT"], (12, 30, 2), (58, 30, 2))
    found = logic.measureProfile(others(images), line, images["FDCT"])
    assert list(found.y) == ["FDCT", "LDCT", "NLM"] and found.x[-1] == pytest.approx(46 * SPACING[0])
    width, slope, step, place = found.values["FDCT"]
    assert width == pytest.approx(2.563 * 1.2, rel=0.03) and slope == pytest.approx(120 / 1.2 / 2.5066, rel=0.03)
    assert (step, place) == pytest.approx((120, 23 * SPACING[0]), rel=0.03)
    assert found.values["NLM"][0] > 1.2 * width
    own = ndimage.map_coordinates(slicer.util.arrayFromVolume(images["LDCT"]).astype(float), np.stack(
        [np.full(len(found.x), 2.0), np.full(len(found.x), 30.0), np.linspace(12, 58, len(found.x))]), order=1)
    assert found.y["LDCT"] == pytest.approx(own, abs=1e-3)
    # Averaged over 8 mm beside it there is less noise, and the edge is the same; so it is under a transform.
    wide = logic.measureProfile(others(images), line, images["FDCT"], width=8)
    assert wide.y["LDCT"][:20].std() < 0.6 * found.y["LDCT"][:20].std()
    assert wide.values["LDCT"][0] == pytest.approx(width, rel=0.25) and "over 8 mm" in wide.caption()
    transform = addTransform(mrml)
    for node in (*images.values(), line):
        node.SetAndObserveTransformNodeID(transform.GetID())
    assert logic.measureProfile(others(images)).y["LDCT"] == pytest.approx(found.y["LDCT"], abs=1e-3)


def test_a_profile_across_the_slices_and_lines_that_are_none(mrml, logic, images):
    line = logic.makeLine(images["LDCT"], (20, 30, 0), (20, 30, 5))
    found = logic.measureProfile({"LDCT": images["LDCT"]}, line, width=3)
    assert found.x[-1] == pytest.approx(5 * SPACING[2]) and np.isfinite(found.y["LDCT"]).all()
    with pytest.raises(InputError, match="4.2 mm|mm long"):
        logic.measureProfile(others(images), logic.makeLine(images["LDCT"], (3, 3, 2), (5, 3, 2)))
    with pytest.raises(InputError, match="lies outside of 'LDCT'"):
        logic.measureProfile(others(images), logic.makeLine(images["LDCT"], (3, 90, 2), (50, 90, 2)))
    with pytest.raises(InputError, match="not been drawn"):
        logic.measureProfile(others(images), mrml.AddNewNodeByClass("vtkMRMLMarkupsLineNode"))
    with pytest.raises(InputError, match="0 mm or more"):
        logic.measureProfile(others(images), line, width=-1)
    with pytest.raises(GeometryError):
        logic.measureProfile({"LDCT": images["LDCT"], "other": addVolume(mrml, ct((3, 8, 8)), "other")}, line)


def test_a_spectrum_is_that_of_the_regions_noise(mrml, logic, images):
    with pytest.raises(InputError, match="no region yet"):
        logic.measureSpectrum(others(images))
    logic.makeRegion(images["LDCT"], (40, 44, 20, 24, 2), role="lesion")
    flat = logic.makeRegion(images["LDCT"], (2, 30, 10, 50, 2), role="background", name="liver")
    found = logic.measureSpectrum(others(images), reference=images["FDCT"])
    low, smooth = found.values["LDCT"], found.values["NLM"]
    part = slicer.util.arrayFromVolume(images["LDCT"])[2, 10:50, 2:30].astype(float)
    j, i = np.mgrid[-1:1:40j, -1:1:28j]
    terms = np.stack([np.ones_like(i), i, j, i * j, i * i, j * j], -1).reshape(-1, 6)
    left = part.ravel() - terms @ np.linalg.lstsq(terms, part.ravel(), rcond=None)[0]
    assert low[0] == pytest.approx(np.sqrt((left**2).sum() / (left.size - 6)), rel=1e-6)
    # Mean frequency by the plain periodogram with a Hann window.
    window = np.outer(np.hanning(42)[1:-1], np.hanning(30)[1:-1])
    power = np.abs(np.fft.fft2(left.reshape(40, 28) * window)) ** 2
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(40, SPACING[1]), np.fft.fftfreq(28, SPACING[0]), indexing="ij"))
    assert low[1] == pytest.approx((power * frequency).sum() / power.sum(), rel=0.05)
    assert smooth[0] < 0.5 * low[0] and smooth[1] < 0.7 * low[1]
    assert flat.heading in found.title and "slice 3" in found.caption()


def test_a_spectrum_in_a_coronal_plane_and_of_a_circle(mrml, logic, images):
    box = mrml.AddNewNodeByClass("vtkMRMLMarkupsROINode", "coronal")
    region = logic.makeRegion(images["LDCT"], (2, 30, 10, 50, 2), "circle")
    assert logic.measureSpectrum(others(images), region).values["LDCT"][0] == pytest.approx(12, rel=0.15)
    mrml.RemoveNode(box)
    with pytest.raises(InputError, match="8×8 pixels or more"):
        logic.measureSpectrum(others(images), logic.makeRegion(images["LDCT"], (2, 8, 10, 50, 2)))


def test_curves_are_drawn_into_the_same_chart_and_written(mrml, logic, images, tmp_path):
    logic.comparedImages(images["LDCT"]).add(images["NLM"])
    line = logic.makeLine(images["LDCT"], (12, 30, 2), (58, 30, 2))
    found = logic.measureProfile(others(images), line, images["FDCT"])
    chart = logic.showCurves(found)
    assert chart.GetNumberOfPlotSeriesNodes() == 3 and chart.GetXAxisTitle() == "Distance (mm)"
    series = chart.GetNthPlotSeriesNode(2)
    assert series.GetName() == "NLM" and series.GetColor() == pytest.approx((0xE6 / 255, 0x9F / 255, 0))
    table = series.GetTableNode()
    assert table.GetTable().GetNumberOfRows() == len(found.x) and "Edge" in table.GetAttribute(CAPTION)
    count = mrml.GetNumberOfNodes()
    line.SetNthControlPointPositionWorld(1, *np.add(line.GetNthControlPointPositionWorld(1), 1))
    assert logic.showCurves(logic.measureProfile({"LDCT": images["LDCT"]})) is chart
    assert mrml.GetNumberOfNodes() == count - 2 and chart.GetNumberOfPlotSeriesNodes() == 1
    assert chartOf(mrml, "spectrum") is None
    found.write(tmp_path / "profile.csv")
    numbers, points = (tmp_path / "profile.csv").read_text().split("\n\n")
    rows = list(csv.DictReader(numbers.splitlines()))
    assert [r["image"] for r in rows] == ["FDCT", "LDCT", "NLM"]
    assert float(rows[0]["edge_width_mm"]) == pytest.approx(found.values["FDCT"][0], rel=1e-5)
    assert len(points.strip().splitlines()) == len(found.x) + 1
    found.write(tmp_path / "profile.png")
    assert (tmp_path / "profile.png").stat().st_size > 10000
    with pytest.raises(OutputError, match="ends in .csv"):
        found.write(tmp_path / "profile.doc")
