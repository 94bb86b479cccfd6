"""Numbers of one slice or ROI, the strength after the run, and previews: on real MRML scenes, no stand-ins."""

import csv
import importlib
import io

import numpy as np
import pytest
import slicer
import slicer.util
from LDCTDenoiseLib.errors import GeometryError, InputError, MethodError
from LDCTDenoiseLib.text_tables import records_to_csv
from LDCTDenoiseSlicer.denoising import jobsOf
from LDCTDenoiseSlicer.planes import planeInView, planeNames
from LDCTDenoiseSlicer.preview import Previews
from LDCTDenoiseSlicer.rois import pixelROI
from LDCTDenoiseSlicer.tables import CAPTION, tableRecords
from model_maker import make_model
from slicer_volumes import addROI, addVolume, ct, ijkToRAS, measured, state


def voxels(node):
    return slicer.util.arrayFromVolume(node)


def test_numbers_of_a_slice_agree_with_an_independent_computation(logic, fullAndLow):
    full, low = fullAndLow
    numbers = logic.measure({"LDCT": low}, full, sliceIndex=2)
    a, b = voxels(full)[2], voxels(low)[2]
    first, row = numbers.rows
    assert (first.label, row.label) == ("FDCT", "LDCT") and first.quality is None
    assert [row.quality.psnr, row.quality.ssim, row.quality.rmse, row.quality.rmse_hu] == pytest.approx(measured(a, b))
    assert (row.mean, row.sd) == pytest.approx((b.mean(dtype=float), b.std(dtype=float)))
    for words in ("Slice 3 of 4", "[-160, 240] HU", "data range 1", "Wang 2004"):
        assert words in numbers.caption()
    assert row.rmse == pytest.approx(np.sqrt(((a.astype(float) - b) ** 2).mean())) and row.rmse > row.quality.rmse_hu
    cells = numbers.cells()
    assert cells[0][1:6] == ["–"] * 5 and cells[1][2] == f"{row.quality.psnr:.2f}"


def test_numbers_of_an_roi_with_and_without_a_reference(logic, scene, fullAndLow):
    full, low = fullAndLow
    roi = addROI(scene, full, (9.5, 29.5), (4.5, 24.5), 1, thickness=4)
    # The slice in view, as long as the box reaches it, and else the one through its centre.
    assert [pixelROI(roi, full, k).k for k in (None, 0, 2, 3)] == [1, 0, 2, 3]
    assert pixelROI(addROI(scene, full, (9.5, 29.5), (4.5, 24.5), 1), full, 3).k == 1
    numbers = logic.measure([low], full, 2, roi, (-50, 150))
    assert numbers.region == pixelROI(roi, full, 2) and not numbers.whole
    a, b = (voxels(node)[2, 5:25, 10:30] for node in fullAndLow)
    quality = numbers.rows[1].quality
    assert [quality.psnr, quality.ssim] == pytest.approx(measured(a, b, (-50, 150))[:2])
    alone = logic.measure([low], sliceIndex=2, roi=roi)
    (row,) = alone.rows
    assert row.quality is None and (row.mean, row.sd) == pytest.approx((b.mean(dtype=float), b.std(dtype=float)))
    assert "no window" in alone.caption()


def test_numbers_as_table_and_csv(logic, fullAndLow):
    full, low = fullAndLow
    numbers = logic.measure({"LDCT": low}, full, roi=(10, 30, 5, 25, 2))
    table = logic.writeNumbers(numbers, full, {"LDCT": low})
    assert table.GetAttribute(CAPTION) == numbers.caption()
    records = tableRecords(table)
    assert [r["image"] for r in records] == ["FDCT", "LDCT"] and records[1]["roi"] == "10,30,5,25,2"
    assert records[1]["psnr_db"] == numbers.rows[1].quality.psnr and np.isnan(records[0]["psnr_db"])
    parsed = list(csv.DictReader(io.StringIO(records_to_csv(records))))
    assert float(parsed[1]["ssim"]) == pytest.approx(numbers.rows[1].quality.ssim, rel=1e-5)
    assert parsed[1]["window_upper_hu"] == "240" and parsed[1]["ssim_variant"].startswith("Wang 2004")
    again = logic.measure({"LDCT": low})
    assert logic.writeNumbers(again, None, {"LDCT": low}, table) is table and len(tableRecords(table)) == 1


