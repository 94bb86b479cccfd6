"""The hanging protocol, the stack, what is written in views, keys and mouse, on a real scene."""

import numpy as np
import pytest
import slicer
import vtk
from comparison_scene import background, sliceNode
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.hounsfield import PRESETS
from LDCTDenoiseLib.metrics import Reference
from LDCTDenoiseSlicer.comparison import plane
from LDCTDenoiseSlicer.comparison.furniture import Furniture, Words
from LDCTDenoiseSlicer.comparison.keys import WINDOW_KEYS
from LDCTDenoiseSlicer.comparison.layout import hang
from LDCTDenoiseSlicer.comparison.mouse import Mouse, isInside
from LDCTDenoiseSlicer.logic import LDCTDenoiseLogic
from LDCTDenoiseSlicer.nodes import ijkToWorld
from LDCTDenoiseSlicer.regions import regionsOf
from slicer_volumes import addVolume, ct
from vtk.util.numpy_support import vtk_to_numpy


def show(images, rows=(), **others):
    LDCTDenoiseLogic().showComparison(images["FDCT"], images["LDCT"], {"DCSCN": images["DCSCN"]}, rows, **others)


def shown(scene, *names):
    return [background(scene, f"LDCTDenoise{name}") for name in names]


@pytest.mark.parametrize("count, rows, size, columns", [
    (5, 1, (1400, 800), 3), (5, 1, (2600, 500), 5), (2, 1, (600, 1000), 1), (6, 1, (900, 600), 3),
    (6, 1, (600, 900), 2), (4, 1, (1000, 800), 2), (5, 2, (1400, 800), 5), (4, 1, (960, 420), 2), (4, 2, (917, 651), 4),
    (1, 2, (1400, 700), 2), (1, 2, (700, 1100), 1),
])
def test_images_are_hung_as_large_as_the_window_lets_them(count, rows, size, columns):
    rows = ("images", "zoom", "difference")[:rows]
    assert hang(count, rows, "auto", (350, 250), size).columns == columns


def test_what_is_asked_for_is_hung_whatever_the_window():
    lines = {name: [len(line) for line in hang(5, ("images",), name, (350, 250), (400, 900)).names]
             for name in ("1xn", "2x3", "3x2")}
    assert lines == {"1xn": [5], "2x3": [3, 2], "3x2": [2, 2, 1]}
    zoomed = hang(4, ("images", "zoom"), "3x2", (350, 250), (400, 900)).names
    assert zoomed == [["LDCTDenoiseImages1", "LDCTDenoiseImages2"], ["LDCTDenoiseZoom1", "LDCTDenoiseZoom2"],
                      ["LDCTDenoiseImages3", "LDCTDenoiseImages4"], ["LDCTDenoiseZoom3", "LDCTDenoiseZoom4"]]


def test_keys_choose_the_image_of_one_large_view(scene, images, comparison):
    show(images)
    keys = comparison._keys
    k = comparison.sliceIndex
    keys.press("2")
    assert comparison.request.arrangement == "stack" and comparison.layout.images == 1
    assert comparison.words()["LDCTDenoiseImages1"].title == "LDCT   2/3"
    views = scene.GetNumberOfNodesByClass("vtkMRMLSliceNode")
    for key, label in (("3", "DCSCN"), ("1", "FDCT"), ("9", "FDCT"), ("PgDown", "LDCT"), ("PgUp", "FDCT")):
        keys.press(key)
        assert shown(scene, "Images1") == [images[label]] and comparison.sliceIndex == k
    assert scene.GetNumberOfNodesByClass("vtkMRMLSliceNode") == views
    keys.press("Esc")
    assert shown(scene, "Images1", "Images2", "Images3") == list(images.values())
    with pytest.raises(InputError, match="no image XYZ; there are FDCT, LDCT, DCSCN"):
        LDCTDenoiseLogic.showComparisonImage(logicOf(comparison), "XYZ")


def logicOf(comparison):
    return type("Logic", (), {"comparison": comparison})()


