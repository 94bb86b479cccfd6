"""What of a scan lies outside of what the networks were trained on, in words."""

import re

from ..errors import warn
from ..volumes.volume import Volume
from .facts import ScanFacts, measure_scan

#: Mean frequency of the noise in 1/mm beyond which a kernel is sharper than most.
SHARP = 0.46
#: What the weights that ship saw, where a model's card does not say: own noise of the full-dose scans in HU, its mean
#: frequency in 1/mm, pixels and slices in mm.
TRAINED = {"noise_hu": (4.0, 160.0), "noise_frequency": (0.19, SHARP), "pixel_mm": (0.5, 1.4), "slice_mm": (0.5, 10.0)}

#: Part by which a scan may lie outside of what was trained on and still be called like it.
_NEAR = 0.1
#: A body narrower than this in mm whose share of dense bone is larger than that is a head, or an arm or leg.
_HEAD_DIAMETER, _HEAD_BONE = 215.0, 0.07
#: Words in the headers of cone-beam scans and of images that were denoised before.
_CONE_BEAM = ("cbct", "cone beam", "cone-beam", "obi", "xvi", "on-board", "o-arm")
_DENOISED = ("denois", "ldctdenoise", "iterative", "dlir", "truefidelity", "aice", "deep learning")


def outside(facts: ScanFacts, trained: dict | None = None) -> list[str]:
    """Return what is unusual about a scan, a phrase each; empty for an ordinary one.

    Parameters
    ----------
    facts : ScanFacts
    trained : dict, optional
        Ranges as `TRAINED` has them, from a model's card; what it lacks is taken from there.
    """
    ranges = {**TRAINED, **{k: v for k, v in (trained or {}).items() if k in TRAINED}}
    # Sharp kernels are rare in what was trained on even where some were: they are warned of all the same.
    coarse, sharp = ranges["noise_frequency"]
    ranges["noise_frequency"] = min(coarse, TRAINED["noise_frequency"][0]), min(sharp, SHARP)
    found, noise, said = [], facts.noise, facts.described.lower()
    if noise is None:
        found.append("its noise cannot be measured (too little flat soft tissue)")
    else:
        low, high = ranges["noise_hu"]
        if noise.sd < low * (1 - _NEAR):
            found.append(f"it has hardly any noise ({noise.sd:.1f} HU; trained on {low:g} to {high:g})")
        elif noise.sd > high * (1 + _NEAR):
            found.append(f"its noise of {noise.sd:.0f} HU is beyond what was trained on ({low:g} to {high:g})")
        low, high = ranges["noise_frequency"]
        if noise.sd and noise.mean_frequency < low:
            found.append(
                f"its noise is coarse ({noise.mean_frequency:.2f} / mm), as of a scan that is denoised or smoothed "
                "already, or of cone-beam CT"
            )
        elif noise.mean_frequency > high:
            found.append(f"its kernel is sharp (noise of {noise.mean_frequency:.2f} / mm; trained up to {high:g})")
    low, high = ranges["pixel_mm"]
    if min(facts.pixel_spacing) < low * (1 - _NEAR) or max(facts.pixel_spacing) > high * (1 + _NEAR):
        found.append(f"its pixels of {facts.pixel_spacing[0]:.2f} mm are not those trained on ({low:g} to {high:g} mm)")
    low, high = ranges["slice_mm"]
    slice_mm = facts.thickness or facts.slice_spacing
    if facts.slices > 1 and not low * (1 - _NEAR) <= slice_mm <= high * (1 + _NEAR):
        found.append(f"its slices of {slice_mm:g} mm are not those trained on ({low:g} to {high:g} mm)")
    if facts.orientation != "axial":
        found.append(f"its slices are {facts.orientation}, not axial")
    if 0 < facts.body_diameter < _HEAD_DIAMETER and facts.bone > _HEAD_BONE or _says(said, ("head", "brain")):
        found.append("it looks like a head or a limb, and only trunks were trained on")
    if _says(said, _CONE_BEAM):
        found.append("it is a cone-beam scan by its headers")
    if any(word in said for word in _DENOISED):
        found.append("it is denoised or iteratively reconstructed already by its headers")
    return found


def _says(said: str, words: tuple[str, ...]) -> bool:
    """Whether one of these words stands in a text, and not just its letters within another."""
    return any(re.search(rf"\b{re.escape(word)}\b", said) for word in words)


def remarks_on(volume: Volume, denoiser, facts: ScanFacts | None = None) -> tuple[str, ...]:
    """Say what is unusual about a volume for a denoiser, once as an `LDCTWarning`, and return it for the record.

    Parameters
    ----------
    volume : Volume
    denoiser : methods.denoiser.Denoiser
        Only networks know scans that they were trained on.
    facts : ScanFacts, optional
        What is known of the volume; else it is measured.
    """
    if not denoiser.on_device:
        return ()
    found = outside(facts or measure_scan(volume), getattr(denoiser, "trained", None))
    if not found:
        return ()
    warn(
        f"'{volume.name}' is unlike what {denoiser.name} was trained on: {'; '.join(found)}. Look at the result with "
        "care."
    )
    return (f"unusual scan: {', '.join(found)}",)
