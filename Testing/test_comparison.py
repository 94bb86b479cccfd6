"""The comparison on a real scene: laid out, put away, and safe in what happens to the scene."""

import numpy as np
import pytest
import slicer
from comparison_scene import USERS_LAYOUT, addImages, addViews, background, looksAt, sliceNode
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseSlicer.comparison.layout import isOurs
from LDCTDenoiseSlicer.comparison.side_by_side import SideBySide
from LDCTDenoiseSlicer.logic import LDCTDenoiseLogic
from slicer_volumes import addTransform, addVolume, ct


@pytest.fixture
def views(scene):
    return addViews(scene)


@pytest.fixture
def images(scene):
    return addImages(scene)


def show(images, **others):
    outputs = {label: node for label, node in images.items() if label not in ("FDCT", "LDCT")}
    LDCTDenoiseLogic().showComparison(images.get("FDCT"), images.get("LDCT"), outputs, **others)


def window(node):
    return node.GetDisplayNode().GetWindowLevelMin(), node.GetDisplayNode().GetWindowLevelMax()


def look(display):
    return display.GetFillVisibility(), display.GetSelectedColor(), display.GetGlyphScale(), display.GetViewNodeIDs()


def test_one_call_lays_out_the_images_in_order_in_the_papers_window(scene, views, images, comparison):
    show(images)
    assert isOurs(views.layout.GetViewArrangement())
    for column, label in enumerate(("FDCT", "LDCT", "DCSCN"), 1):
        node = sliceNode(scene, f"LDCTDenoiseImages{column}")
        assert node.GetLayoutLabel() == label
        assert background(scene, node.GetName()) is images[label]
        assert window(images[label]) == (-160, 240)
        composite = slicer.vtkMRMLSliceLogic.GetSliceCompositeNode(node)
        assert composite.GetLinkedControl() and composite.GetHotLinkedControl()
        assert not composite.GetDoPropagateVolumeSelection()
        assert not node.GetSaveWithScene() and not composite.GetSaveWithScene()
    assert not views.layout.GetSaveWithScene()


def test_hiding_gives_everything_back(scene, views, images, comparison):
    roi = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "mine")
    roi.SetCenter(-120, 30, 712)
    roi.SetSize(10, 10, 10)
    roi.CreateDefaultDisplayNodes()
    display = roi.GetDisplayNode()
    display.SetSelectedColor(0, 0, 1)
    before = look(display)
    images["FDCT"].GetDisplayNode().AutoWindowLevelOff()
    windows = {label: window(node) for label, node in images.items()}
    show(images, rows=("zoom", "difference", "noise"), roi=roi, crosshair=True)
    assert display.GetFillVisibility() == 0 and display.GetSelectedColor() == (0, 0, 1)
    assert views.crosshair.GetCrosshairMode() != views.crosshair.NoCrosshair
    LDCTDenoiseLogic.hideComparison(type("Logic", (), {"comparison": comparison})())
    assert views.layout.GetViewArrangement() == USERS_LAYOUT and views.layout.GetSaveWithScene()
    assert {label: window(node) for label, node in images.items()} == windows
    assert views.crosshair.GetCrosshairMode() == views.crosshair.NoCrosshair
    assert look(display) == before
    assert all(n.GetAttribute("LDCTDenoise.Kept") is None for n in (views.layout, display, views.crosshair))
    # Nothing of the differences stays in the scene.
    assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == len(images)
    assert background(scene, "LDCTDenoiseImages1") is None


def test_an_automatic_window_comes_back_as_it_was(scene, views, images, comparison):
    display = images["LDCT"].GetDisplayNode()
    display.AutoWindowLevelOn()
    before = window(images["LDCT"])
    show(images)
    assert not display.GetAutoWindowLevel()
    comparison.hide()
    assert display.GetAutoWindowLevel() and window(images["LDCT"]) == before


def test_another_layout_of_the_users_is_kept_and_puts_the_comparison_away(scene, views, images, comparison):
    heard = []
    comparison.addListener(heard.append)
    show(images)
    views.layout.SetViewArrangement(views.layout.SlicerLayoutOneUpRedSliceView)
    assert not comparison.shown and heard[-1] == "shown"
    assert views.layout.GetViewArrangement() == views.layout.SlicerLayoutOneUpRedSliceView
    assert views.layout.GetSaveWithScene() and window(images["FDCT"]) != (-160, 240)


