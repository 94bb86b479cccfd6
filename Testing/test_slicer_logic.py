"""The logic on real MRML scenes of slicer-core, without any stand-in."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import slicer
import slicer.util
import vtk
from LDCTDenoiseLib.errors import DeviceError, GeometryError, InputError, MethodError, ModelFileError
from LDCTDenoiseSlicer.background import Cancelled
from LDCTDenoiseSlicer.logic import LDCTDenoiseLogic
from model_maker import make_model

MODULE_FOLDER = Path(__file__).resolve().parent.parent / "LDCTDenoise"

#: Rows of an oblique IJKToRAS with anisotropic spacing, as a tilted scan has.
_AXES = np.array([[0.8, 0.6, 0.0], [-0.6 * 0.8, 0.8 * 0.8, 0.6], [0.6 * 0.6, -0.8 * 0.6, 0.8]]).T


def ct(shape=(3, 24, 40), dtype=np.int16, seed=0):
    """Return a disc of tissue in air with noise; of an unsigned type, only the tissue."""
    rng = np.random.default_rng(seed)
    image = rng.normal(60, 30, shape)
    if np.dtype(dtype).kind != "u":
        image[:, :, :8] = rng.normal(-1000, 20, image[:, :, :8].shape)
    else:
        image = np.clip(image, 0, None)
    return (image if np.dtype(dtype).kind == "f" else np.rint(image)).astype(dtype)


def addVolume(scene, array, name="CT"):
    """Add an oblique volume with a display."""
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    slicer.util.updateVolumeFromArray(node, array)
    matrix = np.eye(4)
    matrix[:3, :3] = _AXES * [0.7, 0.8, 2.5]
    matrix[:3, 3] = [-120.5, 33.25, 710]
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().AutoWindowLevelOff()
    node.GetDisplayNode().SetWindowLevelMinMax(-160, 240)
    return node


def addTransform(scene, name="T"):
    matrix = np.eye(4)
    matrix[:3, :3] = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    matrix[:3, 3] = [5, -6, 7]
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", name)
    node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    return node


def ijkToRAS(node):
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def state(scene):
    """Return what a scene is made of: ids, names and parents of its nodes, and every volume's voxels."""
    nodes = [scene.GetNthNode(i) for i in range(scene.GetNumberOfNodes())]
    kept = []
    for node in nodes:
        image = node.GetImageData() if node.IsA("vtkMRMLVolumeNode") else None
        voxels = None if image is None else (image.GetMTime(), slicer.util.arrayFromVolume(node).tobytes())
        attributes = sorted((a, node.GetAttribute(a)) for a in node.GetAttributeNames())
        kept.append((node.GetID(), node.GetName(), voxels, attributes))
    return kept


@pytest.fixture
def logic():
    return LDCTDenoiseLogic()


@pytest.fixture
def model(tmp_path):
    return make_model(tmp_path / "mine.safetensors")


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.float32])
def test_output_lies_and_looks_like_its_input(scene, logic, model, dtype):
    volume = addVolume(scene, ct(dtype=dtype))
    volume.SetAndObserveTransformNodeID(addTransform(scene).GetID())
    display = volume.GetDisplayNode()
    display.SetInterpolate(0)
    display.SetAndObserveColorNodeID("vtkMRMLColorTableNodeRed")
    before = ct(dtype=dtype)
    output = logic.denoise(volume, "DCSCN", model=model, device="cpu")
    assert output.GetScene() is scene and output.GetClassName() == "vtkMRMLScalarVolumeNode"
    assert output.GetName() == "CT DCSCN"
    np.testing.assert_array_equal(ijkToRAS(output), ijkToRAS(volume))
    assert output.GetParentTransformNode() is volume.GetParentTransformNode()
    assert output.GetImageData().GetScalarType() == volume.GetImageData().GetScalarType()
    assert output.GetImageData().GetDimensions() == (40, 24, 3)
    shown = output.GetDisplayNode()
    assert shown is not display
    assert (shown.GetWindowLevelMin(), shown.GetWindowLevelMax(), shown.GetAutoWindowLevel()) == (-160, 240, 0)
    assert shown.GetColorNodeID() == "vtkMRMLColorTableNodeRed" and shown.GetInterpolate() == 0
    denoised = slicer.util.arrayFromVolume(output)
    assert denoised.dtype == dtype and (denoised != before).any()
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(volume), before)


