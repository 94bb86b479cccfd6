"""The section "Compare side by side" against the strict stand-ins, on a real scene with views."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import slicer
import vtk
from comparison_scene import USERS_LAYOUT, addImages, addViews, background, looksAt, sliceNode

_UI = Path(__file__).resolve().parent.parent / "LDCTDenoise/Resources/UI/Comparison.ui"


@pytest.fixture
def opened(host):
    """Yield the section with a pair and an output, the parameters it follows, the views and the images."""
    from LDCTDenoiseSlicer.comparison.section import ComparisonSection
    from LDCTDenoiseSlicer.logic import LDCTDenoiseLogic

    views = addViews(slicer.mrmlScene)
    section = ComparisonSection(str(_UI), LDCTDenoiseLogic())
    parameters = SimpleNamespace(parameterNode=slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    images = addImages(slicer.mrmlScene)
    section.setParameterNode(parameters)
    section.setVolumes(images["FDCT"], images["LDCT"], {"DCSCN": images["DCSCN"]})
    yield section, parameters, views, images
    section.close()


def test_one_press_lays_out_and_another_puts_away(opened):
    section, parameters, views, images = opened
    heard = []
    section.addListener(heard.append)
    section.ui.sideBySideButton.click()
    assert section.shown and heard[-1] == "shown" and section.sliceIndex == 2
    assert [background(slicer.mrmlScene, f"LDCTDenoiseImages{c}") for c in (1, 2, 3)] == list(images.values())
    section.ui.sideBySideButton.click()
    assert not section.shown and views.layout.GetViewArrangement() == USERS_LAYOUT


def test_rows_and_the_box_are_parameters(opened):
    section, parameters, views, images = opened
    section.ui.sideBySideButton.click()
    section.ui.zoomCheckBox.checked = True
    assert section.roi is not None and section.ui.regionTable.cells[0][1] == section.roi.GetName()
    section.ui.noiseCheckBox.checked = True
    assert section.logic.comparison.request.rows == ("zoom", "noise")
    section.ui.handlesCheckBox.checked = False
    assert not section.roi.GetDisplayNode().GetHandlesInteractive()
    slicer.mrmlScene.RemoveNode(section.roi)
    assert section.roi is None and not section.ui.zoomCheckBox.checked
    assert section.logic.comparison.request.rows == ("noise",)


def test_leaving_gives_the_layout_back_and_entering_brings_ours(opened):
    section, parameters, views, images = opened
    section.ui.sideBySideButton.click()
    section.logic.showComparisonSlice(4)
    for shown in (True, False):
        section.setParameterNode(None)
        assert not section.shown and views.layout.GetViewArrangement() == USERS_LAYOUT
        section.setParameterNode(parameters)
        section.setVolumes(images["FDCT"], images["LDCT"], {})
        assert section.shown is shown
        if shown:
            assert section.sliceIndex == 4
            section.ui.sideBySideButton.click()


def test_another_layout_unchecks_the_button(opened):
    section, parameters, views, images = opened
    section.ui.sideBySideButton.click()
    views.layout.SetViewArrangement(views.layout.SlicerLayoutOneUpRedSliceView)
    assert not section.shown and not section.ui.sideBySideButton.checked


def test_presets_and_a_dragged_window(opened):
    section, parameters, views, images = opened
    section.ui.sideBySideButton.click()
    combo = section.ui.windowComboBox
    names = [data for _, data in combo.items]
    combo.emit("activated(int)", names.index("bone"))
    assert (section.window.lower, section.window.upper) == (-700, 1300)
    assert images["LDCT"].GetDisplayNode().GetWindow() == 2000
    assert combo.itemData(combo.currentIndex) == "bone"
    images["LDCT"].GetDisplayNode().SetWindowLevel(200, 10)
    assert images["FDCT"].GetDisplayNode().GetWindow() == 200
    assert (section.window.lower, section.window.upper) == (-90, 110)
    assert combo.items[combo.currentIndex] == ("As dragged [-90, 110] HU", None)
    combo.emit("activated(int)", 0)
    assert combo.count == len(names) and section.window.lower == -160
    section.ui.limitSpinBox.value = 40.0
    assert section.logic.comparison.request.limit == 40


def test_what_cannot_be_used_is_greyed(opened):
    section, parameters, views, images = opened
    ui = section.ui
    assert ui.sideBySideButton.enabled and not ui.drawButton.enabled and ui.differenceCheckBox.enabled
    section.setVolumes(None, images["LDCT"], {"DCSCN": images["DCSCN"]})
    assert not ui.differenceCheckBox.enabled and ui.noiseCheckBox.enabled
    section.setVolumes(None, images["LDCT"], {})
    assert not ui.noiseCheckBox.enabled and ui.sideBySideButton.enabled
    section.setVolumes(None, None, {})
    assert not ui.sideBySideButton.enabled


def test_more_than_six_scroll_beside_the_reference(opened):
    section, parameters, views, images = opened
    section.setVolumes(images["FDCT"], images["LDCT"], {f"M{i}": images["DCSCN"] for i in range(6)})
    section.ui.sideBySideButton.click()
    comparison = section.logic.comparison
    assert comparison.request.visible == ["FDCT", "LDCT", "M0", "M1", "M2", "M3"] and section.ui.onButton.visible
    for _ in range(3):
        section.ui.onButton.click()
    assert comparison.request.visible == ["FDCT", "M1", "M2", "M3", "M4", "M5"]
    section.ui.backButton.click()
    assert comparison.request.visible == ["FDCT", "M0", "M1", "M2", "M3", "M4"]
    # Another window leaves them where they are.
    section.logic.showComparisonWindow("lung")
    assert comparison.request.visible[1] == "M0"
    section.setVolumes(images["FDCT"], images["LDCT"], {})
    assert not section.ui.onButton.visible


def test_how_images_are_hung_is_saved_with_the_scene(opened):
    section, parameters, views, images = opened
    section.ui.sideBySideButton.click()
    combo, planes = section.ui.arrangementComboBox, section.ui.orientationComboBox
    combo.emit("activated(int)", [data for _, data in combo.items].index("1xn"))
    comparison = section.logic.comparison
    assert comparison.layout.columns == 3
    planes.emit("activated(int)", 1)
    assert comparison.position[::2] == (1, 48) and section.sliceIndex is None
    comparison._keys.press("3")
    assert combo.itemData(combo.currentIndex) == "stack" and comparison.request.visible == ["DCSCN"]
    section.setParameterNode(None)
    section.setParameterNode(parameters)
    section.setVolumes(images["FDCT"], images["LDCT"], {"DCSCN": images["DCSCN"]})
    assert comparison.request.visible == ["DCSCN"] and comparison.position[0] == 1
    assert planes.itemData(planes.currentIndex) == "coronal"
    section.ui.onButton.click()
    assert comparison.request.visible == ["FDCT"]
    comparison._keys.press("Esc")
    assert len(comparison.request.visible) == 3


def test_the_slider_and_the_views_show_one_slice(opened):
    section, parameters, views, images = opened
    section.ui.sideBySideButton.click()
    slider = section.ui.sliceSlider
    assert (slider.value, slider.maximum) == (3, 5)
    slider.value = 5.0
    assert section.sliceIndex == 4
    section.logic.showComparisonSlice(0)
    assert slider.value == 1 and section.sliceIndex == 0


def test_every_key_is_told_in_tooltips_and_in_the_docs(host):
    from LDCTDenoiseSlicer.comparison.keys import WINDOW_KEYS
    from LDCTDenoiseSlicer.comparison.section import keyWords

    docs = (_UI.parents[3] / "docs/viewer.md").read_text(encoding="utf-8")
    for key in ("1 to 9", "Space", "D", "Page Up", "Page Down", "Esc", *WINDOW_KEYS):
        assert key in keyWords() and f"`{key}`" in docs, key


def test_an_error_is_a_line_and_not_a_traceback(opened):
    section, parameters, views, images = opened
    colours = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "colours")
    image = vtk.vtkImageData()
    image.SetDimensions(4, 4, 2)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 3)
    colours.SetAndObserveImageData(image)
    section.setVolumes(None, images["LDCT"], {"X": colours})
    section.ui.sideBySideButton.click()
    assert not section.shown and "3 values in each voxel" in section.ui.comparisonStatusLabel.text
    assert views.layout.GetViewArrangement() == USERS_LAYOUT and not section.ui.sideBySideButton.checked


def test_draw_makes_the_box_that_is_zoomed(opened):
    section, parameters, views, images = opened
    section.ui.sideBySideButton.click()
    section.ui.drawButton.click()
    assert views.interaction.GetCurrentInteractionMode() == views.interaction.Place
    assert section.roi is not None and section.roi.GetID() == views.selection.GetActivePlaceNodeID()
    views.interaction.SwitchToViewTransformMode()
    assert section.roi is None and not section.ui.zoomCheckBox.checked
    section.ui.zoomCheckBox.checked = True
    before = section.roi
    section.ui.drawButton.click()
    assert section.roi is not before
    views.interaction.SwitchToViewTransformMode()
    assert section.roi is before and section.ui.zoomCheckBox.checked


def test_in_an_event_loop_views_follow_in_the_next_round(host, opened):
    section, parameters, views, images = opened
    section.ui.sideBySideButton.click()
    leader, other = (sliceNode(slicer.mrmlScene, f"LDCTDenoiseImages{c}") for c in (2, 3))
    leader.SetSliceOffset(leader.GetSliceOffset() + 2.5)
    assert section.sliceIndex == 2
    host.spin(lambda: section.sliceIndex == 3)
    assert (looksAt(other) == looksAt(leader)).all()
    # A view that gets another size fits again, although that comes in the middle of its own update.
    leader.SetDimensions(120, 300, 1)
    host.spin(lambda: leader.GetFieldOfView()[1] / 300 == pytest.approx(other.GetFieldOfView()[1] / 256))
    assert leader.GetXYToSlice().GetElement(1, 1) == pytest.approx(leader.GetFieldOfView()[1] / 300)


def test_closing_the_scene(opened):
    section, parameters, views, images = opened
    section.ui.sideBySideButton.click()
    section.setParameterNode(None)
    slicer.mrmlScene.Clear(0)
    assert not section.shown and not section.ui.sideBySideButton.enabled


@pytest.mark.slow
def test_the_module_lets_go_when_it_goes(host):
    views = addViews(slicer.mrmlScene)
    images = addImages(slicer.mrmlScene)
    widget = host.openModule("LDCTDenoise")
    widget._parameterNode.inputVolume, widget._parameterNode.referenceVolume = images["LDCT"], images["FDCT"]
    section = widget.panel.section
    section.ui.sideBySideButton.click()
    assert section.shown and list(section.logic.comparison.request.images) == ["FDCT", "LDCT"]
    # Another volume in the panel is another view at once.
    widget._parameterNode.referenceVolume = images["DCSCN"]
    assert background(slicer.mrmlScene, "LDCTDenoiseImages1") is images["DCSCN"]
    host.leave(widget)
    assert views.layout.GetViewArrangement() == USERS_LAYOUT
    host.enter(widget)
    assert section.shown
    widget.cleanup()
    assert views.layout.GetViewArrangement() == USERS_LAYOUT and slicer.mrmlScene._ldctComparison is None


def test_the_table_of_regions(opened):
    section, parameters, views, images = opened
    logic, ui = section.logic, section.ui
    section.ui.sideBySideButton.click()
    heard = []
    section.addListener(heard.append)
    first = logic.makeRegion(images["LDCT"], (10, 20, 5, 15, 2), name="A").node
    second = logic.makeRegion(images["LDCT"], (30, 40, 5, 15, 4), "circle", name="B").node
    section.setVolumes(images["FDCT"], images["LDCT"], {})
    assert ui.regionTable.cells == [["1", "A", "box", "no role", "✕"], ["2", "B", "circle", "no role", "✕"]]
    ui.regionTable.selectRow(1)
    assert section.roi is second and section.sliceIndex == 4
    ui.roleComboBox.emit("activated(int)", 1)
    ui.regionTable.type(1, 1, "liver")
    ui.followCheckBox.checked = True
    found = [(r.name, r.role, r.follows) for r in logic.regions()]
    assert found == [("A", "none", False), ("liver", "background", True)]
    assert ui.regionTable.cells[1] == ["2", "liver", "circle", "background", "✕"] and "roi" in heard
    ui.regionTable.emit("cellClicked(int,int)", 1, 4)
    assert [r.name for r in logic.regions()] == ["A"] and second.GetScene() is slicer.mrmlScene and section.roi is None
    ui.addRegionSelector.setCurrentNode(second)
    assert section.roi is second and ui.regionTable.cells[1][:2] == ["2", "liver"]
    slicer.mrmlScene.RemoveNode(first)
    section.setVolumes(images["FDCT"], images["LDCT"], {})
    assert [row[1] for row in ui.regionTable.cells] == ["liver"]