def test_space_toggles_with_the_reference_and_d_shows_the_difference_while_it_is_held(scene, images, comparison):
    show(images, rows=("zoom",), arrangement="stack", image="DCSCN")
    keys = comparison._keys
    keys.press("Space")
    assert shown(scene, "Images1", "Zoom1") == [images["FDCT"]] * 2
    assert comparison.words()["LDCTDenoiseImages1"].title == "FDCT"
    keys.press("Space")
    assert shown(scene, "Images1", "Zoom1") == [images["DCSCN"]] * 2
    keys.press("D")
    first, second = shown(scene, "Images1", "Zoom1")
    full, output = (slicer.util.arrayFromVolume(images[label])[2].astype(np.float32) for label in ("FDCT", "DCSCN"))
    assert first is second and np.array_equal(slicer.util.arrayFromVolume(first)[0], output - full)
    assert first.GetDisplayNode().GetWindowLevelMax() == 100
    assert comparison.words()["LDCTDenoiseImages1"].title == "DCSCN - FDCT (±100 HU)"
    comparison.showSlice(4)
    full, output = (slicer.util.arrayFromVolume(images[label])[4].astype(np.float32) for label in ("FDCT", "DCSCN"))
    assert np.array_equal(slicer.util.arrayFromVolume(first)[0], output - full)
    keys.release("D")
    assert shown(scene, "Images1") == [images["DCSCN"]]
    assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == len(images)
    # Choosing an image ends what is shown instead.
    keys.press("Space")
    keys.press("2")
    assert shown(scene, "Images1") == [images["LDCT"]] and comparison.peeked == ""
    with pytest.raises(InputError, match="no 'noise' to show instead"):
        comparison.peek("noise")


def test_without_a_reference_the_low_dose_is_what_one_toggles_with(scene, images, comparison):
    LDCTDenoiseLogic().showComparison(None, images["LDCT"], {"DCSCN": images["DCSCN"]})
    comparison._keys.press("Space")
    assert shown(scene, "Images1", "Images2") == [images["LDCT"]] * 2
    comparison.peek("difference")
    assert comparison.words()["LDCTDenoiseImages2"].title == "LDCT - DCSCN (±100 HU)"
    assert shown(scene, "Images1") == [images["LDCT"]]


def test_window_keys(scene, images, comparison):
    display = images["LDCT"].GetDisplayNode()
    own = (display.GetWindowLevelMin(), display.GetWindowLevelMax())
    show(images)
    for key, name in WINDOW_KEYS.items():
        comparison._keys.press(key)
        window = comparison.request.window
        expected = own if name == "default" else (PRESETS[name].lower, PRESETS[name].upper)
        assert (window.lower, window.upper) == expected
        assert images["DCSCN"].GetDisplayNode().GetWindowLevelMin() == pytest.approx(window.lower)


def test_a_double_click_makes_an_image_large_and_another_hangs_all_again(scene, images, comparison):
    show(images, rows=("noise",), arrangement="1xn")
    comparison.enlarge("LDCTDenoiseNoise3")
    assert comparison.request.visible == ["DCSCN"] and comparison._stage.links.place.fitted
    comparison.enlarge("LDCTDenoiseImages1")
    assert comparison.request.arrangement == "1xn" and comparison.layout.columns == 3


@pytest.mark.parametrize("orientation, axis, sides", [("coronal", 1, "RS"), ("sagittal", 0, "AS"), ("axial", 2, "RA")])
def test_views_turn_through_where_they_look(scene, images, comparison, orientation, axis, sides):
    plain = addVolume(scene, ct((30, 48, 64)), "plain")
    plain.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(np.diag([-0.8, -0.8, 3.0, 1.0])))
    LDCTDenoiseLogic().showComparison(None, plain)
    comparison.turn("coronal" if orientation == "axial" else "axial")
    comparison.turn(orientation)
    assert comparison.position[0] == axis
    words = comparison.words()["LDCTDenoiseImages1"]
    assert words.left + words.top == sides
    # The body is fitted in its own height and width there.
    node = sliceNode(scene, "LDCTDenoiseImages1")
    comparison.showSlice(3)
    assert comparison.position[1] == 3 and node.GetFieldOfView()[1] > 0
    assert words.slice.endswith(f"/{(64, 48, 30)[axis]}")


def test_differences_follow_the_zoom_when_they_are_told_to(scene, images, comparison):
    show(images, rows=("zoom", "difference"))
    assert field(scene, "Difference2") == field(scene, "Images1")
    show(images, rows=("zoom", "difference"), roi=comparison.request.roi, zoomDifferences=True)
    assert field(scene, "Difference2") == field(scene, "Zoom1") != field(scene, "Images1")
    comparison.request.roi.SetSize(5, 5, 2.5)
    assert field(scene, "Difference2") == field(scene, "Zoom1")


def field(scene, name):
    return sliceNode(scene, f"LDCTDenoise{name}").GetFieldOfView()[:2]