def test_bad_arguments_of_measure(logic, scene, fullAndLow):
    full, low = fullAndLow
    other = addVolume(scene, ct((4, 40, 51)), "wide")
    with pytest.raises(GeometryError, match="do not lie on the same grid"):
        logic.measure([low, other], full)
    with pytest.raises(InputError, match="has the slice indices 0 to 3, and no 4"):
        logic.measure(low, sliceIndex=4)
    with pytest.raises(InputError, match="does not lie in the volume"):
        logic.measure(low, roi=(0, 5, 0, 5, 4))
    with pytest.raises(InputError, match="nothing to compare"):
        logic.measure([])


def test_plane_in_view(scene, fullAndLow):
    full, _ = fullAndLow
    view = scene.AddNewNodeByClass("vtkMRMLSliceNode")
    axes = ijkToRAS(full)

    def look(at, order=(0, 1, 2)):
        matrix = np.eye(4)
        matrix[:3, :3] = (axes[:3, :3] / np.linalg.norm(axes[:3, :3], axis=0))[:, list(order)]
        matrix[:3, 3] = (axes @ [*at, 1])[:3]
        view.GetSliceToRAS().DeepCopy(slicer.util.vtkMatrixFromArray(matrix))
        view.UpdateMatrices()
        return planeInView(full, view)

    for k in (0, 2.4, 3):
        assert (look((20, 30, k)).axis, look((20, 30, k)).index) == (2, round(k))
    found = look((20, 30, 2), (0, 2, 1)), look((20.4, 30, 2), (1, 2, 0))
    assert [(plane.axis, plane.index) for plane in found] == [(1, 30), (0, 20)]
    assert {plane.name for plane in found} | {look((20, 30, 2)).name} == {"axial", "coronal", "sagittal"}
    with pytest.raises(InputError, match="shows no slice of 'full'"):
        look((20, 30, 4.2))
    with pytest.raises(InputError, match="shows no row of 'full'"):
        look((20, 41, 2), (0, 2, 1))
    turned = view.GetSliceToRAS()
    turned.DeepCopy(slicer.util.vtkMatrixFromArray(np.diag([1.0, 1, 1, 1])))
    with pytest.raises(InputError, match="along none of the planes"):
        planeInView(full, view)


@pytest.mark.parametrize(("axis", "index"), [(0, 25), (1, 17)])
def test_numbers_of_planes_across_the_slices_are_of_the_same_voxels(logic, fullAndLow, axis, index):
    full, low = fullAndLow
    name = planeNames(full)[axis]
    numbers = logic.measure({"LDCT": low}, full, index, plane=name)
    a, b = (np.take(voxels(node), index, 2 - axis) for node in (full, low))
    first, row = numbers.rows
    error = np.subtract(*(np.clip((x.astype(float) + 160) / 400, 0, 1) for x in (a, b)))
    assert row.quality.rmse == pytest.approx(np.sqrt((error**2).mean()))
    assert row.quality.psnr == pytest.approx(-10 * np.log10((error**2).mean()))
    assert (first.mean, first.sd) == pytest.approx((a.mean(dtype=float), a.std(dtype=float)))
    assert f"{('Column', 'Row')[axis]} {index + 1} of {(50, 40)[axis]} ({name})" in numbers.caption()
    record = numbers.records()[1]
    assert (record["plane"], record["slice_index"]) == (name, index)
    part = logic.measure({"LDCT": low}, full, plane=name, roi=(5, 30, 1, 4, index))
    assert part.rows[1].mean == pytest.approx(b[1:4, 5:30].mean(dtype=float)) and not part.whole
    with pytest.raises(InputError, match="no plane 'oblique'"):
        logic.measure({"LDCT": low}, plane="oblique")
    with pytest.raises(InputError, match="has the .* indices 0 to .*, and no 99"):
        logic.measure({"LDCT": low}, sliceIndex=99, plane=name)


def test_several_methods_in_one_run(scene, logic, model):
    volume = addVolume(scene, ct((3, 32, 32)))
    seen = []
    outputs = logic.denoiseAll(volume, ["TV", "nlm"], [model], device="cpu", progress=lambda p: seen.append(p))
    assert [(label, node.GetName()) for label, node in outputs.items()] == [
        ("TV", "CT TV"), ("NLM", "CT NLM"), ("mine", "CT mine")]
    assert outputs["mine"].GetAttribute("LDCTDenoise.Method") == "DCSCN"
    np.testing.assert_array_equal(voxels(outputs["NLM"]), voxels(logic.denoise(volume, "NLM")))
    fractions = [p.fraction for p in seen]
    assert len(seen) == 9 and fractions == sorted(fractions) and fractions[-1] == 1
    assert [(p.label, p.number, p.count) for p in seen[::3]] == [("TV", 1, 3), ("NLM", 2, 3), ("mine", 3, 3)]
    again = logic.denoiseAll(volume, ["TV"], outputs={"TV": outputs["TV"]})
    assert again == {"TV": outputs["TV"]}


