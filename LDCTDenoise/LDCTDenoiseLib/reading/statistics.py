"""What scores and preferences say: visual grading characteristics, agreement of readers, binomial intervals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..requirements import require
from .study import SCORES

#: Fewest cases from which an interval is drawn: of fewer a bootstrap only repeats what it has.
LEAST_CASES = 5


@dataclass(frozen=True)
class VGC:
    """The area under the visual grading characteristics curve, with its 95 % interval (NaN below five cases).

    0.5: as good as the reference; 1: better in every case; 0: worse in every case.
    """

    auc: float
    lower: float
    upper: float
    cases: int
    readers: int


def vgc(scores: np.ndarray, reference: np.ndarray, resamples: int = 2000) -> VGC:
    """Compare the scores of an image with those of a reference, as the ranks that they are.

    The area under the VGC curve is the Mann-Whitney statistic, ties counted as a half; that of several readers is the
    mean of theirs. The interval is a percentile bootstrap over cases, the same ones for both images and all readers.
    Båth & Månsson, Br J Radiol 80:169 (2007).

    Parameters
    ----------
    scores, reference : numpy.ndarray
        Shape (readers, cases); NaN where a reader gave none.

    Raises
    ------
    InputError
        If no reader has scored both.
    """
    from ..evidence.observers import auc  # a room that loads much, for one line

    scores, reference = np.atleast_2d(scores).astype(float), np.atleast_2d(reference).astype(float)
    areas, resampled = [], []
    both = ~(np.isnan(scores) | np.isnan(reference))
    cases = int(both.any(axis=0).sum())
    # How often each case is drawn, by resample.
    drawn = np.random.default_rng(0).multinomial(both.shape[1], np.full(both.shape[1], 1 / both.shape[1]), resamples)
    for mine, theirs, there in zip(scores, reference, both, strict=True):
        if not there.any():
            continue
        areas.append(auc(mine[there], theirs[there]))
        weights, difference = drawn[:, there], mine[there][:, None] - theirs[there]
        won = (difference > 0) + 0.5 * (difference == 0)
        whole = weights.sum(axis=1).astype(float)
        whole[whole == 0] = math.nan  # of a reader who has left cases out
        resampled.append(np.einsum("bi,bi->b", weights @ won, weights) / whole**2)
    if not areas:
        raise InputError("no reader has scored both images of a case.")
    lower = upper = math.nan
    if cases >= LEAST_CASES:
        lower, upper = (float(v) for v in np.nanpercentile(np.mean(resampled, axis=0), [2.5, 97.5]))
    return VGC(float(np.mean(areas)), lower, upper, cases, len(areas))


def weighted_kappa(first: Sequence[int], second: Sequence[int]) -> float:
    """Return Cohen's weighted kappa of two readers' scores of the same images; squares weight disagreements.

    Cohen, Psychol Bull 70:213 (1968).

    Parameters
    ----------
    first, second : sequence of int
        Of `SCORES`.

    Returns
    -------
    float
        1 for full agreement, 0 for chance; NaN where both gave one score only, or none.
    """
    if not len(first):
        return math.nan
    number = np.arange(len(SCORES))
    observed = np.zeros((len(SCORES), len(SCORES)))
    np.add.at(observed, (np.searchsorted(SCORES, first), np.searchsorted(SCORES, second)), 1 / len(first))
    expected = np.outer(observed.sum(axis=1), observed.sum(axis=0))
    cost = (number[:, None] - number) ** 2.0
    chance = (cost * expected).sum()
    return float(1 - (cost * observed).sum() / chance) if chance > 0 else math.nan


@dataclass(frozen=True)
class Share:
    """How often one image was preferred, with the exact 95 % interval, and p of an even chance (two-sided)."""

    wins: int
    of: int
    share: float
    lower: float
    upper: float
    p: float


def preference(wins: int, of: int) -> Share:
    """Return the share of preferences with its exact binomial interval (Clopper & Pearson, Biometrika 26:404, 1934)."""
    if not 0 <= wins <= of or not of:
        raise InputError(f"{wins} of {of} is no share of preferences.")
    test = require("scipy.stats").binomtest(wins, of)
    interval = test.proportion_ci(0.95, "exact")
    return Share(wins, of, wins / of, float(interval.low), float(interval.high), float(test.pvalue))
