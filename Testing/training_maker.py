"""Small CT for the tests of training: bodies of noise, tissue and bone, as files and as DICOM series."""

import numpy as np
from LDCTDenoiseLib.phantom import write_series
from LDCTDenoiseLib.volumes import Geometry, Volume, write_volume

SIDE, SLICES = 32, 4


def body(seed: int, slices: int = SLICES, side: int = SIDE) -> np.ndarray:
    """Return a full-dose volume: an ellipse of soft tissue with bone in air, int16 HU."""
    rng = np.random.default_rng(seed)
    j, i = np.mgrid[:side, :side] / side - 0.5
    radius = np.hypot(j / 0.42, i / 0.46)
    image = np.where(radius > 1, -1000.0, np.where(radius > 0.85, -100, 40))
    image[side // 2 : side // 2 + 3, side // 2 - 4 : side // 2 + 4] = 500 + 10 * seed
    volume = image + rng.normal(0, 8, (slices, side, side))
    return np.rint(volume).clip(-1024, 3071).astype(np.int16)


def save_scan(path, array, origin=(0.0, 0.0, 0.0)):
    """Write a volume whose 32 pixels make a body of 30 cm."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_volume(Volume(array, Geometry((10.0, 10.0, 5.0), origin)), path)
    return path


def save_pairs(folder):
    """Write a patient who trains and one who validates, full dose and noisy, and return them as a patient set."""
    from LDCTDenoiseTrainingLib.patients import PatientSet, Scan

    scans = []
    for n, role in enumerate(("train", "validation")):
        full = body(n, slices=2)
        low = np.rint(full + np.random.default_rng(n).normal(0, 60, full.shape)).astype(np.int16)
        paths = [save_scan(folder / f"p{n}_{kind}.nii.gz", array) for kind, array in (("full", full), ("low", low))]
        scans.append(Scan(f"p{n}", role, paths[0], low=paths[1]))
    return PatientSet(tuple(scans))


def save_series(folder, seed, patient="P", description="", prefix=""):
    """Write a DICOM series of that body and return its UID."""
    return write_series(
        body(seed), folder, (10, 10, 5), prefix=prefix, PatientID=patient, SeriesDescription=description,
        StudyInstanceUID="1.2.3", FrameOfReferenceUID="1.2.4",
    )