def test_voxels_are_the_librarys(scene, logic, model):
    from LDCTDenoiseLib.engine import denoise_array
    from LDCTDenoiseLib.methods import make_denoiser

    volume = addVolume(scene, ct())
    output = logic.denoise(volume, model=model, device="cpu", strength=0.5, batch=2)
    expected = denoise_array(ct(), make_denoiser(model=model), "cpu", 0.5, 2)
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(output), expected)
    assert not np.shares_memory(slicer.util.arrayFromVolume(output), slicer.util.arrayFromVolume(volume))


def test_output_says_how_it_was_made(scene, logic, model):
    import hashlib

    volume = addVolume(scene, ct())
    output = logic.denoise(volume, method=None, model=model, device="cpu", strength=0.25)
    assert output.GetAttribute("LDCTDenoise.Method") == "DCSCN"
    assert output.GetAttribute("LDCTDenoise.ModelSHA256") == hashlib.sha256(model.read_bytes()).hexdigest()
    assert output.GetAttribute("LDCTDenoise.HURange") == "[-1024, 3071] HU"
    assert output.GetAttribute("LDCTDenoise.Strength") == "0.25"
    assert output.GetAttribute("LDCTDenoise.Device").startswith("CPU")
    assert output.GetAttribute("LDCTDenoise.Version")
    assert output.GetNodeReference("LDCTDenoise.Input") is volume


def test_single_slice_and_reference_method(scene, logic):
    output = logic.denoise(addVolume(scene, ct((1, 32, 32))), method="nlm")
    assert output.GetName() == "CT NLM" and slicer.util.arrayFromVolume(output).shape == (1, 32, 32)
    assert output.GetAttribute("LDCTDenoise.ModelSHA256") is None


def test_output_goes_beside_its_input_in_the_subject_hierarchy(scene, logic):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "patient")
    study = hierarchy.CreateStudyItem(patient, "study")
    volume = addVolume(scene, ct())
    hierarchy.CreateItem(study, volume)
    output = logic.denoise(volume, "TV")
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(output)) == study
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(output), patient)
    again = logic.denoise(volume, "TV", outputVolume=output)
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(again)) == study


def test_an_existing_output_is_filled_and_keeps_its_name(scene, logic, model):
    volume = addVolume(scene, ct())
    existing = addVolume(scene, np.zeros((5, 6, 7), np.float32), "mine")
    existing.SetAndObserveTransformNodeID(addTransform(scene).GetID())
    logic.denoise(volume, outputVolume=existing, model=model)
    count = scene.GetNumberOfNodes()
    output = logic.denoise(volume, "TV", outputVolume=existing)
    assert output is existing and output.GetName() == "mine" and scene.GetNumberOfNodes() == count
    assert slicer.util.arrayFromVolume(output).shape == (3, 24, 40)
    assert slicer.util.arrayFromVolume(output).dtype == np.int16
    assert output.GetParentTransformNode() is None
    np.testing.assert_array_equal(ijkToRAS(output), ijkToRAS(volume))
    # Nothing of the network that filled it before is left.
    assert output.GetAttribute("LDCTDenoise.Method") == "TV"
    assert output.GetAttribute("LDCTDenoise.ModelSHA256") is None


def test_a_second_output_has_a_name_of_its_own(scene, logic):
    volume = addVolume(scene, ct())
    names = {logic.denoise(volume, "TV").GetName() for _ in range(3)}
    assert len(names) == 3 and "CT TV" in names


@pytest.mark.parametrize("existing", [False, True])
def test_cancel_leaves_the_scene_as_it_was(scene, logic, model, existing):
    volume = addVolume(scene, ct((6, 24, 24)))
    output = addVolume(scene, ct((2, 8, 8), seed=3), "mine") if existing else None
    before, seen = state(scene), []

    def progress(p):
        seen.append(p.done)
        return p.done < 2

    assert logic.denoise(volume, outputVolume=output, model=model, progress=progress, device="cpu") is None
    assert seen == [1, 2] and state(scene) == before


def test_cancel_at_the_last_batch_still_cancels(scene, logic, model):
    volume = addVolume(scene, ct((2, 24, 24)))
    before = state(scene)
    assert logic.denoise(volume, model=model, progress=lambda p: p.done < p.of, device="cpu") is None
    assert state(scene) == before


