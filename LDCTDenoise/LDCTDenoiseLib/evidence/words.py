"""Findings in plain sentences, and a green, amber or red word for each lesion size: good and bad alike."""

from dataclasses import dataclass

from . import places
from .findings import Finding, Findings
from .lesions import DISK, SIZES
from .result import ALL_SCANS, FULL, LOW, Evidence

GREEN, AMBER, RED = "green", "amber", "red"
WORD = {GREEN: "kept", AMBER: "weakened", RED: "at risk"}

#: The lesion that words and sentences are about, HU, and the observer that is asked.
CONTRAST, OBSERVER = -20.0, "CHO-LG"
_KEPT_GREEN, _KEPT_RED = 80.0, 50.0

#: What the words mean.
DEFINITION = (
    f"For a disk of {CONTRAST:g} HU in soft tissue (lung where there is no soft tissue): green ({WORD[GREEN]}) where "
    f"at least {_KEPT_GREEN:.0f} % of its contrast is left and it is not detected worse than without a denoiser; red "
    f"({WORD[RED]}) where less than {_KEPT_RED:.0f} % is left, or it is detected worse; amber ({WORD[AMBER]}) "
    f"otherwise. Detected worse: the 95 % interval of the change of d' against low dose ({OBSERVER}) lies below 0."
)


@dataclass(frozen=True)
class Verdict:
    """The word for one method and lesion size, and what it rests on."""

    image: str
    size: float
    tissue: str
    colour: str
    kept: float
    kept_lower: float
    kept_upper: float
    change: float | None
    change_lower: float | None
    change_upper: float | None
    places: int

    @property
    def word(self) -> str:
        return WORD[self.colour]

    @property
    def detection(self) -> str:
        """How low dose compares: "better", "worse", "as well", or "" where it was not measured."""
        if self.change is None:
            return ""
        if self.change_upper < 0:
            return "better"
        return "worse" if self.change_lower > 0 else "as well"


@dataclass(frozen=True)
class Sentence:
    """A sentence about an image; `tone` is "good", "bad" or "plain"."""

    image: str
    tone: str
    text: str


def main_scan(evidence: Evidence) -> str:
    """Return the scan that words are about: the mean over scans where there are several."""
    averaged = evidence.findings.where(scan=ALL_SCANS)
    if averaged or not evidence.scans:
        return ALL_SCANS
    return evidence.scans[0]["name"]


def methods_of(evidence: Evidence) -> list[str]:
    """Return the images that are no full and no low dose."""
    return [label for label in evidence.images if label not in (FULL, LOW)]


def detectability_of(evidence: Evidence, verdict: Verdict, image: str) -> Finding | None:
    """Return d' of a verdict's lesion in an image."""
    return evidence.findings.one(
        image=image, quantity="detectability", observer=OBSERVER, scan=main_scan(evidence), contrast=CONTRAST,
        shape=DISK, size=verdict.size, tissue=verdict.tissue, dose=evidence.options.dose,
    )  # fmt: skip


def verdicts(evidence: Evidence) -> list[Verdict]:
    """Return a verdict for each method and lesion size that was measured."""
    scan, found = main_scan(evidence), []
    dose = evidence.options.dose
    disks = evidence.findings.where(scan=scan, contrast=CONTRAST, shape=DISK, dose=dose)
    tissue = next((t for t in (places.SOFT, places.LUNG) if disks.where(tissue=t)), places.SOFT)
    for label in methods_of(evidence):
        for size in SIZES:
            here = disks.where(image=label, size=size, tissue=tissue)
            kept = here.one(quantity="contrast_kept")
            if kept is None:
                continue
            change = here.one(quantity="detectability_change", observer=OBSERVER)
            worse = change is not None and change.upper < 0
            if kept.value < _KEPT_RED or worse:
                colour = RED
            else:
                colour = GREEN if kept.value >= _KEPT_GREEN else AMBER
            found.append(
                Verdict(
                    label, size, tissue, colour, kept.value, kept.lower, kept.upper,
                    *((change.value, change.lower, change.upper) if change else (None, None, None)), kept.count,
                )
            )  # fmt: skip
    return found


def sentences(evidence: Evidence) -> list[Sentence]:
    """Say what each method does, good or bad."""
    said, found = [], verdicts(evidence)
    for label in methods_of(evidence):
        said += [_about_lesion(evidence, verdict) for verdict in found if verdict.image == label]
        for scan in evidence.scans:
            findings = evidence.findings.where(scan=scan["name"], dose=scan["dose"])
            of = f" ({scan['name']})" if len(evidence.scans) > 1 else ""
            for tone, text in (
                *_about_noise(label, findings), *_about_edges(label, findings), *_about_hu(label, findings),
                *_about_structure(label, findings), *_about_spots(label, findings),
            ):  # fmt: skip
                said.append(Sentence(label, tone, text + of + "."))
    return said


def _about_lesion(evidence: Evidence, verdict: Verdict) -> Sentence:
    text = (
        f"{verdict.image} keeps {verdict.kept:.0f} % ({verdict.kept_lower:.0f} to {verdict.kept_upper:.0f}) of the "
        f"contrast of a {verdict.size:g} mm, {CONTRAST:g} HU lesion in {verdict.tissue}"
    )
    if verdict.change is not None:
        own, low = (detectability_of(evidence, verdict, image) for image in (verdict.image, LOW))
        how = {
            "better": "low dose, with no denoiser, detects it better",
            "as well": "low dose, with no denoiser, detects it as well",
            "worse": "it is detected better than in low dose with no denoiser",
        }[verdict.detection]
        text += (
            f"; {how} (d' {own.value:.2f} against {low.value:.2f}, change {verdict.change:+.2f}, "
            f"{verdict.change_lower:+.2f} to {verdict.change_upper:+.2f})"
        )
    return Sentence(verdict.image, {GREEN: "good", AMBER: "plain", RED: "bad"}[verdict.colour], f"{text}.")


