"""The losses by what is known of them, and the configuration."""

import json

import numpy as np
import pytest
import torch
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseTrainingLib.losses import (
    Critic,
    absolute_error,
    gradient_penalty,
    mean_error,
    ssim_error,
    tissue_error,
)
from LDCTDenoiseTrainingLib.training.config import TrainingConfig, read_run_config, read_settings
from LDCTDenoiseTrainingLib.training.resume import make_config
from skimage.metrics import structural_similarity


def test_the_critic_is_the_papers():
    critic = Critic(80)
    convolutions = [m for m in critic.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [(m.out_channels, m.stride[0]) for m in convolutions] == [
        (64, 1), (64, 2), (128, 1), (128, 2), (256, 1), (256, 2)
    ]
    assert [m.out_features for m in critic.modules() if isinstance(m, torch.nn.Linear)] == [1024, 1]
    assert critic(torch.zeros(2, 1, 80, 80)).shape == (2,)
    kinds = {type(m).__name__ for m in critic.modules()}
    assert kinds == {"Critic", "Sequential", "Conv2d", "Linear", "LeakyReLU", "Flatten"}


def test_a_critic_takes_odd_patches():
    assert Critic(18)(torch.zeros(1, 1, 18, 18)).shape == (1,)


def test_the_penalty_takes_the_norm_over_the_whole_image():
    # A linear critic has the same gradient everywhere: a constant c per pixel, of norm c · side.
    side, slope = 6, 0.5
    critic = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(side**2, 1, bias=False)).double()
    torch.nn.init.constant_(critic[1].weight, slope)
    real, fake = torch.rand(2, 3, 1, side, side, dtype=torch.float64)
    penalty = gradient_penalty(lambda x: critic(x)[:, 0], real, fake, torch.rand(3, dtype=torch.float64))
    assert penalty.item() == pytest.approx((slope * side - 1) ** 2)
    penalty.backward()
    assert critic[1].weight.grad.abs().sum() > 0


def test_the_penalty_looks_between_the_images():
    seen = []

    def critic(images):
        seen.append(images.detach())
        return images.flatten(1).sum(1)

    gradient_penalty(critic, torch.ones(2, 1, 4, 4), torch.zeros(2, 1, 4, 4), torch.tensor([0.25, 1.0]))
    assert seen[0][:, 0, 0, 0].tolist() == [0.25, 1.0]


def test_the_mean_error_sees_a_shift_and_no_texture():
    full = torch.zeros(1, 1, 8, 8, dtype=torch.float64)
    texture = full.clone()
    texture[..., ::2], texture[..., 1::2] = 1.0, -1.0
    assert mean_error(texture, full, 4).item() == 0 and absolute_error(texture, full).item() == 1
    assert mean_error(full + 0.1, full, 20).item() == pytest.approx(0.1)


def test_voxels_outside_the_loss_window_count_as_much_as_they_are_given():
    # -0.2 and 1.2 lie in the quarter around the window.
    full = torch.tensor([-2.0, -0.2, 0.5, 1.2, 1.3], dtype=torch.float64)
    output = full + torch.tensor([0.5, 0.1, -0.1, 0.1, -1.0], dtype=torch.float64)
    assert absolute_error(output, full).item() == pytest.approx(1.8 / 5)
    assert absolute_error(output, full, 0.2).item() == pytest.approx((0.2 * 1.5 + 0.3) / 5)
    assert absolute_error(output, full, 0.0).item() == pytest.approx(0.3 / 5)


def test_the_tissue_error_sees_one_tissues_shift_and_nothing_at_edges():
    full = torch.full((2, 1, 48, 48), 50.0, dtype=torch.float64)
    full[:, :, :, 24:] = 400.0  # bone beside soft tissue
    noise = torch.randn(full.shape, generator=torch.Generator().manual_seed(1))
    scale = (full + 160) / 400

    def shifted(tissue, by):
        return tissue_error(scale + (full == tissue) * by, scale, full).item()

    # The mean of one tissue is off, whatever its share of the image is.
    assert shifted(400.0, 0.02) == pytest.approx(0.02) == shifted(50.0, -0.02)
    heavy = scale + (full == 400.0) * 0.02
    assert tissue_error(heavy, scale, full, 3.0).item() == pytest.approx(0.06)
    assert tissue_error(scale + (full == 50.0) * 0.02, scale, full, 3.0).item() == pytest.approx(0.02)
    # Two images' errors do not cancel out.
    opposite = torch.tensor([0.02, -0.02])[:, None, None, None] * (full == 400)
    assert tissue_error(scale + opposite, scale, full).item() == pytest.approx(0.02)
    # Two processes with half of the images each see the same on average.
    uneven = scale + torch.tensor([0.03, 0.01])[:, None, None, None] * (full == 400)
    halves = [tissue_error(uneven[n : n + 1], scale[n : n + 1], full[n : n + 1]).item() for n in (0, 1)]
    assert sum(halves) / 2 == pytest.approx(tissue_error(uneven, scale, full).item())
    assert tissue_error(scale + 0.1 * noise, scale, full).item() < 0.01
    at_edge = torch.zeros_like(full)
    at_edge[:, :, :, 22:26] = 1.0
    assert tissue_error(scale + at_edge, scale, full).item() == 0
    # Air is no tissue, and a handful of pixels says nothing of a mean.
    air = torch.full_like(full, -1000.0)
    air[0, 0, :12, :12] = 50.0
    assert tissue_error(air + 1, air, air).item() == 0


