"""Networks that read the slices before and after: what each executor gives, what is read, and where it is read from."""

import numpy as np
import pytest
import torch
from LDCTDenoiseLib.compiled.rows import compiled_rows
from LDCTDenoiseLib.engine import DenoiseRun, measure_noise_left
from LDCTDenoiseLib.engine.conditioning import Conditioning
from LDCTDenoiseLib.errors import InputError, MethodError
from LDCTDenoiseLib.hounsfield import WIDE
from LDCTDenoiseLib.methods import (
    NetworkDenoiser,
    architecture_of_method,
    available_methods,
    build_generator,
    make_denoiser,
)
from LDCTDenoiseLib.methods.borders import extended
from LDCTDenoiseLib.methods.cpu import CPUNetwork
from LDCTDenoiseLib.methods.denoiser import neighbours_of, numbers_read
from LDCTDenoiseLib.models import save_model
from LDCTDenoiseLib.networks import Network, count_macs
from LDCTDenoiseLib.networks.strips import strips_of
from LDCTDenoiseLib.volumes import Geometry, Volume
from model_maker import make_card
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
    assert numbers_read(start, stop, 6, 1, gaps).tolist() == read
    assert numbers_read(start, stop, 6, 0, gaps).tolist() == list(range(start, stop))


class Neighbours:
    """A method that makes of each slice the sum of its neighbours, in thousands and in units, and tells its batches."""

    name, on_device, neighbours = "neighbours", True, 1

    def __init__(self):
        self.sizes = []

    def prepare(self, device):
        pass

    def correction(self, hounsfield):
        self.sizes.append(len(hounsfield))
        return 100 * hounsfield[:-2] + hounsfield[2:] - hounsfield[1:-1]


def numbered(count=6, spacing=(0.8, 0.8, 3.0), gaps=()) -> Volume:
    """Return a volume each of whose slices holds its number."""
    array = np.broadcast_to(np.arange(count, dtype=np.float32)[:, None, None], (count, 40, 40))
    return Volume(array, Geometry(spacing, gaps=gaps))


def denoised(volume, denoiser, **options) -> np.ndarray:
    run = DenoiseRun(volume, denoiser, "cpu", **options)
    *_, last = run
    assert last.done == last.of
    return run.output


@pytest.mark.parametrize("batch", [1, 2, 4, 16])
@pytest.mark.parametrize(("gaps", "expected"), [
    ((), [1, 2, 103, 204, 305, 405]), ((0, 3), [0, 102, 103, 203, 405, 405]),
    ((0, 1, 2, 3, 4), [0, 101, 202, 303, 404, 505]),
])  # fmt: skip
def test_each_slice_is_given_its_own_neighbours_whatever_the_batch(batch, gaps, expected):
    output = denoised(numbered(gaps=gaps), Neighbours(), batch=batch)
    assert output[:, 20, 20].tolist() == expected


def test_batches_are_as_large_as_gaps_allow():
    network = Neighbours()
    denoised(numbered(gaps=(3,)), network, batch=3)
    assert network.sizes == [5, 3, 4]


@pytest.mark.parametrize("batch", [1, 16])
@pytest.mark.parametrize("chosen", [[2], [0, 5], [4, 1, 2], [5, 5]])
def test_chosen_slices_are_those_of_the_whole_run(batch, chosen):
    volume = numbered(gaps=(1,))
    whole = denoised(volume, Neighbours())
    np.testing.assert_array_equal(denoised(volume, Neighbours(), batch=batch, slices=chosen), whole[chosen])


def test_a_slice_that_is_not_there_is_refused():
    for slices in ([6], [-1]):
        with pytest.raises(InputError, match="no slice"):
            DenoiseRun(numbered(), Neighbours(), slices=slices)


def test_a_lone_slice_is_its_own_neighbour():
    generator, image = generator_of(), scan(1)
    output = denoised(image[0], NetworkDenoiser(generator, WIDE, "mine"))
    assert output.shape == image.shape[1:]
    np.testing.assert_allclose(output, (image + exact(generator, image[[0, 0, 0]]))[0], atol=0.02)


def test_a_volume_is_what_float64_makes_of_each_slice_and_its_neighbours():
    generator, volume = generator_of(), scan(5)
    network = NetworkDenoiser(generator, WIDE, "mine")
    correction = exact(generator, volume[[0, 0, 1, 2, 3, 4, 4]])
    np.testing.assert_allclose(denoised(volume, network, batch=2), volume + correction, atol=0.02)
    np.testing.assert_allclose(denoised(volume, network, strength=0.3), volume + 0.3 * correction, atol=0.02)


