"""The generator's step in pieces against the step as a whole."""

import pytest
import torch
from LDCTDenoiseLib.compiled.host import is_supported
from LDCTDenoiseLib.networks import build_generator
from LDCTDenoiseTrainingLib.compiled.network import CompiledByHand
from LDCTDenoiseTrainingLib.cpu import correction_on_cores

# What is compiled takes widths that are a multiple of 16; torch takes the others.
COMPILED, TORCH = (21, 32), (21, 24)

ARCHITECTURES = {
    "DCSCN": "DCSCN",
    "CNN-L1": "CNN-L1",
    "odd": {"name": "dcscn", "filters": [5, 9, 13], "a1": 7, "b1": 3, "b2": 11},
    "one": {"name": "dcscn", "filters": [1], "a1": 1, "b1": 1, "b2": 1},
    "image": {"name": "conv-stack", "layers": 3, "filters": 10, "residual": False},
}


def step(architecture, correction, patches, size=COMPILED):
    """Return the output and the parameters' gradients of one step, with slopes and biases of either sign."""
    torch.manual_seed(3)
    generator = build_generator(ARCHITECTURES[architecture])
    with torch.no_grad():
        for parameter in generator.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter) * 0.2)
    low, full = torch.rand(2, patches, 1, *size)
    output = low + correction(generator, low)
    torch.nn.functional.l1_loss(output, full).backward()
    return output.detach(), [p.grad for p in generator.parameters()]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("patches", [1, 4, 11])
@pytest.mark.parametrize("size", [COMPILED, TORCH, (1, 16), (50, 48)])
def test_output_and_gradients_are_those_of_the_whole_batch(architecture, patches, size):
    output, gradients = step(architecture, correction_on_cores, patches, size)
    whole, expected = step(architecture, lambda generator, low: generator.correction(low), patches, size)
    torch.testing.assert_close(output, whole, atol=1e-5, rtol=1e-5)
    for gradient, reference in zip(gradients, expected, strict=True):
        torch.testing.assert_close(gradient, reference, atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("size", [COMPILED, TORCH])
def test_the_result_is_the_same_for_any_number_of_threads(size):
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(step("DCSCN", correction_on_cores, 10, size))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    (output, gradients), *others = results
    for other, others_gradients in others:
        assert torch.equal(other, output)
        assert all(map(torch.equal, others_gradients, gradients))


@pytest.mark.parametrize("size", [COMPILED, TORCH])
def test_two_halves_add_up_to_the_whole_bit_for_bit(size):
    _, whole = step("DCSCN", correction_on_cores, 8, size)

    def halves(generator, low):
        return torch.cat([correction_on_cores(generator, half) for half in low.split(4)])

    _, summed = step("DCSCN", halves, 8, size)
    assert all(map(torch.equal, whole, summed))


@pytest.mark.skipif(not is_supported(), reason="nothing is compiled on this computer")
def test_only_patches_of_whole_registers_are_compiled():
    generator = build_generator("DCSCN")
    assert CompiledByHand.of(generator, 80, 80) and CompiledByHand.of(generator, *COMPILED)
    assert CompiledByHand.of(generator, *TORCH) is None


@pytest.mark.parametrize("size", [COMPILED, TORCH])
def test_without_gradients_there_is_only_the_output(size):
    generator, low = build_generator("DCSCN"), torch.rand(5, 1, *size)
    with torch.no_grad():
        output = correction_on_cores(generator, low)
        torch.testing.assert_close(output, generator.correction(low), atol=1e-5, rtol=1e-5)
    assert not output.requires_grad
