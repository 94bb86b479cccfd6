"""Noise, resolution, HU, structure and spots against what is known of the images they are measured in."""

import numpy as np
import pytest
from LDCTDenoiseLib.evidence import lesions, noise, places, resolution, spots, structure, tissues
from LDCTDenoiseLib.evidence.findings import Findings
from scipy import ndimage

PIXEL = 0.8


@pytest.fixture(scope="module")
def flat():
    """Tissues of a scan that is soft tissue of 60 HU all over, 10 slices of 150×150 pixels of 0.8 mm."""
    shape = (10, 150, 150)
    masks = {t: np.full(shape, t == places.SOFT) for t in places.TISSUES}
    return places.Tissues(masks, np.ones(shape, bool), PIXEL)


@pytest.fixture(scope="module")
def windows(flat):
    return noise.find_windows(flat, places.SOFT, tissues.skin_depth(flat.body, PIXEL))


def white(sd, seed=0, shape=(10, 150, 150)):
    return 60 + np.random.default_rng(seed).normal(0, sd, shape)


def measured(image, windows, spacing=2.0):
    found, _ = noise.measure_noise(image, windows, spacing, image="X")
    return {f.quantity: f for f in found}


def test_noise_of_known_spectrum(windows):
    """White noise through a Gaussian of known width: SD and mean frequency follow from its transfer function."""
    sigma = 1.0
    image = ndimage.gaussian_filter(white(50), (0, sigma, sigma), mode="wrap", truncate=6)
    kernel = ndimage.gaussian_filter(_impulse(150), sigma, mode="wrap", truncate=6)
    power = np.abs(np.fft.fft2(kernel)) ** 2
    f = np.hypot(*np.meshgrid(*[np.fft.fftfreq(150, PIXEL)] * 2))
    found = measured(image, windows)
    # A window less its surface has lost what the surface's six functions hold of the noise.
    side = windows.side
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    functions, _ = np.linalg.qr(np.stack([x**0, x, y, x * y, x * x, y * y], -1).reshape(-1, 6))
    held = sum((np.abs(np.fft.fft2(b.reshape(side, side), (150, 150))) ** 2 * power).mean() for b in functions.T)
    expected = 50 * np.sqrt((power.mean() * side**2 - held) / (side**2 - 6))
    assert found["noise_sd"].value == pytest.approx(expected, rel=0.02)
    assert found["nps_mean"].value == pytest.approx((power * f).sum() / power.sum(), rel=0.08)
    assert found["noise_sd"].lower < found["noise_sd"].value < found["noise_sd"].upper
    assert found["noise_sd"].count == len(windows.centres) == 10 * 6**2


def test_the_mean_of_many_slices_has_the_noise_it_must(windows):
    once, four = (measured(white(20 / np.sqrt(n), seed=n), windows)["noise_sd"].value for n in (1, 4))
    assert once == pytest.approx(20, rel=0.01)
    assert four == pytest.approx(10, rel=0.01)


def test_stripes_have_a_direction_and_white_noise_has_none(windows):
    stripes = ndimage.gaussian_filter(white(50), (0, 0, 3), mode="wrap") + white(2, 1) - 60
    assert measured(white(20), windows)["direction_ratio"].value < 1.3
    assert measured(stripes, windows)["direction_ratio"].value > 5


def test_noise_that_goes_through_slices_is_seen_along_z(windows):
    independent = white(20)
    smooth = ndimage.gaussian_filter1d(white(20), 1.0, axis=0, mode="wrap")
    alone, together = measured(independent, windows), measured(smooth, windows)
    assert abs(alone["z_correlation"].value) < 0.02
    # Of a Gaussian of SD 1 slice the autocorrelation one slice on is exp(-1/4).
    assert together["z_correlation"].value == pytest.approx(np.exp(-0.25), abs=0.03)
    # White noise has the mean of the frequencies at 8 slices 2 mm apart.
    assert alone["nps_z_mean"].value == pytest.approx(np.fft.rfftfreq(8, 2.0)[1:].mean(), rel=0.03)
    assert together["nps_z_mean"].value < 0.8 * alone["nps_z_mean"].value
    assert noise.slices_apart(independent, windows, 2.0) == 1
    assert noise.slices_apart(smooth, windows, 2.0) == 3


