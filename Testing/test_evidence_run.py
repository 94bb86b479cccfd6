"""A whole collection of evidence: methods whose effect can be written down, interruption, bad input, the command."""

import csv
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from LDCTDenoiseLib.cli.main import main
from LDCTDenoiseLib.errors import GeometryError, InputError, LDCTWarning, MethodError
from LDCTDenoiseLib.evidence import (
    QUANTITIES,
    EvidenceRun,
    Options,
    Scan,
    collect_evidence,
    job,
    kept,
    lesions,
    plan,
    report,
    resolution,
    result,
    run,
    verdicts,
)
from LDCTDenoiseLib.methods import make_denoisers
from LDCTDenoiseLib.scan import measure_scan
from LDCTDenoiseLib.simulation import full_dose_run
from LDCTDenoiseLib.volumes import Geometry, Volume, write_volume
from scipy import ndimage

pytestmark = pytest.mark.slow

PIXEL, SIGMA = 0.9, 1.1
FULL_NOISE, ADDED_NOISE = 9.0, 15.0


class Blur:
    """A Gaussian of `SIGMA` pixels in the slice: linear, so that all it does follows from its transfer function."""

    name, on_device = "blur", False

    def prepare(self, device):
        pass

    def correction(self, hounsfield):
        return ndimage.gaussian_filter(hounsfield, (0, SIGMA, SIGMA), truncate=6) - hounsfield


class Shift(Blur):
    name = "shift"

    def correction(self, hounsfield):
        return np.full_like(hounsfield, 3.0)


