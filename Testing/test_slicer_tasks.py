"""The run in steps: beside an event loop, cancelled, and with its volumes taken away."""

import time

import numpy as np
import pytest
import slicer
import slicer.util
from LDCTDenoiseLib.errors import ModelFileError
from LDCTDenoiseSlicer.tasks import Cancelled
from slicer_volumes import addVolume, ct, state


def wait(task, seconds=300):
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
    task = logic.denoiseAll.task(volume, models=[model], device="cpu").start()
    wait(task)
    # The scene is changed by finish alone, in the caller's thread.
    assert state(scene) == before
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(task.finish()["mine"]), expected)


def test_a_long_call_is_a_task_too_and_old_names_of_it_work(scene, logic):
    volume = addVolume(scene, ct())
    task = logic.denoise.task(volume, "TV", device="cpu")
    seen = []
    node = task.run(seen.append)
    assert node.GetName() == "CT TV" and [p.done for p in seen] == [1, 2, 3]
    old = logic.startCompare(volume, {"TV": node})
    wait(old)
    assert old.finish().GetTable().GetNumberOfRows() == 2  # full dose and TV
    assert "Low-dose CT in HU" in logic.denoise.__doc__ and logic.denoise.__name__ == "denoise"


@pytest.mark.slow
def test_stepwise_run_polls_briefly_and_cancels_within_a_batch(scene, logic, monkeypatch):
    from LDCTDenoiseLib.methods import registry

    class Slow(registry.REFERENCE_METHODS["TV"]):
        batches = 0

        def correction(self, hounsfield):
            Slow.batches += 1
            time.sleep(0.2)
            return np.zeros_like(hounsfield)

    monkeypatch.setitem(registry.REFERENCE_METHODS, "TV", Slow)
    volume = addVolume(scene, ct((50, 16, 16)))
    before = state(scene)
    task = logic.denoiseAll.task(volume, ["TV"]).start()
    # A poll comes back while a batch is under way, however busy the machine is: with nothing, many times.
    idle, progress = 0, None
    while progress is None or progress.progress.done < 2:
        told = task.poll()
        idle += told is None
        progress = told or progress
    assert idle > 2
    task.cancel()
    wait(task)
    assert Slow.batches <= progress.progress.done + 1
    with pytest.raises(Cancelled):
        task.finish()
    assert state(scene) == before


@pytest.mark.parametrize("closed", [False, True])
def test_stepwise_run_survives_the_loss_of_its_input(scene, logic, model, closed):
    volume = addVolume(scene, ct((8, 32, 32)))
    task = logic.denoiseAll.task(volume, models=[model], device="cpu").start()
    assert not task.orphaned
    scene.Clear(0) if closed else scene.RemoveNode(volume)
    del volume
    assert task.orphaned
    wait(task)
    with pytest.raises(Cancelled):
        task.finish()
    assert not scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")


def test_stepwise_errors_come_at_the_end(scene, logic, tmp_path):
    task = logic.denoiseAll.task(addVolume(scene, ct()), models=[tmp_path / "missing.safetensors"]).start()
    wait(task)
    with pytest.raises(ModelFileError, match="cannot be read"):
        task.finish()


