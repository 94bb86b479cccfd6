"""Write the phantom pair that ships with the Slicer module, `LDCTDenoise/Resources/Sample`.

It is what `ldct-denoise demo --slices 3` makes, cut to the body.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "LDCTDenoise"))

from LDCTDenoiseLib.phantom import abdomen_phantom  # noqa: E402
from LDCTDenoiseLib.simulation import as_scanned, full_dose_run, low_dose_run  # noqa: E402
from LDCTDenoiseLib.volumes import Geometry, Volume  # noqa: E402

FOLDER = ROOT / "LDCTDenoise" / "Resources" / "Sample"

#: Slices, rows and columns of 3 × 512 × 512 voxels.
PART = (slice(0, 3), slice(88, 408), slice(36, 484))


def sample_pair() -> dict[str, Volume]:
    """Return the pair as it ships, by the names of its files."""
    phantom = abdomen_phantom(3)
    full = _finished(full_dose_run(phantom), "FDCT")
    return {scan.name: _part(scan) for scan in (full, _finished(low_dose_run(full), "LDCT"))}


def _finished(run, name: str) -> Volume:
    for _ in run:
        pass
    return as_scanned(run, name)


def _part(volume: Volume) -> Volume:
    geometry = volume.geometry
    first = [part.start for part in reversed(PART)]
    # The phantom's axes are those of LPS.
    origin = tuple(o + n * s for o, n, s in zip(geometry.origin, first, geometry.spacing, strict=True))
    return Volume(volume.array[PART].copy(), Geometry(geometry.spacing, origin, geometry.direction), volume.name)


def main() -> None:
    import SimpleITK

    FOLDER.mkdir(exist_ok=True)
    for name, volume in sample_pair().items():
        image = SimpleITK.GetImageFromArray(volume.array)
        image.SetSpacing(volume.geometry.spacing)
        image.SetOrigin(volume.geometry.origin)
        SimpleITK.WriteImage(image, str(FOLDER / f"{name}.nrrd"), useCompression=True, compressionLevel=9)


if __name__ == "__main__":
    main()
