"""The compact figures of a run in a model file's card: written by the command, shown where cards are shown."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from LDCTDenoiseLib.cli.main import main
from LDCTDenoiseLib.evidence import in_words, plan, report
from LDCTDenoiseLib.evidence.card import to_markdown
from LDCTDenoiseLib.models import load_model, read_card, set_card
from LDCTDenoiseLib.volumes import Geometry, Volume, write_volume
from model_maker import make_model
from scipy import ndimage

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.slow
def test_a_quick_run_goes_into_the_card(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(plan, "LESION_RUNS", 4)
    monkeypatch.setattr(report, "to_html", lambda evidence: "the page, which takes its time")
    rng = np.random.default_rng(2)
    noise = ndimage.gaussian_filter(rng.normal(0, 30, (2, 150, 150)), (0, 0.6, 0.6))
    scan = Volume((60 + noise).astype(np.float32), Geometry((1.6, 1.6, 5.0)), "scan")
    write_volume(scan, tmp_path / "scan.nii.gz")
    model = make_model(tmp_path / "mine.safetensors")
    before = load_model(model)
    command = ["evidence", str(tmp_path / "scan.nii.gz"), "--model", str(model), "--quick", "--into-card"]
    assert main([*command, "--output", str(tmp_path / "out")]) == 0
    after = load_model(model)
    for name, weight in before.generator.state_dict().items():
        assert (weight == after.generator.state_dict()[name]).all()
    content = json.loads((tmp_path / "out" / "evidence.json").read_text(encoding="utf-8"))
    assert {f["quantity"] for f in content["findings"]}.isdisjoint({"ttf50", "structure_removed", "spots"})
    found = {(f["quantity"], f["image"], f["size"], f["tissue"]): f for f in content["findings"] if not f["observer"]}
    facts = after.card.evidence
    assert {x["size_mm"] for x in facts["lesions"]} >= {4.0, 6.0, 10.0}
    for x in facts["lesions"]:
        kept = found["contrast_kept", "mine", x["size_mm"], "soft tissue"]
        assert x["contrast_kept_percent"] == pytest.approx([kept[k] for k in ("value", "lower", "upper")], abs=0.05)
    sd = found["noise_sd", "mine", None, "soft tissue"]["value"]
    assert facts["noise"][0]["sd_hu"] == pytest.approx(sd, abs=0.01)
    capsys.readouterr()
    assert main(["models", str(model)]) == 0
    assert json.loads(capsys.readouterr().out)["evidence"] == facts
    lines = in_words(facts)
    assert lines[0].startswith("measured at 25% of the dose on scan (LDCTDenoise ")
    assert any("lesion of -20 HU and 6 mm in soft tissue: " in line for line in lines)


def test_a_card_without_evidence_or_with_other_facts_says_nothing(tmp_path):
    assert in_words({}) == [] and in_words({"dose": 0.25, "scans": "x", "lesions": 3}) == []
    path = make_model(tmp_path / "m.safetensors")
    card = read_card(path)
    assert card.evidence == {}
    content = path.read_bytes()
    set_card(path, card)
    assert load_model(path).card == card and path.read_bytes()[-100:] == content[-100:]


def test_what_could_not_be_written_is_said_before_the_work(tmp_path, capsys):
    common = ["--quick", "--into-card", "--output", str(tmp_path / "out")]
    assert main(["evidence", "scan.nii.gz", "--methods", "TV", *common]) == 2
    assert "--into-card writes into the cards of --model files" in capsys.readouterr().err
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"nothing")
    assert main(["evidence", "scan.nii.gz", "--model", str(other), *common]) == 2
    assert "other.safetensors" in capsys.readouterr().err


def test_the_weights_page_shows_what_the_cards_hold():
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        from update_pages import WEIGHTS, weights_page
    finally:
        sys.path.pop(0)
    assert WEIGHTS.read_text(encoding="utf-8") == weights_page(), "run `make lists`"


def test_evidence_of_several_cards_is_one_table():
    facts = {
        "software": "1", "dose": 0.25, "scans": [{"name": "a", "slices": 9, "places": 80}],
        "lesions": [
            {"contrast_hu": -20.0, "size_mm": 6.0, "tissue": "soft tissue", "word": "weakened", "places": 80,
             "contrast_kept_percent": [64.0, 62.0, 66.0], "d": [3.1, 2, 4], "d_low_dose": [3.0, 2, 4],
             "d_full_dose": [6.0, 5, 7]}
        ],
        "noise": [{"scan": "a", "tissue": "soft tissue", "sd_hu": 12.0, "low_dose_sd_hu": 30.0,
                   "full_dose_sd_hu": 15.0}],
        "hu_shift": [{"scan": "a", "soft tissue": [-0.1, -0.2, 0.0]}],
    }  # fmt: skip
    page = to_markdown({"one": facts, "two": facts, "none": {}})
    assert "| one | 64 % (62 to 66), weakened; 3.1 (3.0, 6.0) |" in page and "| none" not in page
    assert "| two | 12.0 (30.0, 15.0) |" in page and "| two | soft tissue -0.1 |" in page
    assert "a (9 slices, 80 places)" in page
    assert in_words(facts)[-1] == "mean HU of a beside full dose: soft tissue -0.1"
    assert to_markdown({"none": {}}) == "No model carries evidence yet.\n"
