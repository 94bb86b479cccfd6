"""SOAP against Adam and against what it is meant to do."""

import math

import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib.methods import build_generator  # noqa: E402
from LDCTDenoiseTrainingLib.optimisers import SOAP, make_optimiser  # noqa: E402
from torch import nn  # noqa: E402


def alike_planes(count=400, planes=12, filters=6):
    """Return inputs that are much alike, as the planes of a network are, and what a linear layer makes of them."""
    generator = torch.Generator().manual_seed(3)
    mixing = torch.randn(planes, planes, generator=generator) * 2.0 ** -torch.arange(planes)
    inputs = torch.randn(count, planes, generator=generator) @ mixing.T
    return inputs, inputs @ torch.randn(planes, filters, generator=generator)


def loss_after(optimiser, steps, rate):
    inputs, outputs = alike_planes()
    weight = nn.Parameter(torch.zeros(outputs.shape[1], inputs.shape[1], 1, 1))
    steps_of = make_optimiser(optimiser, [weight], rate, (0.9, 0.999))
    for step in range(steps):
        for group in steps_of.param_groups:
            group["lr"] = rate * (0.5 + 0.5 * math.cos(math.pi * step / steps))
        loss = (inputs @ weight[:, :, 0, 0].T - outputs).square().mean()
        steps_of.zero_grad()
        loss.backward()
        steps_of.step()
    return loss.item()


@pytest.mark.slow
def test_soap_finds_the_flat_directions_that_adam_creeps_along():
    adam = min(loss_after("adam", 200, rate) for rate in (0.02, 0.05, 0.1, 0.2))
    soap = min(loss_after("soap", 200, rate) for rate in (0.02, 0.05, 0.1, 0.2))
    assert soap < adam / 3


def trained(network, optimiser, steps, seed=0):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        low = torch.rand(2, 1, 16, 16, generator=generator)
        optimiser.zero_grad()
        (network(low) - 0.5).abs().mean().backward()
        optimiser.step()
    return {name: value.clone() for name, value in network.state_dict().items()}


def network():
    torch.manual_seed(1)
    return build_generator("DCSCN")


def test_biases_and_slopes_are_adams():
    real = {"dtype": torch.float64, "requires_grad": True}
    vectors = [[torch.linspace(-1, 1, 7, **real), torch.ones(1, 3, 3, 3, **real)] for _ in range(2)]
    optimisers = [SOAP(vectors[0], lr=0.05, betas=(0.5, 0.9)), torch.optim.Adam(vectors[1], lr=0.05, betas=(0.5, 0.9))]
    for _ in range(20):
        for parameters, optimiser in zip(vectors, optimisers, strict=True):
            optimiser.zero_grad()
            sum((p**3 - p).sum() for p in parameters).backward()
            optimiser.step()
    for one, two in zip(*vectors, strict=True):
        torch.testing.assert_close(one, two)


@pytest.mark.slow
def test_it_goes_on_bit_for_bit_from_its_state():
    whole = network()
    expected = trained(whole, SOAP(whole.parameters()), 14)
    first = network()
    optimiser = SOAP(first.parameters())
    trained(first, optimiser, 7)
    second = network()
    second.load_state_dict(first.state_dict())
    again = SOAP(second.parameters())
    again.load_state_dict(optimiser.state_dict())
    generator = torch.Generator().manual_seed(0)
    torch.rand(7, 2, 1, 16, 16, generator=generator)  # the seven batches that were seen
    for _ in range(7):
        low = torch.rand(2, 1, 16, 16, generator=generator)
        again.zero_grad()
        (second(low) - 0.5).abs().mean().backward()
        again.step()
    assert all(torch.equal(value, expected[name]) for name, value in second.state_dict().items())


@pytest.mark.slow
def test_the_basis_stays_one():
    model = network()
    optimiser = SOAP(model.parameters())
    trained(model, optimiser, 25)
    bases = [value for state in optimiser.state.values() for name, value in state.items() if name.endswith("basis")]
    assert len(bases) == 2 * 10  # seven features, A1, B1 and B2; the last layer has one filter
    for basis in bases:
        torch.testing.assert_close(basis.T @ basis, torch.eye(len(basis)), atol=1e-4, rtol=0)


def test_the_same_for_any_number_of_threads():
    before, results = torch.get_num_threads(), []
    gradients = [torch.randn(32, 32, 3, 3, generator=torch.Generator().manual_seed(n)) for n in range(12)]
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            weight = nn.Parameter(torch.zeros(32, 32, 3, 3).contiguous(memory_format=torch.channels_last))
            optimiser = SOAP([weight])
            for gradient in gradients:
                weight.grad = gradient
                optimiser.step()
            assert torch.get_num_threads() == threads
            results.append(weight.detach().clone())
    finally:
        torch.set_num_threads(before)
    assert torch.equal(results[0], results[1]) and torch.equal(results[0], results[2])


@pytest.mark.parametrize("at", [0, 5])
def test_a_gradient_that_is_no_number_is_seen_in_the_weights(at):
    weight = nn.Parameter(torch.ones(4, 3, 3, 3))
    optimiser = SOAP([weight])
    for step in range(8):
        weight.grad = torch.full_like(weight, math.nan if step == at else 0.1)
        optimiser.step()
    assert weight.isnan().any()
