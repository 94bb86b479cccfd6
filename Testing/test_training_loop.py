"""The loop: it learns, it can be killed and goes on, two processes are one, and it stops with a reason."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from LDCTDenoiseLib.errors import InputError, LDCTError, LDCTWarning
from LDCTDenoiseLib.models import load_model
from LDCTDenoiseTrainingLib.data.patches import Batch
from LDCTDenoiseTrainingLib.patients import PatientSet, Scan, read_patient_set, write_patient_set
from LDCTDenoiseTrainingLib.training import Training
from LDCTDenoiseTrainingLib.training.config import TrainingConfig
from LDCTDenoiseTrainingLib.training.resume import make_config
from LDCTDenoiseTrainingLib.training.state import State
from LDCTDenoiseTrainingLib.training.validate import measure_pair, score
from training_maker import body, save_scan

pytestmark = pytest.mark.slow

SMALL = {
    "patch": 16, "batch": 4, "steps": 12, "log_every": 3, "checkpoint_every": 3, "validate_every": 6,
    "validation_slices": 1, "validation_pairs": 4, "warmup_steps": 0,
}


@pytest.fixture(scope="module")
def set_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("set")
    scans = []
    for n, role in enumerate(("train", "train", "validation")):
        full = body(n)
        low = full + np.random.default_rng(50 + n).normal(0, 60, full.shape)
        paths = [save_scan(folder / f"p{n}_{kind}.nii.gz", np.rint(a).clip(-1024, 3071).astype(np.int16))
                 for kind, a in (("full", full), ("low", low))]
        scans.append(Scan(f"p{n}", role, paths[0], low=paths[1]))
    sources = ({"name": "made for a test", "licence": "none", "citation": "none"},)
    write_patient_set(PatientSet(tuple(scans), sources), folder / "set.json")
    return folder / "set.json"


def train(set_file, output, method="DCSCN", resume=False, **settings):
    patients = read_patient_set(set_file)
    config = make_config(method, output, {**SMALL, **settings}, resume)
    return Training(patients, config, output, cache=set_file.parent / "cache", device="cpu", resume=resume).run()


def records(output) -> list[dict]:
    return [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]


def weights(output) -> dict:
    content = torch.load(output / "checkpoint.pt", weights_only=True)
    flat = {}
    for group in ("networks", "optimisers"):
        def walk(prefix, value):
            if isinstance(value, dict):
                for key, inner in value.items():
                    walk(f"{prefix}.{key}", inner)
            elif torch.is_tensor(value):
                flat[prefix] = value
        walk(group, content[group])
    return flat


def same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.fixture(scope="module")
def trained(set_file, tmp_path_factory):
    output = tmp_path_factory.mktemp("runs") / "DCSCN"
    train(set_file, output, steps=150, validate_every=50, log_every=25, checkpoint_every=50)
    return output


def test_it_learns_and_says_so(trained):
    log = records(trained)
    losses = [r["losses"]["l1"] for r in log if "losses" in r]
    assert losses[-1] < 0.7 * losses[0]
    steps = [r for r in log if "losses" in r]
    assert [r["step"] for r in steps] == [25, 50, 75, 100, 125, 150] and {r["of"] for r in steps} == {150}
    assert steps[-1]["seconds_left"] == 0 < steps[0]["seconds_left"]
    validations = [r["validation"] for r in log if "validation" in r]
    assert validations[-1]["result"]["psnr"] > validations[-1]["low"]["psnr"] + 2
    assert validations[-1]["window"] == [-160, 240] and list(validations[-1]["patients"]) == ["p2"]
    assert list((trained / "tensorboard").glob("events*"))


def test_the_model_file_says_what_was_used(trained):
    model = load_model(trained / "model.safetensors")
    card = model.card
    assert (card.method, card.hu_range, card.seed) == ("DCSCN", (-1024, 3071), 1)
    assert card.training["steps_planned"] == 150 and card.training["batch"] == 4 and card.training["loss"] == "L1"
    best = [r["step"] for r in records(trained) if r.get("best")][-1]
    assert card.training["steps"] == best
    assert card.training_data[0]["name"] == "made for a test" and card.training_data[-1]["patients"] == 2
    assert card.validation["result"]["psnr"] > card.validation["low"]["psnr"]
    assert card.dose["simulation"].startswith("none")


def environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
            "OMP_NUM_THREADS": str(torch.get_num_threads())}


def command(set_file, output, *more):
    options = [f"--set={k}={v}" for k, v in SMALL.items()]
    return ["-m", "LDCTDenoiseTrainingLib", "train", "--patients", str(set_file), "--method", "DCSCN", "--output",
            str(output), "--cache", str(set_file.parent / "cache"), "--device", "cpu", "--json", *options, *more]


def test_killed_and_resumed_is_bit_for_bit_the_same(set_file, tmp_path):
    steps = "--steps=60"
    process = subprocess.Popen([sys.executable, *command(set_file, tmp_path / "killed", steps)], env=environment(),
                               stdout=subprocess.DEVNULL)
    limit = time.monotonic() + 900
    checkpoint = tmp_path / "killed" / "checkpoint.pt"
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < limit:
        time.sleep(0.01)
    time.sleep(0.2)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    stopped = torch.load(checkpoint, weights_only=True)["step"]
    assert 0 < stopped < 60
    train(set_file, tmp_path / "killed", resume=True, steps=60)
    train(set_file, tmp_path / "whole", steps=60)
    assert same(weights(tmp_path / "killed"), weights(tmp_path / "whole"))


def together(*arguments):
    """Run two processes of Python as torchrun starts them, and return what they said on standard output."""
    group = {"TORCHELASTIC_RUN_ID": "test", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1",
             "MASTER_PORT": str(20000 + os.getpid() % 20000)}
    begun = [
        subprocess.Popen([sys.executable, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         text=True, env={**environment(), **group, "RANK": str(n), "LOCAL_RANK": str(n)})
        for n in (0, 1)
    ]
    said = [process.communicate(timeout=1500) for process in begun]
    assert [process.returncode for process in begun] == [0, 0], said
    return [output for output, _error in said]


def test_two_processes_equal_one(set_file, tmp_path):
    said = "".join(together(*command(set_file, tmp_path / "two")))
    steps = [json.loads(line)["step"] for line in said.splitlines() if '"losses"' in line]
    assert steps == [3, 6, 9, 12]  # one process speaks
    train(set_file, tmp_path / "one")
    one, two = (torch.load(tmp_path / n / "checkpoint.pt", weights_only=True)["networks"]["generator"]
                for n in ("one", "two"))
    # The stated tolerance: sums are taken in another order, and Adam's first steps enlarge that.
    for name in one:
        assert torch.allclose(one[name], two[name], rtol=1e-3, atol=1e-4), name


def test_processes_that_drift_apart_are_aligned(tmp_path):
    script = tmp_path / "drift.py"
    script.write_text(
        "import sys, torch; from LDCTDenoiseTrainingLib.training.processes import join_processes\n"
        "group = join_processes(False); weights = [torch.nn.Parameter(torch.full((2, 3), 1.0 + group.rank))]\n"
        "group.align(weights, 99); apart = weights[0].detach().clone(); group.align(weights, 100)\n"
        "print(f'{apart.mean():g} {weights[0].mean():g}'); group.leave()\n"
    )
    assert [said.split("\n")[0] for said in together(script)] == ["1 1", "2 1"]


@pytest.fixture(scope="module")
def adversarial(set_file, trained):
    output = trained.parent / "DCSWGAN"
    train(set_file, output, "DCSWGAN", steps=4, critic_steps=2, log_every=2, checkpoint_every=2, validate_every=4)
    return output


def test_the_adversarial_training(adversarial, trained):
    log = records(adversarial)
    assert any("negative" in r.get("note", "") for r in log)
    losses = [r["losses"] for r in log if "losses" in r][-1]
    assert {"critic", "wasserstein", "penalty", "l1", "mean", "score"} <= losses.keys()
    card = load_model(adversarial / "model.safetensors").card
    assert card.training["started_from"] == "a trained DCSCN" and "WGAN-GP + L1" in card.training["loss"]
    before, after = (load_model(p / "model.safetensors").generator.state_dict() for p in (trained, adversarial))
    moved = max(float((before[k] - after[k]).abs().max()) for k in before)
    assert 0 < moved < 0.01


def test_the_critic_learns_alone_at_first(set_file, trained):
    output = trained.parent / "critic-first"
    settings = {**SMALL, "steps": 4, "critic_first": 2, "critic_steps": 2, "log_every": 5}
    training = Training(read_patient_set(set_file), make_config("DCSWGAN", output, settings, False), output,
                        cache=set_file.parent / "cache", device="cpu")
    step, seen = training.step, []

    def watched(state, drawn):
        losses = step(state, drawn)
        seen.append([torch.cat([w.detach().flatten() for w in part.parameters()])
                     for part in (state.generator, state.critic)])
        return losses

    training.step = watched
    training.run()
    (first, critic), (second, learned), (third, _), _ = seen
    assert torch.equal(first, second) and not torch.equal(second, third) and not torch.equal(critic, learned)
    losses = {r["step"]: r["losses"].keys() for r in records(output) if "losses" in r}
    # A line of its own: the generator's losses are means over the steps that it takes.
    assert losses == {2: {"critic", "wasserstein", "penalty"}, 4: losses[4]} and "l1" in losses[4]


def test_the_rate_while_the_critic_learns_alone():
    settings = {"steps": 12, "critic_first": 4, "warmup_steps": 2}
    config, later = (TrainingConfig.of_method("WGAN").changed(s) for s in (settings, {"steps": 8, "warmup_steps": 2}))
    assert [config.rate(step) for step in range(12)] == [1e-4] * 4 + [later.rate(step) for step in range(8)]
    dcscn = TrainingConfig.of_method("DCSCN")  # which has none
    assert dcscn.changed(settings).rate(0) == dcscn.changed({**settings, "critic_first": 0}).rate(0)
    # A try of few steps has steps of both.
    assert [config.changed({"steps": n}).critic_alone for n in (1, 2, 7, 8, 100)] == [0, 1, 3, 4, 4]


def test_the_adversarial_training_resumes_bit_for_bit(set_file, trained, adversarial):
    parts = trained.parent / "parts"
    settings = {"steps": 4, "critic_steps": 2, "log_every": 2, "checkpoint_every": 2, "validate_every": 4}

    class Stop(Exception):
        pass

    training = Training(read_patient_set(set_file), make_config("DCSWGAN", parts, {**SMALL, **settings}, False), parts,
                        cache=set_file.parent / "cache", device="cpu")
    step = training.step

    def stop_in_the_fourth(state, drawn):
        if state.step == 3:
            raise Stop
        return step(state, drawn)

    training.step = stop_in_the_fourth
    with pytest.raises(Stop):
        training.run()
    train(set_file, parts, "DCSWGAN", resume=True, **settings)
    assert same(weights(parts), weights(adversarial))


def test_nan_stops_with_the_last_checkpoint_whole(set_file, trained, tmp_path):
    output = tmp_path / "run"
    train(set_file, output)
    good = (output / "checkpoint.pt").read_bytes()
    config = make_config("DCSCN", output, {**SMALL, "steps": 40}, True)
    training = Training(read_patient_set(set_file), config, output, cache=set_file.parent / "cache", device="cpu",
                        resume=True)
    generate = training._generate
    training._generate = lambda state, low: generate(state, low) * float("nan")
    with pytest.raises(LDCTError, match="NaN"):
        training.run()
    assert (output / "checkpoint.pt").read_bytes() == good


def test_a_full_disk_stops_with_the_last_checkpoint_whole(set_file, tmp_path):
    output = tmp_path / "run"
    train(set_file, output)
    good = (output / "checkpoint.pt").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # the system's own refusal: the checkpoint is larger
    try:
        with pytest.raises(LDCTError, match="--resume"):
            train(set_file, output, resume=True, steps=40)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (output / "checkpoint.pt").read_bytes() == good


def test_a_vanished_patient_is_named_at_the_start(set_file, tmp_path):
    patients = read_patient_set(set_file)
    gone = Scan("gone", "train", Path(tmp_path / "gone.nii.gz"))
    config = make_config("DCSCN", tmp_path / "run", SMALL, False)
    with pytest.raises(LDCTError, match="gone.nii.gz"):
        Training(PatientSet((*patients.scans, gone)), config, tmp_path / "run", device="cpu").run()


def test_a_run_is_not_overwritten_and_not_turned_into_another(set_file, trained):
    with pytest.raises(InputError, match="--resume"):
        train(set_file, trained)
    with pytest.raises(InputError, match="batch"):
        train(set_file, trained, resume=True, batch=8)


def test_a_result_below_its_input_is_a_warning(set_file, tmp_path):
    with pytest.warns(LDCTWarning, match="below its own input"):
        train(set_file, tmp_path / "run", steps=1, learning_rate=1e-9)


@pytest.mark.parametrize(
    ("setting", "value", "ignored", "seen"),
    [("loss_margin", 3, np.s_[:, :, 13:], np.s_[:, :, 12]), ("outside_weight", 0.0, np.s_[:, :4], np.s_[:, 4:])],
    ids=["edges", "outside"],
)
def test_what_a_step_leaves_out_changes_nothing(set_file, tmp_path, setting, value, ignored, seen):
    config = make_config("DCSCN", tmp_path, {**SMALL, setting: value, "tissue_weight": 1.0}, False)
    training = Training(read_patient_set(set_file), config, tmp_path / "run", device="cpu")
    full = torch.full((4, 16, 16), 50, dtype=torch.int16)
    full[:, :4] = -800  # lung, far outside the loss window
    low = full + torch.randint(-60, 60, full.shape, generator=torch.Generator().manual_seed(1)).to(torch.int16)

    def stepped(changed=None):
        target = full.clone()
        if changed is not None:
            target[changed] += 40
        state = State(config, "cpu")
        for _ in range(2):  # the first only makes SOAP's basis
            training.step(state, [Batch(low[:, None], target, torch.ones(4))])
        return state.generator.state_dict()

    assert same(stepped(ignored), stepped()) and not same(stepped(seen), stepped())


def test_texture_chooses_among_those_that_gain_enough():
    config = make_config("DCSCN", Path("none"), {"select_by": "texture", "least_gain_db": 4.0}, False)

    def validation(psnr, texture):
        return {"low": {"psnr": 23.0}, "result": {"psnr": psnr, "texture": texture}}

    smooth, textured, noisy = validation(30, 0.3), validation(28, 0.9), validation(25, 1.0)
    scores = [score(v, config, 1) for v in (smooth, textured, noisy)]
    assert scores[1] > scores[0] > scores[2]


def test_what_a_slice_is_measured_by():
    full = body(0, slices=1, side=128)[0]
    noise = np.random.default_rng(1).normal(0, 50, full.shape)
    noisy = measure_pair(full, np.rint(full + noise).astype(np.int16))
    shifted = measure_pair(full, full + 4)
    assert noisy["texture"] > 4 and noisy["specks_ppm"] == pytest.approx(45_500, rel=0.2)
    assert abs(noisy["shift_soft"]) < 2 and np.isnan(noisy["shift_lung"])
    assert shifted["shift_soft"] == pytest.approx(4) and shifted["texture"] == pytest.approx(1, abs=0.01)
    assert shifted["specks_ppm"] == 0
