"""From patients to batches: a cache of volumes, a bank of simulated noise, and patches drawn by number."""

from .bank import NoiseBank
from .cache import CachedScan, cache_scans
from .patches import PatchSource
