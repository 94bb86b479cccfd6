"""Regions and the list of compared images, on real scenes, against independent computations."""

import json
import math

import numpy as np
import pytest
import slicer
import slicer.util
import vtk
from LDCTDenoiseLib.errors import GeometryError, InputError
from LDCTDenoiseLib.text_tables import records_to_csv
from LDCTDenoiseSlicer.denoising import isUpToDate, jobsOf
from LDCTDenoiseSlicer.regions import regionsOf
from LDCTDenoiseSlicer.tables import CAPTION, tableRecords
from slicer_volumes import addROI, addTransform, addVolume, ct, ijkToRAS
from vtk.util.numpy_support import vtk_to_numpy

SHAPE = (6, 40, 50)


@pytest.fixture
def images(scene):
    """Full dose with a lesion of 30 HU, low dose, and a foreign reconstruction, on an oblique grid."""
    k, j, i = np.mgrid[:6, :40, :50]
    full = np.where((i - 20) ** 2 + (j - 15) ** 2 <= 36, 90.0, 60.0)
    rng = np.random.default_rng(3)
    arrays = {"FDCT": full + rng.normal(0, 5, SHAPE), "LDCT": full + rng.normal(0, 40, SHAPE),
              "Scanner": 60 + 0.8 * (full - 60) + rng.normal(0, 20, SHAPE)}
    return {label: addVolume(scene, array.astype(np.float32), label) for label, array in arrays.items()}


def voxels(node):
    return slicer.util.arrayFromVolume(node).astype(float)


def addSegment(scene, volume, mask, name="tumour"):
    """Add a segmentation with one segment on the volume's grid, cut to what it holds, as Slicer's editor leaves it."""
    where = np.argwhere(mask)
    low, high = where.min(axis=0), where.max(axis=0)
    labels = slicer.vtkOrientedImageData()
    labels.SetExtent(*(int(v) for pair in zip(low[::-1], high[::-1], strict=True) for v in pair))
    labels.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    labels.SetGeometryFromImageToWorldMatrix(matrix)
    part = mask[tuple(slice(a, b + 1) for a, b in zip(low, high, strict=True))]
    vtk_to_numpy(labels.GetPointData().GetScalars())[:] = part.ravel()
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
    return node, node.AddSegmentFromBinaryLabelmapRepresentation(labels, name)


def test_boxes_hold_the_voxels_whose_centres_lie_in_them(scene, logic, images):
    full = images["FDCT"]
    region = logic.makeRegion(full, (10, 30, 5, 25, 2), name="box")
    assert region.voxels(full).box == (slice(2, 3), slice(5, 25), slice(10, 30)) and region.voxels(full).mask is None
    # Over several slices, thinner than one, and under a transform of both.
    thick = logic.addRegion(addROI(scene, full, (9.5, 12.5), (4.5, 8.5), 2, thickness=3))
    assert thick.voxels(full).box == (slice(1, 4), slice(5, 9), slice(10, 13))
    thin = logic.addRegion(addROI(scene, full, (9.5, 12.5), (4.5, 8.5), 2.4, thickness=0.1))
    assert thin.voxels(full).box[0] == slice(2, 3)
    transform = addTransform(scene)
    for node in (full, region.node):
        node.SetAndObserveTransformNodeID(transform.GetID())
    assert region.voxels(full).box == (slice(2, 3), slice(5, 25), slice(10, 30))
    outside = logic.makeRegion(images["LDCT"], (10, 30, 5, 25, 2))
    outside.node.SetCenter(900, 900, 900)
    with pytest.raises(InputError, match="holds no voxel of 'LDCT'; move it"):
        outside.voxels(images["LDCT"])


