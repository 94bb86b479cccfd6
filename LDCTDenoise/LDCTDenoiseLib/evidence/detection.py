"""From the answers of observers to findings: contrast kept, CNR, d' and AUC of each lesion, and their intervals."""

from collections.abc import Callable

import numpy as np

from . import lesions, places
from .findings import Finding, Findings
from .observers import Bootstrap, auc, detectability, interval
from .plan import Plan
from .result import ALL_SCANS, FULL, LOW

#: The fewest places of a lesion that are reported; an observer with channels is trained on three a channel at least.
LEAST_OCCURRENCES, _PLACES_PER_CHANNEL = 12, 3


class Detection:
    """Lets observers answer about one scan.

    Parameters
    ----------
    plan : Plan
    labels : callable
        Gives, for an image, the fields that all its findings have.

    Attributes
    ----------
    findings : list of Finding
    resampled : dict
        Resampled values by what they are of, so that scans can be averaged.
    too_few : int
        Kinds of lesion that were left out.
    """

    def __init__(self, plan: Plan, labels: Callable[[str], dict]):
        self._plan, self._labels = plan, labels
        self.findings, self.resampled, self.too_few = [], {}, 0

    def ask(self, answers: dict, noise_findings: Findings) -> None:
        """Take the answers by image, of shape (2, occurrences, answers): with and without the lesion."""
        plan, samples = self._plan, {}
        if not answers:
            return
        members = {
            places.SOFT: plan.tissue_of == places.SOFT, places.LIVER: plan.in_liver,
            places.LUNG: plan.tissue_of == places.LUNG,
        }  # fmt: skip
        for tissue, member in members.items():
            in_tissue = member[plan.occurrences.place]
            for number, lesion in enumerate(plan.kinds):
                rows = np.flatnonzero(in_tissue & (plan.occurrences.lesion == number))
                if len(rows) < LEAST_OCCURRENCES:
                    self.too_few += tissue != places.LIVER and bool(in_tissue.any())
                    continue
                bootstrap = samples.setdefault(len(rows), Bootstrap(len(rows), 500))
                self._one_lesion(tissue, lesion, answers, rows, bootstrap, noise_findings)

    def _one_lesion(self, tissue, lesion, answers, rows, bootstrap, noise_findings) -> None:
        before = {}
        for label, both in answers.items():
            present, absent = both[0][rows], both[1][rows]
            labels = {
                **self._labels(label), "tissue": tissue, "shape": lesion.shape, "contrast": lesion.contrast,
                "size": lesion.size, "count": len(rows),
            }  # fmt: skip
            change = (present[:, lesions.CORE] - absent[:, lesions.CORE]) / lesion.contrast
            kept, resampled = float(change.mean()), bootstrap.mean(change)
            self._add("contrast_kept", 100 * kept, 100 * resampled, labels)
            sd = noise_findings.one(quantity="noise_sd", image=label, tissue=tissue)
            if sd:
                scale = abs(lesion.contrast) / sd.value
                self._add("cnr", scale * kept, scale * resampled, labels)
            for observer in lesions.OBSERVERS:
                channels = lesions.CHANNELS.get(observer.removeprefix("CHO-"))
                if channels and len(rows) < _PLACES_PER_CHANNEL * (channels.stop - channels.start):
                    continue
                with_lesion, without = lesions.answers_of(observer, present, absent, lesion.contrast)
                if with_lesion.var() + without.var() == 0:
                    continue
                named = {**labels, "observer": observer}
                d, resampled = detectability(with_lesion, without), bootstrap.detectability(with_lesion, without)
                self._add("detectability", d, resampled, named)
                self._add("auc", auc(with_lesion, without), bootstrap.auc(with_lesion, without), named)
                if label == LOW:
                    before[observer] = (d, resampled)
                elif label != FULL and observer in before:
                    d0, resampled0 = before[observer]
                    self._add("detectability_change", d - d0, resampled - resampled0, named)

    def _add(self, quantity: str, value: float, resampled: np.ndarray, labels: dict) -> None:
        found = Finding(quantity, **interval(value, resampled), **labels)
        self.resampled[_lesion_of(found)] = resampled
        self.findings.append(found)


#: What findings of several scans have in common when they are averaged.
_SAME = ("image", "tissue", "shape", "contrast", "size", "observer")


def _lesion_of(finding: Finding) -> tuple:
    return (finding.quantity, *(getattr(finding, name) for name in _SAME))


def over_scans(findings: Findings, resampled: dict[str, dict]) -> list[Finding]:
    """Average lesions' findings over scans, each scan alike; the intervals from the means of the resampled values."""
    averaged = []
    by_lesion = {(f.scan, *_lesion_of(f)): f for f in findings}
    for key in dict.fromkeys(key for by_key in resampled.values() for key in by_key):
        scans = [name for name, by_key in resampled.items() if key in by_key]
        if len(scans) < 2:
            continue
        quantity, *same = key
        labels = dict(zip(_SAME, same, strict=True))
        parts = [by_lesion[(name, *key)] for name in scans]
        lower, upper = np.nanpercentile(np.mean([resampled[name][key] for name in scans], axis=0), [2.5, 97.5])
        averaged.append(
            Finding(
                quantity, value=float(np.mean([f.value for f in parts])), lower=float(lower), upper=float(upper),
                count=sum(f.count for f in parts), scan=ALL_SCANS, dose=parts[0].dose, **labels,
            )
        )  # fmt: skip
    return averaged
