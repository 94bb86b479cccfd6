"""Where the comparison's views look: linked, zoomed to the ROI, and what they paint."""

import numpy as np
import pytest
import slicer
import vtk
from comparison_scene import background, looksAt, rendered, sliceNode
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseSlicer.comparison import plane
from LDCTDenoiseSlicer.comparison.body import bodyBox
from LDCTDenoiseSlicer.logic import LDCTDenoiseLogic
from LDCTDenoiseSlicer.nodes import ijkToWorld
from LDCTDenoiseSlicer.regions import regionsOf
from LDCTDenoiseSlicer.rois import pixelROI
from slicer_volumes import addVolume, ct


def show(images, rows=("zoom", "difference", "noise"), **others):
    LDCTDenoiseLogic().showComparison(images["FDCT"], images["LDCT"], {"DCSCN": images["DCSCN"]}, rows, **others)


def names(row):
    return [f"LDCTDenoise{row}{column}" for column in (1, 2, 3)]


def test_views_lie_in_the_volumes_planes_as_radiologists_look(scene, images, comparison):
    plain = addVolume(scene, ct((5, 48, 64)), "plain")
    # Left-posterior-superior as CT is stored: i to the left, j to the back.
    plain.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(np.diag([-0.8, -0.8, 3.0, 1.0])))
    LDCTDenoiseLogic().showComparison(None, plain)
    matrix = slicer.util.arrayFromVTKMatrix(sliceNode(scene, "LDCTDenoiseImages1").GetSliceToRAS())
    # The patient's left on the right of the picture, anterior at the top.
    assert np.allclose(matrix[:3, :3], np.diag([-1, 1, 1]))
    show(images)
    oblique = slicer.util.arrayFromVTKMatrix(sliceNode(scene, "LDCTDenoiseImages1").GetSliceToRAS())[:3, :3]
    axes = ijkToWorld(images["LDCT"])[:3, :3]
    assert np.allclose(np.abs(oblique.T @ (axes / np.linalg.norm(axes, axis=0))).max(axis=0), 1)


def test_the_body_just_fits(scene, images, comparison):
    size = (300, 200)
    show(images)
    node = sliceNode(scene, "LDCTDenoiseImages1")
    node.SetDimensions(*size, 1)
    comparison.fit()
    # The disc of tissue begins at column 8; the air before it need not be in view.
    toWorld, body = ijkToWorld(images["LDCT"]), [(i, j) for i in (9, 63) for j in (0, 47)]
    corners = [seen(node, (toWorld @ [i, j, 2, 1])[:3]) for i, j in body]
    lower, upper = np.min(corners, axis=0), np.max(corners, axis=0)
    assert (lower >= 0).all() and (upper <= size).all()
    assert ((upper - lower) / size).max() > 0.9
    air = seen(node, (toWorld @ [0, 24, 2, 1])[:3])
    assert not 0 <= air[0] <= size[0]


@pytest.mark.parametrize("table", [False, True])
def test_the_body_is_found_without_table_and_air(table):
    array = np.full((4, 256, 256), -1000, np.int16)
    array[:, 60:180, 40:220] = 40
    array[:, 100:120, 80:120] = -850
    if table:
        array[:, 210:214, 10:250] = 200
    slices, rows, columns = bodyBox(array)
    assert slices == (-0.5, 3.5)
    assert np.allclose(rows, (60, 180), atol=6) and np.allclose(columns, (40, 220), atol=6)
    legs = np.full((2, 128, 256), -1000, np.int16)
    legs[:, 40:90, 30:100], legs[:, 40:90, 150:230] = 40, 40
    assert np.allclose(bodyBox(legs)[2], (30, 230), atol=8)
    assert bodyBox(np.full((2, 64, 64), -1000, np.int16)) is None
    # The thin wall beside the lungs is body, too.
    row, column = np.mgrid[:256, :256] - np.array([120, 130])[:, None, None]
    chest = np.where((row / 60) ** 2 + (column / 90) ** 2 <= 1, 40, -1000)
    chest[((row / 52) ** 2 + (column / 82) ** 2 <= 1) & (abs(column) > 20)] = -850
    assert np.allclose(bodyBox(chest[None])[2], (40, 220), atol=6)