def test_noise_at_the_centre_and_at_the_edge(flat, windows):
    strength = 10 + 0.5 * tissues.skin_depth(flat.body, PIXEL)
    value = measured(60 + (white(1) - 60) * strength, windows)["noise_centre_edge"].value
    deep, near = (strength[tuple(windows.centres[m].T)] for m in _thirds(windows.depth))
    assert value == pytest.approx(np.sqrt((deep**2).mean() / (near**2).mean()), rel=0.05)


def _thirds(depth):
    near, far = np.quantile(depth, [1 / 3, 2 / 3])
    return depth >= far, depth <= near


def _impulse(side):
    image = np.zeros((side, side))
    image[0, 0] = 1
    return image


@pytest.mark.parametrize("sigma", [0.6, 0.9, 1.4])
@pytest.mark.parametrize("pixel", [0.6, 0.9])
def test_a_blur_of_known_transfer_function(sigma, pixel):
    """Disks sampled finely, blurred by a Gaussian of `sigma` mm and averaged over pixels, somewhat noisy."""
    n, fine = int(np.ceil(places.REACH / pixel)), 8
    side = (2 * n + 1) * fine
    y, x = (np.mgrid[:side, :side] - (side - 1) / 2) * pixel / fine
    disk = np.clip((resolution.RADIUS - np.hypot(y, x)) * fine / pixel + 0.5, 0, 1)
    blurred = ndimage.gaussian_filter(disk, sigma * fine / pixel)
    blurred = blurred.reshape(2 * n + 1, fine, 2 * n + 1, fine).mean((1, 3))
    patches = blurred + np.random.default_rng(2).normal(0, 0.03, (30, *blurred.shape))
    found, _ = resolution.measure_resolution(patches, pixel, image="X", contrast=100.0)
    found = {f.quantity: f for f in found}
    f = np.arange(0, 2, 1e-4)
    expected = np.exp(-2 * (np.pi * sigma * f) ** 2) * np.sinc(f * pixel)
    assert found["ttf50"].value == pytest.approx(resolution.falls_to(f, expected, 0.5), rel=0.03)
    if resolution.falls_to(f, expected, 0.1) < 0.45 / pixel:
        assert found["ttf10"].value == pytest.approx(resolution.falls_to(f, expected, 0.1), rel=0.05)
    assert found["ttf50"].lower <= found["ttf50"].value <= found["ttf50"].upper
    y, x = np.mgrid[-n : n + 1, -n : n + 1] * pixel
    assert found["insert_contrast"].value == pytest.approx(100 * blurred[np.hypot(x, y) < 3].mean(), abs=0.6)
    assert found["ttf50"].count == 30


def test_overshoot_and_contrast_of_an_edge():
    pixel = 0.8
    plain = resolution.insert(pixel, 0.3)
    rings = plain + 0.8 * (plain - ndimage.gaussian_filter(plain, 1.5))
    patches = 0.7 * np.stack([rings] * 3)
    found = {f.quantity: f.value for f in resolution.measure_resolution(patches, pixel, image="X")[0]}
    y, x = np.mgrid[-20:21, -20:21] * pixel
    expected = max(0.7 * (rings.max() - rings[np.hypot(x, y) < 3].mean()), -0.7 * rings.min())
    assert found["overshoot"] == pytest.approx(100 * expected, rel=0.15)
    assert found["insert_contrast"] == pytest.approx(70, rel=0.03)
    smooth = {f.quantity: f.value for f in resolution.measure_resolution(np.stack([plain] * 3), pixel, image="X")[0]}
    assert smooth["overshoot"] < 1


def test_the_inserts_edge_is_that_of_the_kernel():
    """A Hann window on a ramp gives noise of mean frequency 0.4286 of its cut-off, and an edge of half its cut-off."""
    pixel, cutoff = 0.5, 0.8
    insert = resolution.insert(pixel, 0.42860 * cutoff)
    found, _ = resolution.measure_resolution(np.stack([insert] * 2), pixel, image="X")
    f = np.arange(0, cutoff, 1e-4)
    expected = (0.5 + 0.5 * np.cos(np.pi * f / cutoff)) * np.sinc(f * pixel)
    assert Findings(found).one(quantity="ttf50").value == pytest.approx(resolution.falls_to(f, expected, 0.5), rel=0.03)


def test_linearity_of_known_contrasts():
    found = []
    for contrast, kept in ((30.0, 80.0), (100.0, 90.0), (1000.0, 90.0)):
        found.append(resolution.Finding("insert_contrast", "X", kept, 10, contrast=contrast))
    slope, error = resolution.measure_linearity(found, image="X")
    put, out = np.array([30, 100, 1000.0]), np.array([24, 90, 900.0])
    expected = np.linalg.lstsq(put[:, None], out, rcond=None)[0][0]
    assert slope.value == pytest.approx(100 * expected)
    assert error.value == pytest.approx(np.abs(out - expected * put).max())