def test_an_error_in_the_middle_leaves_the_scene_as_it_was(scene, logic, model):
    volume = addVolume(scene, ct((6, 24, 24)))
    output = addVolume(scene, ct((2, 8, 8), seed=3), "mine")
    before = state(scene)

    def progress(p):
        raise KeyError("from the caller")

    for target in (None, output):
        with pytest.raises(KeyError, match="from the caller"):
            logic.denoise(volume, outputVolume=target, model=model, progress=progress)
    assert state(scene) == before


def test_an_error_while_the_output_is_made_leaves_no_node(scene, logic, monkeypatch):
    from LDCTDenoiseSlicer import nodes

    volume = addVolume(scene, ct())
    before = state(scene)

    def broken(source, output):
        raise MemoryError("no more")

    monkeypatch.setattr(nodes, "_placeBeside", broken)
    with pytest.raises(MemoryError):
        logic.denoise(volume, "TV")
    assert state(scene) == before


@pytest.mark.parametrize("closed", [False, True])
def test_input_removed_by_the_callback(scene, logic, closed):
    volume = addVolume(scene, ct())

    def progress(p):
        if p.done == 1:
            scene.Clear(0) if closed else scene.RemoveNode(volume)

    assert logic.denoise(volume, "TV", progress=progress) is None
    assert not scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")


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


def wait(task, seconds=20):
    import time

    started, seen = time.monotonic(), []
    while task.running:
        assert time.monotonic() - started < seconds
        progress = task.poll()
        if progress is not None:
            seen.append(progress)
    return seen


def test_stepwise_run_gives_the_same(scene, logic, model):
    volume = addVolume(scene, ct((5, 24, 24)))
    expected = slicer.util.arrayFromVolume(logic.denoise(volume, model=model, device="cpu")).copy()
    before = state(scene)
    task = logic.startDenoise(volume, model=model, device="cpu")
    wait(task)
    # The scene is changed by finish alone, in the caller's thread.
    assert state(scene) == before
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(task.finish()), expected)


def test_stepwise_run_polls_briefly_and_cancels_within_a_batch(scene, logic, monkeypatch):
    import time

    from LDCTDenoiseLib.methods import registry

    class Slow(registry.TotalVariation):
        batches = 0

        def correction(self, hounsfield):
            Slow.batches += 1
            time.sleep(0.2)
            return np.zeros_like(hounsfield)

    monkeypatch.setitem(registry.REFERENCE_METHODS, "TV", Slow)
    volume = addVolume(scene, ct((50, 16, 16)))
    before = state(scene)
    task = logic.startDenoise(volume, "TV")
    longest, progress = 0, None
    started = time.monotonic()
    while progress is None or progress.done < 2:
        begun = time.monotonic()
        progress = task.poll() or progress
        longest = max(longest, time.monotonic() - begun)
        assert begun - started < 20
    # The wait is 15 ms; the rest is what a busy machine adds.
    assert longest < 0.1
    task.cancel()
    wait(task, seconds=2)
    assert Slow.batches <= progress.done + 1
    with pytest.raises(Cancelled):
        task.finish()
    assert state(scene) == before


@pytest.mark.parametrize("closed", [False, True])
def test_stepwise_run_survives_the_loss_of_its_input(scene, logic, model, closed):
    volume = addVolume(scene, ct((8, 32, 32)))
    task = logic.startDenoise(volume, model=model, device="cpu")
    assert not task.orphaned
    scene.Clear(0) if closed else scene.RemoveNode(volume)
    del volume
    assert task.orphaned
    wait(task)
    with pytest.raises(Cancelled):
        task.finish()
    assert not scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")


def test_stepwise_errors_come_at_the_end(scene, logic, tmp_path):
    task = logic.startDenoise(addVolume(scene, ct()), model=tmp_path / "missing.safetensors")
    wait(task)
    with pytest.raises(ModelFileError, match="cannot be read"):
        task.finish()


def test_works_on_plain_slicer_core_and_loads_nothing_heavy():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from LDCTDenoise import LDCTDenoiseLogic\n"
        "LDCTDenoiseLogic()\n"
        "heavy = {'torch', 'skimage', 'scipy', 'SimpleITK', 'matplotlib', 'pydicom', 'safetensors', 'qt', 'ctk'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, MODULE_FOLDER], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


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