def body(slices, side):
    """A large round body of soft tissue in air, noise-free."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return np.stack([np.where(np.hypot(x, y) < 0.46 * side, 60.0, -1000.0)] * slices)


def pair(slices=4, side=200, name="scan"):
    rng = np.random.default_rng(11)
    geometry = Geometry((PIXEL, PIXEL, 5.0))
    # Soft tissue all over, so that no lesion's surroundings reach air.
    clean = np.full((slices, side, side), 60.0)
    full = Volume((clean + rng.normal(0, FULL_NOISE, clean.shape)).astype(np.float32), geometry, name)
    added = rng.normal(0, ADDED_NOISE, clean.shape)
    return Scan(full, full.with_array((full.array + added).astype(np.float32)))


#: Enough kinds of lesion to see that each is what it is.
KINDS = tuple(
    x for x in lesions.LESIONS if x.size in (3.0, 6.0, 10.0, 15.0) and x.contrast in (-20.0, -10.0, 40.0)
    and (x.shape == lesions.DISK or x.size == 6.0)
)  # fmt: skip


@pytest.fixture(scope="module")
def evidence():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "LESIONS", KINDS)
        return collect_runs([pair()])


@pytest.fixture(autouse=True)
def few_kinds(monkeypatch):
    monkeypatch.setattr(plan, "LESIONS", KINDS)


def collect_runs(scans, methods=None, options=None, work=None):
    run_ = EvidenceRun(scans, methods or {"blur": Blur(), "shift": Shift()}, options or Options(dose=None), work)
    for _ in run_:
        pass
    return run_.result


def one(evidence, quantity, image, **fields):
    found = evidence.findings.one(quantity=quantity, image=image, **fields)
    assert found is not None, (quantity, image, fields)
    return found


def blurred(image):
    return ndimage.gaussian_filter(image, SIGMA, truncate=6)


@pytest.mark.parametrize("size", [3.0, 6.0, 15.0])
@pytest.mark.parametrize("contrast", [-20.0, 40.0])
def test_contrast_kept_is_what_the_blur_leaves(evidence, size, contrast):
    disk = lesions.profile(lesions.Lesion(lesions.DISK, contrast, size), PIXEL)
    kept = 100 * blurred(disk)[disk > 0.99].mean()
    here = dict(size=size, contrast=contrast, shape="disk", tissue="soft tissue")
    for image, expected in (("FDCT", 100), ("LDCT", 100), ("blur", kept), ("shift", 100)):
        found = one(evidence, "contrast_kept", image, **here)
        assert found.value == pytest.approx(expected, abs=0.2)
        assert found.count >= 80


def test_detectability_is_that_of_white_noise_through_the_blur(evidence):
    """d' of the disk template: signal times template over the root of the noise's power under the template."""
    inside = 0
    cells = 0
    noise = {"FDCT": FULL_NOISE, "LDCT": np.hypot(FULL_NOISE, ADDED_NOISE), "blur": np.hypot(FULL_NOISE, ADDED_NOISE)}
    for size in (3.0, 6.0, 10.0, 15.0):
        for contrast in (-20.0, -10.0, 40.0):
            lesion = lesions.Lesion(lesions.DISK, contrast, size)
            disk = lesions.profile(lesion, PIXEL)
            template = lesions.Reader([lesion], PIXEL)._matrices["disk", size][:, lesions.DISK_TEMPLATE]
            template = template.reshape(disk.shape)
            for image, sd in noise.items():
                # The blur of an image under a template is the image under the blurred template.
                seen = blurred(np.pad(template, 8)) if image == "blur" else np.pad(template, 8)
                expected = abs(contrast) * (np.pad(disk, 8) * seen).sum() / (sd * np.sqrt((seen**2).sum()))
                here = dict(size=size, contrast=contrast, shape="disk", tissue="soft tissue")
                found = one(evidence, "detectability", image, observer="NPW", **here)
                assert found.value == pytest.approx(expected, rel=0.3, abs=0.15)
                inside += found.lower <= expected <= found.upper
                cells += 1
    # 95 % intervals of cells that share their places; not one draw's luck decides.
    assert inside >= 0.85 * cells


def test_an_independent_observer_at_the_same_places_finds_the_same(evidence):
    """d' of disk less ring written down once more, at the places that lesions.csv tells."""
    scan = pair()
    y, x = np.mgrid[-16:17, -16:17] * PIXEL
    distance = np.hypot(y, x)
    for size in (6.0, 10.0):
        radius = size / 2
        disk = np.clip((radius - distance) / PIXEL + 0.5, 0, 1)
        ring = (distance > 1.8 * radius) & (distance < 3 * radius)
        where = [r for r in evidence.occurrences if (r["shape"], r["contrast"], r["size"]) == ("disk", -20.0, size)]
        for image, volume in (("FDCT", scan.full.array), ("LDCT", scan.low.array)):
            patches = np.lib.stride_tricks.sliding_window_view(volume, (33, 33), (1, 2))
            cut = np.array([patches[r["slice"], r["row"] - 16, r["column"] - 16] for r in where], float)
            without = (cut * (disk / disk.sum() - ring / ring.sum())).sum((1, 2))
            expected = 20 * (disk**2).sum() / disk.sum() / without.std(ddof=1)
            here = dict(observer="NPW", size=size, contrast=-20.0, shape="disk", tissue="soft tissue")
            assert one(evidence, "detectability", image, **here).value == pytest.approx(expected, rel=1e-4)


def test_a_blur_detects_no_better_than_low_dose(evidence):
    for size in (6.0, 10.0):
        here = dict(observer="CHO-LG", size=size, contrast=-20.0, shape="disk", tissue="soft tissue")
        found = one(evidence, "detectability_change", "blur", **here)
        assert found.lower < 0.2 and found.value < 0.5
        # What only shifts HU changes no answer.
        same = one(evidence, "detectability_change", "shift", **here)
        assert abs(same.value) < 1e-3 and same.lower == pytest.approx(same.upper, abs=1e-3)


def test_auc_belongs_to_its_detectability(evidence):
    from scipy.stats import norm

    for found in evidence.findings.where(quantity="auc", observer="NPW", tissue="soft tissue", shape="disk"):
        d = one(evidence, "detectability", found.image, observer="NPW", size=found.size, contrast=found.contrast,
                shape="disk", tissue="soft tissue")  # fmt: skip
        assert found.value == pytest.approx(norm.cdf(d.value / np.sqrt(2)), abs=0.04)