def test_all_views_show_one_slice(scene, images, comparison):
    show(images)
    for k in range(5):
        comparison.showSlice(k)
        assert comparison.sliceIndex == k
        matrices = [slicer.util.arrayFromVTKMatrix(sliceNode(scene, n).GetSliceToRAS())
                    for row in ("Images", "Zoom", "Difference", "Noise") for n in names(row)]
        offsets = [m[:3, 3] @ m[:3, 2] for m in matrices]
        assert np.allclose(offsets, offsets[0])


def test_who_scrolls_pans_or_zooms_one_view_moves_the_others(scene, images, comparison):
    show(images)
    heard = []
    comparison.addListener(heard.append)
    leader = sliceNode(scene, "LDCTDenoiseImages2")
    leader.SetXYZOrigin(3, -4, 0)
    leader.UpdateMatrices()
    leader.SetFieldOfView(30, 30, 1)
    leader.SetSliceOffset(leader.GetSliceOffset() + 2.5)
    for name in names("Images") + names("Difference") + names("Noise"):
        assert np.allclose(looksAt(sliceNode(scene, name)), looksAt(leader)), name
    zoom = sliceNode(scene, "LDCTDenoiseZoom1")
    assert zoom.GetSliceOffset() == pytest.approx(leader.GetSliceOffset())
    assert zoom.GetFieldOfView()[0] != 30 and zoom.GetXYZOrigin()[0] == 0
    assert comparison.sliceIndex == 3 and "slice" in heard


@pytest.mark.parametrize("isZoom", [False, True])
def test_who_scrolls_while_views_get_another_size_moves_the_others_all_the_same(scene, images, comparison, isZoom):
    show(images)
    comparison._stage.links._resized.add(isZoom)  # as views of a new layout, not yet brought in line
    leader = sliceNode(scene, "LDCTDenoiseImages2")
    leader.SetSliceOffset(leader.GetSliceOffset() + 2.5)
    offsets = [sliceNode(scene, name).GetSliceOffset() for row in ("Images", "Zoom", "Noise") for name in names(row)]
    assert offsets == pytest.approx([leader.GetSliceOffset()] * len(offsets)) and comparison.sliceIndex == 3


def test_scrolling_a_zoom_scrolls_the_images_and_panning_it_does_not_pan_them(scene, images, comparison):
    show(images)
    image, zoom = sliceNode(scene, "LDCTDenoiseImages1"), sliceNode(scene, "LDCTDenoiseZoom3")
    field = image.GetFieldOfView()[:2]
    zoom.SetXYZOrigin(2, 2, 0)
    zoom.UpdateMatrices()
    zoom.SetSliceOffset(zoom.GetSliceOffset() - 2.5)
    assert comparison.sliceIndex == 1
    assert image.GetXYZOrigin()[:2] == (0, 0) and image.GetFieldOfView()[:2] == field
    assert sliceNode(scene, "LDCTDenoiseZoom1").GetXYZOrigin()[:2] == (2, 2)


def seen(node, point):
    """Return where a view shows a point of the world, in pixels."""
    inverse = vtk.vtkMatrix4x4()
    vtk.vtkMatrix4x4.Invert(node.GetXYToRAS(), inverse)
    return np.array(inverse.MultiplyPoint([*point, 1.0])[:2])


@pytest.mark.parametrize("size", [(256, 256), (400, 150), (90, 300)])
def test_the_zoom_shows_the_roi_as_large_as_it_fits(scene, images, comparison, size):
    show(images)
    roi = comparison.request.roi
    zooms = [sliceNode(scene, name) for name in names("Zoom")]
    for node in zooms:
        node.SetDimensions(*size, 1)
    roi.SetSize(12, 6, 2.5)
    roi.SetCenterWorld(np.array(roi.GetCenterWorld()) + plane.matrixOf(zooms[0])[:3, 0] * 4)
    for node in zooms:
        corners = np.array([seen(node, corner) for corner in plane.boxCorners(roi)])
        lower, upper = corners.min(axis=0), corners.max(axis=0)
        assert np.allclose((lower + upper) / 2, np.array(size) / 2, atol=1e-6)
        assert np.isclose((upper - lower) / size, 1).any() and ((upper - lower) / size <= 1 + 1e-6).all()
        fov = node.GetFieldOfView()
        assert fov[0] / fov[1] == pytest.approx(size[0] / size[1])


