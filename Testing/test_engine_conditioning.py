"""What a network is shown of a slice: borders, padding, metal and pixels are no business of the anatomy's."""

import numpy as np
import pytest
from LDCTDenoiseLib.engine import DenoiseRun, denoise_array, measure_noise_left, wanted_noise
from LDCTDenoiseLib.engine.conditioning import TRAINED_PIXELS, working_pixels
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.hounsfield import WIDE
from LDCTDenoiseLib.methods import NetworkDenoiser, make_denoiser
from LDCTDenoiseLib.methods.borders import extended
from LDCTDenoiseLib.phantom import abdomen_phantom
from LDCTDenoiseLib.scan.level import measure_level
from LDCTDenoiseLib.volumes import Geometry, Volume
from model_maker import make_generator

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def dcscn():
    return make_denoiser("DCSCN")


def noisy(shape=(4, 160, 160), hu=50.0, sd=20.0, seed=0, blur=0.7) -> np.ndarray:
    ndimage = pytest.importorskip("scipy.ndimage")
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), (0, blur, blur))
    return (hu + noise * (sd / noise.std())).astype(np.float32)


def test_a_constant_slice_stays_constant_to_its_corners(dcscn):
    output = denoise_array(np.full((1, 64, 64), 50, np.float32), dcscn)
    assert np.abs(output - output[0, 32, 32]).max() < 0.05


def test_border_rows_have_the_mean_of_the_inside(dcscn):
    output = denoise_array(noisy((12, 160, 160)), dcscn)
    inside = output[:, 16:-16, 16:-16].mean()
    corners = [output[:, rows, columns] for rows in _ENDS for columns in _ENDS]
    for part in (output[:, 0], output[:, 1], output[:, -1], output[:, :, 0], output[:, :, -1], np.stack(corners)):
        assert part.mean() == pytest.approx(inside, abs=2)


_ENDS = slice(4), slice(-4, None)


# With nothing but the mirror image beyond the border it is 5.9 and 9.2 HU: each edge that leaves the slice is a corner.
@pytest.mark.parametrize("pixel, blur, most", [(0.75, 0.7, 4.5), (0.5, 1.0, 7)])
def test_a_crop_of_the_result_is_near_the_result_of_the_crop(dcscn, pixel, blur, most):
    scan = abdomen_phantom(1).array
    scan = scan + noisy(scan.shape, hu=0, sd=30, blur=blur)
    cut = np.s_[:, 180:340, 180:420]
    whole = Volume(scan, Geometry((pixel, pixel, 5.0)))
    network = dcscn.at_noise_level(measure_level(whole))  # what is measured in a crop is a little different

    def denoised(array):
        run = DenoiseRun(whole.with_array(np.ascontiguousarray(array)), network)
        assert [p.done for p in run] == [1]
        return run.output

    difference = denoised(scan[cut]) - denoised(scan)[cut]
    outer = np.ones(difference.shape[1:], bool)
    outer[8:-8, 8:-8] = False
    assert np.sqrt((difference[:, outer] ** 2).mean()) < most and abs(difference[:, outer].mean()) < 1
    assert np.abs(difference[:, ~outer]).max() < 0.05 or pixel < 0.6


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (7, 3)])
def test_what_is_constant_goes_on_beyond_its_border(shape):
    np.testing.assert_allclose(extended(np.full((2, *shape), 50, np.float32), 9), 50, rtol=1e-6)
    assert extended(np.zeros((2, *shape), np.float32), 9).shape == (2, shape[0] + 18, shape[1] + 18)


def test_padding_is_no_edge(dcscn):
    whole = noisy((2, 160, 160))
    y, x = np.mgrid[-80:80, -80:80] + 0.5
    field = np.hypot(y, x) < 70
    expected = denoise_array(whole, dcscn)
    for value in (-2000, -1024):
        padded = np.where(field, whole, np.float32(value))
        output = denoise_array(padded, dcscn)
        assert (output[:, ~field] == value).all()
        rim = field & (np.hypot(y, x) > 66)
        assert abs((output - expected)[:, rim].mean()) < 2
        assert np.sqrt(((output - expected)[:, rim] ** 2).mean()) < 12


def test_metal_does_not_ring_and_stays(dcscn):
    scan = noisy((1, 128, 128), sd=10)
    y, x = np.mgrid[-64:64, -64:64] + 0.5
    distance = np.hypot(y, x)
    scan[0][distance < 6] = 3071
    output = denoise_array(scan, dcscn)
    near = distance < 6 + 3
    np.testing.assert_array_equal(output[0][distance < 8], scan[0][distance < 8])
    assert np.abs(output[0][near] - scan[0][near]).max() < 20
    around = (distance > 10) & (distance < 16)
    assert abs((output[0] - scan[0])[around].mean()) < 2


class _Halving:
    """A network that knows how many pixels it was shown."""

    name, on_device, trained = "half", True, {"pixel_mm": (0.7, 1.2)}

    def prepare(self, device):
        self.shapes = []

    def correction(self, hounsfield):
        self.shapes.append(hounsfield.shape)
        return -0.5 * hounsfield


