"""Runs of several trainings: a leave-one-out of some methods, and the paper's table."""

import json

import pytest
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseTrainingSlicer.jobs import TrainingRun
from LDCTDenoiseTrainingSlicer.jobs.process import ProcessFile
from LDCTDenoiseTrainingSlicer.logic import LDCTDenoiseTrainingLogic
from trainer_runs import SMALL, tinyLogic, untilEnd

pytestmark = pytest.mark.usefixtures("mrml")


@pytest.mark.slow
def test_leave_one_out_trains_every_fold(mrml, tmp_path):
    logic, table = tinyLogic(mrml, tmp_path, patients=2)
    run = logic.start(table, logic.config("WGAN", **{**SMALL, "steps": 2, "critic_steps": 1, "mean_weight": 3}),
                      device="cpu", kind="cross-validate")
    assert run.kind == "cross-validate" and run.name == "Leave-one-out"
    with pytest.raises(InputError, match="no table yet"):
        logic.result(run)
    assert untilEnd(run).status == "finished", run.lines
    assert json.loads((run.folder / "fold-P1" / "WGAN" / "config.json").read_text())["mean_weight"] == 3
    assert json.loads((run.folder / "fold-P1" / "CNN-L1" / "config.json").read_text())["mean_weight"] == 0
    node = logic.result(run)
    images = [node.GetTable().GetValueByName(n, "image").ToString() for n in range(node.GetTable().GetNumberOfRows())]
    assert images == [*["LDCT"] * 2, *["CNN-L1"] * 2, *["WGAN"] * 2, *["LDCT"] * 2, *["CNN-L1"] * 2, *["WGAN"] * 2]
    assert set(run.logs) == {f"Leave-one-out, P{n}/{m}" for n in (0, 1) for m in ("CNN-L1", "WGAN")}
    with pytest.raises(InputError, match="leave-one-out makes none"):
        logic.useModel(run)


def test_what_an_experiment_is_asked_for(tiny, tmp_path, monkeypatch):
    logic, table = tiny
    begun = []
    monkeypatch.setattr(TrainingRun, "begin", lambda folder, arguments, keep: begun.append(arguments))
    config = logic.config("DCSWGAN", **{**SMALL, "critic_steps": 1})
    logic.start(table, config, kind="cross-validate", methods=["cnn-l1"])
    logic.start(table, config, kind="reproduce")
    methods = begun[0][begun[0].index("--method") + 1]
    assert begun[0][0] == "cross-validate" and methods == "CNN-L1,DCSCN,DCSWGAN"
    assert begun[1][0] == "reproduce" and "--method" not in begun[1]
    for arguments in begun:
        assert "--set=DCSWGAN.critic_steps=1" in arguments and "--set=batch=2" in arguments
    with pytest.raises(InputError, match="only a leave-one-out takes further methods"):
        logic.start(table, config, methods=["DCSCN"])
    with pytest.raises(InputError, match="is no kind of run"):
        logic.start(table, config, kind="all")
    table.rows[1].role = "train"
    with pytest.raises(InputError, match="needs a patient to measure on"):
        logic.start(table, config, kind="reproduce")


def test_the_papers_table_as_a_run(tmp_path):
    from LDCTDenoiseTrainingLib.experiments.table import to_csv

    folder = tmp_path / "Table"
    for method in ("CNN-L1", "DCSCN"):
        (folder / method).mkdir(parents=True)
        (folder / method / "log.jsonl").write_text("")
        (folder / method / "model.safetensors").write_bytes(b"x")
    logic = LDCTDenoiseTrainingLogic(tmp_path)
    logic.config("DCSCN", **SMALL).write(folder / "config.json")
    ProcessFile(0, "", ["reproduce", "--output", str(folder)], True).write(folder)
    (run,) = logic.runs()
    assert run.poll().status == "killed" and list(run.logs) == ["Table, CNN-L1", "Table, DCSCN"]
    assert run.model == folder / "DCSCN" / "model.safetensors"
    with pytest.raises(InputError, match="no table yet"):
        logic.saveResult(run, tmp_path / "table.csv")
    figures = dict.fromkeys(("psnr", "ssim", "rmse"), 1.0)
    (folder / "table.csv").write_text(to_csv([{"image": "LDCT", "patient": "P1", **figures}]))
    logic.saveResult(run, tmp_path / "table.csv")
    assert "P1" in (tmp_path / "table.csv").read_text() and run.poll().status == "killed"
    (folder / "curves.png").write_bytes(b"x")
    assert run.poll().status == "finished"
