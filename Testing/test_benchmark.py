"""The benchmark: what it prints is measured, whole and honest about what it cannot know."""

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from LDCTDenoiseLib.benchmark import (
    available_contenders,
    chosen_contenders,
    contenders,
    make_contender,
    measure,
    to_markdown,
)
from LDCTDenoiseLib.benchmark.measure import noisy_slices
from LDCTDenoiseLib.benchmark.memory import peak_bytes
from LDCTDenoiseLib.cli.main import main
from LDCTDenoiseLib.engine import choose_device, denoise_array
from LDCTDenoiseLib.hounsfield import WIDE
from LDCTDenoiseLib.methods import NetworkDenoiser, make_denoiser
from LDCTDenoiseLib.networks import count_macs
from model_maker import make_generator
from plain_networks import exact_hounsfield


def call(*arguments):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    return subprocess.run(
        [sys.executable, "-m", "LDCTDenoiseLib", "benchmark", *map(str, arguments)],
        capture_output=True, text=True, env=environment, timeout=300,
    )


@pytest.mark.slow
def test_compare_prints_one_json_object_and_leaves_table_and_plot(tmp_path):
    chosen = ["engine", "plain", "channels-last", "tv"]
    done = call("--compare", *chosen, "--json", "--size", 64, "--slices", 2, "--repeats", 1, "--output",
                tmp_path / "results")  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["matmul_gflops"] > 0 and result["start_up_seconds"] > 0 and result["metrics_seconds"] > 0
    assert list(result["contenders"]) == chosen
    for row in result["contenders"].values():
        assert row["seconds_per_slice"] > 0
        assert row["peak_bytes"] is None or row["peak_bytes"] >= 0
    engine = result["contenders"]["engine"]
    rivals = {name: row["seconds_per_slice"] for name, row in result["contenders"].items() if row["is_rival"]}
    assert set(rivals) == set(chosen[1:3])
    assert result["best_rival"] == min(rivals, key=rivals.get)
    assert result["factor_to_best_rival"] == pytest.approx(min(rivals.values()) / engine["seconds_per_slice"], abs=1e-3)
    assert engine["max_abs_hu_difference"] <= 0.05 and engine["fraction_of_matmul"] > 0
    assert result["contenders"]["tv"]["max_abs_hu_difference"] is None
    volume = result["volume"]
    assert 0 < volume["seconds_to_first_slice"] <= volume["seconds_array_to_array"]
    assert volume["seconds_dicom_to_dicom"] > 0 and volume["bytes_input_and_output"] == 2 * 2 * 2 * 64 * 64
    assert sorted(p.name for p in (tmp_path / "results").iterdir()) == [
        "benchmark.json", "benchmark.md", "benchmark.png"
    ]
    assert to_markdown(result) == (tmp_path / "results" / "benchmark.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--method", "TV"), "no network"),
        (("--method", "X"), "unknown"),
        (("--repeats", "0"), "--repeats must be"),
        (("--size", "8"), "--size must be"),
        (("--minutes", "0"), "--minutes must be"),
        (("--device", "tpu"), "unknown"),
        (("--compare", "plain", "X"), "no contender 'X'"),
    ],
)
def test_bad_usage_is_one_line(arguments, words, capsys):
    assert main(["benchmark", *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error and len(error.splitlines()) == 1, error


@pytest.mark.slow
def test_what_is_chosen_is_timed_and_what_is_slow_only_once(monkeypatch):
    """One whose first call is beyond its share of the time sits the rounds out; the others are timed in each."""
    monkeypatch.setattr(measure, "seconds_of_start_up", lambda *_: 1.0)
    monkeypatch.setattr(measure, "_ROUND", 0.0)
    monkeypatch.setattr(measure, "_MATRIX", 64)
    made, calls = make_contender, Counter()

    def make(name, *arguments):
        contender = made(name, *arguments)

        def compute(slices):
            calls[name] += 1
            return contender.compute(slices)

        return replace(contender, compute=compute)

    monkeypatch.setattr(measure, "make_contender", make)
    told = []
    result = measure.run_benchmark(
        "DCSCN", choose_device("cpu"), contenders=chosen_contenders(["tv", "engine-torch"]), repeats=2, minutes=1e9,
        slices=1, size=32, progress=lambda fraction, words: told.append(fraction),
    )
    assert list(result["contenders"]) == ["engine", "tv", "engine-torch"] and calls["tv"] == calls["engine"] == 3
    assert told == sorted(told) and told[0] == 0 and told[-1] <= 1
    assert result["left_out"] == []
    calls.clear()
    first = measure._Timer.first
    monkeypatch.setattr(
        measure._Timer, "first", lambda timer, name: replace(first(timer, name), seconds=1e12 if name == "tv" else 1.0)
    )
    slow = measure.run_benchmark(
        "DCSCN", choose_device("cpu"), contenders=["engine", "tv"], repeats=2, minutes=1e9, slices=1, size=32,
    )["contenders"]["tv"]
    assert calls["tv"] == 1 and slow["all_seconds"] == [1e12]
    # The engine's first call uses up any time: the others are named, and one slice stands for the volume.
    short = measure.run_benchmark(
        "DCSCN", choose_device("cpu"), contenders=["engine", "tv"], repeats=1, minutes=1e-9, slices=2, size=32,
    )
    assert list(short["contenders"]) == ["engine"] and short["left_out"] == ["tv"]
    assert short["volume"]["slices"] == 1
    assert "Not timed, for want of time (--minutes): tv." in to_markdown(short)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["DCSCN", "CNN-L1"])
def test_plain_network_and_engine_are_the_method(method):
    hounsfield, denoiser = noisy_slices(1, 96).astype(np.float32), make_denoiser(method)
    expected = hounsfield + exact_hounsfield(denoiser.generator, denoiser.hu_range, hounsfield).numpy()
    assert np.abs(expected - hounsfield).max() > 5
    names = {"plain", "channels-last", "engine", "engine-torch", "onnxruntime", "openvino"}
    for name in names & set(available_contenders()):
        np.testing.assert_allclose(make_contender(name, method).compute(hounsfield), expected, atol=0.01)


@pytest.mark.slow
def test_a_network_that_reads_neighbours_is_given_them(monkeypatch):
    monkeypatch.setattr(
        contenders, "make_denoiser", lambda _method: NetworkDenoiser(make_generator(neighbours=1), WIDE, "DCSCN")
    )
    volume = noisy_slices(3, 64)
    names = {"engine", "engine-torch", "plain", "channels-last", "onnxruntime", "openvino"}
    timer = measure._Timer("DCSCN", choose_device("cpu"), volume)
    outputs = {name: timer.first(name).output for name in names & set(available_contenders())}
    expected = denoise_array(volume.astype(np.float32), NetworkDenoiser(make_generator(neighbours=1), WIDE, "DCSCN"))
    assert len(outputs["engine"]) == 3 and len(outputs["plain"]) == 1
    for name, output in outputs.items():
        np.testing.assert_allclose(output, expected[: len(output)], atol=0.02, err_msg=name)


@pytest.mark.slow
def test_the_networks_have_the_sizes_of_their_names():
    macs = {name: count_macs(make_contender(name).network) / 1e9 for name in ("plain", "red-cnn", "wgan-vgg")}
    assert macs["plain"] == pytest.approx(6.75, abs=0.01) and macs["wgan-vgg"] == pytest.approx(14.65, abs=0.01)
    # Counted on each layer's own size, which the valid convolutions make smaller.
    assert macs["red-cnn"] == pytest.approx(458, abs=1)


@pytest.mark.slow
def test_every_contender_returns_a_slice():
    hounsfield = noisy_slices(1, 48).astype(np.float32)
    for name in available_contenders():
        output = make_contender(name).compute(hounsfield)
        assert output.shape == hounsfield.shape and np.isfinite(output).all(), name


def test_the_peak_is_what_a_piece_of_work_takes():
    peak = peak_bytes(lambda: torch.ones(300_000_000, dtype=torch.uint8).numel(), "cpu")
    assert peak is None or 200e6 < peak < 400e6