def test_a_region_stays_where_it_was_put(scene, images, comparison):
    show(images)
    roi = comparison.request.roi
    before, voxels = tuple(roi.GetCenterWorld()), regionsOf(scene)[0].voxels(images["LDCT"]).box
    for k in (0, 4):
        comparison.showSlice(k)
    look(scene, images, across=1)
    assert tuple(roi.GetCenterWorld()) == before and regionsOf(scene)[0].voxels(images["LDCT"]).box == voxels


def test_a_pinned_region_goes_along_and_never_in_another_orientation(scene, images, comparison):
    show(images)
    logic = LDCTDenoiseLogic()
    circle = logic.makeRegion(images["LDCT"], (10, 30, 5, 25, 2), "circle")
    for region in (regionsOf(scene)[0], circle):
        logic.changeRegion(region, follows=True)
    for k in (0, 4):
        comparison.showSlice(k)
        assert [r.voxels(images["LDCT"]).box[0] for r in regionsOf(scene)] == [slice(k, k + 1)] * 2
    boxes = [r.voxels(images["LDCT"]).box for r in regionsOf(scene)]
    for across in (0, 1):
        look(scene, images, across)
        node = sliceNode(scene, "LDCTDenoiseImages1")
        node.SetSliceOffset(node.GetSliceOffset() + 3)
        assert [r.voxels(images["LDCT"]).box for r in regionsOf(scene)] == boxes


def look(scene, images, across):
    """Turn the views so that they look along the volume's axis i (0), j (1) or k (2)."""
    node, toWorld = sliceNode(scene, "LDCTDenoiseImages1"), ijkToWorld(images["LDCT"])
    axes = toWorld[:3, :3] / np.linalg.norm(toWorld[:3, :3], axis=0)
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1] = (axes[:, axis] for axis in range(3) if axis != across)
    matrix[:3, 2], matrix[:3, 3] = axes[:, across], (toWorld @ [30, 20, 2, 1])[:3]
    node.GetSliceToRAS().DeepCopy(plane.vtkMatrix(matrix))
    node.UpdateMatrices()


def test_the_active_region_is_thick_and_the_others_thin_and_without_handles(scene, images, comparison):
    show(images)
    first = comparison.request.roi
    second = LDCTDenoiseLogic().makeRegion(images["LDCT"], (10, 20, 5, 15, 4), "circle").node
    # Another region is another look and another zoom; the views are not laid out anew, but go to where it is.
    views = scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
    show(images, roi=second)
    looks = [(d.GetLineDiameter(), d.GetHandlesInteractive(), d.GetGlyphScale() > 0)
             for d in (first.GetDisplayNode(), second.GetDisplayNode())]
    assert looks == [(1.0, 0, False), (2.0, 1, True)] and comparison.sliceIndex == 4
    assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == views
    zoom = sliceNode(scene, "LDCTDenoiseZoom1")
    corners = np.array([seen(zoom, point) for point in plane.outline(second)])
    assert np.isclose(np.ptp(corners, axis=0) / zoom.GetDimensions()[:2], 1).any()
    scene.RemoveNode(first)
    assert comparison.request.roi is second
    comparison.hide()
    assert second.GetDisplayNode().GetGlyphScale() > 1.5 and second.GetDisplayNode().GetLineDiameter() != 2.0


def test_the_box_is_shown_in_the_images_and_not_in_the_zooms(scene, images, comparison):
    show(images, handles=False)
    display = comparison.request.roi.GetDisplayNode()
    assert sorted(display.GetViewNodeIDs()) == sorted(f"vtkMRMLSliceNode{name}" for name in names("Images"))
    assert not display.GetHandlesInteractive() and display.GetGlyphScale() == 0
    show(images, roi=comparison.request.roi, handles=True)
    assert display.GetHandlesInteractive() and display.GetGlyphScale() > 0