def test_a_turned_box_holds_what_lies_inside(scene, logic, images):
    full = images["FDCT"]
    region = logic.makeRegion(full, (15, 35, 10, 30, 2))
    matrix = slicer.util.arrayFromVTKMatrix(region.node.GetObjectToNodeMatrix())
    turn = np.eye(4)
    turn[:2, :2] = [[math.cos(0.5), -math.sin(0.5)], [math.sin(0.5), math.cos(0.5)]]
    region.node.SetAndObserveObjectToNodeMatrix(slicer.util.vtkMatrixFromArray(matrix @ turn))
    found = region.voxels(full)
    inverse = np.linalg.inv(matrix @ turn)
    k, j, i = np.mgrid[:6, :40, :50]
    world = ijkToRAS(full) @ np.stack([i.ravel(), j.ravel(), k.ravel(), np.ones(i.size)])
    own = np.abs((inverse @ world)[:3].T) <= np.array(region.node.GetSize()) / 2 + 1e-6
    expected = own.all(axis=1).reshape(SHAPE)
    got = np.zeros(SHAPE, bool)
    got[found.box] = found.mask
    assert expected.sum() > 200 and (got == expected).all()


@pytest.mark.parametrize("across", [0, 1, 2])
def test_curves_hold_what_they_enclose_in_any_orientation(scene, logic, images, across):
    """A circle drawn in the plane across i, j or k, against the distance of each voxel in it."""
    full, plane = images["FDCT"], [axis for axis in range(3) if axis != across]
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsClosedCurveNode", "curve")
    centre, radius = np.array([21.0, 17.0, 2.5]), np.array([9.0, 8.0, 2.3])
    centre[across] = [21, 17, 2][across]
    for angle in np.arange(24) * np.pi / 12:
        point = centre.copy()
        point[plane[0]] += radius[plane[0]] * math.cos(angle)
        point[plane[1]] += radius[plane[1]] * math.sin(angle)
        node.AddControlPointWorld(*(ijkToRAS(full) @ [*point, 1])[:3])
    found = logic.addRegion(node).voxels(full)
    k, j, i = np.mgrid[:6, :40, :50]
    axes = [i, j, k]
    share = sum(((axes[a] - centre[a]) / radius[a]) ** 2 for a in plane)
    got = np.zeros(SHAPE, bool)
    got[found.box] = found.mask
    here = axes[across] == centre[across]
    assert not got[~here].any()
    # On the curve itself a voxel may go either way.
    sure = here & (abs(share - 1) > 0.03)
    assert got.sum() > 20 and (got[sure] == (share <= 1)[sure]).all()


@pytest.mark.parametrize("shape", ["box", "circle"])
def test_a_region_reaches_over_several_slices(scene, logic, images, shape, tmp_path):
    full = images["FDCT"]
    one = logic.makeRegion(full, (10, 31, 5, 26, 2), shape).voxels(full)
    several = logic.makeRegion(full, (10, 31, 5, 26, 2), shape, slices=(1, 4), name="several")
    found = several.voxels(full)
    assert found.box == (slice(1, 5), *one.box[1:]) and found.count == 4 * one.count and "slices 2 to 5" in found.words
    assert several.reach(full) == (1, 4) and several.across(full) == 2
    mean = logic.measureRegions({"FDCT": full}, regions=[several]).statistics["FDCT"][several.number].mean
    alone = [logic.makeRegion(full, (10, 31, 5, 26, k), shape) for k in range(1, 5)]
    parts = [region.voxels(full).of(voxels(full)).mean() for region in alone]
    assert mean == pytest.approx(np.mean(parts))
    assert logic.spanSlices(several, full, 3, 3).reach(full) == (3, 3)
    assert logic.spanSlices(several, full, 0, 5).reach(full) == (0, 5)
    with pytest.raises(InputError, match="slice indices 0 to 5 there; 4 to 6"):
        logic.spanSlices(several, full, 4, 6)
    scene.SetURL(str(tmp_path / "scene.mrml"))
    assert scene.Commit()
    again = slicer.vtkMRMLScene()
    again.SetURL(str(tmp_path / "scene.mrml"))
    again.Import()
    restored = next(region for region in regionsOf(again) if region.name == "several")
    assert json.loads(restored.node.GetAttribute("LDCTDenoise.Regions")) == json.loads(
        several.node.GetAttribute("LDCTDenoise.Regions"))
    again.Clear(1)


