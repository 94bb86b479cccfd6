"""The summary of readings: each image against the reference, readers against each other, preferences."""

import csv
import io
import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..strict_json import read_text
from ..text_tables import records_to_csv
from .statistics import LEAST_CASES, preference, vgc, weighted_kappa
from .study import CRITERIA, KEYS, SCORES, SIDES, Study

#: The columns of the summary for machines.
COLUMNS = ("what", "criterion", "image", "against", "readers", "cases", "median", "value", "lower", "upper", "p")


@dataclass(frozen=True)
class Reading:
    """The answers of one reader with their key."""

    reader: str
    scores: dict[tuple[str, str, str], int]  #: By case, image and criterion.
    picks: list[tuple[str, str]]  #: The better image, and the other.

    @classmethod
    def of(cls, study: Study) -> "Reading":
        """Return what a study that is at hand has come to."""
        return cls._joined(study.answer_records(), study.key_records(), study.reader)

    @classmethod
    def _joined(cls, answers: list[dict], key: list[dict], source: str) -> "Reading":
        scores, picks = {}, []
        known = {(line["study"], str(line["number"])): line for line in key}
        for line in answers:
            what = known.get((line["study"], str(line["number"])))
            if what is None:
                raise InputError(f"'{source}': its key does not know number {line['number']}; give the key of this "
                                 "reading.")
            if line["kind"] == "pairs":
                better = SIDES.index(line["preferred"])
                picks.append((what[f"{SIDES[better]}_image"], what[f"{SIDES[1 - better]}_image"]))
                continue
            for criterion in CRITERIA:
                if line[criterion] not in ("", None):
                    score = int(line[criterion])
                    if score not in SCORES:
                        raise ValueError(f"a score of {score}")
                    scores[what["case"], what["image"], criterion] = score
        return cls(answers[0]["reader"], scores, picks)


def read_readings(paths: Iterable[str | Path]) -> list[Reading]:
    """Read files of answers, each with its key from the folder "key" beside it.

    Raises
    ------
    InputError
        If a file or its key is missing, or is none.
    """
    readings = []
    for path in map(Path, paths):
        try:
            answers, key = _lines(path), _lines(path.parent / KEYS / path.name)
            if not answers:
                raise InputError(f"'{path}' holds no answer.")
            readings.append(Reading._joined(answers, key, str(path)))
        except OSError as error:
            raise InputError(f"cannot read '{error.filename}': {error.strerror}; the key of a reading lies in the "
                             f"folder '{KEYS}' beside it.") from error
        except (KeyError, ValueError, TypeError, csv.Error) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"'{path}' is not the answers of a reading, or its key is none: {error}.") from error
    if not readings:
        raise InputError("there is no reading to summarise.")
    return readings


def _lines(path: Path) -> list[dict]:
    return list(csv.DictReader(io.StringIO(read_text(path))))


@dataclass(frozen=True)
class Summary:
    """The summary's rows, keys as in `COLUMNS`, and the images in their order."""

    records: list[dict]
    reference: str

    def to_csv(self) -> str:
        return records_to_csv(self.records, COLUMNS)

    def to_text(self) -> str:
        """Return the summary as lines to read."""
        lines = []
        for record in self.records:
            value, lower, upper = record["value"], record["lower"], record["upper"]
            between = f" [{lower:.2f}, {upper:.2f}]" if not math.isnan(lower) else ""
            if record["what"] == "vgc":
                lines.append(f"{record['criterion']}: {record['image']} against {record['against']}: AUC {value:.2f}"
                             f"{between}, median score {record['median']:g}, {record['cases']} cases, "
                             f"{record['readers']} readers")
            elif record["what"] == "kappa":
                found = "not defined" if math.isnan(value) else f"{value:.2f}"
                lines.append(f"{record['criterion']}: weighted kappa of {record['image']} and {record['against']}: "
                             f"{found}, {record['cases']} images")
            else:
                lines.append(f"{record['image']} preferred to {record['against']}: {100 * value:.0f} % "
                             f"[{100 * lower:.0f}, {100 * upper:.0f}] of {record['cases']}, p = {record['p']:.3f}")
        return "\n".join([*lines, self.caption()])

    def caption(self) -> str:
        return (
            "AUC: area under the visual grading characteristics curve, 0.5 for as good as "
            f"{self.reference}, with the 95 % interval of a bootstrap over cases (none below {LEAST_CASES}). Kappa: "
            "weights by the square of the difference. Preferred: with the exact 95 % binomial interval."
        )


def summarise(readings: Iterable[Reading], reference: str | None = None) -> Summary:
    """Summarise readings.

    Parameters
    ----------
    readings : iterable of Reading
    reference : str, optional
        The image that scores are compared with. Default: "LDCT" where it was read, else the first.
    """
    readings = list(readings)
    images = list(dict.fromkeys(image for r in readings for _case, image, _criterion in r.scores))
    pairs = sorted({tuple(sorted(pick)) for r in readings for pick in r.picks})
    if not images and not pairs:
        raise InputError("there is no answer to summarise yet.")
    if reference is None:
        reference = "LDCT" if "LDCT" in images or not images else images[0]
    elif images and reference not in images:
        raise InputError(f"'{reference}' was not read; the images are {', '.join(images)}.")
    cases = list(dict.fromkeys(case for r in readings for case, _image, _criterion in r.scores))
    records = []
    for criterion in CRITERIA:
        def table(image, criterion=criterion):
            return np.array([[r.scores.get((case, image, criterion), math.nan) for case in cases] for r in readings])

        for image in images:
            if image == reference:
                continue
            mine, theirs = table(image), table(reference)
            if (~(np.isnan(mine) | np.isnan(theirs))).any():
                found = vgc(mine, theirs)
                records.append(_record("vgc", criterion, image, reference, found.readers, found.cases,
                                       float(np.nanmedian(mine)), found.auc, found.lower, found.upper))
        for one, other in itertools.combinations(readings, 2):
            both = [key for key in one.scores if key[2] == criterion and key in other.scores]
            if both:
                kappa = weighted_kappa([one.scores[key] for key in both], [other.scores[key] for key in both])
                records.append(_record("kappa", criterion, one.reader, other.reader, 2, len(both), value=kappa))
    for first, second in pairs:
        picks = [pick for r in readings for pick in r.picks if set(pick) == {first, second}]
        found = preference(sum(better == first for better, _other in picks), len(picks))
        readers = sum(any(set(pick) == {first, second} for pick in r.picks) for r in readings)
        records.append(_record("preference", "", first, second, readers, found.of, math.nan, found.share, found.lower,
                               found.upper, found.p))
    return Summary(records, reference)


def _record(what, criterion, image, against, readers, cases, median=math.nan, value=math.nan, lower=math.nan,
            upper=math.nan, p=math.nan) -> dict:
    return dict(zip(COLUMNS, (what, criterion, image, against, readers, cases, median, value, lower, upper, p),
                    strict=True))
