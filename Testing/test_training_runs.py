"""Whole experiments on tiny patients, and the command line in front of them."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.methods import METHOD
from LDCTDenoiseLib.models import load_model
from LDCTDenoiseTrainingLib.cli.main import main
from LDCTDenoiseTrainingLib.experiments.cross_validation import CrossValidation
from LDCTDenoiseTrainingLib.experiments.curves import read_curves, save_curves
from LDCTDenoiseTrainingLib.experiments.paper import TABLE_1, side_by_side
from LDCTDenoiseTrainingLib.experiments.table import caption_of, summarise, to_csv, to_markdown
from LDCTDenoiseTrainingLib.patients import PatientSet, Scan, read_patient_set
from LDCTDenoiseTrainingLib.recipes import recipes
from LDCTDenoiseTrainingLib.training import Training
from LDCTDenoiseTrainingLib.training.resume import make_config
from training_maker import body, save_scan

pytestmark = pytest.mark.slow

SMALL = {"patch": 16, "batch": 2, "steps": 2, "validation_slices": 1, "validation_pairs": 2, "critic_steps": 1}
OPTIONS = [f"--set={key}={value}" for key, value in SMALL.items()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with pairs of three patients, the last of which validates."""
    folder = tmp_path_factory.mktemp("data")
    for n in range(3):
        full = body(n, slices=2)
        low = full + np.random.default_rng(n).normal(0, 60, full.shape)
        place = folder / ("train" if n < 2 else "validation")
        for kind, array in (("full", full), ("low", low)):
            save_scan(place / f"p{n}_{kind}.nii.gz", np.rint(array).clip(-1024, 3071).astype(np.int16))
    return folder


@pytest.fixture(scope="module")
def set_file(folder):
    assert main(["patients", str(folder), "--patch", "16"]) == 0
    return folder / "patients.json"


def test_the_patients_command_writes_a_set_and_checks_it(set_file, capsys):
    patients = read_patient_set(set_file)
    assert patients.patients("train") == ["p0", "p1"] and patients.patients("validation") == ["p2"]
    assert all(scan.low for scan in patients.scans)
    assert main(["patients", str(set_file), "--patch", "16"]) == 0
    assert "no problems found" in capsys.readouterr().out


def test_the_command_line_lists_every_problem_on_a_line(folder, set_file, capsys):
    content = json.loads(set_file.read_text())
    content["patients"][0]["full"] = "missing.nii.gz"
    content["patients"][1]["low"] = "lost.nii.gz"
    (folder / "bad.json").write_text(json.dumps(content))
    assert main(["patients", str(folder / "bad.json")]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("ldct-train: error")]
    assert any("missing.nii.gz" in line for line in lines) and any("lost.nii.gz" in line for line in lines)


def test_cross_validation_leaves_each_patient_out_once_and_resumes(set_file, tmp_path):
    settings = {k: str(v) for k, v in SMALL.items()}
    run = CrossValidation(read_patient_set(set_file), tmp_path, settings, device="cpu", methods=["CNN-L1"])
    (tmp_path / "fold-p1").mkdir()
    with FileLock((tmp_path / "fold-p1") / ".lock"):  # another process holds this fold
        assert run.run() is None
    before = ((tmp_path / "fold-p0") / "result.json").stat().st_mtime_ns
    assert run.run() == tmp_path / "table.md"
    assert ((tmp_path / "fold-p0") / "result.json").stat().st_mtime_ns == before
    rows = list(csv.DictReader((tmp_path / "table.csv").open()))
    assert [(r["image"], r["patient"]) for r in rows] == [
        *((i, p) for i in ("LDCT", "CNN-L1") for p in ("p0", "p1", "p2")),
        ("LDCT", "mean"), ("LDCT", "sd"), ("CNN-L1", "mean"), ("CNN-L1", "sd"),
    ]
    low = [float(r["psnr"]) for r in rows if r["image"] == "LDCT"]
    assert low[3] == pytest.approx(np.mean(low[:3]), abs=1e-3) and low[4] == pytest.approx(np.std(low[:3]), abs=1e-3)