def test_resolution_is_that_of_the_blur(evidence):
    f = np.arange(0, 0.5 / PIXEL, 1e-4)
    response = np.exp(-2 * (np.pi * SIGMA * PIXEL * f) ** 2)
    for contrast in resolution.CONTRASTS:
        # White noise has a mean frequency, so the inserts' edge has a known kernel; blur and pixel come on top.
        full = evidence.curves["ttf"]["scan"]["FDCT", contrast]
        own = np.interp(f, full["frequency"], full["ttf"])
        expected = resolution.falls_to(f, response * own, 0.5)
        assert one(evidence, "ttf50", "blur", contrast=contrast).value == pytest.approx(expected, rel=0.03)
        assert one(evidence, "insert_contrast", "blur", contrast=contrast).value == pytest.approx(100, abs=1)
        assert one(evidence, "overshoot", "blur", contrast=contrast).value < 1.5
    assert one(evidence, "linearity", "blur").value == pytest.approx(100, abs=0.5)


def test_noise_and_hu_are_what_was_put_in(evidence):
    low = np.hypot(FULL_NOISE, ADDED_NOISE)
    assert one(evidence, "noise_sd", "FDCT", tissue="soft tissue").value == pytest.approx(FULL_NOISE, rel=0.02)
    assert one(evidence, "noise_sd", "LDCT", tissue="soft tissue").value == pytest.approx(low, rel=0.02)
    assert one(evidence, "noise_sd", "blur", tissue="soft tissue").value < 0.4 * low
    assert one(evidence, "hu_shift", "shift", tissue="soft tissue").value == pytest.approx(3, abs=0.1)
    assert one(evidence, "hu_shift", "blur", tissue="soft tissue").value == pytest.approx(0, abs=0.1)
    # 81 of 306: the dose of a pair follows from its noise.
    assert any(re.search(r"dose is unknown, the noise in soft tissue suggests 2[5-8]%", n) for n in evidence.notes)


def test_every_number_has_its_definition_and_sample_size(evidence):
    assert len(evidence.findings) > 400
    for finding in evidence.findings:
        assert finding.quantity in QUANTITIES
        assert finding.count > 0 or finding.quantity.startswith("spots")
        assert finding.lower is None or not finding.lower > finding.upper


def test_words_follow_their_definition(evidence):
    words = {(v.image, v.size): v for v in verdicts(evidence)}
    for verdict in words.values():
        worse = verdict.change_upper < 0
        expected = "red" if worse or verdict.kept < 50 else "green" if verdict.kept >= 80 else "amber"
        assert verdict.colour == expected
    assert words["blur", 3.0].colour != "green" and words["blur", 15.0].colour == "green"
    assert all(words["shift", size].colour == "green" for size in (3.0, 6.0, 10.0, 15.0))


