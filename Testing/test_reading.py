"""Readings: the design, its files, and their statistics against scipy and tables worked out by hand."""

import csv
import math

import numpy as np
import pytest
from LDCTDenoiseLib.errors import InputError, OutputError
from LDCTDenoiseLib.reading import CRITERIA, Study, preference, read_readings, summarise, vgc, weighted_kappa
from LDCTDenoiseLib.reading.summary import Reading
from scipy import stats

CASES, IMAGES = ["slice 3", "slice 9"], ["FDCT", "LDCT", "DCSCN"]


def plan(**changes):
    return Study.plan(**{"cases": CASES, "images": IMAGES, "reader": "AB", "seed": 4, **changes})


def test_the_area_under_the_vgc_curve_is_mann_whitneys():
    rng = np.random.default_rng(1)
    test, reference = rng.integers(2, 6, 40), rng.integers(1, 5, 40)
    found = vgc(test, reference)
    assert found.auc == pytest.approx(stats.mannwhitneyu(test, reference).statistic / 1600, abs=1e-12)
    # An ordinary bootstrap, by scipy, of the same pairs of cases.
    own = stats.bootstrap((test, reference), lambda a, b, axis: stats.mannwhitneyu(a, b, axis=axis).statistic / 1600,
                          paired=True, vectorized=True, n_resamples=1000, method="percentile", random_state=2)
    assert found.lower == pytest.approx(own.confidence_interval.low, abs=0.015)
    assert found.upper == pytest.approx(own.confidence_interval.high, abs=0.015)
    assert vgc(reference, reference).auc == 0.5 and vgc([5] * 6, [1] * 6).lower == 1


def test_several_readers_and_gaps_and_few_cases():
    first, second = [[5, 4, 3, 5, 4, math.nan], [2, 2, 3, 2, 2, 1]], [[1, 2, 3, 4, 3, 2], [2, 2, 3, 2, 2, 1]]
    found = vgc(first, second)
    alone = stats.mannwhitneyu(first[0][:5], second[0][:5]).statistic / 25
    assert found.auc == pytest.approx((alone + 0.5) / 2) and (found.cases, found.readers) == (6, 2)
    assert found.lower < found.auc < found.upper
    few = vgc([5, 4], [1, 2])
    assert few.auc == 1 and math.isnan(few.lower)
    with pytest.raises(InputError, match="no reader has scored both"):
        vgc([math.nan, 3], [2, math.nan])


def test_weighted_kappa_by_hand():
    # Two categories of five, ten images: observed 4 + 4 agree, 2 differ by one; by chance 5 of 10 would differ.
    first, second = [1] * 5 + [2] * 5, [1] * 4 + [2] + [2] * 4 + [1]
    assert weighted_kappa(first, second) == pytest.approx(1 - 0.2 / 0.5)
    # Of three: (1,1), (2,3), (3,1). Margins 1/3 each, and 2/3, 0, 1/3. Observed (0+1+4)/3; expected
    # 1/9 (0+4 + 2+1 + 8+0) = 15/9.
    assert weighted_kappa([1, 2, 3], [1, 3, 1]) == pytest.approx(1 - (5 / 3) / (15 / 9))
    assert weighted_kappa([1, 2, 5, 4], [1, 2, 5, 4]) == 1
    assert math.isnan(weighted_kappa([3, 3], [3, 3])) and math.isnan(weighted_kappa([], []))


@pytest.mark.parametrize(("wins", "of"), [(0, 8), (8, 8), (14, 20)])
def test_preferences_have_the_interval_of_clopper_and_pearson(wins, of):
    found = preference(wins, of)
    lower = stats.beta.ppf(0.025, wins, of - wins + 1) if wins else 0
    upper = stats.beta.ppf(0.975, wins + 1, of - wins) if wins < of else 1
    assert (found.share, found.lower, found.upper) == pytest.approx((wins / of, lower, upper))
    assert found.p == pytest.approx(min(1, 2 * stats.binom.sf(max(wins, of - wins) - 1, of, 0.5)))
    with pytest.raises(InputError):
        preference(2, 1)


def test_the_order_is_the_seeds_and_holds_every_image_of_every_case_once():
    study = plan()
    shown = [(trial.case, *trial.images) for trial in study.trials]
    assert sorted(shown) == sorted((case, image) for case in CASES for image in IMAGES)
    assert plan().trials == study.trials and plan(seed=5).trials != study.trials and plan(seed=5).id != study.id
    pairs = plan(kind="pairs", cases=[str(n) for n in range(40)])
    assert len(pairs.trials) == 120 and len({(t.case, frozenset(t.images)) for t in pairs.trials}) == 120
    left = sum(trial.images == tuple(i for i in IMAGES if i in trial.images) for trial in pairs.trials)
    assert 40 < left < 80  # which side an image is on is a coin's


@pytest.mark.parametrize(("changes", "words"), [
    ({"kind": "ranks"}, "no reading of 'ranks'"), ({"reader": " "}, "name or initials"), ({"cases": []}, "a case"),
    ({"kind": "pairs", "images": ["A", "A"]}, "two images"), ({"seed": -1}, "seed"),
])
def test_a_plan_that_makes_no_sense_is_refused(changes, words):
    with pytest.raises(InputError, match=words):
        plan(**changes)


