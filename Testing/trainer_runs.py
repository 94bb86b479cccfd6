"""A tiny training in a process of its own, for the tests of the trainer."""

import time

import numpy as np
import slicer.util
from LDCTDenoiseTrainingSlicer.logic import LDCTDenoiseTrainingLogic
from training_maker import body

#: Seconds that a process may take on a busy machine: it imports torch.
LIMIT = 300

#: Passes for patches whose side is no multiple of 16 are not compiled, which takes a second.
SMALL = {"patch": 24, "batch": 2, "steps": 4, "validation_slices": 1, "validation_pairs": 2, "log_every": 1,
         "checkpoint_every": 100, "validate_every": 2}


def addPairs(scene, count=2):
    """Add pairs of tiny volumes "P0 full", "P0 low", … to a scene."""
    for n in range(count):
        full = body(n, slices=2)
        low = np.rint(full + np.random.default_rng(n).normal(0, 60, full.shape)).astype(np.int16)
        for kind, array in (("full", full), ("low", low)):
            node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", f"P{n} {kind}")
            slicer.util.updateVolumeFromArray(node, array)
            node.SetSpacing(10, 10, 5)


def tinyLogic(scene, folder, patients=2):
    """Return a logic and a split table of the scene's patients."""
    addPairs(scene, patients)
    logic = LDCTDenoiseTrainingLogic(folder)
    table = logic.newPatients()
    table.addVolumes()
    table.splitSevenToThree()
    return logic, table


def waitFor(run, condition, seconds=LIMIT):
    """Poll until a condition on the state holds; return that state."""
    started = time.monotonic()
    while not condition(state := run.poll()):
        assert time.monotonic() - started < seconds, (state, run.lines)
        time.sleep(0.05)
    return state


def untilEnd(run, seconds=LIMIT):
    return waitFor(run, lambda state: not state.active, seconds)
