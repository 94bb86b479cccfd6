"""From patients to batches: a cache of volumes, a cache of simulated noise, and patches drawn by number."""

from .cache import CachedScan, cache_scans
from .noise_cache import NoiseCache, Variety
from .patches import PatchSource