def test_dragging_the_box_is_told(scene, images, comparison):
    show(images)
    heard = []
    comparison.addListener(heard.append)
    roi = comparison.request.roi
    roi.SetSize(9, 9, 2.5)
    assert "roi" in heard
    roi.InvokeEvent(roi.PointEndInteractionEvent)
    assert heard[-1] == "roiEnd"


def test_drawing_ends_with_a_flat_box_on_the_slice(scene, images, comparison):
    show(images, rows=("zoom",))
    before = comparison.request.roi
    roi = comparison.draw()
    interaction = scene.GetFirstNodeByClass("vtkMRMLInteractionNode")
    assert interaction.GetCurrentInteractionMode() == interaction.Place and comparison.request.roi is roi
    matrix = plane.matrixOf(sliceNode(scene, "LDCTDenoiseImages1"))
    for step in (-4, 5):
        roi.AddControlPointWorld(*(matrix[:3, 3] + step * matrix[:3, 0] + step * matrix[:3, 1]))
    interaction.SwitchToViewTransformMode()
    assert np.allclose(np.abs(plane.matrixOf(sliceNode(scene, "LDCTDenoiseZoom1"))[:3, 2] @ toWorld(roi)[:3, 2]), 1)
    # As large as it was clicked, although Slicer lays it along other axes than the oblique view's.
    assert np.allclose(roi.GetSize(), (9, 9, 2.5)) and pixelROI(roi, images["LDCT"]).k == comparison.sliceIndex
    assert before.GetScene() is scene
    # Given up: nothing is left of it.
    given_up = comparison.draw()
    interaction.SwitchToViewTransformMode()
    assert given_up.GetScene() is None and comparison.request.roi is roi


def test_a_circle_and_a_curve_are_drawn(scene, images, comparison):
    show(images)
    interaction = scene.GetFirstNodeByClass("vtkMRMLInteractionNode")
    matrix = plane.matrixOf(sliceNode(scene, "LDCTDenoiseImages1"))

    def at(x, y):
        return matrix[:3, 3] + x * matrix[:3, 0] + y * matrix[:3, 1]

    box = comparison.draw("circle")
    for x, y in ((-4, -3), (4, 3)):
        box.AddControlPointWorld(*at(x, y))
    interaction.SwitchToViewTransformMode()
    circle = comparison.request.roi
    assert circle.IsA("vtkMRMLMarkupsClosedCurveNode") and box.GetScene() is None
    # Behind the box that is zoomed, and in the place of the one that was clicked.
    assert [(r.number, r.name, r.shape) for r in regionsOf(scene)] == [(1, "Region", "box"), (2, "Region_1", "circle")]
    assert np.allclose(np.linalg.norm((plane.outline(circle) - matrix[:3, 3]) @ matrix[:3, :2] / (4, 3), axis=1), 1,
                       atol=1e-3)
    curve = comparison.draw("curve")
    for x, y in ((-4, -3), (4, -3), (0, 5)):
        curve.AddControlPointWorld(*at(x, y))
    interaction.SwitchToViewTransformMode()
    assert comparison.request.roi is curve and regionsOf(scene)[-1].voxels(images["LDCT"]).count > 10
    unfinished = comparison.draw("curve")
    unfinished.AddControlPointWorld(*at(0, 0))
    interaction.SwitchToViewTransformMode()
    assert unfinished.GetScene() is None and comparison.request.roi is curve
    # What was drawn here goes with its row; what one has made elsewhere does not.
    LDCTDenoiseLogic().removeRegion(regionsOf(scene)[-1])
    assert curve.GetScene() is None and comparison.request.roi is None and comparison.shown
    with pytest.raises(InputError, match="no shape 'star' to draw"):
        comparison.draw("star")


def toWorld(roi):
    return slicer.util.arrayFromVTKMatrix(roi.GetObjectToWorldMatrix())


