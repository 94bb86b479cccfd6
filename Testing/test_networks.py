"""The generators against the figures of the paper and of an independent count."""

import pytest
import torch
from LDCTDenoiseLib.errors import MethodError, ModelFileError
from LDCTDenoiseLib.hounsfield import WIDE
from LDCTDenoiseLib.methods import NetworkDenoiser, architecture_of_method, build_generator
from LDCTDenoiseLib.networks import count_macs
from plain_networks import plain_correction
from torch import nn

PAPER = {
    "DCSCN": (25_905, 171, 6.75),
    "DCSWGAN": (25_905, 171, 6.75),
    "CNN-L1": (56_097, 0, 14.65),
    "WGAN": (56_097, 0, 14.65),
}


@pytest.mark.parametrize("method", PAPER)
def test_parameters_and_macs_are_those_of_the_paper(method):
    generator = build_generator(method)
    parameters, slopes, gmacs = PAPER[method]
    activations = sum(p.numel() for m in generator.modules() if isinstance(m, nn.PReLU) for p in m.parameters())
    assert activations == slopes
    assert sum(p.numel() for p in generator.parameters()) == parameters + slopes
    assert count_macs(generator.network) / 1e9 == pytest.approx(gmacs, abs=0.005)


def test_macs_are_those_of_the_weights():
    # Each weight of a convolution is used once for every pixel.
    generator = build_generator("DCSCN")
    weights = sum(p.numel() for n, p in generator.named_parameters() if p.ndim == 4)
    assert count_macs(generator.network, 30, 20) == weights * 30 * 20


@pytest.mark.parametrize("method", ["DCSCN", "CNN-L1"])
def test_receptive_field_is_17(method):
    torch.manual_seed(1)
    generator = build_generator(method).double()
    for module in generator.modules():
        if isinstance(module, nn.Conv2d) and module.bias is not None:
            nn.init.constant_(module.bias, 0.5)  # keeps every ReLU of the stack open
            nn.init.uniform_(module.weight, 0.01, 0.02)
    image = torch.full((1, 1, 41, 41), 0.5, dtype=torch.float64, requires_grad=True)
    generator(image)[0, 0, 20, 20].backward()
    seen = image.grad[0, 0].nonzero()
    assert seen.min(0).values.tolist() == [12, 12]
    assert seen.max(0).values.tolist() == [28, 28]


@pytest.mark.parametrize("method", ["DCSCN", "CNN-L1"])
def test_forward_is_image_plus_correction(method):
    generator = build_generator(method).double()
    image = torch.rand(2, 1, 19, 23, dtype=torch.float64)
    torch.testing.assert_close(generator(image), image + generator.correction(image), rtol=0, atol=1e-12)
    torch.testing.assert_close(generator.correction(image), plain_correction(generator, image), rtol=0, atol=1e-12)


def test_conv_stack_without_residual_is_the_papers_letter():
    generator = build_generator({**architecture_of_method("CNN-L1"), "residual": False}).double()
    image = torch.rand(1, 1, 12, 12, dtype=torch.float64)
    torch.testing.assert_close(generator.correction(image), plain_correction(generator, image), rtol=0, atol=1e-12)
    # No activation after the last layer: negative output must be possible.
    with torch.no_grad():
        generator.get_parameter("stack.14.bias").fill_(-100)
    assert generator(image).max() < 0


def test_dcscn_layers():
    generator = build_generator("DCSCN")
    assert [generator.network.width(f"features.{n}") for n in range(7)] == [32, 26, 22, 18, 14, 11, 8]
    assert all(torch.equal(m.weight, torch.full_like(m.weight, 0.1)) for m in generator.modules()
               if isinstance(m, nn.PReLU))
    assert "last.bias" not in generator.state_dict()


@pytest.mark.parametrize(
    ("architecture", "words"),
    [
        ("TV", "not a method with a network"),
        ({"name": "unet"}, "unknown"),
        ({"name": "dcscn"}, "takes the settings"),
        ({**architecture_of_method("DCSCN"), "a1": 10**9}, "'a1' must be"),
        ({**architecture_of_method("DCSCN"), "filters": []}, "'filters' must be"),
        ({**architecture_of_method("DCSCN"), "extra": 1}, "takes the settings"),
        ({**architecture_of_method("WGAN"), "residual": 1}, "'residual' must be"),
        ({**architecture_of_method("WGAN"), "channels": 3, "image": 3}, "'channels' must be"),
        ({**architecture_of_method("WGAN"), "channels": 10**9}, "'channels' must be"),
    ],
)
def test_bad_architectures_are_refused(architecture, words):
    with pytest.raises(ModelFileError, match=words):
        build_generator(architecture)


@pytest.mark.parametrize("method", ["DCSCN", "CNN-L1", "RED-CNN"])
def test_more_channels_than_the_slice(method):
    generator = build_generator({**architecture_of_method(method), "channels": 2, "image": 1}).double()
    image = torch.rand(2, 2, 24, 22, dtype=torch.float64)
    output = generator(image)
    assert output.shape == (2, 1, 24, 22)
    torch.testing.assert_close(output, image[:, 1:] + generator.correction(image), rtol=0, atol=1e-12)
    # Both are read.
    assert all((generator.correction(image + shift) - generator.correction(image)).abs().max() > 1e-6
               for shift in torch.eye(2, dtype=torch.float64)[:, None, :, None, None])


def test_the_engine_refuses_a_network_that_reads_more_than_the_slice():
    generator = build_generator({**architecture_of_method("DCSCN"), "channels": 2})
    with pytest.raises(MethodError, match="reads 2 channels"):
        NetworkDenoiser(generator, WIDE, "mine")
