"""What a model file says about its own evidence: the compact figures of a run, and those in words."""

from .. import __version__
from ..text_tables import markdown_rows
from . import places
from .findings import Finding
from .result import FULL, LOW, Evidence
from .words import CONTRAST, DEFINITION, OBSERVER, detectability_of, verdicts


def for_card(evidence: Evidence, label: str) -> dict:
    """Return what a run found about one method, for `ModelCard.evidence`; see docs/model-files.md for its entries."""
    return {
        "software": __version__,
        "dose": evidence.options.dose,
        "seed": evidence.options.seed,
        "scans": [
            {
                "name": s["name"], "slices": s["slices"], "spacing_mm": s["spacing_mm"],
                "places": sum(s["places"][t] for t in (places.SOFT, places.LUNG)),
            }
            for s in evidence.scans
        ],
        "words": DEFINITION,
        "lesions": _lesions(evidence, label),
        "noise": [n for s in evidence.scans for n in _noise(evidence, label, s)],
        "hu_shift": [_hu(evidence, label, s) for s in evidence.scans],
    }  # fmt: skip


def _lesions(evidence: Evidence, label: str) -> list[dict]:
    found = []
    for verdict in (v for v in verdicts(evidence) if v.image == label):
        entry = {
            "tissue": verdict.tissue, "contrast_hu": CONTRAST, "size_mm": verdict.size, "word": verdict.word,
            "contrast_kept_percent": _rounded(1, verdict.kept, verdict.kept_lower, verdict.kept_upper),
            "places": verdict.places,
        }  # fmt: skip
        for name, image in (("d", label), ("d_low_dose", LOW), ("d_full_dose", FULL)):
            d = detectability_of(evidence, verdict, image)
            if d is not None:
                entry[name] = _with_interval(d, 2)
        found.append(entry)
    return found


def _noise(evidence: Evidence, label: str, scan: dict):
    findings = evidence.findings.where(scan=scan["name"], dose=scan["dose"])
    for own in findings.where(quantity="noise_sd", image=label):
        entry = {"scan": scan["name"], "tissue": own.tissue}
        for name, image in (("", label), ("low_dose_", LOW), ("full_dose_", FULL)):
            sd, mean = (findings.one(quantity=q, image=image, tissue=own.tissue) for q in ("noise_sd", "nps_mean"))
            entry[f"{name}sd_hu"], entry[f"{name}mean_frequency_per_mm"] = round(sd.value, 2), round(mean.value, 3)
        yield entry


def _hu(evidence: Evidence, label: str, scan: dict) -> dict:
    findings = evidence.findings.where(scan=scan["name"], dose=scan["dose"], image=label, quantity="hu_shift")
    return {"scan": scan["name"], **{found.tissue: _with_interval(found, 2) for found in findings}}


def _with_interval(found: Finding, digits: int) -> list[float]:
    return _rounded(digits, found.value, found.lower, found.upper)


def _rounded(digits: int, *values: float | None) -> list[float]:
    return [round(float(v), digits) for v in values if v is not None]


def in_words(facts: dict) -> list[str]:
    """Return the evidence of a card as lines; none where a card has none, or has it otherwise than `for_card`."""
    try:
        scans = ", ".join(_short(s["name"]) for s in facts["scans"])
        lines = [f"measured at {_dose(facts)} on {scans} (LDCTDenoise {facts['software']})"]
        for x in facts["lesions"]:
            kept, lower, upper = x["contrast_kept_percent"]
            line = (
                f"lesion of {x['contrast_hu']:g} HU and {x['size_mm']:g} mm in {x['tissue']}: {x['word']}, "
                f"{kept:.0f} % ({lower:.0f} to {upper:.0f}) of its contrast left"
            )
            if "d" in x:
                line += f"; d' {x['d'][0]:.1f}, low dose {x['d_low_dose'][0]:.1f}, full dose {x['d_full_dose'][0]:.1f}"
            lines.append(line)
        for x in facts["noise"]:
            lines.append(
                f"noise in {x['tissue']} of {_short(x['scan'])}: {x['sd_hu']:.1f} HU, low dose "
                f"{x['low_dose_sd_hu']:.1f}, full dose {x['full_dose_sd_hu']:.1f}"
            )
        for x in facts["hu_shift"]:
            lines.append(f"mean HU of {_short(x['scan'])} beside full dose: {_shifts(x)}")
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return []
    return lines


def to_markdown(cards: dict[str, dict]) -> str:
    """Return the evidence of several models' cards, by name, as the tables of a page."""
    cards = {name: facts for name, facts in cards.items() if in_words(facts)}
    if not cards:
        return "No model carries evidence yet.\n"
    first = next(iter(cards.values()))
    said = ", ".join(f"{_short(s['name'])} ({s['slices']} slices, {s['places']} places)" for s in first["scans"])
    keys = [(x["scan"], x["tissue"]) for x in first["noise"]]
    scans = [x["scan"] for x in first["hu_shift"]]
    lesions, noise, shifts = [], [], []
    for name, facts in cards.items():
        lesions.append([name, *map(_lesion_cell, facts["lesions"])])
        of = {(x["scan"], x["tissue"]): x for x in facts["noise"]}
        noise.append([name, *(_noise_cell(of.get(key)) for key in keys)])
        of = {x["scan"]: x for x in facts["hu_shift"]}
        shifts.append([name, *(_shifts(of.get(scan, {})) for scan in scans)])
    return "\n".join(
        [
            f"Disks of {CONTRAST:g} HU in flat tissue at {_dose(first)}, on {said}: contrast kept in "
            f"percent with its 95 % interval, the word, and d' of {OBSERVER} (low dose, full dose).",
            "", *markdown_rows(["", *(f"{x['size_mm']:g} mm" for x in first["lesions"])], lesions),
            "", "Noise SD in HU (low dose, full dose):",
            "", *markdown_rows(["", *(f"{tissue}, {_short(scan)}" for scan, tissue in keys)], noise),
            "", "Mean HU beside full dose:",
            "", *markdown_rows(["", *map(_short, scans)], shifts),
            "", DEFINITION, "",
        ]
    )  # fmt: skip


def _dose(facts: dict) -> str:
    return "an unknown dose" if facts["dose"] is None else f"{facts['dose']:.0%} of the dose"


def _short(scan: str) -> str:
    return scan.removesuffix(".gz").removesuffix(".nii")


def _lesion_cell(x: dict) -> str:
    kept, lower, upper = x["contrast_kept_percent"]
    cell = f"{kept:.0f} % ({lower:.0f} to {upper:.0f}), {x['word']}"
    return f"{cell}; {x['d'][0]:.1f} ({x['d_low_dose'][0]:.1f}, {x['d_full_dose'][0]:.1f})" if "d" in x else cell


def _noise_cell(x: dict | None) -> str:
    return f"{x['sd_hu']:.1f} ({x['low_dose_sd_hu']:.1f}, {x['full_dose_sd_hu']:.1f})" if x else "–"


def _shifts(x: dict) -> str:
    return ", ".join(f"{tissue} {value[0]:+.1f}" for tissue, value in x.items() if tissue != "scan") or "–"