def test_stopped_or_failed_run_of_several_leaves_the_scene_as_it_was(scene, logic, tmp_path):
    volume = addVolume(scene, ct((3, 32, 32)))
    before = state(scene)
    assert logic.denoiseAll(volume, ["TV", "NLM"], progress=lambda p: p.number == 1) is None
    seen = []
    with pytest.raises(Exception, match="cannot be read"):
        # Found before the first method has begun.
        logic.denoiseAll(volume, ["TV"], [tmp_path / "missing.safetensors"], progress=seen.append)
    for methods, words in (([], "no method is selected"), (["TV", "tv"], "'TV' is asked for twice")):
        with pytest.raises(MethodError, match=words):
            logic.denoiseAll(volume, methods)
    assert not seen and state(scene) == before


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_strength_after_the_run_is_that_of_a_run(scene, logic, model, dtype):
    volume = addVolume(scene, ct((9, 24, 24), dtype))
    output = logic.denoise(volume, model=model, device="cpu")
    full = voxels(output).copy()
    tolerance = 1 if dtype is np.int16 else 1e-3
    for strength in (0.5, 0.2, 0.0):
        logic.setStrength(output, strength)
        run = voxels(logic.denoise(volume, model=model, device="cpu", strength=strength))
        assert np.abs(voxels(output).astype(float) - run).max() <= tolerance
        assert output.GetAttribute("LDCTDenoise.Strength") == f"{strength:g}"
    np.testing.assert_array_equal(voxels(output), voxels(volume))
    logic.setStrength(output, 1)
    np.testing.assert_array_equal(voxels(output), full)


def test_strength_of_an_output_that_was_made_below_one(scene, logic):
    volume = addVolume(scene, ct((5, 24, 24)))
    full = voxels(logic.denoise(volume, "TV")).copy()
    output = logic.denoiseAll(volume, ["TV"], strength=0.3)["TV"]
    made = voxels(output).copy()
    assert (made != full).any()
    logic.setStrength(output, 1)
    np.testing.assert_array_equal(voxels(output), full)
    logic.setStrength(output, 0.3)
    np.testing.assert_array_equal(voxels(output), made)
    # Another session knows only what it sees.
    stranger = type(logic)()
    with pytest.raises(InputError, match="was not made at full strength in this session"):
        stranger.setStrength(output, 1)
    with pytest.raises(InputError, match="between 0 and 1"):
        logic.setStrength(output, 1.5)
    # Made anew, it is the new one that is kept.
    logic.denoiseAll(volume, ["NLM"], outputs={"NLM": output}, strength=0.5)
    logic.setStrength(output, 1)
    np.testing.assert_array_equal(voxels(output), voxels(logic.denoise(volume, "NLM")))
    scene.RemoveNode(volume)
    with pytest.raises(InputError, match="is not in the scene any more"):
        logic.setStrength(output, 0.5)


def test_strength_changes_the_slice_in_view_first(scene, logic):
    volume = addVolume(scene, ct((11, 24, 24)))
    output = logic.denoise(volume, "TV")
    full, low = voxels(output).copy(), voxels(volume)
    steps = logic.strengths.steps(output, 0, first=9)
    next(steps)
    assert (voxels(output)[9] == low[9]).all() and (voxels(output)[0] == full[0]).all()
    # A change of mind half-way loses nothing.
    for _ in logic.strengths.steps(output, 1, first=9):
        pass
    np.testing.assert_array_equal(voxels(output), full)


def test_preview_is_the_slice_of_a_run(scene, logic):
    volume = addVolume(scene, ct((5, 32, 32)))
    expected = voxels(logic.denoise(volume, "TV")).copy()
    previews, jobs = Previews(), jobsOf(["TV"])
    assert previews.show(volume, 2, jobs, "cpu", 1) == [] and not previews.nodes
    previews.task(volume, 2, jobs, "cpu").run()
    previews.show(volume, 2, jobs, "cpu", 1)
    node = previews.nodes["TV"]
    np.testing.assert_array_equal(voxels(node)[2], expected[2])
    np.testing.assert_array_equal(voxels(node)[3], voxels(volume)[3])
    np.testing.assert_array_equal(ijkToRAS(node), ijkToRAS(volume))
    assert node.GetHideFromEditors() and not node.GetSaveWithScene()
    # What is known is not computed twice; another strength is at hand.
    assert previews.task(volume, 2, jobs, "cpu") is None
    previews.show(volume, 2, jobs, "cpu", 0)
    np.testing.assert_array_equal(voxels(node)[2], voxels(volume)[2])
    assert previews.task(volume, 4, jobs, "cpu") is not None
    assert previews.show(volume, 2, jobsOf(["NLM"]), "cpu", 1) == [node] and not previews.nodes


