"""The process that trains: started, followed, stopped, resumed, killed, and found again."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from LDCTDenoiseLib.errors import InputError, MissingDependencyError, ModelFileError, OutputError
from LDCTDenoiseLib.models import catalogue
from LDCTDenoiseTrainingSlicer.jobs import TrainingRun
from LDCTDenoiseTrainingSlicer.jobs.identity import identity
from LDCTDenoiseTrainingSlicer.jobs.process import ProcessFile, terminate
from LDCTDenoiseTrainingSlicer.logic import LDCTDenoiseTrainingLogic
from trainer_runs import LIMIT, SMALL, untilEnd, waitFor

pytestmark = [pytest.mark.usefixtures("mrml"), pytest.mark.slow]


def test_a_training_from_the_scene_to_a_model_that_is_listed(tiny, mrml, tmp_path):
    logic, table = tiny
    assert logic.check(table, 16) == [] == logic.notes(table)
    run = logic.start(table, logic.config("DCSCN", **SMALL), device="cpu")
    assert run.name == "DCSCN" and logic.poll(run).active
    with pytest.raises(InputError, match="no model yet|no result yet"):
        logic.useModel(run)
    seen = []
    state = waitFor(run, lambda s: seen.append(s) or not s.active)
    assert (state.status, state.step, state.of, state.fraction) == ("finished", 4, 4, 1.0), run.lines
    assert any("validation" in line and "PSNR" in line for line in run.lines)
    assert {s.phase.split(" 1 of")[0] for s in seen} & {"", "reading scans"}
    # All that the command line would have written, and volumes of the scene as files.
    for name in ("config.json", "patients.json", "log.jsonl", "checkpoint.pt", "model.safetensors",
                 "images/P0-full.nrrd", "images/P1-low.nrrd"):
        assert (run.folder / name).is_file(), name
    assert logic.config("DCSCN", run.folder / "config.json") == logic.config("DCSCN", **SMALL) == run.config
    # Its figures, as table node and CSV.
    node = logic.result(run)
    rows = node.GetTable().GetNumberOfRows()
    # One patient: no mean and no SD of it.
    images = [node.GetTable().GetValueByName(row, "image").ToString() for row in range(rows)]
    assert images[-2:] == ["LDCT", "DCSCN"] and rows <= 3
    assert node.GetTable().GetValueByName(rows - 1, "psnr").ToDouble() > 0
    assert "±" not in node.GetAttribute("LDCTDenoise.Caption")
    assert "[-160, 240]" in node.GetAttribute("LDCTDenoise.Caption")
    logic.saveResult(run, tmp_path / "figures.csv")
    assert (tmp_path / "figures.csv").read_text().startswith("image,patient,psnr")
    # Its model, beside those of the user.
    path = logic.useModel(run)
    assert [e.name for e in catalogue() if not e.ships] == ["DCSCN"]
    assert logic.useModel(run) == path
    path.write_bytes(path.read_bytes() + b"\0")
    assert logic.useModel(run).stem == "DCSCN-2"
    with pytest.raises(ModelFileError, match="another model named"):
        logic.useModel(run, "DCSCN")
    # Another run takes another folder, and the folder of this one takes no other.
    with pytest.raises(InputError, match="holds a training already"):
        logic.start(table, logic.config("DCSCN", **SMALL), name="DCSCN")
    assert [r.name for r in logic.runs()] == ["DCSCN"]
    _curves(logic, run, mrml)


def _curves(logic, run, mrml):
    assert logic.showCurves([run]) and not logic.showCurves([run])
    chart = logic.plots.chart("Validation PSNR")
    assert chart.GetNumberOfPlotSeriesNodes() == 2
    series = [chart.GetNthPlotSeriesNode(n) for n in range(2)]
    assert [s.GetName() for s in series] == ["DCSCN", "DCSCN, low dose"]
    table = series[0].GetTableNode().GetTable()
    assert [table.GetValueByName(row, "step").ToDouble() for row in range(2)] == [2, 4]
    assert logic.plots.chart("Training loss").GetNthPlotSeriesNode(0).GetTableNode().GetTable().GetNumberOfRows() == 4
    assert logic.plots.chart("Wasserstein estimate").GetNumberOfPlotSeriesNodes() == 0
    before = mrml.GetNumberOfNodes()
    (run.folder / "log.jsonl").open("a").write('{"note": "more"}\n')
    assert logic.showCurves([run]) and mrml.GetNumberOfNodes() == before
    mrml.Clear(0)
    assert logic.showCurves([run]) and logic.plots.chart("Validation PSNR").GetNumberOfPlotSeriesNodes() == 2


def test_stop_leaves_a_checkpoint_and_resume_goes_on_in_another_session(tiny):
    logic, table = tiny
    run = logic.start(table, logic.config("CNN-L1", **{**SMALL, "steps": 100_000, "validate_every": 50_000}),
                      name="mine", device="cpu")
    waitFor(run, lambda s: s.step >= 2)
    logic.stop(run)
    assert logic.poll(run).status in ("stopping", "stopped")
    state = untilEnd(run)
    assert state.status == "stopped" and "Resume goes on" in state.message, run.lines
    assert (run.folder / "checkpoint.pt").is_file() and not (run.folder / "stop").exists()
    # Another session finds it, says the same, and goes on with fewer steps to do.
    again = LDCTDenoiseTrainingLogic(logic.folder).runs()[0]
    assert again.poll().status == "stopped"
    logic.resume(again, steps=state.step + 3, log_every=1)
    with pytest.raises(InputError, match="is running"):
        logic.resume(again)
    third = logic.attach(run.folder)
    assert third.poll().active
    end = untilEnd(again)
    assert (end.status, end.step) == ("finished", state.step + 3), again.lines
    assert untilEnd(third).status == "finished"


def test_killed_from_outside_is_told_and_can_be_resumed(tiny):
    logic, table = tiny
    config = logic.config("CNN-L1", **{**SMALL, "steps": 100_000, "validate_every": 50_000, "checkpoint_every": 2})
    run = logic.start(table, config, device="cpu", keep=True)
    logic.closing([run])
    waitFor(run, lambda s: s.step >= 3)
    assert not (run.folder / "stop").exists()
    os.kill(ProcessFile.read(run.folder).pid, signal.SIGKILL)
    state = untilEnd(run)
    assert state.status == "killed" and "ended from outside" in state.message and "last checkpoint" in state.message
    assert logic.attach(run.folder).poll().status == "killed"
    run.setKeep(False)
    logic.resume(run)
    # It goes on from the checkpoint, and not from the beginning. Until it speaks, the old step is shown.
    assert waitFor(run, lambda s: run.lines and s.step > state.step).active and not logic.attach(run.folder).keep
    assert json.loads((run.folder / "process.log").read_text().splitlines()[0])["step"] >= 2
    logic.stop(run, now=True)
    assert untilEnd(run, 20).status == "killed"


def test_a_process_that_dies_at_once_shows_its_last_line(tmp_path, monkeypatch):
    from LDCTDenoiseTrainingSlicer.jobs import training_run

    for number, (program, words) in enumerate((
        ("print('cannot open shared object file'); raise SystemExit(3)",
         "exit status 3. Its last line (process.log): 'cannot open shared object file'."),
        ("raise SystemExit(4)", "exit status 4. It said nothing"),
        ("import no_such_module", "No module named 'no_such_module'"),
        ("print('half way', flush=True); import os; os.kill(os.getpid(), 9)", "from outside (signal 9)"),
    )):
        folder = tmp_path / str(number)
        folder.mkdir()
        monkeypatch.setattr(training_run, "command", lambda arguments, p=program: [sys.executable, "-c", p])
        run = training_run.TrainingRun.begin(folder, ["train"], True)
        state = untilEnd(run)
        assert words in state.message and "Resume begins anew" in state.message, state
        assert (state.status == "killed") == (number == 3) == ("ended from outside" in state.message)
    assert "'half way'" in state.message


def test_a_run_that_fails_says_why(tiny):
    logic, table = tiny
    run = logic.start(table, logic.config("DCSCN", **{**SMALL, "learning_rate": 1e30, "warmup_steps": 0}), device="cpu")
    state = untilEnd(run)
    assert state.status == "failed" and ("NaN" in state.message or "diverged" in state.message), run.lines
    assert "Resume begins anew" in state.message and not run.outOfMemory
    with (run.folder / "process.log").open("a") as log:
        log.write("ldct-train: error: NVIDIA X has too little memory for a batch of 128: choose a smaller one\n")
    assert logic.attach(run.folder).poll().status == "failed" and _polled(logic.attach(run.folder)).outOfMemory


def _polled(run):
    run.poll()
    return run


def test_a_stop_before_it_has_begun_and_a_resume_before_it_has_ended(tiny):
    logic, table = tiny
    run = logic.start(table, logic.config("CNN-L1", **{**SMALL, "steps": 100_000, "validate_every": 50_000}),
                      device="cpu")
    logic.stop(run)
    state = logic.poll(run)
    assert state.status == "stopped" and "begins anew" in state.message, run.lines
    assert logic.attach(run.folder).poll().status == "stopped"
    logic.resume(run)
    waitFor(run, lambda s: s.step >= 2)
    logic.stop(run)
    state = untilEnd(run)
    assert state.status == "stopped"
    logic.resume(run)  # its process may still be about to end
    assert waitFor(run, lambda s: s.step > state.step or not s.active).active, run.lines
    logic.stop(run)
    assert untilEnd(run).status == "stopped"
    logic.delete(run)
    assert not run.folder.exists()


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="rights are another matter on Windows")
def test_what_can_be_known_to_be_wrong_is_said_before_anything_is_written(tiny, tmp_path, monkeypatch):
    logic, table = tiny
    config = logic.config("DCSCN", **SMALL)
    for name in ("a/b", "..", ".", ".hidden", "C:", "run?", "run.", "nul", "COM1.a"):
        with pytest.raises(InputError, match="cannot be the name"):
            logic.start(table, config, name=name)
    (tmp_path / "runs" / "full").mkdir(parents=True)
    (tmp_path / "runs" / "full" / "letter.txt").write_text("mine")
    with pytest.raises(OutputError, match="not empty"):
        logic.start(table, config, name="full")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is a file"):
        LDCTDenoiseTrainingLogic(tmp_path / "file").start(table, config)
    with pytest.raises(Exception, match="'gpu' is unknown"):
        logic.start(table, config, device="gpu")
    with pytest.raises(InputError, match="starts from a trained CNN-L1"):
        monkeypatch.setattr("LDCTDenoiseTrainingSlicer.jobs.beginning.find_model", _noModel)
        logic.start(table, logic.config("WGAN", **SMALL))
    table.rows[1].role = "test"
    with pytest.raises(InputError, match="at least two patients"):
        logic.start(table, config, kind="cross-validate")
    assert "Nobody validates" in logic.notes(table)[0]
    table.remove(table.rows[1:])
    assert "one patient only" in logic.notes(table)[0]
    table.remove(table.rows)
    with pytest.raises(InputError, match="no patient is ticked"):
        logic.start(table, config)
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == ["full"]


def _noModel(name):
    from LDCTDenoiseLib.errors import MethodError

    raise MethodError("none")


def test_without_torch_the_start_says_what_to_install(tiny, monkeypatch):
    import importlib.util

    logic, table = tiny
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n, *a: None if n == "torch" else found(n, *a))
    with pytest.raises(MissingDependencyError, match="not installed: torch"):
        logic.start(table, logic.config("DCSCN", **SMALL))
    with pytest.raises(MissingDependencyError, match="torch"):
        logic.startEstimate(logic.config("DCSCN", **SMALL))


def test_a_disk_that_fills_up_leaves_no_half_run(tiny, monkeypatch):
    from LDCTDenoiseTrainingSlicer.patients import scene_export

    logic, table = tiny
    write, written = scene_export.write_volume, []

    def full(volume, path):
        if written:
            raise OutputError(f"cannot write '{path}': the data could not be stored; is the disk full?")
        written.append(path)
        write(volume, path)

    monkeypatch.setattr(scene_export, "write_volume", full)
    with pytest.raises(OutputError, match="is the disk full"):
        logic.start(table, logic.config("DCSCN", **SMALL))
    assert written and not (logic.folder / "DCSCN").exists()


def test_a_run_of_the_command_line_is_watched(tmp_path):
    folder = tmp_path / "cli"
    folder.mkdir()
    with pytest.raises(InputError, match="holds no training"):
        TrainingRun(folder)
    logic = LDCTDenoiseTrainingLogic(tmp_path)
    logic.config("DCSCN", **SMALL).write(folder / "config.json")
    records = [{"step": 0, "of": 4, "device": "CPU"}, {"step": 2, "of": 4, "losses": {"l1": 0.5}, "seconds_left": 3}]
    (folder / "log.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    (run,) = logic.runs()
    assert (run.poll().status, run.poll().step) == ("killed", 2)
    from filelock import FileLock

    with FileLock(folder / ".lock"):
        assert run.poll().status == "running" and run.poll().secondsLeft == 3
        with pytest.raises(InputError, match="is running"):
            run.resume()
        run.stop()
        assert run.poll().status == "stopping" and (folder / "stop").exists()


def test_a_number_that_was_given_out_again_is_not_taken_for_the_training(tmp_path):
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        assert identity(stranger.pid) and identity(stranger.pid) != identity(os.getpid())
        mine = ProcessFile(stranger.pid, identity(stranger.pid), ["train"], False)
        assert mine.alive
        other = ProcessFile(stranger.pid, "another beginning", ["train"], False)
        assert not other.alive
        terminate(other)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
    assert not mine.alive and identity(0) is None
    assert ProcessFile.read(tmp_path) is None
    mine.write(tmp_path)
    assert ProcessFile.read(tmp_path) == mine
    (tmp_path / "run.json").write_text("{}")
    assert ProcessFile.read(tmp_path) is None


def test_the_estimate_is_measured_here(tiny):
    logic, table = tiny
    estimate = logic.estimate(logic.config("DCSCN", **SMALL), "cpu", table)
    assert estimate.fits == estimate.batch == 2 and estimate.seconds > 4 * estimate.secondsPerStep
    assert "s a step" in estimate.text and "GB of" in estimate.text


@pytest.mark.parametrize("code, words", [
    ("print('ldct-train: error: GPU X has too little memory for a single pair of patches.'); sys.exit(2)", "GPU X has"),
    ("os.kill(os.getpid(), 9)", "for want of memory"),
    ("print('Traceback'); print('ValueError: no'); sys.exit(1)", "ValueError: no"),
])
def test_an_estimate_that_fails_says_why(tiny, monkeypatch, code, words):
    from LDCTDenoiseLib.errors import LDCTError
    from LDCTDenoiseTrainingSlicer import estimate

    monkeypatch.setattr(estimate, "command", lambda arguments: [sys.executable, "-c", f"import os, sys; {code}"])
    logic, table = tiny
    with pytest.raises(LDCTError, match=words):
        logic.estimate(logic.config("DCSCN", **SMALL), "cpu", table)


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="Windows ends a tree of processes by a command of its own")
def test_an_estimate_that_is_cancelled_leaves_no_process(tiny, monkeypatch, tmp_path):
    """PythonSlicer is a program that starts the Python and waits for it."""
    from LDCTDenoiseTrainingSlicer import estimate

    told = tmp_path / "pid"
    inner = f"import os, time; open({str(told)!r}, 'w').write(f'{{os.getpid()}} '); time.sleep(600)"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    monkeypatch.setattr(estimate, "command", lambda arguments: [sys.executable, "-c", outer])
    logic, table = tiny
    begun = lambda progress: not (told.exists() and told.read_text().endswith(" "))  # noqa: E731
    assert logic.estimate(logic.config("DCSCN", **SMALL), "cpu", table, progress=begun) is None
    until = time.monotonic() + LIMIT
    while identity(int(told.read_text())) and time.monotonic() < until:
        time.sleep(0.02)
    assert identity(int(told.read_text())) is None
