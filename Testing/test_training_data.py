"""The cache, the noise cache and the patches: what a batch holds, and that it follows from its number alone."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from LDCTDenoiseLib.errors import LDCTError
from LDCTDenoiseLib.simulation import ScanSettings, low_dose_noise
from LDCTDenoiseTrainingLib.data import NoiseCache, PatchSource, Variety, cache_scans
from LDCTDenoiseTrainingLib.data.batches import batches_of_steps
from LDCTDenoiseTrainingLib.data.noise_cache import averaging_gain, dose_factor, lesions, simulate_slices
from LDCTDenoiseTrainingLib.patients import PatientSet, Scan, SimulationRanges
from LDCTDenoiseTrainingLib.patients.check import PatientSetError
from training_maker import body, save_scan


@pytest.fixture(scope="module")
def patients(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scans")
    for n in range(3):
        save_scan(folder / f"p{n}.nii.gz", body(n))
    noise = np.random.default_rng(9).normal(0, 40, body(2).shape)
    save_scan(folder / "p2_low.nii.gz", np.rint(body(2) + noise).clip(-1024, 3071).astype(np.int16))
    return PatientSet((
        Scan("p0", "train", folder / "p0.nii.gz"),
        Scan("p1", "validation", folder / "p1.nii.gz"),
        Scan("p2", "train", folder / "p2.nii.gz", low=folder / "p2_low.nii.gz"),
    ))


@pytest.fixture(scope="module")
def cached(patients, tmp_path_factory):
    return cache_scans(patients, tmp_path_factory.mktemp("cache"), 16)


@pytest.fixture(scope="module")
def source(cached):
    training = [c for c in cached if c.scan.role == "train"]
    noise = NoiseCache([c for c in training if c.scan.simulation], seed=1, generations=2, workers=1)
    noise.wait(0)
    noise.wait(1)
    return PatchSource(training, noise, seed=1, patch=16, refresh=10)


def test_the_cache_holds_the_volumes_and_is_found_again(patients, cached):
    assert np.array_equal(cached[0].full, body(0)) and cached[0].full.dtype == np.int16
    assert isinstance(cached[0].full, np.memmap)
    before = {p: p.stat().st_mtime_ns for p in cached[0].folder.iterdir() if "noise" not in p.name}
    again = cache_scans(patients, cached[0].folder, 16)
    assert again == cached
    assert before == {p: p.stat().st_mtime_ns for p in before}


def test_a_changed_file_is_read_again(tmp_path):
    path = save_scan(tmp_path / "a.nii.gz", body(0))
    patients = PatientSet((Scan("a", "train", path),))
    first = cache_scans(patients, tmp_path / "cache", 16)[0]
    save_scan(path, body(5))
    second = cache_scans(patients, tmp_path / "cache", 16)[0]
    assert first.key != second.key and np.array_equal(second.full, body(5))


def test_a_vanished_file_is_named(tmp_path):
    path = save_scan(tmp_path / "a.nii.gz", body(0))
    patients = PatientSet((Scan("a", "train", path),))
    cache_scans(patients, tmp_path / "cache", 16)
    path.unlink()
    with pytest.raises(PatientSetError, match="a.nii.gz"):
        cache_scans(patients, tmp_path / "cache", 16)


def test_padding_becomes_air(tmp_path):
    array = body(0)
    array[:, :4] = -2000
    scan = cache_scans(PatientSet((Scan("a", "train", save_scan(tmp_path / "a.nii.gz", array)),)), tmp_path, 16)[0]
    assert scan.full.min() == -1024


@pytest.mark.slow
def test_a_batch_follows_from_its_number(source):
    first, again, other = (source.batch(n, 0, 8) for n in (3, 3, 4))
    assert first.level is None and again.level is None
    for a, b in zip(first[:3], again[:3], strict=True):
        assert a.equal(b)
    assert not first.low.equal(other.low)
    assert not first.low.equal(source.batch(3, 1, 8).low)
    assert first.low.shape == (8, 1, 16, 16) and not first.low[:, 0].equal(first.full)


@pytest.mark.slow
def test_shares_of_two_processes_make_the_whole_batch(source):
    whole = source.batch(5, 0, 8)
    halves = [source.batch(5, 0, 8, slice(n, n + 4)) for n in (0, 4)]
    for n, tensor in enumerate(whole[:3]):
        assert np.array_equal(tensor, np.concatenate([h[n] for h in halves]))


@pytest.mark.slow
def test_any_number_of_workers_gives_the_same_batches(source):
    runs = [list(batches_of_steps(source, range(8, 12), 2, 4, slice(None), w, False)) for w in (0, 2)]
    assert len(runs[0]) == 4
    for one, two in zip(*runs, strict=True):
        for a, b in zip(one, two, strict=True):
            assert a.low.equal(b.low) and a.full.equal(b.full) and a.mix.equal(b.mix)


@pytest.mark.slow
def test_a_copy_in_another_process_travels_light(source):
    source.batch(0, 0, 4)
    assert len(pickle.dumps(source)) < 20_000


@pytest.mark.slow
def test_full_dose_patches_are_of_the_patients(source, cached):
    batch = source.batch(0, 0, 4)
    windows = np.concatenate([np.lib.stride_tricks.sliding_window_view(c.full, (1, 16, 16)).reshape(-1, 16, 16)
                              for c in cached if c.scan.role == "train"])
    known = {w.tobytes() for w in windows}
    for patch in batch.full.numpy():
        turned = [np.rot90(m, t) for m in (patch, patch[:, ::-1]) for t in range(4)]
        assert any(np.ascontiguousarray(t).tobytes() in known for t in turned)


def test_air_is_rare(cached):
    training = [c for c in cached if c.scan.patient == "p2"]
    counts = {}
    for keep in (0.0, 1.0):
        source = PatchSource(training, NoiseCache([], 1, 1, 1), 1, 8, 10, least_body=0.9, keep_air=keep)
        full = source.batch(0, 0, 200).full.numpy()
        counts[keep] = np.mean((full > -500).mean(axis=(1, 2)) < 0.5)
    assert counts[0.0] < 0.04 < 0.06 < counts[1.0]


def test_patches_are_moved_to_bone(tmp_path):
    array = body(0)
    array[1, 8:24, 8:24] = 400  # one slice has two by two blocks of it
    array[2, 8:16, 8:11] = 400  # the edge of some
    scans = []
    for name, image in (("a", array), ("b", np.where(body(0) > 200, 0, body(0)))):
        full, low = (save_scan(tmp_path / f"{name}{n}.nii.gz", image + np.int16(n)) for n in (0, 9))
        scans.append(Scan(name, "train", full, low=low))
    with_bone, without = cache_scans(PatientSet(tuple(scans)), tmp_path / "cache", 16)
    assert with_bone.bone.tolist() == [[1, 1, 1], [1, 1, 2], [1, 2, 1], [1, 2, 2]] and not len(without.bone)
    shares = {}
    for wanted in (0.0, 0.5, 1.0):
        source = PatchSource([with_bone], NoiseCache([], 1, 1, 1), 1, 16, 10, bone_patches=wanted)
        full = source.batch(0, 0, 200).full.numpy()
        shares[wanted] = np.mean((full == 400).sum(axis=(1, 2)) >= 16)
    assert shares[0.0] < 0.5 and shares[0.0] + 0.1 < shares[0.5] < 0.9 and shares[1.0] == 1
    source = PatchSource([without], NoiseCache([], 1, 1, 1), 1, 16, 10, bone_patches=1.0)
    plain = PatchSource([without], NoiseCache([], 1, 1, 1), 1, 16, 10)
    assert source.batch(0, 0, 8).full.shape == plain.batch(0, 0, 8).full.shape
    assert len(pickle.dumps(PatchSource([with_bone], NoiseCache([], 1, 1, 1), 1, 16, 10))) < 20_000


@pytest.mark.slow
def test_generations_differ_and_come_again(source):
    cache, scan = source.noise, source.noise.scans[0]
    noise = [cache.open(scan, g).noise for g in (0, 1, 2)]
    assert not np.array_equal(noise[0], noise[1]) and np.array_equal(noise[0], noise[2])
    assert source.generation(9) == 0 and source.generation(10) == 1
    assert not source.batch(9, 0, 4).low.equal(source.batch(10, 0, 4).low)


@pytest.mark.slow
def test_noise_made_again_is_the_same(source, tmp_path):
    cache, scan = source.noise, source.noise.scans[0]
    before = cache.open(scan, 0)
    cache.file(scan, 0).unlink()
    cache.wait(0)
    assert np.array_equal(cache.open(scan, 0).noise, before.noise) and cache.open(scan, 0).dose == before.dose


@pytest.mark.slow
def test_failed_simulation_is_an_error(cached):
    scan = cached[0]
    noise = NoiseCache([scan], seed=77, generations=1, workers=1, device="nowhere")
    with pytest.raises(LDCTError, match="p0"):
        noise.wait(0)


def test_what_is_drawn_stays_in_its_ranges(cached):
    ranges = SimulationRanges((0.2, 0.3), (500, 600), (1, 1.1))
    scan = replace(cached[0], scan=replace(cached[0].scan, simulation=ranges))
    cache = NoiseCache([scan], 1, 1000, 1, variety=Variety(slices=2, thickness=7.0, scale=(0.9, 1.1)))
    drawn = [cache.draw(scan, g) for g in range(50)]
    assert all(0.2 <= d.settings.dose <= 0.3 and 500 <= d.settings.photons <= 600 for d in drawn)
    assert all(1.0 <= d.settings.kernel_cutoff <= 1.1 and len({d.settings.seed for d in drawn}) == 50 for d in drawn)
    assert {d.averaged for d in drawn} == set(range(1, min(int(7 / scan.slice_spacing), scan.shape[0]) + 1))
    assert all(k + d.averaged <= scan.shape[0] for d in drawn for k in d.slices)
    assert {k for d in drawn for k in d.slices} == set(range(scan.shape[0]))
    assert drawn[3] == cache.draw(scan, 3) and drawn[3] != cache.draw(scan, 4)


def test_without_ranges_exposure_and_kernel_are_the_scans_own(cached):
    drawn = NoiseCache([cached[0]], 1, 4, 1).draw(cached[0], 0)
    assert drawn.settings.photons is None and drawn.settings.kernel_cutoff is None


@pytest.mark.slow
def test_averaged_slices_get_the_noise_that_is_left_of_it(cached):
    ranges = SimulationRanges((0.25, 0.25), (900, 900), (1.0, 1.0))
    scan = replace(cached[0], scan=replace(cached[0].scan, simulation=ranges))
    cache = NoiseCache([scan], 1, 1, 1)
    drawn = replace(cache.draw(scan, 0), slices=(0,) * 8)
    one, two = (simulate_slices(scan, replace(drawn, averaged=n)) for n in (1, 2))
    assert np.array_equal(two.full[0], np.rint(scan.full[:2].mean(0)))
    body_of = scan.full[0] > -500
    assert two.noise[:, body_of].std() == pytest.approx(one.noise[:, body_of].std() / np.sqrt(2), rel=0.06)


def test_averaging_gains_less_where_slices_overlap():
    assert averaging_gain(4, 0.0) == 4
    # Two slices of twice the spacing: correlation 1/2, so the variance of the mean is (1 + 1/2) / 2.
    assert averaging_gain(2, 0.5) == pytest.approx(4 / 3)


@pytest.mark.slow
def test_scaled_slices_have_pixels_of_another_size(cached):
    cache = NoiseCache([cached[0]], 1, 1, 1)
    made = simulate_slices(cached[0], replace(cache.draw(cached[0], 0), scale=0.8))
    assert made.full.shape[1:] == tuple(round(n / 0.8) for n in cached[0].shape[1:]) == made.noise.shape[1:]


def test_lesions_lie_in_flat_soft_tissue_and_are_as_large_as_said():
    image = np.full((128, 128), 50.0, np.float32)
    image[:, :64] = -1000
    added = lesions(image, (0.8, 0.8), 40, np.random.default_rng(0))[0]
    assert 5 <= np.abs(added).max() <= 200 and np.abs(added[:, :40]).max() < 1
    assert (added < -4).any() and (added > 4).any()


@pytest.mark.slow
def test_a_share_of_the_patches_is_full_dose_itself(source):
    alike = replace(source, full_dose=1.0).batch(0, 0, 40)
    simulated = [n for n in range(40) if alike.low[n, 0].equal(alike.full[n])]
    # Those of the real pair are as they are.
    assert 8 < len(simulated) < 32


@pytest.mark.slow
def test_patches_reach_beyond_the_border_and_show_its_mirror_image(source):
    batch = replace(source, margin=8, least_body=0.0, keep_air=1.0).batch(0, 0, 400).full.numpy()
    folded = [p for p in batch for q in (p, p.T) for m in range(1, 9)
              if np.array_equal(q[m:2 * m], q[m - 1::-1]) and q[:2 * m].std() > 0]  # fmt: skip
    assert folded


def test_scaled_noise_has_the_spread_of_a_direct_simulation():
    array = np.repeat(body(0, slices=1), 16, axis=0)
    dose, ratio = 0.25, 1.15
    spreads = []
    for a in (dose, dose * ratio):
        settings = ScanSettings(a, 700, 1.0, seed=3, views=64)
        noise = [n for _, n in low_dose_noise(array, (10.0, 10.0), settings, device="cpu")]
        spreads.append(np.stack(noise)[:, 8:24, 8:24].std())
    assert spreads[0] * dose_factor(dose, dose * ratio) == pytest.approx(spreads[1], rel=0.05)
    assert not spreads[0] == pytest.approx(spreads[1], rel=0.05)


@pytest.mark.slow
def test_cache_files_that_are_not_whole_are_made_anew(tmp_path):
    full, low = (save_scan(tmp_path / f"{name}.nii.gz", body(0) + add) for name, add in (("full", 0), ("low", 3)))
    patients = PatientSet((Scan("a", "train", full, low=low),))
    first = cache_scans(patients, tmp_path / "cache", 16)[0]
    for path in sorted(first.folder.iterdir()):
        whole = path.read_bytes()
        odd = [whole[:-1], whole[: len(whole) // 2], b"", b"\0" * len(whole), whole.replace(b"<i", b">i")]
        if path.suffix == ".json":
            facts = json.loads(whole)
            changes = [{"shape": 5}, {"shape": [1, 2]}, {"shape": [4, 32, 31]}, {"digest": None}, {"spacing": "wide"}]
            odd = odd[:-1] + [json.dumps({**facts, **change}).encode() for change in changes] + [b"[1]"]
        else:
            odd += [whole.replace(b"(4, 32, 32)", b"(9, 32, 32)"), whole.replace(b"(4, 5, 5)", b"(4, 5, 4)")]
        for content in set(odd) - {whole}:
            path.write_bytes(content)
            assert cache_scans(patients, tmp_path / "cache", 16) == [first]
            assert path.read_bytes() == whole, (path.name, content[:80])


@pytest.mark.slow
def test_noise_that_is_not_whole_is_made_anew(tmp_path):
    patients = PatientSet((Scan("a", "train", save_scan(tmp_path / "a.nii.gz", body(0))),))
    noise = NoiseCache(cache_scans(patients, tmp_path / "cache", 16), seed=1, generations=1, workers=1)
    path = noise.file(noise.scans[0], 0)
    path.write_bytes(b"\x93NUMPY")
    assert noise.missing(0)
    noise.wait(0)
    assert not noise.missing(0)
    path.write_bytes(path.read_bytes()[:-2])
    assert noise.missing(0)


@pytest.mark.slow
def test_a_patchs_dose_is_even_in_the_logarithm_and_within_its_range(source):
    doses = [source._dose(0.25, (0.1, 0.4), place) for place in (0.0, 0.5, 1.0)]
    assert doses == pytest.approx([0.25 / 1.15, 0.25, 0.25 * 1.15])
    wide = replace(source, dose_jitter=4.0)
    assert [wide._dose(0.25, (0.1, 0.4), place) for place in (0.0, 0.5, 1.0)] == pytest.approx([0.1, 0.2, 0.4])


@pytest.mark.slow
def test_half_of_the_patches_are_of_a_sharper_kernel(source):
    def detail(boost: float) -> np.ndarray:
        boosted = replace(source, kernel_boost=boost)
        return np.array([np.diff(boosted.batch(0, n, 1).full[0].numpy().astype(float)).std() for n in range(60)])

    ratio = detail(2.0) / detail(0.0)
    assert 15 < (ratio > 1.02).sum() < 45 and ratio.min() > 0.98 and ratio.max() < 3
    assert np.array_equal(detail(2.0) / detail(0.0), ratio)