def test_answers_are_checked_and_taken_back():
    study = plan()
    for wrong in ({}, {"scores": {"noise": 6}}, {"scores": {"beauty": 3}}, {"preferred": 0}):
        with pytest.raises(InputError):
            study.answer(**wrong)
    study.answer({"noise": 4})
    study.undo()
    study.undo()
    assert study.number == 0
    for trial in study.trials:
        assert study.trial is trial
        study.answer({"noise": 4, "overall": 2}, seconds=1.5)
    assert study.trial is None
    with pytest.raises(InputError, match="every image"):
        study.answer({"noise": 4})
    with pytest.raises(InputError, match="picked"):
        plan(kind="pairs").answer({"noise": 3})


def test_the_answers_say_nothing_of_the_images_and_the_key_lies_apart(tmp_path):
    study = plan(facts={"DCSCN": {"method": "DCSCN", "strength": "0.5"}})
    with pytest.raises(InputError, match="no answer yet"):
        study.write(tmp_path)
    study.answer({"noise": 4, "overall": 5}, seconds=2.5)
    path = study.write(tmp_path)
    text = path.read_text()
    assert not [word for word in (*IMAGES, *CASES) if word in text]
    (line,) = csv.DictReader(text.splitlines())
    assert (line["reader"], line["number"], line["noise"], line["sharpness"]) == ("AB", "1", "4", "")
    assert line["seconds"] == "2.5" and line["time"].endswith("+00:00")
    key = list(csv.DictReader((tmp_path / "key" / path.name).read_text().splitlines()))
    assert [(k["case"], k["image"]) for k in key] == [(t.case, *t.images) for t in study.trials]
    assert {k["strength"] for k in key if k["image"] == "DCSCN"} == {"0.5"} and key[0]["seed"] == "4"
    with pytest.raises(OutputError):
        study.write(tmp_path / "nowhere")


def test_a_study_is_put_aside_and_goes_on():
    study = plan(kind="pairs")
    study.answer(preferred=1, seconds=3)
    again = Study.from_json(study.to_json())
    assert again == study and again.id == study.id
    for text in ("{}", "[", '{"reader": "A", "kind": "x", "seed": 1, "trials": [], "facts": {}, "answers": []}'):
        with pytest.raises(InputError, match="cannot be read"):
            Study.from_json(text)


def read(reader, seed, score, tmp_path, cases=6):
    study = plan(reader=reader, seed=seed, cases=[f"slice {n}" for n in range(cases)])
    while study.trial is not None:
        study.answer(score(study.trial))
    return study.write(tmp_path)


def test_two_readers_are_summarised_from_their_files(tmp_path):
    best = {"FDCT": 5, "LDCT": 2, "DCSCN": 3}

    def first(trial):
        return {"noise": best[trial.images[0]], "overall": 3}

    def second(trial):  # the same, but for one case
        return {"noise": 1 if trial.case == "slice 0" else best[trial.images[0]]}

    paths = [read("AB", 1, first, tmp_path), read("CD", 2, second, tmp_path)]
    summary = summarise(read_readings(paths))
    rows = {(r["what"], r["criterion"], r["image"]): r for r in summary.records}
    assert summary.reference == "LDCT" and set(rows) == {
        ("vgc", "noise", "FDCT"), ("vgc", "noise", "DCSCN"), ("vgc", "overall", "FDCT"), ("vgc", "overall", "DCSCN"),
        ("kappa", "noise", "AB")}
    # The second reader: 5 of 6 cases above 5 of 6 of low dose's; ties with the one of score 1.
    area = (25 + 5 + 0.5) / 36
    assert rows["vgc", "noise", "FDCT"]["value"] == pytest.approx((1 + area) / 2)
    assert rows["vgc", "overall", "FDCT"]["value"] == 0.5 and rows["vgc", "noise", "FDCT"]["readers"] == 2
    pairs = [(best[i], 1 if c == 0 else best[i]) for c in range(6) for i in IMAGES]
    assert rows["kappa", "noise", "AB"]["value"] == pytest.approx(weighted_kappa(*zip(*pairs, strict=True)))
    assert "noise: FDCT against LDCT: AUC 0.92 [" in summary.to_text() and "what,criterion" in summary.to_csv()
    with pytest.raises(InputError, match="'BM3D' was not read"):
        summarise(read_readings(paths), "BM3D")


def test_preferences_are_summarised():
    study = plan(kind="pairs", cases=[str(n) for n in range(10)])
    while study.trial is not None:
        study.answer(preferred=0 if study.trial.images[0] == "FDCT" else 1)
    rows = {(r["image"], r["against"]): r for r in summarise([Reading.of(study)]).records}
    found = next(r for names, r in rows.items() if set(names) == {"FDCT", "LDCT"})
    won = found["value"] if found["image"] == "FDCT" else 1 - found["value"]
    assert won == 1 and found["cases"] == 10 and found["p"] == pytest.approx(2 / 1024)
    assert set(rows) == {("DCSCN", "FDCT"), ("DCSCN", "LDCT"), ("FDCT", "LDCT")}


def test_files_that_are_no_reading_are_one_line(tmp_path):
    path = read("AB", 1, lambda trial: dict.fromkeys(CRITERIA, 3), tmp_path, cases=1)
    with pytest.raises(InputError, match="no reading to summarise"):
        read_readings([])
    with pytest.raises(InputError, match="cannot read"):
        read_readings([tmp_path / "none.csv"])
    key = tmp_path / "key" / path.name
    lines = key.read_text().splitlines()
    key.write_text("\n".join(lines[:2]) + "\n")
    with pytest.raises(InputError, match="does not know number 2"):
        read_readings([path])
    key.write_text("\n".join(lines) + "\n")
    path.write_text(path.read_text().replace(",3,", ",9,"))
    with pytest.raises(InputError, match="not the answers of a reading"):
        read_readings([path])
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="not the answers of a reading"):
        read_readings([path])
