"""The command line as a user meets it: by its output, files and exit codes; once in a process of its own."""

import contextlib
import csv
import errno
import io
import json
import os
import signal
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
import SimpleITK as sitk
from LDCTDenoiseLib.cli.main import main
from LDCTDenoiseLib.engine import denoise_array
from LDCTDenoiseLib.methods import make_denoiser
from LDCTDenoiseLib.metrics import measure_volumes
from model_maker import make_model

COMMAND = [sys.executable, "-m", "LDCTDenoiseLib"]


def environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}


def call(*arguments):
    """Run a command here, and return what a process would come to."""
    output, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(error):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as ended:
            code = ended.code
    return subprocess.CompletedProcess(arguments, code, output.getvalue(), error.getvalue())


def refused(done, *words):
    """Check for exit code 2, one line of reason on standard error, and nothing on standard output."""
    lines = [line for line in done.stderr.splitlines() if line.startswith("ldct-denoise")]
    assert done.returncode == 2 and len(lines) == 1 and "Traceback" not in done.stderr, done.stderr
    assert done.stdout == ""
    for word in words:
        assert word in lines[0]


@pytest.fixture(scope="module")
def ct():
    """A small CT pair in HU: air, a body of fat and tissue, bone; shape (slices, rows, columns)."""
    rng = np.random.default_rng(0)
    j, i = np.mgrid[:64, :72]
    radius = np.hypot((j - 32) / 26, (i - 36) / 30)
    body = np.where(radius > 1, -1000, np.where(radius > 0.85, -100, 50))
    body[30:36, 30:42] = 400
    full = np.stack([body] * 3) + rng.normal(0, 8, (3, 64, 72))
    low = full + rng.normal(0, 35, full.shape)
    return np.rint(full).astype(np.int16), np.rint(low).astype(np.int16)


@pytest.fixture
def files(tmp_path, ct):
    for name, array in zip(("full", "low"), ct, strict=True):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing((0.7, 0.8, 5))
        image.SetOrigin((-10, 20, 30))
        image.SetDirection((0, 1, 0, -1, 0, 0, 0, 0, 1))
        sitk.WriteImage(image, str(tmp_path / f"{name}.nrrd"))
    make_model(tmp_path / "mine.safetensors", "DCSCN")
    return tmp_path