@pytest.fixture(scope="module")
def body():
    """A round body of soft tissue with a ring of fat, two lungs and a bone, in air: 6 slices of 256×256 of 1 mm."""
    y, x = np.mgrid[:256, :256] - 127.5
    image = np.full((256, 256), -1000.0)
    image[np.hypot(x, y) < 110] = -100
    image[np.hypot(x, y) < 95] = 60
    for side in (-1, 1):
        image[np.hypot(x + 45 * side, y + 30) < 30] = -850
    image[np.hypot(x, y - 60) < 15] = 500
    return np.stack([image] * 6)


@pytest.fixture(scope="module")
def of_body(body):
    """Its flat tissue, the masks of its tissues, and the distance from the skin."""
    found = places.find_tissues(body, (1, 1, 3))
    return found, tissues.tissue_masks(body, found.body, 1.0), tissues.skin_depth(found.body, 1.0)


def test_known_shifts_of_each_tissue(body, of_body):
    rng = np.random.default_rng(3)
    _, masks, depth = of_body
    shift = np.select([body < -900, body < -500, body < 0, body < 200], [0, 4.0, -3.0, 1.5], 7.0)
    image = body + shift + rng.normal(0, 20, body.shape)
    found = Findings(tissues.measure_hu(body, image, masks, depth, image="X"))
    for tissue, value in (("lung", 4), ("fat", -3), ("soft tissue", 1.5), ("bone", 7)):
        one = found.one(quantity="hu_shift", tissue=tissue)
        error = 20 / np.sqrt(masks[tissue].sum())
        assert one.value == pytest.approx(value, abs=4 * error), tissue
        assert one.lower - 3 * error < value < one.upper + 3 * error
        assert one.count == 6
    assert found.one(quantity="uniformity").value == pytest.approx(0, abs=0.6)


def test_a_cup_is_not_uniform(body, of_body):
    _, masks, depth = of_body
    soft = masks["soft tissue"]
    near, far = np.quantile(depth[soft], [1 / 3, 2 / 3])
    image = body - 0.1 * depth
    expected = -0.1 * (depth[soft & (depth >= far)].mean() - depth[soft & (depth <= near)].mean())
    one = Findings(tissues.measure_hu(body, image, masks, depth, image="X")).one(quantity="uniformity")
    assert one.value == pytest.approx(expected, rel=0.02)


def test_the_body_and_its_tissues_are_found(body, of_body):
    found, _, _ = of_body
    y, x = np.mgrid[:256, :256] - 127.5
    assert np.mean(found.body[0] == (np.hypot(x, y) < 110)) > 0.97
    where = found.places(places.SOFT)
    assert len(where) >= 6 * 8
    for k, j, i in where:
        assert 0 <= k < 6 and body[k, j, i] == 60
    for n, (k, j, i) in enumerate(where):
        others = where[n + 1 :]
        others = others[others[:, 0] == k]
        assert (np.hypot(others[:, 1] - j, others[:, 2] - i) >= places.APART).all()
    lung = found.places(places.LUNG)
    assert len(lung) and all(body[k, j, i] == -850 for k, j, i in lung)


def texture(slices, seed):
    """Anatomy that is the same in neighbouring slices, HU."""
    rng = np.random.default_rng(seed)
    return np.stack([ndimage.gaussian_filter(rng.normal(0, 60, (160, 160)), 1.5)] * slices)


def test_the_share_of_structure_that_was_removed():
    """Two images from one low dose: noise alone removed, and noise with 12 % of the anatomy."""
    anatomy, rng = texture(12, 4), np.random.default_rng(5)
    own, added = rng.normal(0, 10, anatomy.shape), rng.normal(0, 17, anatomy.shape)
    full = 50 + anatomy + own
    low = full + added
    body = np.ones(full.shape, bool)
    measure = structure.Structure(full, body, 0.8)
    for share in (0.0, 12.0):
        # What is left has neither noise: full dose's own noise is removed as well, and does not count as structure.
        image = 50 + (1 - share / 100) * anatomy
        found = Findings(measure.measure(low, image, added, {}, image="X"))
        one = found.one(quantity="structure_removed", tissue="body")
        assert one.value == pytest.approx(share, abs=0.7)
        assert one.lower - 0.7 <= share <= one.upper + 0.7
        assert one.count == 10
    assert found.one(quantity="structure_correlation").value > 0.02
    shares = np.median(measure.map(5, low, image)[20:-20, 20:-20])
    assert 0.03 < shares < 0.13