@pytest.mark.parametrize("pixel, sizes", [(0.8, [64]), (0.4, [32, 28]), (1.8, [113]), (1.2, [64]), (0.65, [64])])
def test_pixels_of_another_size_are_worked_on_in_grids_that_were_trained(pixel, sizes):
    y, x = np.mgrid[:64, :64]
    smooth = (40 + 30 * np.sin(x / 9) * np.cos(y / 11)).astype(np.float32)[None]
    network = _Halving()
    run = DenoiseRun(Volume(smooth, Geometry((pixel, pixel, 3.0))), network)
    assert [p.done for p in run] == [1]
    assert network.shapes == [(1, size, size) for size in sizes]
    assert np.abs(run.output - smooth / 2)[:, 3:-3, 3:-3].max() < 1


def test_a_network_works_on_pixels_that_are_good_for_it_and_were_trained():
    assert working_pixels() == working_pixels((0.45, 1.5)) == TRAINED_PIXELS
    assert working_pixels((0.8, 1.5)) == (0.8, TRAINED_PIXELS[1]) and working_pixels((0.3, 0.5)) == (0.3, 0.5)


@pytest.mark.parametrize("blur, left", [(2.2, 0.01), (0, 0.2)])
def test_noise_is_corrected_within_a_working_grid_and_beyond(blur, left):
    ndimage = pytest.importorskip("scipy.ndimage")
    # Blurred noise has no frequencies beyond the coarser of two grids: all of it is halved. White noise has most of its
    # power beyond: where it is no stronger than usual it is halved too. Left as it was, it would be off by 0.43.
    white = np.random.default_rng(5).standard_normal((1, 120, 90))
    noise = ndimage.gaussian_filter(white, (0, blur, blur)).astype(np.float32) * 200
    run = DenoiseRun(Volume(noise, Geometry((0.4, 0.4, 3.0))), _Halving())
    assert [p.done for p in run] == [1]
    assert (run.output - noise / 2).std() < left * noise.std()


def test_fine_pixels_keep_their_edges(dcscn):
    y, x = np.mgrid[-80:80, -80:80] + 0.5
    clean = np.where(np.hypot(y, x) < 30, 700, 50).astype(np.float32)[None]
    noise = noisy((1, 160, 160), hu=0)
    output = DenoiseRun(Volume(clean + noise, Geometry((0.4, 0.4, 3.0))), dcscn.at_noise_level(0.75))
    assert [p.done for p in output] == [1]
    error, edge = (output.output - clean)[0], np.abs(np.hypot(y, x) - 30) < 3
    assert np.sqrt((error[~edge] ** 2).mean()) < 0.6 * noise.std()
    # What lies beyond the grids makes the edge as steep as it is: taken out like noise, it would leave 61 HU here.
    assert np.sqrt((error[edge] ** 2).mean()) < 50


@pytest.mark.parametrize("pixel", [0.5, 0.75, 1.76])
def test_every_executor_gives_the_same_whatever_the_pixels(dcscn, pixel, monkeypatch):
    from LDCTDenoiseLib.compiled.rows import compiled_rows
    from LDCTDenoiseLib.methods.cpu import CPUNetwork
    from LDCTDenoiseLib.networks.strips import strips_of

    scan = abdomen_phantom(1).array[:, 180:340, 180:340]
    volume = Volume(scan + noisy(scan.shape, hu=0, sd=30), Geometry((pixel, pixel, 5.0)))

    def output(strips):
        # Without strips the network is run as torch has it, a whole slice at a time.
        monkeypatch.setattr(CPUNetwork, "of", lambda generator, hu_range: strips and CPUNetwork(strips, hu_range))
        run = DenoiseRun(volume, network, "cpu")
        assert [p.done for p in run] == [1]
        return run.output

    network = dcscn.at_noise_level(0.5)
    made = [strips for strips in (compiled_rows(network.generator), strips_of(network.generator)) if strips]
    whole, *others = map(output, [None, *made])
    for other in others:
        assert np.abs(other - whole).max() < 0.05


def test_an_array_without_geometry_is_taken_as_it_is():
    network = _Halving()
    denoise_array(np.ones((1, 40, 50), np.float32), network)
    assert network.shapes == [(1, 40, 50)]


def test_the_noise_that_is_left_is_what_was_asked_for():
    scan = noisy((6, 128, 128), sd=24)
    volume = Volume(scan, Geometry((0.8, 0.8, 3.0)))
    nlm = make_denoiser("NLM")
    left = measure_noise_left(volume, nlm)
    assert left.own == pytest.approx(24, rel=0.15)
    strength = left.strength_for(wanted_noise("50%", left.own))
    output = DenoiseRun(volume, nlm, strength=strength)
    for _ in output:
        pass
    middle = np.s_[:, 30:-30, 30:-30]
    assert output.output[middle].std() == pytest.approx(0.5 * scan[middle].std(), rel=0.1)
    assert left.strength_for(left.own) == 0 and left.at(0) == left.own


@pytest.mark.parametrize("text", ["many", "-1", "200%", "50"])
def test_noise_that_cannot_be_left_is_refused(text):
    with pytest.raises(InputError, match="noise to leave"):
        wanted_noise(text, 20.0)


def test_without_flat_tissue_the_noise_left_is_not_known():
    volume = Volume(np.full((2, 64, 64), -900, np.int16), Geometry((0.8, 0.8, 3.0)), "lung")
    with pytest.raises(InputError, match="'lung'"):
        measure_noise_left(volume, NetworkDenoiser(make_generator(), WIDE, "DCSCN"))