def test_preview_of_a_method_that_reads_neighbours_is_the_slice_of_a_run(scene, logic, tmp_path):
    model = make_model(tmp_path / "three.safetensors", neighbours=1)
    volume = addVolume(scene, ct((4, 32, 32)))
    expected = voxels(logic.denoise(volume, model=model, device="cpu")).copy()
    previews, jobs = Previews(), jobsOf([], [model])
    for k in range(4):
        previews.task(volume, k, jobs, "cpu").run()
        previews.show(volume, k, jobs, "cpu", 1)
    np.testing.assert_array_equal(voxels(previews.nodes["three"]), expected)
    assert (expected != voxels(volume)).any()


@pytest.mark.slow
def test_figure_of_a_slice(logic, fullAndLow, tmp_path):
    import matplotlib.image

    full, low = fullAndLow
    path = logic.saveFigure(tmp_path / "figure.png", full, {"LDCT": low}, 1, roi=(10, 30, 5, 25, 1))
    assert path == tmp_path / "figure.png" and matplotlib.image.imread(path).shape[1] >= 2400
    with pytest.raises(InputError, match="the slice indices 0 to 3, and no 9"):
        logic.saveFigure(tmp_path / "other.png", full, low, 9)
    assert [p.name for p in tmp_path.iterdir()] == ["figure.png"]


def test_diagnostics_name_versions_and_models(logic):
    text = logic.diagnostics()
    assert f"numpy {np.__version__}" in text and "Model dcscn: DCSCN, [-1024, 3071] HU, trained on HCC-TACE" in text


def test_nothing_is_measured_against_itself(logic, scene, fullAndLow, tmp_path):
    full, low = fullAndLow
    twin = addVolume(scene, np.zeros((2, 2, 2), np.int16), "twin")
    twin.SetAndObserveImageData(low.GetImageData())
    for call in (lambda: logic.compare(low, {"LDCT": low}), lambda: logic.measure({"LDCT": low}, low),
                 lambda: logic.compare(twin, {"LDCT": low}),
                 lambda: logic.saveFigure(tmp_path / "f.png", low, {"LDCT": low})):
        with pytest.raises(InputError, match="'low' would be measured against itself; choose the full-dose volume"):
            call()
    assert not list(tmp_path.glob("f*"))


def test_the_strength_stands_in_table_caption_and_csv(logic, fullAndLow):
    full, low = fullAndLow
    outputs = logic.denoiseAll(low, ["TV", "NLM"], device="cpu", strength=0.5)
    logic.setStrength(outputs["NLM"], 0.25)
    numbers = logic.measure({"LDCT": low, **outputs}, full, 1)
    assert [row[1] for row in numbers.cells()] == ["–", "–", "0.50", "0.25"]
    assert numbers.caption().endswith("Strength: TV 0.5, NLM 0.25.")
    csv_text = records_to_csv(numbers.records()).splitlines()
    assert csv_text[0].startswith("image,method,plane,slice_index,roi,strength,")
    assert csv_text[4].startswith("NLM,NLM,axial,1,,0.25,")
    table = logic.compare(full, {"LDCT": low, **outputs})
    assert [r["strength"] for r in tableRecords(table)] == pytest.approx([np.nan, np.nan, 0.5, 0.25],
                                                                                nan_ok=True)
    assert table.GetAttribute(CAPTION).endswith("Strength: TV 0.5, NLM 0.25.")
    # At full strength, too: without a word nobody could know.
    logic.setStrength(outputs["NLM"], 0.5)
    assert logic.measure(outputs, full, 1).caption().endswith(" Strength 0.5.")


def test_a_small_roi_says_why_it_has_no_ssim(logic, fullAndLow):
    full, low = fullAndLow
    numbers = logic.measure({"LDCT": low}, full, roi=(10, 30, 5, 13, 2))
    assert numbers.cells()[1][3] == "–" and "No SSIM: it needs 11×11 pixels, and here are 20×8." in numbers.caption()
    assert "No SSIM" not in logic.measure({"LDCT": low}, full, roi=(10, 21, 5, 16, 2)).caption()