def test_the_report_is_one_page_that_needs_nothing_else(evidence, tmp_path):
    report.write_report(evidence, tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not re.findall(r'(?:src|href)="(?!data:)', page) and "<script" not in page
    # Spots are sought with disks of +20 HU, too, and none was put in.
    assert "disk of +40 HU, 6 mm" in page and "disk of +20 HU" not in page
    content = json.loads((tmp_path / "evidence.json").read_text(encoding="utf-8"))
    assert set(content["definitions"]) == set(QUANTITIES)
    # Bad news stand in the page in the same list as good news.
    for sentence in content["sentences"]:
        assert f'<li class="{sentence["tone"]}">' in page
        assert sentence["text"].split("(")[0].strip().replace("'", "&#x27;") in page
    assert {"good", "bad"} <= {s["tone"] for s in content["sentences"]}
    rows = list(csv.DictReader(io.StringIO((tmp_path / "evidence.csv").read_text(encoding="utf-8"))))
    assert len(rows) == len(content["findings"]) == len(evidence.findings)
    first = next(r for r in rows if r["quantity"] == "contrast_kept")
    assert first["unit"] == "%" and first["counted"] == "places" and int(first["count"]) > 0


def test_an_interrupted_run_goes_on_and_ends_alike(tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "LESION_RUNS", 12)
    whole = collect_runs([pair(4, 160)])

    class Counted(Blur):
        slices = 0

        def correction(self, hounsfield):
            Counted.slices += len(hounsfield)
            return super().correction(hounsfield)

    def begin():
        return EvidenceRun([pair(4, 160)], {"blur": Counted(), "shift": Shift()}, Options(dose=None), tmp_path / "w")

    steps = 0
    for progress in begin():
        assert progress.seconds_left >= 0 and 0 <= progress.fraction <= 1
        steps += 1
        if steps == 20:
            break
    before, Counted.slices = Counted.slices, 0
    second = begin()
    for _ in second:
        pass
    assert before >= 4 and Counted.slices < 4 * (1 + 4 + 3)
    # As text, for one NaN is not another: a frequency beyond Nyquist.
    assert report.to_csv(second.result) == report.to_csv(whole)
    second.forget()
    assert not (tmp_path / "w").exists()


QUICK = Options(dose=None, quick=True)


def test_several_scans_are_averaged():
    found = collect_runs([pair(2, 180, "one"), pair(2, 180, "two")], {"blur": Blur()}, QUICK)
    here = dict(quantity="contrast_kept", image="blur", size=6.0, contrast=-20.0, shape="disk", tissue="soft tissue")
    parts = [found.findings.one(scan=name, **here) for name in ("one", "two")]
    both = found.findings.one(scan=result.ALL_SCANS, **here)
    assert both.value == pytest.approx(np.mean([p.value for p in parts]))
    assert both.count == sum(p.count for p in parts)


def simulated(slices=3, side=160):
    """A scan whose low dose is simulated."""
    clean = body(slices, side)
    noise = ndimage.gaussian_filter(np.random.default_rng(12).normal(0, 20, clean.shape), (0, 0.6, 0.6))
    return Volume((clean + noise).astype(np.float32), Geometry((1.6, 1.6, 5.0)), "scan")


def test_noise_in_lung_is_not_its_vessels(monkeypatch):
    monkeypatch.setattr(plan, "LESION_RUNS", 3)
    clean = body(3, 160)
    y, x = np.mgrid[:160, :160] - 79.5
    lungs = np.hypot(np.abs(x) - 30, y) < 26
    vessels = np.random.default_rng(5).random(clean.shape) < 0.02
    clean[:, lungs] = -850
    clean[vessels & lungs] += 250
    volume = Volume(clean.astype(np.float32), Geometry((1.8, 1.8, 5.0)), "chest")
    scanned = full_dose_run(volume, device="cpu")
    for _ in scanned:
        pass
    found = collect_runs([Scan(scanned.output)], {"blur": Blur()}, Options(dose=0.25, quick=True))
    own = (scanned.output.array - clean)[:, lungs].std()
    sd = {i: one(found, "noise_sd", i, tissue="lung").value for i in ("FDCT", "LDCT", "blur")}
    assert sd["FDCT"] == pytest.approx(own, rel=0.15) and sd["LDCT"] == pytest.approx(2 * own, rel=0.15)
    assert sd["blur"] < 0.6 * sd["LDCT"] and scanned.output.array[:, lungs].std() > 2 * own
    # A pair of a scanner has no second draw.
    pair_ = collect_runs([Scan(scanned.output, scanned.output)], {"shift": Shift()}, QUICK)
    assert not pair_.findings.where(quantity="noise_sd", tissue="lung")
    assert any("noise in lung was not measured" in note for note in pair_.notes)


def test_the_command_on_a_file_with_its_dose_curve(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(plan, "LESION_RUNS", 6)
    monkeypatch.setattr(run, "DOSE_CURVE", (1.0, 0.25))
    write_volume(simulated(), tmp_path / "scan.nii.gz")
    out = tmp_path / "report"
    options = ["--methods", "NLM", "--dose", "0.5", "--dose-curve", "--quick"]
    assert main(["evidence", str(tmp_path / "scan.nii.gz"), *options, "--output", str(out)]) == 0
    assert {p.name for p in out.iterdir()} == {"report.html", "evidence.csv", "evidence.json", "lesions.csv"}
    content = json.loads((out / "evidence.json").read_text(encoding="utf-8"))
    assert content["options"]["dose"] == 0.5 and content["images"] == ["FDCT", "LDCT", "NLM"]
    sd = {(f["scan"], f["dose"], f["image"]): f["value"] for f in content["findings"] if f["quantity"] == "noise_sd"}
    full, low, smooth = (sd["scan.nii.gz", 0.5, i] for i in ("FDCT", "LDCT", "NLM"))
    assert low > 1.2 * full and smooth < low
    # At 100 % nothing is added; at a quarter more than at a half.
    curve = {dose: sd["scan.nii.gz" + result.CURVE, dose, "LDCT"] for dose in (1.0, 0.25)}
    assert curve[1.0] == pytest.approx(full, rel=0.02) and curve[0.25] > low
    assert "Dose curve" in (out / "report.html").read_text(encoding="utf-8")
    said = capsys.readouterr()
    assert "report.html; beside it: evidence.csv, evidence.json, lesions.csv" in said.out and "done" in said.err


def test_few_slices_have_every_insert():
    volume = simulated()
    made = plan.Plan(volume, quick=False, curve=False, draws_again=False)
    assert made.inserts.count + made.insert_passes - 1 >= len(resolution.CONTRASTS) > made.inserts.count == 3


class Beside(Shift):
    """A method that makes of each slice the sum of its neighbours, the one before it ten times."""

    name, on_device, neighbours = "beside", True, 1

    def correction(self, hounsfield):
        return 10 * hounsfield[:-2] + hounsfield[2:] - hounsfield[1:-1]


def done(work):
    """Return the array of a step."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value["array"]


def test_pieces_of_a_scan_are_denoised_as_in_the_whole_scan():
    full = pair(20, 130).full
    full = replace(full, geometry=replace(full.geometry, gaps=(9,)))
    options = Options(dose=1.0, quick=True, device="cpu")
    told = result.Evidence.begin([], options, {})
    work = job.Job(Scan(full), {"beside": Beside()}, options, kept.Kept(None), "0", told)
    assert work._plan.full.shape == full.array.shape  # no margin of air is cut off
    before, after = ([max(k - 1, 0) if k != 10 else 10 for k in range(20)],
                     [min(k + 1, 19) if k != 9 else 9 for k in range(20)])  # fmt: skip
    expected = 10 * full.array[before] + full.array[after]
    for first, count in ((0, 20), (0, 3), (5, 4), (7, 6), (16, 4)):
        piece = work._piece(first, count)
        low = done(work._lower_piece(piece))
        output = done(work._denoise_piece("beside", low, piece, ""))
        np.testing.assert_allclose(output, expected[first : first + count], atol=0.01)
    curve = work.at(1.0)
    assert len(curve._plan.full) == 16 < 20
    piece, first = curve._piece(0, 16), curve._first_slice
    output = done(curve._denoise_piece("beside", done(curve._lower_piece(piece)), piece, ""))
    np.testing.assert_allclose(output, expected[first : first + 16], atol=0.01)
    # What was put into some slices is in the neighbours as well, or only in the slice.
    work._around = work._piece(0, 20)
    work._low, slices = done(work._lower_piece(work._around)), [0, 4, 5, 10]
    for through in (False, True):
        output = done(work._denoise_changed("beside", full.array[slices] + 7, slices, "", through))
        own = 7 * np.array([11 if through else 10 * (before[k] == k) + (after[k] == k) for k in slices])
        np.testing.assert_allclose(output, expected[slices] + own[:, None, None], atol=0.01)


def test_a_volume_of_another_program(monkeypatch):
    monkeypatch.setattr(plan, "LESION_RUNS", 4)
    scan = pair(4, 150)
    smooth = scan.low.with_array(ndimage.gaussian_filter(scan.low.array, (0, 1, 1)))
    clean = scan.full.with_array(ndimage.gaussian_filter(scan.full.array, (0, 1, 1)).round().astype(np.int16))
    scan = Scan(scan.full, scan.low, {"vendor": smooth, "scanner": clean})
    found = collect_runs([scan], {"shift": Shift()})
    assert found.findings.one(quantity="noise_sd", image="vendor")
    assert not found.findings.where(quantity="contrast_kept", image="vendor")
    for name, dose in (("vendor", "low"), ("scanner", "full")):
        said = f"'{name}' was denoised elsewhere, judged by its noise from {dose} dose"
        assert any(said in note for note in found.notes), found.notes


def test_what_is_kept_serves_the_same_question_only(tmp_path):
    scan = pair(2, 120)
    for one in (scan, scan, Scan(scan.full, None, {"vendor": scan.low})):
        EvidenceRun([one], {"blur": Blur()}, QUICK, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_what_cannot_be_measured_is_said_in_a_line():
    geometry = Geometry((PIXEL, PIXEL, 5.0))
    rng = np.random.default_rng(0)
    air = Volume(rng.normal(-1000, 5, (1, 120, 120)).astype(np.float32), geometry, "air")
    low = air.with_array(air.array + rng.normal(0, 5, air.array.shape).astype(np.float32))
    found = collect_runs([Scan(air, low)])
    text = "\n".join(found.notes)
    for said in ("lesions in soft tissue were not measured: places that are flat for 8 mm around: 0; 20 are needed",
                 "noise in soft tissue was not",
                 "resolution was not measured", "structure in what was removed was not measured"):  # fmt: skip
        assert said in text
    assert all("\n" not in note for note in found.notes)
    assert "What could not be measured" in report.to_html(found)


def test_a_scan_that_was_denoised_already_is_told():
    rng = np.random.default_rng(1)
    clean = body(2, 260)
    full = Volume(
        (clean + ndimage.gaussian_filter(rng.normal(0, 60, clean.shape), (0, 2.5, 2.5))).astype(np.float32),
        Geometry((PIXEL, PIXEL, 5.0)), "smooth",
    )  # fmt: skip
    found = collect_runs([Scan(full, full.with_array(full.array + 1))], {"shift": Shift()}, QUICK)
    assert any("a quick run" in note for note in found.notes)
    assert any("looks denoised already" in note for note in found.notes)


def test_a_scan_unlike_those_of_training_is_told_of_each_network_from_one_look(monkeypatch):
    looks = []
    monkeypatch.setattr(job, "measure_scan", lambda volume: looks.append(volume) or measure_scan(volume))
    scan = pair(2, 120)
    low = replace(scan.low, facts={"body_part": "HEAD"})
    methods = {**make_denoisers(["DCSCN", "CNN-L1"]), "blur": Blur()}
    told = result.Evidence.begin([], QUICK, methods)
    with pytest.warns(LDCTWarning, match="head"):
        job.Job(scan, methods, QUICK, kept.Kept(None), "0", told)._say_what_is_unusual(low)
    told = [note for note in told.notes if "not trained on scans like this" in note]
    assert len(looks) == 1 and [note.split(": ")[1] for note in told] == ["DCSCN", "CNN-L1"]


def test_bad_input_is_one_line(tmp_path):
    good = pair(2, 80)
    with pytest.raises(InputError, match="give a method"):
        EvidenceRun([good], {})
    with pytest.raises(InputError, match="at least one full-dose scan"):
        EvidenceRun([], {"blur": Blur()})
    with pytest.raises(InputError, match="dose"):
        EvidenceRun([good], {"blur": Blur()}, Options(dose=0))
    with pytest.raises(InputError, match="two scans are called"):
        EvidenceRun([good, good], {"blur": Blur()})
    oblong = Volume(good.full.array, Geometry((0.7, 1.2, 5.0)), "oblong")
    with pytest.raises(InputError, match="not square"):
        EvidenceRun([Scan(oblong)], {"blur": Blur()})
    with pytest.raises(GeometryError, match="same grid"):
        EvidenceRun([Scan(good.full, good.full.with_array(good.full.array[:1]))], {"blur": Blur()})
    with pytest.raises(MethodError, match="unknown"):
        make_denoisers(["SHARPEN"])
    with pytest.raises(MethodError, match="twice"):
        make_denoisers(["TV", "tv"])
    for arguments, said in (
        (["evidence", str(tmp_path / "none.nii.gz"), "--methods", "TV"], "there is no file"),
        (["evidence", "a", "b", "--methods", "TV", "--low", "c"], "one full-dose scan"),
    ):
        assert main([*arguments, "--output", str(tmp_path / "out")]) == 2, said


def test_the_call_takes_volumes_and_names(monkeypatch):
    monkeypatch.setattr(plan, "LESION_RUNS", 2)
    seen = []
    found = collect_evidence([pair(2, 160)], ["TV"], options=QUICK, progress=seen.append)
    assert found.images == ["FDCT", "LDCT", "TV"] and seen and seen[-1].fraction > 0.5
