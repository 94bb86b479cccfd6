"""What the window needs of the engine: a stop that leaves a checkpoint, a slice to look at, an estimate."""

import json

import numpy as np
import pytest
import torch
from LDCTDenoiseTrainingLib.cli.main import main
from LDCTDenoiseTrainingLib.experiments.cross_validation import CrossValidation
from LDCTDenoiseTrainingLib.training import Training
from LDCTDenoiseTrainingLib.training.picture import PICTURE
from LDCTDenoiseTrainingLib.training.resume import make_config
from LDCTDenoiseTrainingLib.training.stopping import STOP_FILE
from training_maker import body, save_pairs

SMALL = {"patch": 16, "batch": 2, "steps": 4, "validation_slices": 2, "validation_pairs": 2, "log_every": 1,
         "checkpoint_every": 100, "validate_every": 2}


@pytest.fixture(scope="module")
def patients(tmp_path_factory):
    return save_pairs(tmp_path_factory.mktemp("data"))


def training(patients, output, resume=False, json_lines=False):
    config = make_config("DCSCN", output, SMALL, resume)
    return Training(patients, config, output, device="cpu", resume=resume, json_lines=json_lines)


def weights(output):
    return torch.load(output / "checkpoint.pt", weights_only=True)["networks"]["generator"]


@pytest.fixture(scope="module")
def whole(patients, tmp_path_factory):
    output = tmp_path_factory.mktemp("whole") / "run"
    training(patients, output).run()
    return output


def records(output):
    return [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_a_stop_file_leaves_a_checkpoint_and_the_run_goes_on_to_the_same_weights(patients, whole, tmp_path):
    output = tmp_path / "run"
    stopped = training(patients, output)
    step = stopped.step

    def stop(state, drawn):
        if state.step == 2:
            (output / STOP_FILE).touch()
        return step(state, drawn)

    stopped.step = stop
    with pytest.raises(KeyboardInterrupt):
        stopped.run()
    assert not (output / STOP_FILE).exists()
    assert records(output)[-1]["stopped"] and "step 3" in records(output)[-1]["note"]
    assert torch.load(output / "checkpoint.pt", weights_only=True)["step"] == 3
    training(patients, output, resume=True).run()
    for name, weight in weights(whole).items():
        assert torch.equal(weight, weights(output)[name]), name


@pytest.mark.slow
def test_a_validation_that_a_stop_interrupts_is_made_good(patients, tmp_path, monkeypatch):
    from LDCTDenoiseTrainingLib.training import train

    output = tmp_path / "run"
    run, validate = training(patients, output), train.validate

    def asked(*arguments):
        if arguments[0].training and run.config.total_steps == 4 and len(records(output)) > 5:
            (output / STOP_FILE).touch()
        return validate(*arguments)

    monkeypatch.setattr(train, "validate", asked)
    with pytest.raises(KeyboardInterrupt):
        run.run()
    assert [r["step"] for r in records(output) if "validation" in r] == [2]
    monkeypatch.setattr(train, "validate", validate)
    training(patients, output, resume=True).run()
    assert [r["step"] for r in records(output) if "validation" in r] == [2, 4]
    assert (output / "model.safetensors").is_file()


@pytest.mark.slow
def test_a_stop_ends_the_whole_leave_one_out(patients, tmp_path):
    run = CrossValidation(
        patients, tmp_path, {k: str(v) for k, v in SMALL.items()}, device="cpu", methods=["CNN-L1"]
    )
    (tmp_path / STOP_FILE).touch()
    with pytest.raises(KeyboardInterrupt):
        run.run()
    assert not (tmp_path / "fold-p1").exists() and not (tmp_path / "table.csv").exists()
    assert run.run() == tmp_path / "table.md"


@pytest.mark.slow
def test_the_slice_of_the_last_validation_lies_in_the_folder(patients, whole):
    with np.load(whole / PICTURE) as picture:
        assert int(picture["step"]) == 4
        full, low, result = (picture[name] for name in ("full", "low", "result"))
    np.testing.assert_array_equal(full, body(1, slices=2)[1])
    assert full.shape == low.shape == result.shape and not np.array_equal(low, result)


@pytest.mark.slow
def test_phases_are_told_as_json_and_are_not_in_the_log(patients, tmp_path, capsys):
    training(patients, tmp_path / "run", json_lines=True).run()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    phases = {line["phase"] for line in lines if "phase" in line}
    assert {"reading scans", "validation"} <= phases
    assert [line for line in lines if "phase" not in line] == records(tmp_path / "run")


@pytest.mark.slow
def test_a_setting_can_be_asked_for_without_torch():
    import subprocess
    import sys

    code = ("import sys; from LDCTDenoiseTrainingLib.training.config import TrainingConfig; "
            "import LDCTDenoiseTrainingLib.patients.check, LDCTDenoiseTrainingLib.experiments.curves; "
            "print(TrainingConfig.of_method('DCSCN').patch, 'torch' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120,
                          env={"PYTHONPATH": ":".join(p for p in sys.path if p)})
    assert done.stdout.split() == ["80", "False"], done.stderr


@pytest.mark.slow
def test_the_estimate_measures_and_scales(capsys):
    arguments = ["estimate", "--method", "DCSWGAN", "--set=patch=16", "--set=batch=2", "--set=critic_steps=1",
                 "--steps", "50", "--device", "cpu"]
    assert main(arguments) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["batch"] == told["fits"] == 2 and told["steps"] == 50
    assert told["seconds"] == pytest.approx(50 * told["seconds_per_step"])
    assert 0 < told["seconds_per_step"] < 60 and told["memory_there"] > told["memory"] > 50e6
    assert told["seconds_per_validation_slice"] > 0


def test_the_estimate_measures_steps_of_both_networks(monkeypatch):
    from LDCTDenoiseTrainingLib.experiments import estimate as module

    step, seen = module.Training.step, []
    monkeypatch.setattr(module.Training, "step", lambda *arguments: seen.append(step(*arguments)) or seen[-1])
    settings = {"patch": 16, "batch": 2, "critic_steps": 1, "steps": 8, "critic_first": 3}
    module.estimate(module.TrainingConfig.of_method("WGAN").changed(settings), "cpu")
    assert seen and all({"wasserstein", "score"} <= losses.keys() for losses in seen)


def test_the_estimate_finds_the_batch_that_fits(monkeypatch):
    from LDCTDenoiseTrainingLib.experiments import estimate as module
    from LDCTDenoiseTrainingLib.training.config import TrainingConfig

    tried = []

    def measure(config, device):
        tried.append(config.batch)
        if config.batch > 3:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
        return 0.5, 2e8

    monkeypatch.setattr(module, "_measure", measure)
    monkeypatch.setattr(module, "_validation_seconds", lambda config, device: 1.0)
    told = module.estimate(TrainingConfig.of_method("DCSCN").changed({"batch": 100, "steps": 10}), "cpu")
    assert tried == [16, 8, 4, 2] and told["fits"] == 2 and told["batch"] == 100 and told["seconds"] == 5.0
