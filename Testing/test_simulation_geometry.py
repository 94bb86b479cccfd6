"""The projector against the formula for a disc, the reconstruction against the disc's HU."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib.simulation import backprojection  # noqa: E402
from LDCTDenoiseLib.simulation.backprojection import back_project, filter_views, ramp_response  # noqa: E402
from LDCTDenoiseLib.simulation.geometry import FanBeam, PixelGrid  # noqa: E402
from LDCTDenoiseLib.simulation.photons import MU_WATER, added_variance, exposure, scan_variance  # noqa: E402
from LDCTDenoiseLib.simulation.projection import forward_project, line_integrals  # noqa: E402
from LDCTDenoiseLib.simulation.settings import ScanSettings  # noqa: E402
from poisson_scan import one_thread  # noqa: E402, F401

# A water disc off the axis, where a mirrored, turned or swapped axis would show.
RADIUS, CENTRE_X, CENTRE_Y = 80.0, 45.0, -30.0
#: The window of a kernel that ends at the Nyquist frequency.
HANN = ScanSettings(kernel_cutoff=1.0).window
GRIDS = [PixelGrid(256, 256, 1.2, 1.2), PixelGrid(180, 251, 1.6, 1.1), PixelGrid(255, 170, 1.0, 1.5)]


def disc(grid: PixelGrid, parts: int = 5) -> torch.Tensor:
    """Return the disc's attenuation; a pixel on the rim counts with the share of its area that is water."""
    x, y = grid.axes()
    step = (torch.arange(parts) - (parts - 1) / 2) / parts
    x = (x[:, None] + step * grid.column_spacing)[None, None]
    y = (y[:, None] + step * grid.row_spacing)[:, :, None, None]
    return MU_WATER * ((x - CENTRE_X) ** 2 + (y - CENTRE_Y) ** 2 <= RADIUS**2).float().mean(dim=(1, 3))


def chords(fan: FanBeam) -> torch.Tensor:
    """Return the disc's line integrals by the formula of a chord."""
    beta, gamma = fan.view_angles()[:, None], fan.fan_angles()[None]
    to_x = CENTRE_X + fan.source_to_isocentre * torch.sin(beta)
    to_y = CENTRE_Y - fan.source_to_isocentre * torch.cos(beta)
    distance = to_x * torch.cos(beta + gamma) + to_y * torch.sin(beta + gamma)
    return (2 * MU_WATER * (RADIUS**2 - distance**2).clamp(min=0).sqrt()).float()


@pytest.mark.slow
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_projections_of_a_disc_are_chords(grid):
    fan = FanBeam(views=72)
    error = forward_project(disc(grid)[None], fan, grid)[0] - chords(fan)
    assert error.square().mean().sqrt() < 0.003 * 2 * RADIUS * MU_WATER
    # Where no ray grazes the rim, the pixels of the rim do not matter.
    inner = chords(fan) > 1.2 * RADIUS * MU_WATER
    assert error[inner].abs().max() < 0.012 * 2 * RADIUS * MU_WATER


def test_slices_are_projected_independently():
    grid, fan = GRIDS[1], FanBeam(views=8)
    slices = torch.stack([disc(grid), torch.zeros(grid.rows, grid.columns), 2 * disc(grid)])
    p = forward_project(slices, fan, grid)
    assert p.shape == (3, 8, fan.columns) and p[1].abs().max() == 0
    torch.testing.assert_close(p[2], 2 * p[0])
    assert torch.equal(p[:1], forward_project(slices[:1], fan, grid))


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_coarse_line_integrals_are_near_the_fine_ones(grid):
    fan = FanBeam(views=288)
    p = line_integrals(disc(grid)[None], fan, grid)[0]
    assert p.shape == (288, fan.columns)
    # What matters is the number of photons, on every ray and on average.
    ratio = torch.exp(chords(fan) - p)
    assert abs(ratio.mean() - 1) < 0.002 and (ratio - 1).square().mean().sqrt() < 0.03
    # And the seam where the last view meets the first is as good as any other.
    assert (ratio[[0, -1]] - 1).square().mean().sqrt() < 0.03


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_the_reconstruction_of_chords_is_the_disc(grid):
    fan = FanBeam(views=360)
    image = back_project(filter_views(chords(fan), fan, HANN)[None], fan, grid)[0]
    hounsfield = 1000 * (image / MU_WATER - 1)
    x, y = grid.axes()
    distance = torch.hypot(x[None] - CENTRE_X, y[:, None] - CENTRE_Y)
    water, air = distance < RADIUS - 6, (distance > RADIUS + 6) & grid.within(120)
    assert hounsfield[water].mean().abs() < 0.5 and hounsfield[water].std() < 1
    assert (hounsfield[air].mean() + 1000).abs() < 2
    # The rim lies where it should: half way between water and air.
    rim = (distance - RADIUS).abs() < 0.5
    assert -600 < hounsfield[rim].mean() < -400