def test_a_circle_is_made_and_a_segment_is_added(scene, logic, images):
    full = images["FDCT"]
    circle = logic.makeRegion(full, (10, 31, 5, 26, 2), "circle", "lesion", "round")
    k, j, i = np.mgrid[:6, :40, :50]
    expected = (k == 2) & ((i - 20) ** 2 + (j - 15) ** 2 <= 10.5**2)
    assert circle.shape == "circle" and abs(circle.voxels(full).count / expected.sum() - 1) < 0.02
    mask = np.zeros(SHAPE, bool)
    mask[1:4, 10:15, 20:30] = True
    mask[2, 12, 22] = False
    node, segment = addSegment(scene, full, mask)
    region = logic.addRegion(node, "background", segment="tumour")
    assert (region.name, region.shape, region.segment) == ("tumour", "segment", segment)
    found = region.voxels(full)
    assert found.count == mask.sum() and found.box == (slice(1, 4), slice(10, 15), slice(20, 30))
    np.testing.assert_array_equal(found.of(voxels(full)), voxels(full)[mask])
    assert region.voxels(full) is found
    # Painted in Slicer's own editor.
    labels = node.GetBinaryLabelmapInternalRepresentation(segment)
    labels.GetPointData().GetScalars().Fill(labels.GetScalarRange()[1])
    labels.GetPointData().GetScalars().Modified()
    assert region.voxels(full).count == found.count + 1
    # Deleted in Slicer's own editor.
    node.GetSegmentation().RemoveSegment(segment)
    assert [r.name for r in regionsOf(scene)] == ["round"]


@pytest.mark.parametrize("shape", ["box", "circle"])
def test_a_region_is_an_outline_whose_every_move_counts(scene, logic, images, shape):
    region = logic.makeRegion(next(iter(images.values())), (10, 30, 5, 25, 2), shape=shape)
    assert not region.node.GetDisplayNode().GetFillVisibility()
    before = region.state()
    if shape == "box":
        region.node.SetCenter(1, 2, 3)
    else:
        region.node.SetNthControlPointPosition(0, 1, 2, 3)
    moved = region.state()
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    region.node.SetAndObserveTransformNodeID(transform.GetID())
    under = region.state()
    matrix = slicer.util.vtkMatrixFromArray(np.diag([2.0, 1, 1, 1]))
    transform.SetMatrixTransformToParent(matrix)
    assert len({before, moved, under, region.state()}) == 4


def test_the_list_of_regions_lives_in_the_scene(scene, logic, images, tmp_path):
    full = images["FDCT"]
    first = logic.makeRegion(full, (10, 30, 5, 25, 2), role="lesion", name="A")
    second = logic.makeRegion(full, (30, 45, 5, 25, 2), "circle", name="B")
    assert [(r.number, r.name, r.role, r.follows) for r in regionsOf(scene)] == [
        (1, "A", "lesion", False), (2, "B", "none", False)]
    assert first.color != second.color
    changed = logic.changeRegion(second, "background", "liver", True, (0, 1, 0))
    assert (changed.role, changed.name, changed.follows, changed.color) == ("background", "liver", True, (0, 1, 0))
    logic.removeRegion(first)
    assert [r.number for r in regionsOf(scene)] == [2] and first.node.GetScene() is scene
    assert logic.addRegion(first.node).number == 3
    for wrong, words in ((lambda: logic.addRegion(full), "is no region"),
                         (lambda: logic.changeRegion(second, "tumour"), "there is no role 'tumour'"),
                         (lambda: logic.makeRegion(full, (10, 30, 5, 25, 2), "star"), "no shape 'star'"),
                         (lambda: logic.makeRegion(full, (10, 90, 5, 25, 2)), "")):
        with pytest.raises(InputError, match=words):
            wrong()
    scene.SetURL(str(tmp_path / "scene.mrml"))
    assert scene.Commit()
    again = slicer.vtkMRMLScene()
    again.SetURL(str(tmp_path / "scene.mrml"))
    again.Import()
    assert [(r.number, r.name, r.role, r.follows) for r in regionsOf(again)] == [
        (2, "liver", "background", True), (3, "A", "none", False)]
    again.Clear(1)