def test_no_two_tables_have_one_name(logic, fullAndLow):
    full, low = fullAndLow
    tables = [logic.compare(full, low), logic.compare(full, low)]
    for k in (1, 1, 2):
        tables.append(logic.writeNumbers(logic.measure({"LDCT": low}, full, k), full, {"LDCT": low}))
    names = [table.GetName() for table in tables]
    assert len(set(names)) == 5 and names[2] == "full slice 2 of 4" and names[4] == "full slice 3 of 4"


@pytest.mark.slow
def test_the_figure_prints_the_numbers_of_the_region_it_shows(logic, fullAndLow, tmp_path, monkeypatch):
    module = importlib.import_module("LDCTDenoiseLib.figure")
    full, low = fullAndLow
    figure, drawn = module.comparison_figure, []
    monkeypatch.setattr(module, "comparison_figure", lambda *a, **k: drawn.append(figure(*a, **k)) or drawn[-1])
    roi = (10, 30, 5, 25, 2)
    logic.saveFigure(tmp_path / "roi.png", full, {"LDCT": low}, roi=roi)
    logic.saveFigure(tmp_path / "slice.png", full, {"LDCT": low}, 2)
    said = [" ".join(text.get_text().replace("\n", " ") for text in one.texts) for one in drawn]
    inROI, whole = (logic.measure({"LDCT": low}, full, 2, r).rows[1].quality for r in (roi, None))
    assert f"{inROI.psnr:.2f} dB" in said[0] and f"{whole.psnr:.2f} dB" not in said[0] and "red box" in said[0]
    assert f"{whole.psnr:.2f} dB" in said[1]


@pytest.mark.parametrize("shape", ["box", "circle"])
def test_the_figure_of_a_region_prints_its_numbers_in_the_plane_that_it_was_drawn_in(
        scene, logic, fullAndLow, tmp_path, monkeypatch, shape):
    module = importlib.import_module("LDCTDenoiseLib.figure")
    full, low = fullAndLow
    drawn = {}
    monkeypatch.setattr(module, "save_comparison", lambda path, panels, **k: drawn.update(k, panels=panels))
    lesion = logic.makeRegion(low, (10, 30, 5, 25, 2), shape, "lesion", slices=(1, 3))
    logic.makeRegion(low, (32, 45, 5, 25, 2), role="background")
    logic.saveFigure(tmp_path / "x.png", full, {"LDCT": low}, roi=lesion)
    numbers = logic.measureRegions({"LDCT": low}, full)
    row = dict(zip(numbers.header(), numbers.cells()[1][1:], strict=True))
    of = f"1 {lesion.name}: "
    assert drawn["metrics"]["LDCT"] == (
        f"{row[of + 'Mean (HU)']} ± {row[of + 'SD (HU)']} HU, RMSE {row[of + 'RMSE (HU)']} HU, CNR {row[of + 'CNR']}, "
        f"Contrast kept {row[of + 'Contrast kept (%)']} %")
    assert drawn["roi"] == (10, 30, 5, 25) and "slices 2 to 4" in drawn["note"] and "no window" in drawn["note"]
    np.testing.assert_array_equal(drawn["panels"][1][1], voxels(low)[2])


def test_the_figure_of_a_plane_across_the_slices_has_the_head_up(logic, fullAndLow, tmp_path, monkeypatch):
    module = importlib.import_module("LDCTDenoiseLib.figure")
    full, low = fullAndLow
    drawn = {}
    monkeypatch.setattr(module, "save_comparison", lambda path, panels, **k: drawn.update(k, panels=panels))
    logic.saveFigure(tmp_path / "x.png", full, {"LDCT": low}, 17, plane=planeNames(full)[1], roi=(3, 40, 0, 3, 17))
    assert ijkToRAS(full)[2, 2] > 0
    np.testing.assert_array_equal(drawn["panels"][1][1], voxels(low)[::-1, 17])
    assert drawn["roi"] == (3, 40, 1, 4) and drawn["pixel_aspect"] == pytest.approx(2.5 / 0.7)
    rmse = np.sqrt(np.square(np.subtract(*(np.clip(voxels(n)[:3, 17, 3:40].astype(float), -160, 240)
                                           for n in (full, low)))).mean())
    assert drawn["metrics"]["LDCT"].rmse_hu == pytest.approx(rmse)