def _values(findings: Findings, images, **fields) -> dict[str, float]:
    """Return one quantity of one tissue by image, of those that have it."""
    found = {image: findings.one(image=image, **fields) for image in images}
    return {image: finding.value for image, finding in found.items() if finding}


def _about_noise(label: str, findings: Findings):
    images = (FULL, LOW, label)
    for tissue in (places.SOFT, places.LUNG):
        sd = _values(findings, images, quantity="noise_sd", tissue=tissue)
        if len(sd) < len(images):
            continue
        share = sd[label] / sd[FULL]
        tone, so = "good", f"about as much as full dose ({100 * share:.0f} %)"
        if share < 0.8:
            so = f"smoother than full dose ({100 * share:.0f} % of its noise): texture a reader expects is gone"
            tone = "bad"
        elif share > 1.25:
            tone, so = "plain", f"noisier than full dose ({100 * share:.0f} % of its noise)"
        yield tone, (
            f"Noise in {tissue} goes from {sd[LOW]:.1f} to {sd[label]:.1f} HU; full dose has {sd[FULL]:.1f} HU. "
            f"That is {so}"
        )
        mean = _values(findings, images, quantity="nps_mean", tissue=tissue)
        change = mean[label] / mean[FULL] - 1
        if abs(change) > 0.1:
            yield "bad", (
                f"What noise is left in {tissue} is {'coarser' if change < 0 else 'finer'} than full dose's: mean "
                f"frequency {mean[label]:.2f} per mm against {mean[FULL]:.2f}"
            )
        ratio = _values(findings, images, quantity="direction_ratio", tissue=tissue)
        if ratio[label] > 1.5 * max(ratio[FULL], ratio[LOW]):
            yield "bad", (
                f"Noise in {tissue} gets a direction, as stripes have: {ratio[label]:.1f} times stronger along one "
                f"than along another, full dose {ratio[FULL]:.1f}"
            )


def _about_edges(label: str, findings: Findings):
    shares = []
    for full in findings.where(image=FULL, quantity="ttf50"):
        own = findings.one(image=label, quantity="ttf50", contrast=full.contrast)
        if own:
            shares.append((own.value / full.value, own, full))
    if shares:
        worst, own, full = min(shares, key=lambda s: s[0] if s[0] == s[0] else 9)
        best, at_best, _ = max(shares, key=lambda s: s[0] if s[0] == s[0] else -9)
        text = (
            f"Edges of {own.contrast:g} HU keep {100 * worst:.0f} % of full dose's resolution (TTF 50 % at "
            f"{own.value:.2f} per mm, full dose {full.value:.2f})"
        )
        if at_best is not own:
            text += f", edges of {at_best.contrast:g} HU {100 * best:.0f} %"
        yield "good" if worst >= 0.9 else "bad" if worst < 0.6 else "plain", text
    for f in findings.where(image=label, quantity="overshoot"):
        if f.value > 5:
            yield "bad", f"Edges of {f.contrast:g} HU overshoot by {f.value:.0f} %"


def _about_hu(label: str, findings: Findings):
    shifts = [f for f in findings.where(image=label, quantity="hu_shift") if f.lower is not None]
    surely = [f for f in shifts if abs(f.value) >= 1 and (f.lower > 0 or f.upper < 0)]
    for f in surely:
        low = findings.one(image=LOW, quantity="hu_shift", tissue=f.tissue)
        yield "bad", (
            f"HU of {f.tissue} shift by {f.value:+.1f} ({f.lower:+.1f} to {f.upper:+.1f}); low dose's by "
            f"{low.value:+.1f}"
        )
    if shifts and not surely:
        tissues = ", ".join(f"{f.tissue} ({f.value:+.1f})" for f in shifts)
        yield "good", f"Mean HU stay within 1 HU of full dose, or no shift is certain, in {tissues}"


def _about_structure(label: str, findings: Findings):
    share = findings.one(image=label, quantity="structure_removed", tissue="body")
    if share:
        tone = "good" if share.upper < 2 else "bad" if share.lower > 5 else "plain"
        value, lower, upper = (round(x, 1) + 0.0 for x in (share.value, share.lower, share.upper))  # no "-0.0"
        yield tone, f"{value:.1f} % ({lower:.1f} to {upper:.1f}) of the body's medium structure is in what was removed"
    edge = findings.one(image=label, quantity="edge_excess")
    if edge and edge.lower > 1.1:
        yield "bad", f"At edges it takes away {edge.value:.2f} times as much as noise explains"
    if edge and edge.upper < 0.9:
        yield "plain", f"At edges it leaves noise: it takes away {edge.value:.2f} times what it takes in flat tissue"


def _about_spots(label: str, findings: Findings):
    for tissue in (places.LIVER, places.SOFT, places.LUNG):
        rows = findings.where(image=label, quantity="spots_new", tissue=tissue)
        if rows:
            new = max(rows, key=lambda row: row.value)
            spots = _values(findings, (FULL, LOW, label), quantity="spots", tissue=tissue, size=new.size)
            yield "good" if new.value < 1 else "bad", (
                f"Where nothing was put into {tissue}, {spots[label]:.1f} spots of {new.size:g} mm beyond ±20 HU show "
                f"in 100 cm², {new.value:.1f} of them not in full dose; full dose shows {spots[FULL]:.1f}, low dose "
                f"{spots[LOW]:.1f}"
            )
            return
