"""RED-CNN: the paper's layers, loadable, trainable on the CPU, and applied to slices of any size."""

import numpy as np
import pytest
import torch
from LDCTDenoiseLib.engine import denoise_array
from LDCTDenoiseLib.methods import build_generator, make_denoiser
from LDCTDenoiseLib.methods.borders import extended
from LDCTDenoiseTrainingLib.cpu import correction_on_cores
from model_maker import make_card
from torch.nn import functional


def generator(dtype=torch.float64):
    torch.manual_seed(1)
    return build_generator("RED-CNN").to(dtype)


def papers_network(generator, x):
    """Return the network as Fig. 1 of the paper draws it, but for its last ReLU, and before the image is added."""
    weights = dict(generator.named_parameters())

    def layer(convolve, name, x):
        return convolve(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    states = [x]
    for n in range(5):
        states.append(layer(functional.conv2d, f"down.{n}", states[-1]).relu())
    x = (layer(functional.conv_transpose2d, "up.0", states[5]) + states[4]).relu()
    x = layer(functional.conv_transpose2d, "up.1", x).relu()
    x = (layer(functional.conv_transpose2d, "up.2", x) + states[2]).relu()
    x = layer(functional.conv_transpose2d, "up.3", x).relu()
    return layer(functional.conv_transpose2d, "up.4", x)


def test_it_is_the_papers_network():
    network = generator()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter) * 0.1)
        image = torch.rand(1, 1, 25, 23, dtype=torch.float64)
        expected = papers_network(network, image)
        torch.testing.assert_close(network.correction(image), expected, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(network(image), image + expected, rtol=1e-12, atol=1e-12)
    # 96 filters of 25 weights: from and to one channel, and eight times among 96.
    assert sum(p.numel() for p in network.parameters()) == 2 * 25 * 96 + 8 * 25 * 96**2 + 9 * 96 + 1


def test_its_gradients_on_the_cpu_are_autograds_in_float64():
    single, exact = generator(torch.float32), generator()
    image, cotangent = torch.rand(3, 1, 22, 24), torch.randn(3, 1, 22, 24)
    correction_on_cores(single, image).backward(cotangent)
    exact.correction(image.double()).backward(cotangent.double())
    for one, two in zip(single.parameters(), exact.parameters(), strict=True):
        # Rounding may take either side of a ReLU's kink at single pixels, of some hundreds.
        assert (one.grad - two.grad).norm() <= 1e-3 * two.grad.norm()


def test_steps_make_the_error_smaller():
    network, image = generator(torch.float32), torch.rand(2, 1, 24, 24)
    optimiser, losses = torch.optim.Adam(network.parameters(), 1e-4), []
    for _ in range(4):
        optimiser.zero_grad()
        loss = (image + correction_on_cores(network, image) - 0.5).abs().mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 5, 40), (2, 30, 33)])
def test_a_model_file_denoises_slices_of_any_size(tmp_path, shape):
    from LDCTDenoiseLib.models import save_model

    network = generator(torch.float32)
    path = save_model(tmp_path / "mine.safetensors", network, make_card("RED-CNN"))
    denoiser = make_denoiser("RED-CNN", path)
    volume = np.random.default_rng(0).normal(0, 300, shape).astype(np.float32)
    output = denoise_array(volume, denoiser, "cpu")
    assert output.shape == shape and np.isfinite(output).all() and (output != volume).any()
    if min(shape[1:]) > 20:
        # Ten layers of radius 2.
        unit = denoiser.hu_range.to_unit(torch.from_numpy(extended(volume, 20)).double())[:, None]
        with torch.no_grad():
            correction = papers_network(generator(), unit)[:, 0].numpy() * denoiser.hu_range.width
        np.testing.assert_allclose(output, volume + correction[:, 20:-20, 20:-20], atol=0.05)
