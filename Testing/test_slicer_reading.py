"""A blinded reading in a scene: kept, restored, shown without a name, written and summarised."""

import csv

import numpy as np
import pytest
import slicer
import slicer.util
from comparison_scene import USERS_LAYOUT, addViews, background, sliceNode
from LDCTDenoiseLib.errors import GeometryError, InputError
from LDCTDenoiseSlicer.comparison import plane
from LDCTDenoiseSlicer.planes import Plane, planeInView, planeNames
from LDCTDenoiseSlicer.reading import readingsOf
from LDCTDenoiseSlicer.results_log import pseudonymOf
from slicer_volumes import addVolume, ct


@pytest.fixture
def images(mrml):
    return {label: addVolume(mrml, ct((5, 48, 64), seed=seed), f"patient {label}")
            for seed, label in enumerate(("FDCT", "LDCT", "DCSCN"))}


def test_a_reading_is_kept_in_the_scene_and_goes_on(mrml, logic, images, tmp_path):
    images["DCSCN"].SetAttribute("LDCTDenoise.Method", "DCSCN")
    region = logic.makeRegion(images["LDCT"], (10, 30, 5, 25, 1), slices=(0, 2))
    coronal = Plane.of(images["LDCT"], 20, planeNames(images["LDCT"])[1])
    reading = logic.startReading(images, [3, region, coronal, 3], "AB", seed=7)
    assert len(reading.study.trials) == 9  # three cases, each once
    seen = {reading.shown()[0].words}
    for _ in range(4):
        reading.answer({"noise": 3, "overall": 4})
        seen.add(reading.shown()[0].words)
    assert seen <= {"slice 4 of 5", "slice 2 of 5", coronal.words} and reading.words == "AB, 4 of 9 answered"
    assert reading.study.answers[0].seconds < 60
    reading.undo()
    with pytest.raises(InputError, match="scored from 1 to 5"):
        reading.answer(preferred=1)
    mrml.SetURL(str(tmp_path / "scene.mrml"))
    assert mrml.Commit()
    again = slicer.vtkMRMLScene()
    again.SetURL(str(tmp_path / "scene.mrml"))
    again.Import()
    (restored,) = readingsOf(again)
    assert restored.study == reading.study and restored.node.GetNodeReference("LDCTDenoise.Image1") is not None
    again.Clear(1)
    path = reading.write(tmp_path)
    key = list(csv.DictReader((tmp_path / "key" / path.name).read_text().splitlines()))
    assert {k["method"] for k in key if k["image"] == "DCSCN"} == {"DCSCN"}
    assert {k["volume"] for k in key} == {pseudonymOf(images["LDCT"])}
    assert "patient" not in path.read_text()
    mrml.RemoveNode(images["DCSCN"])
    with pytest.raises(InputError, match="an image of the reading has left"):
        while True:
            reading.shown()
            reading.answer({"noise": 1})


def test_what_cannot_be_read_is_refused(mrml, logic, images):
    with pytest.raises(InputError, match="slice indices 0 to 4, and no 9"):
        logic.startReading(images, [9], "AB")
    with pytest.raises(GeometryError):
        logic.startReading({**images, "other": addVolume(mrml, ct((3, 8, 8)), "other")}, [1], "AB")
    with pytest.raises(InputError, match="no answer"):
        logic.summariseReadings()
    count = mrml.GetNumberOfNodes()
    with pytest.raises(InputError, match="name or initials"):
        logic.startReading(images, [1], " ")
    assert mrml.GetNumberOfNodes() == count
    with pytest.raises(InputError, match="no views"):
        logic.showReading(logic.startReading(images, [1], "AB"))


@pytest.mark.parametrize("kind", ["scores", "pairs"])
def test_images_are_shown_without_a_name_and_put_away(mrml, logic, images, kind):
    views = addViews(mrml)
    logic.showComparison(images["FDCT"], images["LDCT"])
    before = {node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")}
    coronal = Plane.of(images["LDCT"], 20, planeNames(images["LDCT"])[1])
    reading = logic.startReading(images, [2, coronal], "AB", kind, seed=1)
    view = logic.showReading(reading)
    assert not logic.comparison.shown and not views.layout.GetSaveWithScene()
    for _ in range(3):
        looked, sources = reading.shown()
        for number, source in enumerate(sources, 1):
            name = f"LDCTDenoiseReading{number}"
            node, shown = sliceNode(mrml, name), background(mrml, name)
            assert shown.GetName() == "Image" and node.GetLayoutLabel() == "" and not shown.GetSaveWithScene()
            assert shown.GetImageData() is source.GetImageData()
            assert planeInView(source, node) == looked
            assert shown.GetDisplayNode().GetWindowLevelMin() == -160
        reading.answer(*({"noise": 3},) if kind == "scores" else (None, 0))
        view.show()
    scale = plane.scaleOf(node)
    plane.place(node, plane.matrixOf(node), (0, 0), 3 * scale)
    view.fit()
    assert plane.scaleOf(node) == pytest.approx(scale)
    view.showWindow("lung")
    assert shown.GetDisplayNode().GetWindowLevelMax() == 150
    index = planeInView(images["LDCT"], node).index
    view.scroll(1)
    moved = planeInView(images["LDCT"], node)
    assert abs(moved.index - index) <= 1
    view.scroll(-99)
    assert planeInView(images["LDCT"], node).index in (0, images["LDCT"].GetImageData().GetDimensions()[moved.axis] - 1)
    assert np.isfinite(plane.matrixOf(node)).all()
    view.hide()
    view.hide()
    assert views.layout.GetViewArrangement() == USERS_LAYOUT and views.layout.GetSaveWithScene()
    assert {node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")} == before
    while reading.trial is not None:
        reading.answer(*({"noise": 3},) if kind == "scores" else (None, 0))
    with pytest.raises(InputError, match="has been answered"):
        view.show()
    summary = logic.summariseReadings()
    assert ("noise: FDCT against LDCT: AUC 0.50" if kind == "scores" else "preferred to") in summary.to_text()
