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
_CONE_BEAM = ("cbct", "cone beam", "cone-beam", "obi", "xvi", "on-board", "o-arm", "truebeam", "halcyon")
#: What of an image's looks tells that it was denoised: power at low frequencies, kurtosis of the finest detail (both on
#: 32 ordinary volumes at most 0.44 and 3.1), and the frequency's cube over variance and thickness in 1e-4 / (mm⁴ HU²),
#: which grows with the dose (at most 1.7 there).
_RAMP_EXCESS, _PEAKEDNESS, _TOO_GOOD = 0.5, 3.6, 3.0
#: What tells of cone-beam CT: a body cut by a round field narrower than any but a few (share of its rim, mm), noise too
#: strong for so smooth a kernel (variance over the frequency's cube in 1e4 HU² mm³, beside other signs and alone, below
#: a frequency in 1/mm; ordinary volumes have at most 1), fat that is not of one HU or soft tissue that is too dark.
_CUT, _NARROW_FIELD = 0.05, 270.0
_BAD, _TOO_BAD, _SMOOTH = 5.0, 9.0, 0.3
_UNEVEN_FAT, _DARK = 36.0, 15.0
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
    elif signs := _cone_beam(facts):
        found.append(f"it looks like cone-beam CT ({', '.join(signs)})")
    if any(word in said for word in _DENOISED):
        found.append("it is denoised or iteratively reconstructed already by its headers")
    elif signs := _denoised(facts):
        found.append(f"it looks denoised or iteratively reconstructed already ({', '.join(signs)})")
    return found


def _denoised(facts: ScanFacts) -> list[str]:
    """Return by what an image looks denoised; nothing where its noise is like a reconstruction's."""
    noise, looks, found = facts.noise, facts.looks, []
    if noise is None or not noise.sd:
        return found
    if (looks.ramp_excess or 0) > _RAMP_EXCESS:
        found.append("its noise has the low frequencies of a noisier scan")
    if (looks.peakedness or 0) > _PEAKEDNESS:
        found.append("its finest detail is flat in patches")
    if facts.thickness or facts.slices > 1:
        # Slices that overlap are thicker than their spacing.
        thickness = facts.thickness or facts.slice_spacing / (1 - min(noise.slice_correlation, 0.8))
        if 1e4 * noise.mean_frequency**3 / (noise.sd**2 * thickness) > _TOO_GOOD:
            found.append(f"{noise.sd:.1f} HU of noise is little for its kernel and slices")
    return found


def _cone_beam(facts: ScanFacts) -> list[str]:
    """Return by what a scan looks like cone-beam CT: a narrow field that cuts the body, or two lesser signs."""
    noise, looks, found = facts.noise, facts.looks, []
    if looks.field_cut > _CUT and looks.field_diameter < _NARROW_FIELD:
        return [f"a round field of {looks.field_diameter:.0f} mm cuts the body"]
    if noise and noise.sd and noise.mean_frequency < _SMOOTH:
        strength = 1e-4 * noise.sd**2 / noise.mean_frequency**3
        if strength > _BAD:
            found.append("strong noise for so smooth a kernel")
        if strength > _TOO_BAD:
            return found
    if (looks.fat_spread or 0) > _UNEVEN_FAT or (looks.soft_level is not None and looks.soft_level < _DARK):
        found.append("HU of fat and soft tissue that shading moved")
    if facts.slices > 1 and abs(facts.slice_spacing - facts.pixel_spacing[0]) < 0.02 * facts.slice_spacing:
        found.append("cubic voxels")
    return found if len(found) > 1 else []


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