def test_cross_validation_of_several_methods_starts_each_from_its_twin(set_file, tmp_path, capsys):
    arguments = ["cross-validate", "--patients", str(set_file), "--output", str(tmp_path), "--device", "cpu", *OPTIONS]
    assert main([*arguments, "--method", "wgan,CNN-L1", "--set=WGAN.mean_weight=1"]) == 0
    run = tmp_path / "fold-p1"
    config = json.loads((run / "WGAN" / "config.json").read_text())
    assert config["start_from"] == str(run / "CNN-L1" / "model.safetensors") and config["mean_weight"] == 1
    rows = list(csv.DictReader((tmp_path / "table.csv").open()))
    assert [r["image"] for r in rows] == [*("LDCT",) * 3, *("CNN-L1",) * 3, *("WGAN",) * 3, *("LDCT",) * 2,
                                          *("CNN-L1",) * 2, *("WGAN",) * 2]
    # The fold that has all it needs is left alone; a method more is trained beside the others.
    assert main([*arguments, "--method", "CNN-L1,DCSCN"]) == 0
    assert {r["image"] for r in csv.DictReader((tmp_path / "table.csv").open())} == {"LDCT", "CNN-L1", "DCSCN"}
    assert main([*arguments, "--method", "DCSCN,nonsense"]) == 2
    assert "nonsense" in capsys.readouterr().err


def test_reproduce_trains_all_four_and_writes_table_and_figure(set_file, tmp_path, capsys):
    arguments = ["reproduce", "--patients", str(set_file), "--output", str(tmp_path), "--device", "cpu",
                 "--roi", "4,20,4,20,1", "--set=WGAN.critic_steps=2", *OPTIONS]
    assert main(arguments) == 0
    table = (tmp_path / "table.md").read_text()
    for method in TABLE_1:
        assert f"| {method} |" in table
    assert "0.0530 \\*" in table and "0.0450" in table and "[-160, 240]" in table
    assert (tmp_path / "comparison.png").stat().st_size > 1000
    assert (tmp_path / "curves.png").stat().st_size > 1000
    assert json.loads((tmp_path / "WGAN" / "config.json").read_text())["critic_steps"] == 2
    assert json.loads((tmp_path / "WGAN" / "config.json").read_text())["start_from"].endswith("model.safetensors")


def test_every_recipe_trains_and_the_adversarial_ones_from_their_twins(set_file, tmp_path, capsys):
    arguments = ["--patients", str(set_file), "--device", "cpu", *OPTIONS, "--set=loss_margin=2",
                 "--set=dose=0,0", "--set=lesions=0", "--set=noise_generations=1"]
    assert main(["weights", *arguments, "--output", str(tmp_path)]) == 0
    for method, recipe in recipes().items():
        wanted, done = (json.loads(path.read_text()) for path in (recipe, tmp_path / method / "config.json"))
        assert wanted["method"] == method and done["ssim_weight"] == wanted["ssim_weight"]
        before = wanted.get("start_from") or METHOD[method].twin
        assert Path(done["start_from"]).parent.name == before
        card = load_model(tmp_path / method / "model.safetensors").card
        words = f"a trained {METHOD[method].twin or method}" if before else "random weights"
        assert card.training["started_from"] == words
        assert card.architecture.get("noise_level", False) == wanted.get("noise_level", False)
    assert main(["weights", *arguments, "--output", str(tmp_path)]) == 0  # goes on, and finds all done
    assert main(["train", "--recipe", "dcscn", *arguments, "--output", str(tmp_path / "one" / "a")]) == 0
    assert "DCSCN starts from random weights: there is no trained DCSCN-blind" in capsys.readouterr().err
    assert main(["train", "--recipe", "NLM", *arguments, "--output", str(tmp_path / "no")]) == 2
    assert "there is no recipe of 'NLM'" in capsys.readouterr().err
    assert main(["train", "--recipe", "DCSCN", "--method", "WGAN", *arguments, "--output", str(tmp_path / "no")]) == 2
    assert "leave --method and --config out" in capsys.readouterr().err


