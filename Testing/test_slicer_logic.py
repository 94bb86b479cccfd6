"""The logic on real MRML scenes of slicer-core, without any stand-in."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import slicer
import slicer.util
from slicer_volumes import addTransform, addVolume, ct, ijkToRAS, state

MODULE_FOLDER = Path(__file__).resolve().parent.parent / "LDCTDenoise"


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


@pytest.mark.slow
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