def test_the_users_own_layouts_and_views_are_not_touched(scene, views, images, comparison):
    ids = set(views.layout.GetLayoutIndices())
    texts = {i: views.layout.GetLayoutDescription(i) for i in ids}
    red = looksAt(sliceNode(scene, "Red"))
    show(images, rows=("zoom", "difference"))
    comparison.showSlice(1)
    assert {i: views.layout.GetLayoutDescription(i) for i in ids} == texts
    assert all(isOurs(i) for i in set(views.layout.GetLayoutIndices()) - ids)
    assert np.array_equal(looksAt(sliceNode(scene, "Red")), red)


def test_presets_and_a_window_of_ones_own(scene, views, images, comparison):
    show(images, window="lung")
    assert all(window(node) == (-1350, 150) for node in images.values())
    show(images, window=(-100, 50))
    assert all(window(node) == (-100, 50) for node in images.values())
    with pytest.raises(InputError, match="no window 'brain'"):
        show(images, window="brain")


def test_a_window_dragged_in_one_view_goes_to_all(scene, views, images, comparison):
    heard = []
    show(images, rows=("difference",))
    comparison.addListener(heard.append)
    images["LDCT"].GetDisplayNode().SetWindowLevel(300, 30)
    assert all(window(node) == (-120, 180) for node in images.values())
    assert heard == ["window"] and (comparison.request.window.lower, comparison.request.window.upper) == (-120, 180)
    difference = background(scene, "LDCTDenoiseDifference2")
    difference.GetDisplayNode().SetWindowLevel(60, 17)
    assert window(background(scene, "LDCTDenoiseDifference3")) == window(difference) == (-30, 30)
    assert comparison.request.limit == 30


def test_an_output_that_took_over_the_papers_window_gets_its_inputs_back(scene, views, images, comparison):
    low = images["LDCT"]
    before = window(low)
    show({"FDCT": images["FDCT"], "LDCT": low})
    from LDCTDenoiseSlicer.nodes import INPUT_ROLE

    output = addVolume(scene, ct((5, 48, 64), seed=9), "new")
    output.SetNodeReferenceID(INPUT_ROLE, low.GetID())
    show({"FDCT": images["FDCT"], "LDCT": low, "NEW": output})
    comparison.hide()
    assert window(output) == window(low) == before


def test_closing_the_scene_puts_it_away(scene, views, images, comparison):
    show(images, rows=("zoom", "difference", "noise"))
    scene.Clear(0)
    assert not comparison.shown
    assert scene.GetFirstNodeByClass("vtkMRMLLayoutNode").GetViewArrangement() == USERS_LAYOUT
    again = addImages(scene)
    show(again)
    assert comparison.sliceIndex == 2


def test_a_deleted_image_leaves_the_others(scene, views, images, comparison):
    show(images, rows=("difference", "noise"))
    scene.RemoveNode(images["DCSCN"])
    assert list(comparison.request.images) == ["FDCT", "LDCT"]
    scene.RemoveNode(images["FDCT"])
    # Nothing is left to take a difference to.
    assert list(comparison.request.images) == ["LDCT"] and comparison.request.rows == ()
    scene.RemoveNode(images["LDCT"])
    assert not comparison.shown and views.layout.GetViewArrangement() == USERS_LAYOUT


def test_no_image_is_its_own_reference(scene, views, images, comparison):
    show({"FDCT": images["LDCT"], "LDCT": images["LDCT"], "DCSCN": images["DCSCN"]}, rows=("difference",))
    assert list(comparison.request.images) == ["LDCT", "DCSCN"] and comparison.request.rows == ()


def test_a_deleted_roi_takes_its_zooms_along(scene, views, images, comparison):
    show(images, rows=("zoom", "noise"))
    scene.RemoveNode(comparison.request.roi)
    assert comparison.request.roi is None and comparison.request.rows == ("noise",)