@pytest.mark.slow
def test_denoise_keeps_geometry_and_type_and_does_what_the_library_does(files, ct):
    done = subprocess.run(
        [*COMMAND, "denoise", files / "low.nrrd", files / "out.nii.gz", "--model", files / "mine.safetensors",
         "--strength", "0.5", "--device", "cpu"],
        capture_output=True, text=True, env=environment(), timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "DCSCN" in done.stdout and "CPU" in done.stderr
    image = sitk.ReadImage(str(files / "out.nii.gz"))
    source = sitk.ReadImage(str(files / "low.nrrd"))
    assert image.GetPixelIDTypeAsString() == "16-bit signed integer"
    for fact in ("GetSpacing", "GetOrigin", "GetDirection"):
        np.testing.assert_allclose(getattr(image, fact)(), getattr(source, fact)(), atol=1e-5)
    expected = denoise_array(ct[1], make_denoiser(model=files / "mine.safetensors"), "cpu", 0.5)
    assert (sitk.GetArrayFromImage(image) == expected).all() and (expected != ct[1]).any()


@pytest.mark.slow
def test_compare_writes_figure_and_tables_with_the_numbers_of_the_library(files, ct):
    done = call("compare", "--low", files / "low.nrrd", "--full", files / "full.nrrd", "--method", "TV", "nlm",
                "--roi", "20,50,20,45,1", "--output", files / "out")
    assert done.returncode == 0, done.stderr
    assert {p.name for p in (files / "out").iterdir()} == {"comparison.png", "table.csv", "table.md", "table.json"}
    rows = list(csv.DictReader((files / "out" / "table.csv").open()))
    assert [(r["image"], r["roi"]) for r in rows] == [
        (name, roi) for roi in ("", "20,50,20,45,1") for name in ("LDCT", "TV", "NLM")
    ]
    expected = measure_volumes(ct[0], {"": ct[1]})[""]
    assert float(rows[0]["psnr_db"]) == pytest.approx(expected["psnr"].mean, rel=1e-5)
    assert float(rows[1]["psnr_db"]) > float(rows[0]["psnr_db"]) + 2
    table = json.loads((files / "out" / "table.json").read_text())
    assert table["rows"][0]["ssim"] == pytest.approx(expected["ssim"].mean)
    assert "PSNR" in done.stdout and "[-160, 240] HU" in done.stdout


@pytest.mark.slow
def test_a_models_row_is_named_after_its_file(files):
    done = call("compare", "--low", files / "low.nrrd", "--full", files / "full.nrrd",
                "--model", files / "mine.safetensors", "--output", files / "out")
    assert done.returncode == 0, done.stderr
    assert [r["image"] for r in csv.DictReader((files / "out" / "table.csv").open())] == ["LDCT", "mine"]


@pytest.mark.slow
def test_demo_does_the_whole_job(tmp_path):
    done = call("demo", "--output", tmp_path / "demo", "--slices", "1", "--size", "256")
    assert done.returncode == 0, done.stderr
    names = {p.name for p in (tmp_path / "demo").iterdir()}
    assert {"comparison.png", "table.csv", "table.md", "FDCT.nrrd", "LDCT.nrrd", "NLM.nrrd", "TV.nrrd"} <= names
    rows = {r["image"]: float(r["psnr_db"]) for r in csv.DictReader((tmp_path / "demo" / "table.csv").open())
            if not r["roi"]}
    assert rows["NLM"] > rows["LDCT"] and rows["TV"] > rows["LDCT"]
    assert "NLM" in done.stdout and "quarter-dose scan" in done.stderr


@pytest.mark.slow
def test_models_lists_shows_and_adds(files, no_models_of_the_user):
    done = call("models", "--add", files / "mine.safetensors")
    assert done.returncode == 0 and (no_models_of_the_user / "mine.safetensors").exists(), done.stderr
    done = call("models")
    assert "mine" in done.stdout and "yours" in done.stdout and "needs no training" in done.stdout
    card = json.loads(call("models", "mine").stdout)
    assert card["method"] == "DCSCN" and len(card["sha256"]) == 64


@pytest.mark.slow
def test_bad_usage_is_one_line(files):
    low, out = files / "low.nrrd", files / "out.nrrd"
    refused(call(), "COMMAND")
    refused(call("denoise", low), "OUTPUT")
    refused(call("denoise", low, out, "--method", "magic"), "'magic'", "DCSCN")
    refused(call("denoise", low, out, "--method", "NLM", "--strength", "2"), "strength")
    refused(call("denoise", low, out, "--method", "NLM", "--strength", "x"), "--strength")
    refused(call("denoise", low, out, "--method", "NLM", "--device", "tpu"), "'tpu'")
    refused(call("denoise", low, out, "--method", "TV", "--batch", "0"), "batch")
    refused(call("denoise", low, out, "--model", files / "full.nrrd"), "full.nrrd", "safetensors")
    refused(call("denoise", files / "absent.nrrd", out, "--method", "NLM"), "absent.nrrd")
    refused(call("denoise", low, files / "absent" / "out.nrrd", "--method", "NLM"), "absent")
    refused(call("denoise", low, files / "out.jpg", "--method", "NLM"), ".nrrd")
    refused(call("denoise", low, low, "--method", "NLM"), "input itself")
    compare = ("compare", "--low", low, "--full", files / "full.nrrd", "--output", files / "out")
    refused(call(*compare, "--method", "TV", "--roi", "1,2,3"), "five whole numbers")
    refused(call(*compare, "--method", "TV", "--roi", "0,500,0,5,0"), "does not lie in the volume")
    refused(call(*compare, "--method", "TV", "tv"), "twice")
    assert {p.name for p in files.iterdir()} == {"full.nrrd", "low.nrrd", "mine.safetensors"}


@pytest.mark.slow
@pytest.mark.skipif("torch" in sys.modules and sys.modules["torch"].cuda.is_available(), reason="CUDA is there")
def test_absent_cuda_is_said(files):
    refused(call("denoise", files / "low.nrrd", files / "out.nrrd", "--model", files / "mine.safetensors",
                 "--device", "cuda"), "'cuda' was asked for")
    assert not (files / "out.nrrd").exists()


def write(path, array, **facts):
    image = sitk.GetImageFromArray(array, isVector=facts.get("vector", False))
    for name, value in facts.items():
        if name != "vector":
            getattr(image, f"Set{name}")(value)
    sitk.WriteImage(image, str(path))


@pytest.mark.slow
def test_bad_input_is_refused_and_leaves_the_disk_as_it_was(files, ct):
    out = files / "out.nrrd"
    bad = {
        "nan": (np.where(ct[1] == 400, np.nan, ct[1]).astype(np.float32), "NaN"),
        "infinite": (np.where(ct[1] > 300, np.inf, ct[1]).astype(np.float32), "infinit"),
        "constant": (np.full((2, 9, 9), 7, np.int16), "7"),
        "unsigned": ((ct[1].astype(int) + 1100).clip(0).astype(np.uint16), "--hu-offset"),
        "labels": ((ct[1] > 0).astype(np.uint8), "label"),
    }
    for name, (array, word) in bad.items():
        write(files / f"{name}.nrrd", array)
        refused(call("denoise", files / f"{name}.nrrd", out, "--method", "TV"), f"{name}.nrrd", word)
    write(files / "rgb.nrrd", np.zeros((2, 9, 9, 3), np.uint8), vector=True)
    refused(call("denoise", files / "rgb.nrrd", out, "--method", "TV"), "rgb.nrrd")
    (files / "folder").mkdir()
    refused(call("denoise", files / "folder", out, "--method", "TV"), "folder", "DICOM")
    write(files / "moved.nrrd", ct[1], Origin=(1, 2, 3))
    refused(call("compare", "--low", files / "moved.nrrd", "--full", files / "full.nrrd", "--method", "TV",
                 "--output", files / "table"), "moved.nrrd", "full.nrrd", "same grid")
    assert not out.exists() and not (files / "table").exists() and not list(files.glob(".*"))


@pytest.mark.slow
def test_offset_of_unsigned_storage_can_be_given(files, ct):
    write(files / "unsigned.nrrd", (ct[1].astype(int) + 1100).clip(0).astype(np.uint16))
    done = call("denoise", files / "unsigned.nrrd", files / "out.nrrd", "--method", "TV", "--hu-offset", "-1100")
    assert done.returncode == 0, done.stderr
    output = sitk.GetArrayFromImage(sitk.ReadImage(str(files / "out.nrrd")))
    assert abs(output[:, 30:36, 30:42].mean() - 400) < 40 and output.min() < -900


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_an_interrupted_run_leaves_nothing_half_written(files, ct, name, code):
    write(files / "long.nrrd", np.tile(np.tile(ct[1], (100, 1, 1)), (1, 4, 4)))
    before = {p.name for p in files.iterdir()}
    import fcntl
    import termios

    terminal, its = os.openpty()  # where the bar moves, in its width
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("4H", 24, 120, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, "denoise", files / "long.nrrd", files / "out.nrrd", "--method", "NLM"], stderr=its,
        env=environment(),
        # A shell starts background jobs with Ctrl-C ignored, and a test run in one hands that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    os.close(its)
    said = b""
    while b"1/300" not in said:
        said += os.read(terminal, 4096)
    time.sleep(0.2)
    process.send_signal(getattr(signal, name))
    with contextlib.suppress(OSError):  # its end
        while True:
            said += os.read(terminal, 4096)
    os.close(terminal)
    assert process.wait(60) == code and b"Traceback" not in said, said
    assert {p.name for p in files.iterdir()} == before


def test_what_the_system_refuses_is_one_line(tmp_path, monkeypatch, capsys):
    """Whatever file it is about, also where no code of ours expected it."""

    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device", "some/file")

    monkeypatch.setattr("LDCTDenoiseLib.cli.models.run", full)
    assert main(["models"]) == 2
    assert capsys.readouterr().err == (
        "ldct-denoise: error: cannot read or write 'some/file': No space left on device.\n"
    )