def test_each_view_says_once_what_it_shows(scene, images, comparison):
    images["DCSCN"].SetAttribute("LDCTDenoise.Method", "DCSCN")
    images["DCSCN"].SetAttribute("LDCTDenoise.Strength", "0.6")
    show(images, rows=("zoom", "difference", "noise"))
    words = comparison.words()
    assert words["LDCTDenoiseImages3"].title == "DCSCN × 0.6"
    assert (words["LDCTDenoiseImages1"].slice, words["LDCTDenoiseImages1"].window) == ("3/5", "W 400 L 40")
    # The empty cells hold the bar, and the others need not say how far it goes.
    assert words["LDCTDenoiseDifference1"] == Words(limit=100) == words["LDCTDenoiseNoise2"]
    assert words["LDCTDenoiseDifference3"].title == "DCSCN - FDCT"
    assert words["LDCTDenoiseNoise3"].title == "LDCT - DCSCN"
    assert words["LDCTDenoiseImages1"].numbers == () and len(words["LDCTDenoiseZoom3"].numbers) == 2


def test_the_numbers_in_the_zooms_are_those_of_the_region(scene, images, comparison):
    lesion = LDCTDenoiseLogic().makeRegion(images["LDCT"], (20, 40, 10, 30, 2)).node
    show(images, rows=("zoom",), roi=lesion)
    box = np.s_[2, 10:30, 20:40]
    full, low, output = (slicer.util.arrayFromVolume(node)[box].astype(float) for node in images.values())
    numbers = comparison.zoomNumbers()
    expected = Reference(full, PRESETS["paper"]).measure(low)
    assert numbers["LDCT"].ssim == pytest.approx(expected.ssim)
    assert numbers["LDCT"].statistics.rmse == pytest.approx(np.sqrt(np.mean((low - full) ** 2)))
    assert numbers["FDCT"].statistics.mean == pytest.approx(full.mean()) and numbers["FDCT"].ssim is None
    (rmse, ssim), ((mean, _),) = comparison.words()["LDCTDenoiseZoom3"].numbers
    assert rmse[0].startswith("RMSE ") and ssim[0].startswith("SSIM 0.")
    assert mean == f"{output.mean():.1f} ± {output.std():.1f} HU"
    other = comparison.words()["LDCTDenoiseZoom2"].numbers
    errors = [np.sqrt(np.mean((image - full) ** 2)) for image in (low, output)]
    assert (other[0][0][1], rmse[1]) == (errors[0] < errors[1], errors[1] < errors[0])
    # The same without views.
    region = regionsOf(scene)[0]
    alone = LDCTDenoiseLogic().measureZoom({"LDCT": images["LDCT"]}, images["FDCT"], region)
    assert alone["LDCT"] == numbers["LDCT"]
    small = LDCTDenoiseLogic().makeRegion(images["LDCT"], (20, 26, 10, 16, 2))
    assert LDCTDenoiseLogic().measureZoom({"LDCT": images["LDCT"]}, images["FDCT"], small)["LDCT"].ssim is None


def test_zooms_that_show_another_slice_say_which_their_numbers_are_of(images, comparison):
    lesion = LDCTDenoiseLogic().makeRegion(images["LDCT"], (20, 40, 10, 30, 2)).node
    show(images, rows=("zoom",), roi=lesion)
    comparison.showSlice(2)
    assert len(comparison.words()["LDCTDenoiseZoom3"].numbers) == 2
    comparison.showSlice(3)
    count = images["LDCT"].GetImageData().GetDimensions()[2]
    assert comparison.words()["LDCTDenoiseZoom3"].numbers[-1] == ((f"numbers of slice 3 of {count}", False),)


def test_nothing_is_the_best_of_a_tie_or_in_air(scene, images, comparison):
    slicer.util.arrayFromVolume(images["FDCT"])[2, :15, :15] = -1000
    slicer.util.arrayFromVolume(images["DCSCN"])[:] = slicer.util.arrayFromVolume(images["LDCT"])
    region = LDCTDenoiseLogic().makeRegion(images["LDCT"], (20, 40, 10, 30, 2)).node
    show(images, rows=("zoom",), roi=region)
    tie = comparison.words()
    air = LDCTDenoiseLogic().makeRegion(images["LDCT"], (0, 15, 0, 15, 2)).node
    show(images, rows=("zoom",), roi=air)
    for words, parts in ((tie, ["RMSE", "SSIM"]), (comparison.words(), ["RMSE"])):
        for name in ("LDCTDenoiseZoom2", "LDCTDenoiseZoom3"):
            compared = words[name].numbers[0]
            assert [text.split()[0] for text, _ in compared] == parts and not any(best for _, best in compared)


def test_the_hu_at_the_pointer_are_those_of_all_images(scene, images, comparison):
    show(images)
    heard = []
    comparison.addListener(heard.append)
    i, j, k = 30, 20, 2
    point = (ijkToWorld(images["LDCT"]) @ [i + 0.3, j - 0.3, k, 1])[:3]
    crosshair = scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
    assert comparison.pointed == {}
    crosshair.SetCursorPositionRAS(point)
    assert heard == ["pointer"]
    assert comparison.pointed == {label: slicer.util.arrayFromVolume(node)[k, j, i] for label, node in images.items()}
    assert LDCTDenoiseLogic().valuesAt({"LDCT": images["LDCT"]}, point + 1e4) == {}