def test_bad_values_in_a_neighbour_are_found_where_they_are():
    volume = scan()
    volume[3, 1, 1] = np.nan
    with pytest.raises(InputError, match="slice 3 holds"):
        denoised(volume, Neighbours(), slices=[2])


def test_padding_and_metal_of_neighbours_are_shown_filled_and_do_not_stay_in_the_slice_between():
    volume = scan(3, 60, 60)
    clean = volume.copy()
    volume[0, 20:40, 20:24] = 3071
    volume[2, :, :8] = -2000
    seen = []

    class Looking(Neighbours):
        def correction(self, hounsfield):
            seen.append(hounsfield.copy())
            return np.full_like(hounsfield[1:-1], 5)

    output = denoised(volume, Looking())
    np.testing.assert_allclose(output[1], clean[1] + 5, atol=1e-4)
    # Every time they are shown, the neighbours lack what is no business of the anatomy's.
    assert [len(shown) for shown in seen] == [3, 3, 3]
    assert all(shown.max() < 1000 and shown[:, 30, 7].min() > -500 for shown in seen)
    assert (output[0][volume[0] == 3071] == 3071).all() and (output[2][:, :8] == -2000).all()
    assert (output[0] - volume[0])[:, 40:] == pytest.approx(5, abs=1e-3)


@pytest.mark.parametrize("pixel", [0.4, 1.8])
def test_neighbours_are_brought_to_the_working_grids_too(pixel):
    volume = scan(4, 64, 72)
    network = Neighbours()
    conditioned = Conditioning((pixel, pixel)).start(network, volume)()
    assert conditioned.shape == (2, 64, 72) and set(network.sizes) == {4}

    class Alone:
        name, on_device = "alone", True

        def prepare(self, device):
            pass

        def correction(self, hounsfield):
            return -0.5 * hounsfield

    class Between(Neighbours):
        def correction(self, hounsfield):
            return -0.5 * hounsfield[1:-1]

    # A method that does not use its neighbours does what one without neighbours does.
    one, three = (Conditioning((pixel, pixel)).start(method, shown)()
                  for method, shown in ((Alone(), volume[1:3]), (Between(), volume)))  # fmt: skip
    np.testing.assert_allclose(three, one, atol=1e-3)


def test_chosen_slices_of_fine_pixels_are_those_of_the_whole_run():
    volume = Volume(scan(4, 60, 64), Geometry((0.45, 0.45, 2.0), gaps=(2,)))
    network = NetworkDenoiser(generator_of(), WIDE, "mine")
    whole = denoised(volume, network, batch=4)
    assert np.abs(whole - volume.array).max() > 1
    np.testing.assert_allclose(denoised(volume, network, slices=[3, 1]), whole[[3, 1]], atol=0.02)


def test_the_noise_left_is_measured_in_slices_with_their_neighbours():
    class Mean(Neighbours):
        """White noise of three slices: a third of its variance is left."""

        def correction(self, hounsfield):
            return (hounsfield[:-2] + hounsfield[1:-1] + hounsfield[2:]) / 3 - hounsfield[1:-1]

    ndimage = pytest.importorskip("scipy.ndimage")
    noise = ndimage.gaussian_filter(np.random.default_rng(2).standard_normal((6, 128, 128)), (0, 0.7, 0.7))
    volume = Volume((50 + 24 * noise / noise.std()).astype(np.float32), Geometry((0.8, 0.8, 3.0)))
    left = measure_noise_left(volume, Mean())
    # One of the slices may lie at an end, where two of three are the same.
    assert 3**-0.5 - 0.03 < left.at(1) / left.own < 0.68


def test_a_model_of_three_slices_at_hand_is_a_method_as_others_are(no_models_of_the_user):
    assert "DCSCN-3S" not in available_methods()
    with pytest.raises(MethodError, match="no weights for 'DCSCN-3S' are at hand"):
        make_denoiser("dcscn-3s")
    level = {**architecture_of_method("DCSCN-3S"), "channels": 4, "noise_level": True}
    no_models_of_the_user.mkdir()
    save_model(no_models_of_the_user / "mine.safetensors", build_generator(level),
               make_card("DCSCN-3S", architecture=level))  # fmt: skip
    assert "DCSCN-3S" in available_methods()
    denoiser = make_denoiser("DCSCN-3S")
    assert denoiser.neighbours == 1 and denoiser.at_noise_level(0.2).neighbours == 1
    assert denoised(scan(2), denoiser).shape == scan(2).shape
