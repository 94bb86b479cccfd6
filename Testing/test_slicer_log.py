"""The results log: every number with where and of what it is, no name, kept with the scene, written with figures."""

import csv
import importlib
import math

import numpy as np
import pytest
import slicer
import slicer.util
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseSlicer.planes import planeNames
from LDCTDenoiseSlicer.results_log import COLUMNS, logOf
from LDCTDenoiseSlicer.tables import tableRecords


@pytest.fixture
def images(mrml, logic, fullAndLow):
    full, low = fullAndLow
    low.SetName("Doe^Jane")
    outputs = logic.denoiseAll(low, ["TV"], device="cpu", strength=0.5)
    outputs["TV"].SetAttribute("LDCTDenoise.ModelSHA256", "ab" * 32)
    return full, {"LDCT": low, **outputs}


@pytest.fixture
def drawn(monkeypatch):
    """What figures would be drawn of."""
    module, drawn = importlib.import_module("LDCTDenoiseLib.figure"), []

    def save(path, panels, **options):
        drawn.append(options)
        path.write_bytes(b"figure")

    monkeypatch.setattr(module, "save_comparison", save)
    return drawn


def test_entries_of_slices_regions_and_volumes(mrml, logic, images, drawn, tmp_path):
    full, nodes = images
    with pytest.raises(InputError, match="log is empty"):
        logic.writeLog(tmp_path / "out")
    numbers = logic.measure(nodes, full, 17, plane=planeNames(full)[1])
    log = logic.addToLog(numbers, nodes, full)
    logic.makeRegion(full, (10, 30, 5, 25, 2), role="lesion", name="meta", slices=(1, 2))
    logic.makeRegion(full, (32, 45, 5, 25, 2), role="background")
    regions = logic.measureRegions(nodes, full)
    assert logic.addToLog(regions, nodes, full) is log
    logic.addToLog(logic.compare(full, nodes), nodes, full)
    rows = tableRecords(log)
    assert tuple(rows[0]) == COLUMNS and [r["entry"] for r in rows] == [1] * 3 + [2] * 6 + [3] * 3
    first, region, whole = rows[2], next(r for r in rows if r["measured"] == "regions" and r["image"] == "TV"), rows[-1]
    assert (first["image"], first["strength"], first["plane"]) == ("TV", 0.5, planeNames(full)[1])
    assert (first["slice_index"], first["place"]) == ("17", numbers.plane.words)
    assert first["psnr_db"] == numbers.rows[2].quality.psnr and first["sd_hu"] == numbers.rows[2].sd
    assert (first["window_lower_hu"], first["model_sha256"]) == (-160, "ab" * 32) and math.isnan(first["cnr"])
    assert (region["region"], region["role"]) == ("1 meta", "lesion") and "slices 2 to 3" in region["place"]
    records = {record["image"]: record for record in regions.records()}
    for name, column in (("mean_hu", "region1_mean_hu"), ("cnr", "region1_cnr"), ("rmse_unclipped_hu",
                         "region1_rmse_unclipped_hu")):
        assert region[name] == records["TV"][column]
    assert whole["measured"] == "volume" and whole["psnr_sd"] > 0
    assert whole["mean_hu"] == pytest.approx(slicer.util.arrayFromVolume(nodes["TV"]).mean(dtype=float))
    # One pseudonym, of the voxels, and nobody's name.
    assert len({r["volume"] for r in rows}) == 1 and rows[0]["volume"].startswith("CT-")
    paths, notes = logic.writeLog(tmp_path / "out")
    text = paths[0].read_text()
    assert "Doe" not in text and len(list(csv.DictReader(text.splitlines()))) == 12 and notes == []
    assert [path.name for path in paths[1:]] == ["entry-001-1.png", "entry-002-1.png", "entry-002-2.png"]
    assert drawn[0]["metrics"]["TV, strength 0.5"].psnr == pytest.approx(first["psnr_db"])
    assert f"{region['mean_hu']:.1f} ± {region['sd_hu']:.1f} HU" in drawn[1]["metrics"]["TV, strength 0.5"]


def test_a_figure_that_would_show_something_else_is_left_out(mrml, logic, images, drawn, tmp_path):
    full, nodes = images
    region = logic.makeRegion(full, (10, 30, 5, 25, 2))
    logic.addToLog(logic.measure(nodes, full, 2), nodes, full)
    logic.addToLog(logic.measureRegions(nodes, full), nodes, full)
    logic.setStrength(nodes["TV"], 0.75)
    paths, notes = logic.writeLog(tmp_path / "out")
    assert len(paths) == 1 and len(notes) == 2 and "Entry 1 has no figure: 'TV' has changed since" in notes[0]
    logic.setStrength(nodes["TV"], 0.5)
    region.node.SetCenter(*np.add(region.node.GetCenter(), 3))
    paths, notes = logic.writeLog(tmp_path / "out")
    assert len(paths) == 2 and "'1 Region' has changed since" in notes[0]


def test_the_log_is_saved_with_the_scene_and_goes_on(mrml, logic, images, tmp_path):
    full, nodes = images
    logic.setPseudonym(nodes["LDCT"], "P 7")
    logic.addToLog(logic.measure(nodes, full, 2), nodes, full)
    log = logOf(mrml)
    rows = tableRecords(log)
    assert {r["volume"] for r in rows} == {"P 7"}
    logic.setPseudonym(nodes["LDCT"], " ")
    logic.addToLog(logic.measure({"LDCT": nodes["LDCT"]}, sliceIndex=1), nodes)
    assert tableRecords(log)[-1]["volume"].startswith("CT-") and math.isnan(tableRecords(log)[-1]["psnr_db"])
    with pytest.raises(InputError, match="'TV' was measured and is not among"):
        logic.addToLog(logic.measure(nodes, full, 2), {"LDCT": nodes["LDCT"]}, full)
    with pytest.raises(InputError, match="no numbers"):
        logic.addToLog(None, nodes, full)
    assert len(tableRecords(log)) == 4