def test_curves_of_a_log_that_was_resumed_and_killed(tmp_path):
    def validation(psnr):
        return {"low": {"psnr": 20.0}, "result": {"psnr": psnr, "texture": None}}

    records = [{"step": 5, "losses": {"l1": 0.5}}, {"step": 10, "losses": {"l1": 0.4}},
               {"step": 10, "validation": validation(25.0)}, {"note": "resumed"}, {"step": 10, "losses": {"l1": 0.3}}]
    log = tmp_path / "log.jsonl"
    log.write_text("\n".join(map(json.dumps, records)) + '\n{"step": 15, "los')
    curves = read_curves(log)
    assert curves.line("losses", "l1") == ([5, 10], [0.5, 0.3])
    assert curves.line("validation", "psnr") == ([10], [25.0])
    assert curves.line("validation", "texture") == ([], []) == curves.line("losses", "wasserstein")
    assert save_curves(tmp_path / "curves.png", {"DCSCN": log}).stat().st_size > 1000
    with pytest.raises(InputError, match="gone"):
        read_curves(tmp_path / "gone.jsonl")


def test_tables():
    row = {"psnr": 20.0, "ssim": 0.5, "rmse": 0.1, "texture": 1.0, "shift_soft": 0.0, "specks_ppm": 1.0}
    rows = [{"image": "LDCT", "patient": p, **row, "psnr": v} for p, v in (("a", 20.0), ("b", 22.0))]
    mean, sd = summarise(rows)
    assert (mean["psnr"], sd["psnr"]) == (21.0, 1.0)
    assert "21.00 ± 1.00" in to_markdown(rows) and "Mean ± SD" in to_markdown(rows)
    # What was measured of nobody is nothing, and no number.
    assert mean["lesion_kept"] is sd["lesion_kept"] is None and "nan" not in to_csv(rows)
    # One patient has no spread, and what is in no column has no words below.
    assert summarise(rows[:1]) == [{**summarise(rows[:1])[0], "patient": "mean", "psnr": 20.0}]
    assert "±" not in to_markdown(rows[:1]) and len(to_csv(rows[:1]).splitlines()) == 2
    assert "Texture" not in caption_of(["psnr"]) and "Texture" in caption_of(["texture"])
    assert "| LDCT | 21.00 | 0.500 | 0.1000 | 22.818 |" in side_by_side({"LDCT": mean})


def test_simulated_patients_train_over_generations_and_resume(tmp_path):
    scans = tuple(Scan(f"p{n}", role, save_scan(tmp_path / f"p{n}.nii.gz", body(n, slices=1)))
                  for n, role in enumerate(("train", "validation")))
    settings = {**SMALL, "steps": 4, "noise_refresh": 2, "noise_generations": 2, "checkpoint_every": 1, "log_every": 1}

    def training(name, resume):
        config = make_config("CNN-L1", tmp_path / name, settings, resume)
        return Training(PatientSet(scans), config, tmp_path / name, cache=tmp_path / "cache", device="cpu",
                        resume=resume)

    training("whole", False).run()
    parts = training("parts", False)
    step = parts.step

    def stop(state, drawn):
        if state.step == 3:
            raise KeyboardInterrupt
        return step(state, drawn)

    parts.step = stop
    with pytest.raises(KeyboardInterrupt):
        parts.run()
    for noise in (tmp_path / "cache").glob("*-noise*.npy"):
        noise.unlink()  # a resumed run makes the very same noise again
    training("parts", True).run()
    networks = [torch.load(tmp_path / n / "checkpoint.pt", weights_only=True)["networks"] for n in ("whole", "parts")]
    for name, weight in networks[0]["generator"].items():
        assert torch.equal(weight, networks[1]["generator"][name])


def test_wrong_use_is_one_line(set_file, tmp_path, capsys):
    base = ["train", "--patients", str(set_file), "--output", str(tmp_path / "run")]
    for more, words in (
        (["--method", "TV"], "nothing to train"),
        (["--method", "DCSCN", "--set", "lernrate=1"], "lernrate"),
        (["--method", "DCSCN", "--validation", "nobody"], "nobody"),
        (["--method", "DCSCN", "--device", "gpu"], "gpu"),
        ([], "--method"),
    ):
        assert main([*base, *more]) == 2
        error = capsys.readouterr().err
        assert len(error.splitlines()) == 1 and words in error


def test_the_benchmark_measures_both_loops(set_file, tmp_path, capsys):
    arguments = ["benchmark", "--patients", str(set_file), "--output", str(tmp_path), "--device", "cpu", "--files", "8"]
    assert main([*arguments, *OPTIONS]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["plain_patches_per_second"] > 0 and result["engine_patches_per_second"] > 0
    assert result["factor"] == pytest.approx(
        result["engine_patches_per_second"] / result["plain_patches_per_second"], rel=2e-3
    )
