"""The generator's step in pieces against the step as a whole."""

import pytest
import torch
from LDCTDenoiseLib.networks import build_generator
from LDCTDenoiseTrainingLib.cpu import correction_on_cores


def step(method, correction, patches):
    """Return the output and the parameters' gradients of one step."""
    torch.manual_seed(3)
    generator = build_generator(method)
    low, full = torch.rand(2, patches, 1, 21, 24)
    output = low + correction(generator, low)
    torch.nn.functional.l1_loss(output, full).backward()
    return output.detach(), [p.grad for p in generator.parameters()]


@pytest.mark.parametrize("method", ["DCSCN", "CNN-L1"])
@pytest.mark.parametrize("patches", [1, 4, 11])
def test_output_and_gradients_are_those_of_the_whole_batch(method, patches):
    output, gradients = step(method, correction_on_cores, patches)
    whole, expected = step(method, lambda generator, low: generator.correction(low), patches)
    torch.testing.assert_close(output, whole, atol=1e-5, rtol=1e-5)
    for gradient, reference in zip(gradients, expected, strict=True):
        torch.testing.assert_close(gradient, reference, atol=1e-5, rtol=1e-3)


def test_the_result_is_the_same_for_any_number_of_threads():
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(step("DCSCN", correction_on_cores, 10))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    (output, gradients), *others = results
    for other, others_gradients in others:
        assert torch.equal(other, output)
        assert all(map(torch.equal, others_gradients, gradients))


def test_without_gradients_there_is_only_the_output():
    generator, low = build_generator("DCSCN"), torch.rand(5, 1, 12, 12)
    with torch.no_grad():
        output = correction_on_cores(generator, low)
        torch.testing.assert_close(output, generator.correction(low), atol=1e-5, rtol=1e-5)
    assert not output.requires_grad
