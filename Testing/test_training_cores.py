"""The generator's step in pieces against the same step in float64, as one batch, by autograd.

What a float32 step may be off is known (N. J. Higham and T. Mary, SIAM J Sci Comput 41(5):A2815-A2835, 2019): a sum
of n products is off by some √n units of rounding, u = 2⁻²⁴, of the sum of their absolute values. A gradient is a sum
over all pixels (n ≤ 11·26·48, 117 u) of products of planes and their gradients, each behind at most nine layers
(n ≤ 9·32, 17 u each): below 4·(117 + 2·9·17) u = 1e-4 if all errors agreed, a few u if they do not. A pixel
left out or counted twice is 1/n = 7e-5 of the sum where pixels are most, and a border is a hundred times that.
"""

import pytest
import torch
from LDCTDenoiseLib.compiled.host import is_supported
from LDCTDenoiseLib.methods import build_generator
from LDCTDenoiseTrainingLib.compiled.network import CompiledByHand
from LDCTDenoiseTrainingLib.cpu import correction_on_cores
from plain_networks import exact_correction, plain_correction
from torch import nn

# What is compiled takes widths that are a multiple of 16; torch takes the others.
COMPILED, TORCH = (21, 32), (21, 24)

ARCHITECTURES = {
    "DCSCN": "DCSCN",
    "CNN-L1": "CNN-L1",
    "odd": {"name": "dcscn", "filters": [5, 9, 13], "a1": 7, "b1": 3, "b2": 11},
    "one": {"name": "dcscn", "filters": [1], "a1": 1, "b1": 1, "b2": 1},
    "image": {"name": "conv-stack", "layers": 3, "filters": 10, "residual": False},
    "two channels": {"name": "conv-stack", "layers": 3, "filters": 6, "residual": False, "channels": 2, "image": 1},
}

#: Of the largest sum of absolute values of a parameter's elements: 80 u, where 4 u have been seen.
TOLERANCE = 5e-6


def made(architecture, patches, size):
    """Return a generator with slopes and biases of either sign, and a batch."""
    torch.manual_seed(3)
    generator = build_generator(ARCHITECTURES[architecture])
    with torch.no_grad():
        for parameter in generator.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter) * 0.2)
    return generator, torch.rand(patches, generator.network.channels, *size)


def near_a_kink(generator, image):
    """Return which pixels of the output read an activation so near to zero that rounding may choose its side."""
    near = torch.zeros_like(image[:, :1])

    def look(before):
        close = before.abs() < 1e-6 * before.abs().amax()
        near.logical_or_(close.any(1, keepdim=True))

    with torch.no_grad():
        plain_correction(generator, image, look)
    return nn.functional.max_pool2d(near, 17, stride=1, padding=8).bool()


def reference(generator, image, cotangent):
    """Return in float64 the correction, the parameters' gradients, and the largest sum of absolute values in each."""
    scales = {}

    def watch(module, inputs, output):
        def differentiate(gradient):
            planes, gradient = inputs[0].detach().abs(), gradient.abs()
            if isinstance(module, nn.PReLU):
                scales[module.weight] = (gradient * planes).sum((0, 2, 3))
                return
            padding = module.padding
            scales[module.weight] = nn.grad.conv2d_weight(planes, module.weight.shape, gradient, padding=padding)
            if module.bias is not None:
                scales[module.bias] = gradient.sum((0, 2, 3))

        output.register_hook(differentiate)

    for module in generator.modules():
        if isinstance(module, (nn.Conv2d, nn.PReLU)):
            module.register_forward_hook(watch)
    output = generator.correction(image)
    output.backward(cotangent)
    parameters = list(generator.parameters())
    return output.detach(), [p.grad for p in parameters], [scales[p].max() for p in parameters]


def step(architecture, correction, patches, size=COMPILED):
    """Return the output and the parameters' gradients of one step."""
    generator, low = made(architecture, patches, size)
    output = low + correction(generator, low)
    torch.nn.functional.l1_loss(output, torch.rand_like(low)).backward()
    return output.detach(), [p.grad for p in generator.parameters()]


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("patches", [1, 4, 11])
@pytest.mark.parametrize("size", [COMPILED, TORCH, (1, 16), (26, 48)])
def test_output_and_gradients_are_those_of_the_whole_batch(architecture, patches, size):
    generator, low = made(architecture, patches, size)
    exact, _ = made(architecture, patches, size)
    exact.double()
    # Where rounding chooses the side of a kink, either slope is right: such pixels are no part of the loss.
    cotangent = torch.randn_like(low[:, :1]).masked_fill(near_a_kink(exact, low.double()), 0)
    assert cotangent.count_nonzero() > 0
    output = correction_on_cores(generator, low)
    output.backward(cotangent)
    whole, expected, scales = reference(exact, low.double(), cotangent.double())
    assert (output.detach() - whole).abs().max() <= TOLERANCE * whole.abs().max()
    for parameter, gradient, scale in zip(generator.parameters(), expected, scales, strict=True):
        assert (parameter.grad - gradient).abs().max() <= TOLERANCE * scale


@pytest.mark.slow
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


@pytest.mark.slow
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
    whole = exact_correction(generator, low)
    assert (output - whole).abs().max() <= TOLERANCE * whole.abs().max()
    assert not output.requires_grad
