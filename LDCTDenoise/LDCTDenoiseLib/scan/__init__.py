"""The scan at hand, measured once: its own noise, its planes, its pixels, and what is unusual about it."""

from .facts import ScanFacts, measure_scan, padding_mask
from .limits import TRAINED, outside, remarks_on
from .noise import OwnNoise, measure_noise
from .planes import axial_planes, orientation