def test_differences_are_those_of_the_slice_and_follow_it(scene, images, comparison):
    show(images)
    full, low, output = (slicer.util.arrayFromVolume(images[label]).astype(np.float32) for label in images)
    expected = {"Difference2": low - full, "Difference3": output - full, "Noise1": low - full, "Noise3": low - output}
    for k in (2, 0, 4):
        comparison.showSlice(k)
        for name, volume in expected.items():
            node = background(scene, f"LDCTDenoise{name}")
            assert np.array_equal(slicer.util.arrayFromVolume(node)[0], volume[k]), (name, k)
            assert (node.GetDisplayNode().GetWindowLevelMin(), node.GetDisplayNode().GetWindowLevelMax()) == (-100, 100)
            assert node.GetHideFromEditors() and not node.GetSaveWithScene()
    assert background(scene, "LDCTDenoiseDifference1") is None and background(scene, "LDCTDenoiseNoise2") is None


def test_a_difference_follows_when_a_volume_changes(scene, images, comparison):
    show(images)
    low, output = images["LDCT"], images["DCSCN"]
    slicer.util.updateVolumeFromArray(output, slicer.util.arrayFromVolume(low) - 7)
    assert (slicer.util.arrayFromVolume(background(scene, "LDCTDenoiseNoise3")) == 7).all()


def test_differences_run_along_the_rows_when_the_views_do(scene, images, comparison):
    show(images)
    node = sliceNode(scene, "LDCTDenoiseImages1")
    matrix = plane.matrixOf(node).copy()
    j = 20
    toWorld = ijkToWorld(images["LDCT"])
    axes = toWorld[:3, :3] / np.linalg.norm(toWorld[:3, :3], axis=0)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2] = axes[:, 0], axes[:, 2], axes[:, 1]
    matrix[:3, 3] = (toWorld @ [30, j, 2, 1])[:3]
    node.GetSliceToRAS().DeepCopy(plane.vtkMatrix(matrix))
    node.UpdateMatrices()
    difference = slicer.util.arrayFromVolume(background(scene, "LDCTDenoiseNoise3"))
    low, output = (slicer.util.arrayFromVolume(images[label]).astype(np.float32) for label in ("LDCT", "DCSCN"))
    assert np.array_equal(difference[:, 0], (low - output)[:, j])
    assert comparison.sliceIndex is None and (comparison.plane.axis, comparison.plane.index) == (1, j)


def test_volumes_of_two_grids_are_shown_without_a_difference(scene, images, comparison):
    other = addVolume(scene, ct((5, 48, 60), seed=5), "other")
    LDCTDenoiseLogic().showComparison(images["FDCT"], images["LDCT"], {"OTHER": other}, ("difference",))
    assert background(scene, "LDCTDenoiseImages3") is other
    assert "other − FDCT" in comparison.notices() and "grid" in comparison.notices()
    assert not slicer.util.arrayFromVolume(background(scene, "LDCTDenoiseDifference3")).any()
    assert slicer.util.arrayFromVolume(background(scene, "LDCTDenoiseDifference2")).shape == (1, 48, 64)


def test_a_view_paints_its_slice_in_the_window(scene, images, comparison):
    show(images, rows=("noise",), limit=80)
    comparison.showSlice(3)
    low, output = (slicer.util.arrayFromVolume(images[label])[3].astype(float) for label in ("LDCT", "DCSCN"))
    for name, values, lower, upper in (("Images2", low, -160, 240), ("Noise3", low - output, -80, 80)):
        node = sliceNode(scene, f"LDCTDenoise{name}")
        node.SetDimensions(256, 256, 1)
        comparison.fit()
        node.UpdateMatrices()
        picture = rendered(scene, node.GetName())
        expected = 255 * (values.clip(lower, upper) - lower) / (upper - lower)
        volume = images["LDCT"]
        for i, j in ((20, 10), (33, 24), (50, 40)):
            x, y = np.round(seen(node, (ijkToWorld(volume) @ [i, j, 3, 1])[:3])).astype(int)
            # Four pixels to a voxel or so, so that the pixel may lie a bit towards the next voxel.
            around = expected[j - 1 : j + 2, i - 1 : i + 2]
            step = np.abs(around - expected[j, i]).max() / 4 + 2
            assert abs(picture[y, x] - expected[j, i]) <= step, (name, i, j)
