"""A stop in the middle of a piece of work that takes long: at once, with the state before the piece, bit for bit."""

import json
import subprocess
import sys
import time

import pytest
import torch
from LDCTDenoiseTrainingLib.cli.main import main
from LDCTDenoiseTrainingLib.patients import write_patient_set
from LDCTDenoiseTrainingLib.training.config import TrainingConfig
from LDCTDenoiseTrainingLib.training.state import State
from LDCTDenoiseTrainingLib.training.stopping import STOP_FILE
from training_maker import save_pairs

pytestmark = pytest.mark.slow

#: A piece that is to be interrupted lasts so long; a stop may take a part of it on a busy machine.
LONG, SOON = 300, 60

SETTINGS = {"patch": 16, "batch": 2, "steps": 4, "validation_slices": 1, "validation_pairs": 2, "log_every": 1,
            "checkpoint_every": 100, "validate_every": 2, "critic_steps": 2, "start_from": "none"}

#: `ldct-train` with one function that says where it is and then takes long. `time.sleep` hears of no interruption by
#: another thread, as little as a long call of torch.
SLOW = """
import sys, time
from pathlib import Path
from LDCTDenoiseTrainingLib.cli.main import main
from LDCTDenoiseTrainingLib.training import stopping
from LDCTDenoiseTrainingLib.{module} import {owner} as owner
whole, calls = owner.{name}, []

def slow(*arguments, **more):
    calls.append(1)
    if len(calls) == {call}:
        {first}
        Path(r"{there}").touch()
        time.sleep({long})
    return whole(*arguments, **more)

owner.{name} = slow
stopping._SHORT = stopping._COSTS = 0  # even for steps as short as these
if __name__ == "__main__":
    sys.exit(main())
"""


@pytest.fixture(scope="module")
def patients(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_patient_set(save_pairs(folder), folder / "patients.json")
    return folder / "patients.json"


def arguments(patients, output, method="WGAN"):
    settings = [f"--set={key}={value}" for key, value in SETTINGS.items()]
    return ["train", "--patients", str(patients), "--output", str(output), "--method", method, "--device", "cpu",
            "--json", *settings]


def command(line, more):
    return subprocess.Popen([sys.executable, *line, *more], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env={"PYTHONPATH": ":".join(p for p in sys.path if p), "OMP_NUM_THREADS": "1"})


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """As many threads here as in the commands: a critic's sums differ by rounding with another number."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def finish(patients, output):
    assert main([*arguments(patients, output), "--resume"]) == 0


def content(output):
    return torch.load(output / "checkpoint.pt", weights_only=True)


@pytest.fixture(scope="module")
def whole(patients, tmp_path_factory):
    output = tmp_path_factory.mktemp("whole") / "run"
    finish(patients, output)
    return content(output)


def interrupted(patients, folder, module, owner, name, call, first="pass"):
    """Stop a run in the given call of a function; return its folder and what it said."""
    output, there = folder / "run", folder / "there"
    (folder / "slow.py").write_text(SLOW.format(module=module, owner=owner, name=name, call=call, there=there,
                                                long=LONG, first=first))
    run = command([str(folder / "slow.py")], arguments(patients, output))
    try:
        until = time.monotonic() + LONG
        while not there.exists():
            assert run.poll() is None and time.monotonic() < until, run.stdout.read()
            time.sleep(0.05)
        (output / STOP_FILE).touch()
        told = run.communicate(timeout=SOON)[0]
    finally:
        run.kill()
    assert run.returncode == 130, told
    assert not (output / STOP_FILE).exists()
    records = [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]
    assert records[-1]["stopped"]
    return output, records


def same(left, right):
    if isinstance(left, dict):
        assert left.keys() == right.keys()
        return all(same(left[key], right[key]) for key in left if key != "seconds")
    if isinstance(left, (list, tuple)):
        return all(same(a, b) for a, b in zip(left, right, strict=True))
    return torch.equal(left, right) if isinstance(left, torch.Tensor) else left == right


def test_a_stop_in_the_middle_of_a_step_leaves_the_state_before_it(patients, whole, tmp_path):
    # The sixth call is in the third step, after one step of its critic.
    output, records = interrupted(patients, tmp_path, "training.train", "Training", "_critic_step", 6)
    assert content(output)["step"] == 2 and "step 2" in records[-1]["note"]
    finish(patients, output)
    assert same(content(output), whole)


def test_a_stop_in_the_middle_of_a_validation_does_not_lose_it(patients, whole, tmp_path):
    output, records = interrupted(patients, tmp_path, "training", "validate", "measure_pair", 1)
    assert content(output)["step"] == 2 and content(output)["unvalidated"]
    assert not [r for r in records if "validation" in r]
    finish(patients, output)
    assert same(content(output), whole)


def test_a_stop_while_a_scan_is_read(patients, tmp_path):
    output, _ = interrupted(patients, tmp_path, "data", "cache", "inspect_scan", 2)
    assert content(output)["step"] == 0


def test_a_checkpoint_that_cannot_be_written_then_is_told(patients, tmp_path):
    first = "import os; os.fsync = lambda number: (_ for _ in ()).throw(OSError(28, 'No space left on device'))"
    with pytest.raises(AssertionError, match="cannot write the checkpoint.*No space left"):
        interrupted(patients, tmp_path, "training.train", "Training", "_critic_step", 4, first)
    assert not (tmp_path / "run" / "checkpoint.pt").exists()


def test_a_copy_is_what_would_be_saved_and_follows_no_further(tmp_path):
    state = State(TrainingConfig.of_method("DCSCN").changed({"generator_average": 0.9}), "cpu")
    state.save(tmp_path / "saved.pt")
    copy = state.copy()
    with torch.no_grad():
        for weight in state.generator.parameters():
            weight.add_(1)
    State.write(copy, tmp_path / "copied.pt")
    assert same(*(torch.load(tmp_path / f"{name}.pt", weights_only=True) for name in ("saved", "copied")))
    State.write(state.copy(copy), tmp_path / "copied.pt")
    state.save(tmp_path / "saved.pt")
    assert same(*(torch.load(tmp_path / f"{name}.pt", weights_only=True) for name in ("saved", "copied")))
