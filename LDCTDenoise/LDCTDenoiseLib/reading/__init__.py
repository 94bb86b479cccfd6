"""Blinded readings: images shuffled and unnamed, scored or compared in pairs, and what the scores say."""

from .statistics import VGC, Share, preference, vgc, weighted_kappa
from .study import CRITERIA, KINDS, SCORES, Answer, Study, Trial
from .summary import Summary, read_readings, summarise
