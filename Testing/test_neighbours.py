"""Networks that read the slices before and after: what each executor gives, and what is read where there are none."""

import numpy as np
import pytest
import torch
from LDCTDenoiseLib.compiled.rows import compiled_rows
from LDCTDenoiseLib.errors import MethodError
from LDCTDenoiseLib.hounsfield import WIDE
from LDCTDenoiseLib.methods import NetworkDenoiser, architecture_of_method, build_generator
from LDCTDenoiseLib.methods.borders import extended
from LDCTDenoiseLib.methods.cpu import CPUNetwork
from LDCTDenoiseLib.methods.denoiser import neighbours_of, with_neighbours
from LDCTDenoiseLib.networks import Network, count_macs
from LDCTDenoiseLib.networks.strips import strips_of
from plain_networks import exact_correction

THREE = {"channels": 3, "image": 1}


def generator_of(method="DCSCN", seed=3, **architecture):
    """Return a generator of three slices with weights that make a correction of some HU."""
    torch.manual_seed(seed)
    generator = build_generator({**architecture_of_method(method), **THREE, **architecture})
    with torch.no_grad():
        for name, parameter in generator.named_parameters():
            if name in ("last.weight", "stack.14.weight", "up.4.weight"):
                parameter.mul_(0.02)
    return generator


def scan(slices=5, rows=34, columns=45, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).normal(40, 60, (slices, rows, columns)).astype(np.float32)


def exact(generator, shown: np.ndarray) -> np.ndarray:
    """Return the corrections in HU of all but the outer slices, by torch's own layers in float64."""
    margin, (rows, columns) = generator.radius, shown.shape[1:]
    unit = WIDE.to_unit(torch.from_numpy(extended(shown, margin)).double())
    images = [unit[None, k : k + 3] for k in range(len(shown) - 2)]
    corrections = torch.cat([exact_correction(generator, image) for image in images])[:, 0].numpy() * WIDE.width
    return corrections[:, margin : margin + rows, margin : margin + columns]


@pytest.mark.parametrize(("channels", "image", "level", "neighbours"), [
    (1, 0, False, 0), (3, 1, False, 1), (5, 2, False, 2), (2, 0, True, 0), (4, 1, True, 1),
    (2, 0, False, 0), (2, 1, False, 0), (3, 0, False, 0), (4, 1, False, 0), (3, 1, True, 0),
])  # fmt: skip
def test_a_network_has_as_many_slices_before_its_own_as_after(channels, image, level, neighbours):
    assert Network((), channels=channels, image=image, noise_level=level).neighbours == neighbours


def test_dcscn_of_three_slices_costs_little_more():
    assert count_macs(generator_of().network) / 1e9 == pytest.approx(6.90, abs=0.005)


@pytest.mark.parametrize("method", ["DCSCN", "CNN-L1"])
@pytest.mark.parametrize("made", [compiled_rows, strips_of, lambda generator: None])
def test_every_executor_gives_what_float64_gives(method, made, monkeypatch):
    generator, shown = generator_of(method), scan()
    strips = made(generator)
    if made is compiled_rows and strips is None:
        pytest.skip("nothing is compiled on this computer")
    monkeypatch.setattr(CPUNetwork, "of", lambda generator, hu_range: strips and CPUNetwork(strips, hu_range))
    denoiser = NetworkDenoiser(generator, WIDE, "mine")
    assert neighbours_of(denoiser) == 1
    expected = exact(generator, shown)
    assert np.abs(expected).max() > 2
    np.testing.assert_allclose(denoiser.correction(shown), expected, atol=0.02)


@pytest.mark.parametrize("made", [compiled_rows, strips_of])
def test_strips_of_a_slice_are_the_slice(made, monkeypatch):
    generator, shown = generator_of(), scan(4, 150, 33)
    strips = made(generator)
    if strips is None:
        pytest.skip("nothing is compiled on this computer")
    strips.pixels = 1500
    network = CPUNetwork(strips, WIDE)
    margin = generator.radius
    output = network.start(extended(shown, margin))()[:, margin:-margin, margin:-margin]
    np.testing.assert_allclose(output, exact(generator, shown), atol=0.02)


def test_a_network_that_is_not_plain_reads_neighbours_too():
    generator, shown = generator_of("RED-CNN", filters=8, depth=5), scan(4, 30, 28)
    margin = generator.radius
    unit = WIDE.to_unit(torch.from_numpy(extended(shown, margin)))
    with torch.inference_mode():
        expected = torch.cat([generator.correction(unit[None, k : k + 3]) for k in range(2)])[:, 0] * WIDE.width
    output = NetworkDenoiser(generator, WIDE, "mine").correction(shown)
    assert output.shape == (2, 30, 28)
    np.testing.assert_allclose(output, expected[:, margin:-margin, margin:-margin], atol=0.02)


def test_the_noise_level_is_the_channel_after_the_slices():
    generator, shown = generator_of(channels=4, noise_level=True), scan(3, 40, 40)
    denoiser = NetworkDenoiser(generator, WIDE, "mine")
    assert neighbours_of(denoiser) == 1 and denoiser.reads_noise_level
    denoiser = denoiser.at_noise_level(0.6)
    assert neighbours_of(denoiser) == 1
    unit = WIDE.to_unit(torch.from_numpy(shown).double())
    image = torch.cat([unit, torch.full_like(unit[:1], 0.6)])[None]
    # Where the border of the slice and that of the level's channel are not seen.
    inner = np.s_[:, generator.radius : -generator.radius, generator.radius : -generator.radius]
    expected = exact_correction(generator, image)[0].numpy() * WIDE.width
    np.testing.assert_allclose(denoiser.correction(shown)[inner], expected[inner], atol=0.02)


@pytest.mark.parametrize("architecture", [{"channels": 3, "image": 0}, {"channels": 2, "image": 1}])
def test_what_is_no_slice_and_its_neighbours_is_refused(architecture):
    with pytest.raises(MethodError, match="as many slices before it as after it"):
        NetworkDenoiser(build_generator({**architecture_of_method("DCSCN"), **architecture}), WIDE, "mine")


@pytest.mark.parametrize(("start", "stop", "gaps", "read"), [
    (0, 6, (), [0, 0, 1, 2, 3, 4, 5, 5]),
    (2, 3, (), [1, 2, 3]),
    (0, 1, (), [0, 0, 1]),
    (0, 3, (2, 4), [0, 0, 1, 2, 2]),
    (3, 5, (2, 4), [3, 3, 4, 4]),
    (5, 6, (2, 4), [5, 5, 5]),
])  # fmt: skip
def test_beyond_an_end_and_a_gap_the_slice_itself_is_read(start, stop, gaps, read):
    volume = np.arange(6.0)[:, None, None]
    assert with_neighbours(volume, start, stop, 1, gaps).ravel().tolist() == read
    assert with_neighbours(volume, start, stop, 0, gaps).ravel().tolist() == list(range(start, stop))