def test_a_drag_inside_the_box_moves_it_and_its_edges_are_left_to_slicer(scene, images, comparison):
    lesion = LDCTDenoiseLogic().makeRegion(images["LDCT"], (20, 40, 10, 30, 2)).node
    show(images, roi=lesion)
    node, mouse = sliceNode(scene, "LDCTDenoiseImages1"), Mouse(comparison, [])
    start, size = np.array(lesion.GetCenterWorld()), lesion.GetSize()
    corners = np.array([pixel(node, corner) for corner in plane.boxCorners(lesion)])
    inside = corners.min(axis=0) + 0.3 * np.ptp(corners, axis=0)
    heard = []
    comparison.addListener(heard.append)
    assert not mouse.press(node, corners.min(axis=0)) and not mouse.press(node, corners.max(axis=0) + 30)
    assert mouse.press(node, inside)
    for step in ((5, 0), (12, -8)):
        assert mouse.move(node, inside + step)
    assert mouse.release() and not mouse.move(node, inside)
    moved = pixel(node, lesion.GetCenterWorld()) - pixel(node, start)
    assert np.allclose(moved, (12, -8), atol=1e-6) and lesion.GetSize() == size
    assert "roi" in heard and heard[-1] == "roiEnd"
    # Not on another slice, and not without handles.
    comparison.showSlice(4)
    assert not mouse.press(node, inside + (12, -8))
    comparison.showSlice(2)
    show(images, roi=lesion, handles=False)
    assert not mouse.press(node, inside + (12, -8))


def test_a_circle_is_taken_inside_its_outline(scene, images, comparison):
    circle = LDCTDenoiseLogic().makeRegion(images["LDCT"], (20, 40, 10, 30, 2), "circle").node
    show(images, roi=circle)
    node, mouse = sliceNode(scene, "LDCTDenoiseImages1"), Mouse(comparison, [])
    points = plane.outline(circle)
    middle = pixel(node, points.mean(axis=0))
    corner = middle + 0.9 * (np.array([pixel(node, p) for p in points]).max(axis=0) - middle)
    assert isInside(circle, node, middle) and not isInside(circle, node, corner)
    assert mouse.press(node, middle) and mouse.move(node, middle + (7, 3)) and mouse.release()
    assert np.allclose(pixel(node, plane.outline(circle).mean(axis=0)), middle + (7, 3), atol=1e-6)
    comparison.showSlice(0)
    assert not isInside(circle, node, middle + (7, 3))


def pixel(node, point):
    inverse = vtk.vtkMatrix4x4()
    vtk.vtkMatrix4x4.Invert(node.GetXYToRAS(), inverse)
    return np.array(inverse.MultiplyPoint([*point, 1.0])[:2])


@pytest.mark.slow
def test_what_is_written_is_seen_and_lies_in_the_view():
    renderer, window = vtk.vtkRenderer(), vtk.vtkRenderWindow()
    window.SetOffScreenRendering(1)
    window.SetSize(300, 260)
    window.AddRenderer(renderer)
    furniture = Furniture(renderer)
    words = Words("DCSCN × 0.6", ((("RMSE 11.2 HU", True), ("SSIM 0.912", False)), (("54.1 ± 12.3 HU", False),)),
                  "12/40", "W 400 L 40", "R", "A")

    def picture():
        window.Render()
        grab = vtk.vtkWindowToImageFilter()
        grab.SetInput(window)
        grab.ReadFrontBufferOff()
        grab.Update()
        image = grab.GetOutput()
        return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(260, 300, 3).astype(int)

    empty = picture()
    assert furniture.show(words, (300, 260)) and not furniture.show(words, (300, 260))
    seen = picture()
    places = {"title": seen[240:, :200], "numbers": seen[195:235, :200], "foot": seen[:25, :200],
              "left": seen[115:150, :25]}
    assert not empty.any() and all(part.max() > 150 for part in places.values()), places.keys()
    assert not seen[:, -10:].any()
    # Green for the best.
    best = seen[215:235, :80].reshape(-1, 3)
    assert ((best[:, 1] - best[:, 0]) > 60).any()
    furniture.show(Words(limit=80), (300, 260))
    bar = picture()
    column = bar[:, 115]
    column = column[column.any(axis=1)]
    # From black to white, grey all the way.
    assert not bar[240:, :80].any() and (np.diff(column[:, 0]) >= 0).all() and len(np.unique(column)) > 50
    assert (np.ptp(column, axis=1) <= 1).all()
    furniture.close()
    assert not picture().any()