def test_numbers_of_regions_agree_with_an_independent_computation(scene, logic, images):
    full, low, scanner = images.values()
    logic.makeRegion(full, (17, 24, 12, 19, 2), role="lesion", name="metastasis")
    logic.makeRegion(full, (30, 45, 5, 35, 2), role="background", name="liver")
    logic.makeRegion(full, (0, 10, 0, 10, 0), name="corner")
    numbers = logic.measureRegions({"LDCT": low, "Scanner": scanner}, full)
    a = {label: voxels(node)[2, 12:19, 17:24] for label, node in images.items()}
    b = {label: voxels(node)[2, 5:35, 30:45] for label, node in images.items()}
    records = {record["image"]: record for record in numbers.records()}
    for label in images:
        record = records[label]
        assert record["region1_mean_hu"] == pytest.approx(a[label].mean())
        assert record["region1_sd_hu"] == pytest.approx(a[label].std())
        assert record["region1_cnr"] == pytest.approx(abs(a[label].mean() - b[label].mean()) / b[label].std())
        kept = 100 * (a[label].mean() - b[label].mean()) / (a["FDCT"].mean() - b["FDCT"].mean())
        assert record["region1_contrast_kept_%"] == pytest.approx(kept)
        assert record["region2_noise_left_%"] == pytest.approx(100 * b[label].std() / b["LDCT"].std())
        if label != "FDCT":
            error = np.sqrt(np.mean((b[label] - b["FDCT"]) ** 2))
            assert record["region2_rmse_unclipped_hu"] == pytest.approx(error)
    assert 70 < records["Scanner"]["region1_contrast_kept_%"] < 90
    assert math.isnan(records["FDCT"]["region1_rmse_unclipped_hu"])
    header, cells = numbers.header(), numbers.cells()
    assert header[:4] == ["Strength", "1 metastasis: Mean (HU)", "1 metastasis: SD (HU)", "1 metastasis: RMSE (HU)"]
    assert header[-3:] == ["1 metastasis: CNR", "1 metastasis: Contrast kept (%)", "2 liver: Noise left (%)"]
    assert [row[0] for row in cells] == ["FDCT", "LDCT", "Scanner"] and cells[1][-1] == "100" and cells[0][-2] == "100"
    for words in ("no window", "1 metastasis (box, slice 3, columns 18 to 24, rows 13 to 19, 49 voxels)",
                  "SD of the background, which is 2 liver", "of LDCT's"):
        assert words in numbers.caption()
    table = logic.writeNumbers(numbers, full, {"LDCT": low, "Scanner": scanner})
    assert table.GetName() == "FDCT regions" and table.GetAttribute(CAPTION) == numbers.caption()
    assert len(tableRecords(table)) == 3 and records_to_csv(numbers.records()).count("\n") == 4
    # Without reference, lesion or background there is less to say, and nothing wrong.
    alone = logic.measureRegions({"LDCT": low}, regions=regionsOf(scene)[:1])
    assert alone.header() == ["Strength", "1 metastasis: Mean (HU)", "1 metastasis: SD (HU)"]
    for region in regionsOf(scene):
        logic.removeRegion(region)
    with pytest.raises(InputError, match="there is no region yet"):
        logic.measureRegions({"LDCT": low})


