"""What is compiled, and where not; that it computes the right numbers is tested in test_networks_strips.py."""

import importlib.metadata
import itertools
import platform
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from LDCTDenoiseLib.compiled import winograd
from LDCTDenoiseLib.compiled.block import AVX2, AVX512
from LDCTDenoiseLib.compiled.host import is_supported
from LDCTDenoiseLib.compiled.plan import plan_of
from LDCTDenoiseLib.compiled.rows import compiled_rows
from LDCTDenoiseLib.engine import denoise_array
from LDCTDenoiseLib.hounsfield import WIDE
from LDCTDenoiseLib.methods import NetworkDenoiser, build_generator
from LDCTDenoiseLib.networks.strips import strips_of
from model_maker import make_generator
from plain_networks import TOLERANCE, assert_exact, exact_correction, exact_hounsfield

needs_compiler = pytest.mark.skipif(not is_supported(), reason="nothing is compiled on this computer")


@pytest.mark.parametrize("method", ["DCSCN", "CNN-L1"])
@pytest.mark.parametrize("height", [40, 41])
def test_every_row_is_there_when_it_is_read_and_not_yet_overwritten(method, height):
    plan = plan_of(build_generator(method))
    written = [set(range(height)) if number == 0 else set() for number in range(len(plan.rows))]
    pairs = -(-height // 2)
    for time, step in itertools.product(range(pairs + plan.steps[-1].delay), plan.steps):
        pair, half = time - step.delay, step.kernel // 2
        if not 0 <= pair < pairs:
            continue
        for source, near in itertools.product(step.sources, range(2 * pair - half, 2 * pair + 2 + half)):
            if 0 <= near < height:
                rows = written[source.buffer]
                assert near in rows and max(rows) - (plan.rows[source.buffer] or height) < near
        # Of an odd number the last row is one beyond the image.
        written[step.output].update((2 * pair, 2 * pair + 1))
    assert written[-1] >= set(range(height))


def test_the_four_rows_of_a_pair_give_the_convolution():
    rng = np.random.default_rng(0)
    weight, rows = rng.normal(size=(5, 3, 3, 3)), rng.normal(size=(4, 3, 9))
    r0, r1, r2, r3 = rows
    made = torch.tensor(np.stack([r0 - r2, r1 + r2, r2 - r1, r1 - r3]), dtype=torch.float32)
    kernels = torch.tensor(winograd.transformed(weight))
    m0, m1, m2, m3 = (
        torch.nn.functional.conv2d(made[n][None, :, None], kernels[n], padding=(0, 1))[0, :, 0] for n in range(4)
    )
    image = torch.tensor(rows.transpose(1, 0, 2)[None])
    expected = torch.nn.functional.conv2d(image, torch.tensor(weight), padding=(0, 1))[0]
    result = torch.stack([m0 + m1 + m2, m1 - m2 - m3], dim=1).double()
    torch.testing.assert_close(result, expected, atol=TOLERANCE * expected.abs().max().item(), rtol=0)


def test_the_plan_of_dcscn_reads_as_the_paper_draws_it():
    plan = plan_of(build_generator("DCSCN"))
    assert [step.channels for step in plan.steps] == [32, 26, 22, 18, 14, 11, 8, 32, 8, 1]
    assert [step.inputs for step in plan.steps] == [1, 32, 26, 22, 18, 14, 11, 131, 8, 32]
    assert plan.radius == 8
    for shape in (AVX2, AVX512):
        assert [sum(shape.blocks(step.channels)) for step in plan.steps] == [step.channels for step in plan.steps]
        assert max(max(shape.blocks(step.channels)) for step in plan.steps) <= shape.most


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize("avx512", [False, True])
def test_registers_of_either_width_give_the_exact_result(avx512, monkeypatch):
    # Where there is no AVX-512, LLVM makes two registers of each: the same sums.
    monkeypatch.setattr("LDCTDenoiseLib.compiled.rows.has_avx512", lambda: avx512)
    generator, image = make_generator(), torch.rand(1, 21, 45)
    rows = compiled_rows(generator)(image, False, False)
    assert_exact(rows, exact_correction(generator, image[None])[0, 0], image)


@needs_compiler
def test_further_channels_are_read_and_the_slice_is_the_one_that_is_said():
    architecture = {"name": "conv-stack", "layers": 3, "filters": 9, "residual": False, "channels": 3, "image": 1}
    torch.manual_seed(2)
    generator, image = build_generator(architecture), torch.rand(1, 3, 20, 35)
    expected = exact_correction(generator, image)[0, 0]
    for rows in (compiled_rows(generator), strips_of(generator)):
        assert_exact(rows(image[0], False, False), expected, image)


@needs_compiler
def test_several_threads_and_sizes_share_one_program():
    rows = compiled_rows(make_generator())
    images = [torch.rand(1, *size) for size in ((30, 40), (41, 17), (9, 40), (30, 170))] * 4
    alone = [rows(image, False, False) for image in images]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda image: rows(image, False, False), images))
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))
    assert compiled_rows(make_generator())._program is rows._program


@needs_compiler
def test_the_image_given_is_left_as_it_is_and_nothing_of_it_stays_behind():
    rows, image = compiled_rows(make_generator()), torch.rand(1, 20, 33)
    before = image.clone()
    first = rows(image, False, False)
    rows(torch.full((1, 20, 33), 1e30), False, False)
    assert torch.equal(rows(image, False, False), first) and torch.equal(image, before)


@pytest.mark.parametrize("lack", ["system", "processor", "package", "version"])
def test_where_nothing_can_be_compiled_torch_does_it(lack, monkeypatch):
    generator = make_generator()
    volume = np.random.default_rng(0).normal(0, 200, (1, 40, 50)).astype(np.float32)
    expected = volume + exact_hounsfield(generator, WIDE, volume).numpy()
    if lack == "system":
        monkeypatch.setattr(platform, "system", lambda: "Darwin")
    elif lack == "processor":
        monkeypatch.setattr(platform, "machine", lambda: "arm64")
    elif lack == "package":
        monkeypatch.setitem(sys.modules, "llvmlite.binding", None)
    else:
        monkeypatch.setattr(importlib.metadata, "version", lambda _name: "0.44.0")
    assert compiled_rows(generator) is None
    np.testing.assert_allclose(denoise_array(volume, NetworkDenoiser(generator, WIDE, "DCSCN")), expected, atol=0.01)


def test_a_generator_of_another_kind_is_not_compiled():
    class Half(torch.nn.Module):
        def correction(self, image):
            return -image / 2

    assert compiled_rows(Half()) is None
