"""Make inputs that users' tools really produce and that once went wrong, try each, and print what happened.

    make cases

One line for each: the input, whether it is right now, what happened, and what is right. Exit code 1 when one is wrong.
"""

import contextlib
import io
import os
import sys
import tempfile
import warnings
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(_ROOT / name) for name in ("LDCTDenoise", "LDCTDenoiseTraining", "Testing")]

import numpy as np  # noqa: E402
from dicom_series_maker import write_series  # noqa: E402
from LDCTDenoiseLib.cli.main import main  # noqa: E402
from LDCTDenoiseLib.errors import LDCTError  # noqa: E402
from LDCTDenoiseLib.volumes import Geometry, Volume, read_volume, write_volume  # noqa: E402
from LDCTDenoiseTrainingLib.patients import find_patients  # noqa: E402
from test_hu_check import SCALES, body  # noqa: E402
from test_nifti import ARRAY, QUATERNION, STRAIGHT, nifti  # noqa: E402
from training_maker import save_series  # noqa: E402


def command(*arguments: object) -> tuple[int, str]:
    """Run a command; return its exit code and its last line of either kind, or the table it printed."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as error:
            code = error.code
    said = [line for line in err.getvalue().replace("\r", "\n").splitlines() if line.startswith("ldct-denoise: ")]
    return code, (out.getvalue() if code == 0 else said[-1] if said else "")


def saved(path: Path, array: np.ndarray, spacing=(0.8, 0.8, 2.5)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_volume(Volume(array, Geometry(spacing)), path)
    return path


def borders(work: Path):
    """Tissue up to every border comes out as it went in."""
    j, i = np.mgrid[:192, :192]
    clean = np.where(np.hypot(j - 96, i - 96) < 30, 150, 50)
    noisy = np.rint(clean + np.random.default_rng(5).normal(0, 20, (2, 192, 192))).astype(np.int16)
    code, said = command("denoise", saved(work / "in.nrrd", noisy, (0.4, 0.4, 2)), work / "out.nrrd")
    if code:
        yield "tissue up to the borders", False, said, "denoised"
        return
    error = read_volume(work / "out.nrrd").array - clean
    edges = [abs(float(e.mean())) for e in (error[:, 0], error[:, -1], error[:, :, 0], error[:, :, -1])]
    yield "tissue up to the borders", max(edges) <= 2, f"off by up to {max(edges):.1f} HU", "2 HU at most"


def not_hu(work: Path):
    for number, (name, change) in enumerate(SCALES.items()):
        path = saved(work / f"{number}.nii.gz", np.ascontiguousarray(change(body(40))))
        code, said = command("denoise", path, work / "out.nrrd", "--method", "TV")
        yield f"values: {name}", code == 2, f"exit {code}. {said[14:]}", "exit 2 and a line"


def air_slice(work: Path):
    low, full = body(45, 5), body(8, 5)
    for seed, (array, noise) in enumerate(((low, 45), (full, 8))):
        array[0] = np.rint(np.random.default_rng(seed).normal(-1000, noise, array[0].shape))
    pair = ("--low", saved(work / "low.nrrd", low), "--full", saved(work / "full.nrrd", full))
    code, said = command("compare", *pair, "--method", "TV", "--output", work / "out")
    row = next((line for line in said.splitlines() if "LDCT" in line), said)
    yield "a slice of air in both doses", code == 0 and "inf" not in row and "nan" not in row, row, "means without it"


def mayo(work: Path):
    """Three patients of two doses, told apart by folder only, by file names only, by PatientID in one folder."""
    layouts = {
        "PatientID 'Anonymous', a folder each": ("{p}/{dose}_3mm", "Anonymous", "", ""),
        "the dose first, then the patient": ("{dose}_3mm/{p}/{dose}_3mm", "Anonymous", "", ""),
        "all series in one folder": (".", "{p}", "{p} {Dose} Dose 3.0", "{p}_{letter}_"),
        "the dose in file names alone": (".", "{p}", "3.0 B30f", "{p}_{letter}_"),
    }
    for number, (name, parts) in enumerate(layouts.items()):
        for seed, p in enumerate(("L067", "L096", "L109")):
            for dose, letter in (("full", "FD"), ("quarter", "QD")):
                words = {"p": p, "dose": dose, "Dose": "Full" if dose == "full" else "Low", "letter": letter}
                place, owner, told, prefix = (part.format(**words) for part in parts)
                save_series(work / str(number) / place, 10 * seed + (dose == "full"), owner, told, prefix)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                scans = find_patients(work / str(number))[0].scans
                found = f"{len({s.patient for s in scans})} patients, {sum(s.low is not None for s in scans)} pairs"
            except LDCTError as error:
                found = str(error)
        yield f"training: {name}", found == "3 patients, 3 pairs", found, "3 patients, 3 pairs"


def scouts(work: Path):
    def survey(_k, dataset):
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
        dataset.ImageType = ["DERIVED", "SECONDARY", "REF_SURVIEW"]

    for count in (1, 3):
        write_series(work / f"in{count}", count, step=(0, 0, 0), change=survey)
        code, said = command("batch", work / f"in{count}", work / f"out{count}", "--method", "TV")
        right = code == 0 and "skipped" in said and "failed" not in said
        yield f"{count} secondary capture(s) with a place", right, said.splitlines()[-1], "skipped"


def placement(work: Path):
    sheared = [[-0.8, 0, 0, 40], [0, -0.9, 0.7, 30], [0, 0, 2.5, 100]]
    other = [[-1, 0, 0, 40], [0, -1, 0, 30], [0, 0, 5, 100]]
    inputs = {  # how it is written, the voxel size, the lowest value, and what a warning must name
        "sheared sform, straight qform": (dict(sform=sheared, qform=QUATERNION), 2.5, None, "qform"),
        "pixdim 0, sform 2.5 mm": (dict(pixdim=(0.8, 0.9, 0)), 2.5, None, ""),
        "one slice, two axes": (dict(array=ARRAY[:1], axes=2), 2.5, None, ""),
        "slope 0, intercept -1024": (dict(scale=(0, -1024)), 2.5, ARRAY.min(), ""),
        "sform 1 x 1 x 5, pixdim 0.8 x 0.9 x 2.5": (dict(sform=other), 5, None, "pixdim"),
        "version 1, as it ought to be": (dict(sform=STRAIGHT), 2.5, ARRAY.min(), ""),
    }
    for number, (name, (how, k, lowest, named)) in enumerate(inputs.items()):
        path = nifti(work / f"{number}.nii", **how)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            volume = read_volume(path)
        told = "; ".join(str(warning.message) for warning in caught)
        spacing, z = volume.geometry.spacing[2], volume.geometry.origin[2]
        right = abs(spacing - k) < 1e-6 and z == 100 and lowest in (None, volume.array.min())
        right = right and (named in told if named else not told)
        ought = f"{k:g} mm at z 100{', named' * bool(named)}"
        yield f"NIfTI: {name}", right, f"{spacing:g} mm at z {z:g}. {told}", ought


def sagittal(work: Path):
    """The noise of a lower dose does not depend on which axis is the slowest."""
    one = body(0, 1, 96)[0]
    axial = np.repeat(one[None], 40, axis=0)
    sizes, saids = [], []
    for name, turned in (("axial", axial), ("sagittal", np.moveaxis(axial, 2, 0))):
        path = work / f"{name}.nrrd"
        direction = (1.0, 0, 0, 0, 1, 0, 0, 0, 1) if name == "axial" else (0.0, 0, 1, 1, 0, 0, 0, 1, 0)
        geometry = Geometry((3, 3, 3), direction=direction)
        work.mkdir(exist_ok=True)
        write_volume(Volume(np.ascontiguousarray(turned), geometry), path)
        code, said = command("simulate", path, work / f"{name}-low.nrrd")
        saids.append(said)
        if code == 0:
            added = read_volume(work / f"{name}-low.nrrd").array.astype(float) - turned
            sizes.append(float(added[np.abs(turned - 50) < 1].std()))
    same = len(sizes) == 2 and abs(sizes[0] - sizes[1]) < 0.05 * sizes[0]
    happened = f"noise of {' and '.join(f'{size:.1f}' for size in sizes)} HU" + (saids[-1] if len(sizes) < 2 else "")
    yield "sagittal slices, simulated dose", same or len(sizes) == 1, happened, "the same noise, or a refusal"


def show(groups) -> bool:
    """Print a line for each case; return whether all are right."""
    wrong = count = 0
    with tempfile.TemporaryDirectory() as folder:
        for group in groups:
            work = Path(folder) / group.__name__
            work.mkdir()
            for name, right, happened, ought in group(work):
                count, wrong = count + 1, wrong + (not right)
                said = " ".join(str(happened).replace(folder + os.sep, "").split())
                print(f"{'right' if right else 'WRONG'}  {name:<42} {said[:110]:<110}  ({ought})", flush=True)
    print(f"{count} cases, {wrong} wrong")
    return not wrong


if __name__ == "__main__":
    known = (borders, not_hu, air_slice, mayo, scouts, placement, sagittal)
    sys.exit(0 if show([group for group in known if group.__name__ in sys.argv[1:] or not sys.argv[1:]]) else 1)