def test_the_list_of_compared_images(scene, logic, images, tmp_path):
    full, low, scanner = images.values()
    listed = logic.comparedImages(low)
    outputs = logic.denoiseAll(low, ["TV", "NLM"], device="cpu")
    listed.add(scanner, "ADMIRE 3")
    rows = listed.rows()
    assert [row.label for row in rows] == ["TV", "NLM", "ADMIRE 3"] and len({row.color for row in rows}) == 3
    assert rows[0].made.strength == 1 and rows[2].made.strength is None and all(row.shown for row in rows)
    listed.change(outputs["TV"], label="smooth", color="#123456", shown=False)
    listed.move(scanner, 0)
    assert [(r.label, r.shown) for r in listed.rows()] == [("ADMIRE 3", True), ("smooth", False), ("NLM", True)]
    # A second run fills the same node, and another instance knows the same list.
    again = logic.denoiseAll(low, ["TV"], outputs={"TV": listed.madeBy("TV")}, device="cpu")
    assert again["TV"] is outputs["TV"] and len(logic.comparedImages(low).rows()) == 3
    other = addVolume(scene, ct((2, 3, 4)), "other")
    for wrong, words in ((lambda: listed.add(low), "is the low-dose volume"), (lambda: listed.add(None), "no volume"),
                         (lambda: listed.change(scanner, label="NLM"), "another image is called 'NLM'"),
                         (lambda: listed.change(scanner, label="LDCT"), "another image is called 'LDCT'"),
                         (lambda: listed.move(full, 0), "is not in the list")):
        with pytest.raises(InputError, match=words):
            wrong()
    with pytest.raises(GeometryError):
        listed.add(other)
    listed.remove(outputs["NLM"])
    assert outputs["NLM"].GetScene() is scene and [r.label for r in listed.rows()] == ["ADMIRE 3", "smooth"]
    scene.RemoveNode(scanner)
    assert [r.label for r in listed.rows()] == ["smooth"]
    scene.SetURL(str(tmp_path / "scene.mrml"))
    scene.Commit()
    loaded = slicer.vtkMRMLScene()
    loaded.SetURL(str(tmp_path / "scene.mrml"))
    loaded.Import()
    (row,) = logic.comparedImages(loaded.GetFirstNodeByName("LDCT")).rows()
    assert (row.label, row.color, row.shown, row.made.method) == ("smooth", "#123456", False, "TV")
    loaded.Clear(1)


def test_what_is_missing_is_told(scene, logic, images, ownModel):
    low = images["LDCT"]

    def missing(methods, models=()):
        listed = logic.comparedImages(low)
        return [j.label for j in jobsOf(methods, models) if not isUpToDate(listed.madeBy(j.label), low, j)]

    assert missing(["TV", "NLM"]) == ["TV", "NLM"]
    outputs = logic.denoiseAll(low, ["TV"], [ownModel], device="cpu", strength=0.5)
    assert missing(["TV", "NLM"], [ownModel]) == ["NLM"]
    logic.setStrength(outputs["TV"], 1.0)
    assert missing(["TV"]) == []
    from model_maker import make_model

    make_model(ownModel, weights="zero")
    assert missing(["TV"], [ownModel]) == ["mine"]
    voxels_ = slicer.util.arrayFromVolume(low)
    voxels_[0, 0, 0] += 1
    assert missing(["TV"]) == ["TV"]
    logic.comparedImages(low).remove(outputs["TV"])
    assert missing(["TV"]) == ["TV"]


def test_a_pair_is_proposed_by_name_and_else_by_noise(scene, logic, images):
    full, low, scanner = images.values()
    found = logic.proposePair(scene)
    assert (found.low, found.full) == (low, full) and "By their names: 'LDCT' is low dose" in found.words
    for node, name in ((full, "A"), (low, "B")):
        node.SetName(name)
    scene.RemoveNode(scanner)
    found = logic.proposePair(scene)
    assert (found.low, found.full) == (low, full)
    assert "(about 38 HU between pixels)" in found.words and "(5 HU)" in found.words
    # The name outweighs the noise; an output of ours is neither; alone, one is low dose, and that is said.
    low.SetName("Routine dose")
    assert logic.proposePair(scene).full is low
    scene.RemoveNode(low)
    logic.denoise(full, "TV", device="cpu")
    found = logic.proposePair(scene)
    assert (found.low, found.full) == (full, None) and "'A' is taken for low dose" in found.words
    scene.RemoveNode(full)
    slicer.util.updateVolumeFromArray(scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "small"), ct((2, 3, 4)))
    assert logic.proposePair(scene).low.GetName() == "A TV"
