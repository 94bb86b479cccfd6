"""The patches that a training draws, as its settings have it."""

from ..data import CachedScan, NoiseCache, PatchSource, Variety
from .config import TrainingConfig


def make_source(config: TrainingConfig, scans: list[CachedScan], device: str, refresh: int = 0) -> PatchSource:
    """Return a training's patches, of those scans that train; their noise is in the source's cache.

    Parameters
    ----------
    config : TrainingConfig
    scans : list of CachedScan
    device : str
        Where low dose is simulated, by torch's name.
    refresh : int
        Batches that one generation of noise serves; 0 is what the config says.
    """
    training = [scan for scan in scans if scan.scan.role == "train"]
    simulated = [scan for scan in training if scan.scan.simulation]
    variety = Variety(config.noise_slices, config.thickness, config.scale, config.lesions)
    noise = NoiseCache(
        simulated, config.seed, config.noise_generations, config.noise_workers, device, variety, config.noise_level,
        config.neighbours,
    )
    return PatchSource(
        training, noise, config.seed, config.patch, refresh or config.noise_refresh, config.least_body, config.keep_air,
        config.dose_jitter, config.bone_patches, config.full_dose, config.kernel_boost, config.margin,
    )  # fmt: skip