def test_removed_edges_are_told_from_removed_noise():
    rng = np.random.default_rng(6)
    full = np.where(np.arange(160) < 80, 0.0, 200.0) + rng.normal(0, 3, (6, 160, 160))
    added = rng.normal(0, 20, full.shape)
    body = np.ones(full.shape, bool)
    measure = structure.Structure(full, body, 0.8)
    noise_only = measure.measure(full + added, full, added, {}, image="X")
    blurred = measure.measure(full + added, ndimage.gaussian_filter(full, (0, 2, 2)), added, {}, image="X")
    assert Findings(noise_only).one(quantity="edge_excess").value == pytest.approx(1, abs=0.02)
    assert Findings(blurred).one(quantity="edge_excess").lower > 1.2


def test_spots_are_counted_by_size_and_contrast(flat):
    full = np.full(flat.body.shape, 60.0)
    image = full.copy()
    y, x = np.mgrid[:150, :150]
    put = [(30, 40, -60, 6), (30, 110, 60, 6), (100, 60, -10, 6), (100, 120, -60, 1.5), (130, 90, -60, 6)]
    for j, i, contrast, size in put:
        image[4] += contrast * (np.hypot(y - j, x - i) * PIXEL < size / 2)
    # One of them is anatomy: full dose shows it as well.
    full[4] += -60 * (np.hypot(y - 130, x - 90) * PIXEL < 3)
    found = Findings(spots.SpotSearch(full, flat, 6.0).count(image, image="X"))
    # Centres nearer than 4 mm to the end of flat tissue do not count.
    area = 10 * 140 * 140 * PIXEL**2 / 1e4
    for quantity, number in (("spots", 3), ("spots_dark", 2), ("spots_new", 2)):
        one = found.one(quantity=quantity)
        assert one.count == number, quantity
        assert one.value == pytest.approx(number / area)


def test_lesions_are_put_where_they_belong_and_read_as_they_are():
    rng = np.random.default_rng(7)
    volume = rng.normal(60, 10, (2, 128, 128))
    where = np.array([[0, 40, 50], [0, 90, 90], [1, 64, 64]])
    kinds = [lesions.Lesion(lesions.DISK, -20.0, 10.0), lesions.Lesion(lesions.BLOB, 40.0, 6.0)]
    put = lesions.Put(np.array([0, 1, 2]), np.array([0, 1, 0]))
    with_lesions = lesions.put_into(volume, where, put, kinds, PIXEL)
    change = with_lesions - volume.astype(np.float32)
    assert change[0, 40, 50] == pytest.approx(-20, abs=1e-4)
    assert change[0, 90, 90] == pytest.approx(40, abs=1e-4)
    assert change[0, 90, 90 + 4] == pytest.approx(40 * 0.5 ** ((4 * PIXEL / 3) ** 2), rel=1e-4)
    assert change[1].sum() == pytest.approx(-20 * np.pi * (5 / PIXEL) ** 2, rel=0.01)
    reader = lesions.Reader(kinds, PIXEL)
    present, absent = (reader.read(v, where, put) for v in (with_lesions, volume.astype(np.float32)))
    core = present[:, lesions.CORE] - absent[:, lesions.CORE]
    assert core == pytest.approx([-20, 40, -20], abs=1e-3)
    # The disk template answers with the contrast against the ring, the disk's half pixels at the edge weighted.
    disk = lesions.profile(kinds[0], PIXEL)
    weighted = -20 * (disk**2).sum() / disk.sum()
    assert (present - absent)[[0, 2], lesions.DISK_TEMPLATE] == pytest.approx([weighted] * 2, rel=1e-4)
    answers, without = lesions.answers_of("NPW", present[[0, 2]], absent[[0, 2]], -20.0)
    assert (answers > without).all()


def test_every_kind_of_lesion_is_as_frequent_as_any_other():
    puts = lesions.assign(70, 10, 46)
    number = np.bincount(np.concatenate([p.lesion for p in puts]), minlength=46)
    assert number.min() >= 15 and number.max() <= 16
    for place in range(70):
        assert len({p.lesion[place] for p in puts}) == 10
