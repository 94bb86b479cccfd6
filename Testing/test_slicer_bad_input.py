"""What a user can get wrong: clear errors, and the scene as it was."""

import numpy as np
import pytest
import slicer
import slicer.util
from LDCTDenoiseLib.errors import DeviceError, GeometryError, InputError, MethodError, ModelFileError
from slicer_volumes import addTransform, addVolume, ct, state


def _labelMap(scene):
    node = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "organs")
    slicer.util.updateVolumeFromArray(node, np.ones((2, 8, 8), np.int16))
    return node


def _vector(scene):
    node = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "photo")
    slicer.util.updateVolumeFromArray(node, np.zeros((2, 8, 8, 3), np.uint8))
    return node


def _poisoned(value):
    def add(scene):
        array = ct(dtype=np.float32)
        array[1, 2, 3] = value
        return addVolume(scene, array)

    return add


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda scene: None, "no low-dose volume is selected"),
        (lambda scene: "CT", "must be a volume node, not str"),
        (_labelMap, "'organs' is a label map"),
        (_vector, "'photo' has 3 values in each voxel"),
        (lambda scene: scene.AddNewNodeByClass("vtkMRMLSequenceNode", "beats"), "'beats' is a sequence"),
        (lambda scene: scene.AddNewNodeByClass("vtkMRMLModelNode", "liver"), "'liver' is not a volume"),
        (lambda scene: scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "blank"), "'blank' is empty"),
        (lambda scene: addVolume(scene, np.zeros((0, 4, 4), np.int16), "none"), "'none' is empty"),
        (_poisoned(np.nan), "'CT' has 1 voxel that is NaN or infinite"),
        (_poisoned(np.inf), "'CT' has 1 voxel that is NaN or infinite"),
        (lambda scene: addVolume(scene, np.full((2, 9, 9), 7, np.int16)), "'CT' is empty: every voxel is 7"),
        (lambda scene: addVolume(scene, ct(dtype=np.uint16) + np.uint16(1000)), "is not in HU"),
    ],
)
def test_input_that_is_not_ct_is_refused(scene, logic, model, make, words):
    node = make(scene)
    before = [scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())]
    with pytest.raises(InputError, match=words) as error:
        logic.denoise(node, model=model)
    assert "\n" not in str(error.value)
    assert [scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())] == before


def test_other_bad_arguments(scene, logic, model, tmp_path):
    volume = addVolume(scene, ct())
    elsewhere = addVolume(slicer.vtkMRMLScene(), ct())
    before = state(scene)
    for error, words, arguments in [
        (InputError, "the output is the input itself", {"outputVolume": volume}),
        (InputError, "label map", {"outputVolume": _labelMap(slicer.vtkMRMLScene())}),
        (InputError, "not in a scene|two scenes", {"outputVolume": elsewhere}),
        (InputError, "strength", {"strength": 1.5}),
        (InputError, "batch", {"batch": 0}),
        (MethodError, "unknown", {"method": "median"}),
        (DeviceError, "'cuda' was asked for|unknown", {"device": "cuda:99"}),
        (ModelFileError, "is a model of DCSCN, not of CNN-L1", {"method": "CNN-L1"}),
        (ModelFileError, "cannot be read", {"model": tmp_path / "missing.safetensors"}),
    ]:
        with pytest.raises(error, match=words):
            logic.denoise(volume, **{"model": model, **arguments})
    assert state(scene) == before


def test_geometry_mismatch_is_named(scene, logic):
    full, low = addVolume(scene, ct(), "full"), addVolume(scene, ct(), "low")
    logic.compare(full, low)
    count = scene.GetNumberOfNodes()
    low.SetAndObserveTransformNodeID(addTransform(scene).GetID())
    with pytest.raises(GeometryError, match="'full' and 'low'.*origin"):
        logic.compare(full, low)
    # The same transform on both moves both.
    full.SetAndObserveTransformNodeID(low.GetTransformNodeID())
    logic.compare(full, low)
    warp = scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "warp")
    low.SetAndObserveTransformNodeID(warp.GetID())
    with pytest.raises(GeometryError, match="non-linear transform 'warp'"):
        logic.compare(full, low)
    low.SetAndObserveTransformNodeID(full.GetTransformNodeID())
    low.SetSpacing(0.7, 0.8, 3)
    with pytest.raises(GeometryError, match="spacing"):
        logic.compare(full, low)
    other = addVolume(scene, ct((3, 24, 41)), "wide")
    other.SetAndObserveTransformNodeID(full.GetTransformNodeID())
    with pytest.raises(GeometryError, match="size 40×24×3 against 41×24×3"):
        logic.compare(full, other)
    assert scene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 2 and scene.GetNumberOfNodes() == count + 5