def test_the_ssim_error_is_the_metrics_and_has_its_gradient():
    full, output = np.random.default_rng(1).normal(0.5, 0.4, (2, 2, 1, 24, 31))
    wanted = [
        structural_similarity(f.clip(0, 1), o.clip(0, 1), data_range=1, gaussian_weights=True, sigma=1.5,
                              use_sample_covariance=False)
        for f, o in zip(full[:, 0], output[:, 0], strict=True)
    ]
    ours = ssim_error(torch.from_numpy(output), torch.from_numpy(full))
    assert ours.item() == pytest.approx(1 - np.mean(wanted), abs=1e-12)
    assert ssim_error(torch.from_numpy(full), torch.from_numpy(full)).item() == pytest.approx(0, abs=1e-12)
    image = torch.from_numpy(output[:1, :, :13, :13]).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: ssim_error(x, torch.from_numpy(full[:1, :, :13, :13])), image)


def test_a_run_from_before_there_was_a_choice_of_optimiser_goes_on_with_adam(tmp_path):
    config = TrainingConfig.of_method("DCSCN")
    config.write(tmp_path / "config.json")
    assert read_run_config(tmp_path / "config.json") == config and config.optimiser == "soap"
    stored = json.loads((tmp_path / "config.json").read_text())
    del stored["optimiser"]
    (tmp_path / "config.json").write_text(json.dumps(stored))
    assert read_run_config(tmp_path / "config.json") == config.changed({"optimiser": "adam"})


def test_defaults_are_the_papers_and_the_designs():
    config = TrainingConfig.of_method("dcswgan")
    assert (config.training_pairs, config.validation_pairs, config.patch, config.batch) == (499_996, 5_096, 80, 128)
    assert (config.betas, config.critic_steps, config.penalty_weight, config.l1_weight) == ((0.5, 0.9), 4, 10, 100)
    assert TrainingConfig.of_method("DCSCN").betas == (0.9, 0.999)
    assert TrainingConfig.of_method("WGAN").l1_weight == 0
    assert config.changed({"epochs": 1}).total_steps == 499_996 // 128


def test_the_rate_rises_and_falls():
    config = TrainingConfig.of_method("DCSCN").changed({"steps": 1000, "warmup_steps": 100})
    rates = [config.rate(n) for n in (0, 100, 500, 999)]
    assert rates[0] < 0.02 * rates[1] and rates[1] > rates[2] > rates[3] > 0
    assert rates[3] == pytest.approx(config.learning_rate * config.final_rate, rel=0.01)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"lernrate": 1}, "lernrate"),
        ({"batch": "many"}, "'batch' must be a whole number"),
        ({"batch": 1.5}, "whole number"),
        ({"batch": 0}, "positive"),
        ({"betas": [0.1]}, "two numbers"),
        ({"hu_range": "100,-100"}, "rise"),
        ({"learning_rate": "nan"}, "finite"),
        ({"select_by": "luck"}, "luck"),
        ({"outside_weight": -0.1}, "negative"),
        ({"ssim_weight": -1}, "negative"),
        ({"patch": 16, "ssim_weight": 0.1}, "'ssim_weight' needs 11 pixels"),
        ({"patch": 16, "loss_margin": 8}, "'loss_margin' of 8 leaves nothing of a patch of 16"),
    ],
)
def test_wrong_settings_are_refused(settings, words):
    with pytest.raises(InputError, match=words):
        TrainingConfig.of_method("DCSCN").changed(settings)


def test_a_config_file_records_every_value_and_is_read_again(tmp_path):
    config = TrainingConfig.of_method("DCSCN").changed({"batch": "8", "hu_range": "-300,300", "seed": 5})
    config.write(tmp_path / "config.json")
    stored = json.loads((tmp_path / "config.json").read_text())
    assert set(stored) == set(TrainingConfig.__dataclass_fields__)
    assert make_config(None, tmp_path / "run", {}, False, str(tmp_path / "config.json")) == config
    (tmp_path / "bad.json").write_text("[1]")
    with pytest.raises(InputError, match="bad.json"):
        read_settings(tmp_path / "bad.json")


def test_an_adversarial_method_asks_for_its_twin(tmp_path):
    with pytest.raises(InputError, match="DCSCN"):
        make_config("DCSWGAN", tmp_path / "run", {}, False)
    assert make_config("DCSWGAN", tmp_path / "run", {"start_from": "none"}, False).start_from == "none"
    (tmp_path / "DCSCN").mkdir()
    (tmp_path / "DCSCN" / "model.safetensors").touch()
    assert make_config("DCSWGAN", tmp_path / "run", {}, False).start_from.endswith("model.safetensors")