def test_what_is_wrong_is_said_and_changes_nothing(scene, images):
    with pytest.raises(InputError, match="no views"):
        show(images)
    unfollowed = scene.AddNode(slicer.vtkMRMLLayoutNode())
    with pytest.raises(InputError, match="no views"):
        show(images)
    assert not isOurs(unfollowed.GetViewArrangement()) and unfollowed.GetSaveWithScene()
    scene.RemoveNode(unfollowed)
    views = addViews(scene)
    with pytest.raises(InputError, match="nothing to lay out"):
        LDCTDenoiseLogic().showComparison(None, None)
    with pytest.raises(InputError, match="no arrangement '4x4'"):
        show(images, arrangement="4x4")
    with pytest.raises(InputError, match="no plane 'oblique'"):
        show(images, orientation="oblique")
    with pytest.raises(InputError, match="no row 'zooms'"):
        show(images, rows=("zooms",))
    with pytest.raises(InputError, match="above 0"):
        show(images, limit=0)
    scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "hollow")
    with pytest.raises(InputError, match="'hollow' is empty"):
        show({**images, "X": scene.GetFirstNodeByName("hollow")})
    assert views.layout.GetViewArrangement() == USERS_LAYOUT and not SideBySide.of(scene).shown
    assert window(images["FDCT"]) != (-160, 240)


def test_it_begins_where_the_user_looks_and_comes_back_where_it_was_left(scene, views, images, comparison):
    show(images)
    assert comparison.sliceIndex == 2  # the middle of five
    comparison.showSlice(4)
    comparison.hide()
    show(images)
    assert comparison.sliceIndex == 4
    comparison.hide()
    comparison._left.clear()
    red = sliceNode(scene, "Red")
    composite = slicer.vtkMRMLSliceLogic.GetSliceCompositeNode(red)
    if composite is None:
        composite = scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
        composite.SetLayoutName("Red")
    composite.SetBackgroundVolumeID(images["LDCT"].GetID())
    red.GetSliceToRAS().DeepCopy(sliceNode(scene, "LDCTDenoiseImages1").GetSliceToRAS())
    red.UpdateMatrices()
    show(images)
    assert comparison.sliceIndex == 4


def test_there_is_no_slice_beyond_the_last(scene, views, images, comparison):
    show(images)
    with pytest.raises(InputError, match="slice indices 0 to 4, and no 5"):
        comparison.showSlice(5)


def test_a_single_slice_and_a_transform(scene, views, comparison):
    images = addImages(scene, (1, 48, 64))
    transform = addTransform(scene)
    for node in images.values():
        node.SetAndObserveTransformNodeID(transform.GetID())
    show(images, rows=("zoom", "difference", "noise"))
    assert comparison.sliceIndex == 0
    expected = slicer.util.arrayFromVolume(images["LDCT"]).astype(float) - slicer.util.arrayFromVolume(images["FDCT"])
    assert np.array_equal(slicer.util.arrayFromVolume(background(scene, "LDCTDenoiseDifference2")), expected)


def test_a_scene_saved_meanwhile_holds_the_users_layout_and_window(scene, views, images, comparison):
    before = window(images["FDCT"])
    show(images, rows=("difference",))
    scene.SetSaveToXMLString(1)
    scene.Commit()
    text = scene.GetSceneXMLString()
    assert "LDCTDenoiseImages" not in text and "currentViewArrangement" not in text and "FDCT −" not in text
    comparison.hide()
    for node in images.values():
        scene.RemoveNode(node.GetDisplayNode())
    other = slicer.vtkMRMLScene()
    otherViews = addViews(other)
    other.SetLoadFromXMLString(1)
    other.SetSceneXMLString(text)
    other.Import()
    # Slicer shows the paper's window until the comparison has been opened and left once.
    full = other.GetFirstNodeByName("FDCT")
    slicer.util.updateVolumeFromArray(full, ct((5, 48, 64)))
    LDCTDenoiseLogic().showComparison(full, None)
    SideBySide.of(other).close()
    assert window(full) == before and otherViews.layout.GetViewArrangement() == USERS_LAYOUT
    other.Clear(1)