def test_nothing_is_reconstructed_outside_the_scan_field():
    grid, fan = PixelGrid(64, 64, 10.0, 10.0), FanBeam(views=64)
    image = back_project(filter_views(torch.ones(64, fan.columns), fan, HANN)[None], fan, grid)[0]
    inside = grid.within(fan.field_radius)
    assert 240 < fan.field_radius < 251 and inside.any() and not inside.all()
    assert (image[inside] != 0).all() and (image[~inside] == 0).all()


def test_the_filter_is_a_ramp_under_a_hann_window():
    fan, length = FanBeam(), 2048
    frequency = torch.linspace(0, 1, length // 2 + 1)
    ramp = frequency / (2 * fan.column_angle) / 2
    for cutoff in (0.5, 1.0, 1.6):
        window = torch.where(frequency <= cutoff, 0.5 + 0.5 * torch.cos(math.pi * frequency / cutoff), 0.0)
        # What linear interpolation between samples half a column apart leaves, averaged over all places between two.
        t = torch.linspace(0, 1, 1001)[:, None]
        between = (1 - t + t * torch.exp(-1j * math.pi / 2 * frequency)).abs().square().mean(dim=0).sqrt()
        window *= between
        # (γ / sin γ)² bends the ramp a little: by 6 % at the fan's edge, hardly at all over the kernel's core.
        response = ramp_response(fan, ScanSettings(kernel_cutoff=cutoff).window, length)
        torch.testing.assert_close(response, ramp * window, rtol=0.01, atol=0.3)


def test_more_samples_per_column_change_nothing(monkeypatch):
    grid, fan = PixelGrid(96, 96, 1.0, 1.0), FanBeam(views=288)
    drawn = torch.from_numpy(np.random.default_rng(3).standard_normal((288, fan.columns), dtype=np.float32))

    def noise(samples):
        monkeypatch.setattr(backprojection, "UPSAMPLING", samples)
        return back_project(filter_views(drawn, fan, HANN)[None], fan, grid)[0]

    few, many = noise(4), noise(16)
    assert abs(few.std() / many.std() - 1) < 0.005
    assert (few - many).std() < 0.15 * many.std()


def test_variance_of_a_line_integral_is_that_of_drawn_counts():
    generator = np.random.default_rng(5)
    for photons in (20.0, 50.0, 200.0, 5000.0):
        counts = generator.poisson(photons, 400_000) + generator.normal(0, 10**0.5, 400_000)
        drawn = np.log(np.maximum(counts, 1)).var()
        for dose in (1.0, 0.1):
            expected = float(scan_variance(torch.tensor(photons / dose, dtype=torch.float64), dose))
            assert expected == pytest.approx(drawn, rel=0.04), photons


def test_added_variance_is_first_order_where_photons_abound_and_bounded_where_they_lack():
    many = torch.tensor(1e6, dtype=torch.float64)
    for dose in (0.5, 0.25, 0.1):
        expected = (1 - dose) / (dose * 1e6) + (1 - dose**2) * 10 / (dose * 1e6) ** 2
        assert float(added_variance(many, dose)) == pytest.approx(expected, rel=1e-3)
    few = torch.logspace(-3, 3, 50)
    assert (added_variance(few, 0.1) >= 0).all() and (added_variance(few, 0.1) <= 0.65).all()
    assert (added_variance(few, 1.0) == 0).all()


def test_exposure_follows_the_patient():
    fan = FanBeam(views=8)
    slim, large = (torch.full((8, fan.columns), p) for p in (6.0, 7.0))
    assert exposure(slim, fan, 400) == pytest.approx(400 * math.exp(6.0), rel=1e-5)
    assert exposure(large, fan, 400) / exposure(slim, fan, 400) == pytest.approx(math.e, rel=1e-5)
    # The tube's limits scale with the photons asked for.
    nothing, lead = torch.zeros(8, fan.columns), torch.full((8, fan.columns), 30.0)
    assert exposure(nothing, fan, 490) == pytest.approx(8e4) and exposure(lead, fan, 245) == pytest.approx(6e5)


@pytest.mark.parametrize("views", [0, 2, 90])
def test_views_must_come_in_fours(views):
    with pytest.raises(ValueError, match="multiple of 4"):
        FanBeam(views=views)
