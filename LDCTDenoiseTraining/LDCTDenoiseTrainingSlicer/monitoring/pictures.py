"""Slices side by side as a PNG file, for a label of the panel."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import vtk
from LDCTDenoiseLib.errors import OutputError
from LDCTDenoiseLib.hounsfield import PAPER
from LDCTDenoiseTrainingLib.training.picture import PICTURE
from vtk.util import numpy_support

#: Columns of white between two images.
_GAP = 4


def pictureState(folder: Path) -> tuple | None:
    """Return what changes with a run's picture, or None while there is none."""
    try:
        facts = (Path(folder) / PICTURE).stat()
    except OSError:
        return None
    return facts.st_size, facts.st_mtime_ns


def readPicture(folder: Path) -> tuple[int, list[np.ndarray]] | None:
    """Return the step of a run's last validation and its slice at low dose, denoised and at full dose; None before."""
    try:
        with np.load(Path(folder) / PICTURE) as content:
            return int(content["step"]), [content[name] for name in ("low", "result", "full")]
    except (OSError, ValueError, KeyError):
        return None


def writeStrip(path: Path, images: Sequence[np.ndarray], width: int) -> None:
    """Write slices of one size, HU of shape (rows, columns), side by side in the paper's window; in any thread.

    Parameters
    ----------
    path : Path
    images : sequence of numpy.ndarray
    width : int
        Pixels that the picture may be wide; wider ones are made smaller.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    window = PAPER.upper - PAPER.lower
    gap = np.full((images[0].shape[0], _GAP), 255, np.uint8)
    parts = []
    for image in images:
        shown = np.clip(image.astype(np.float32), PAPER.lower, PAPER.upper)
        parts += [np.rint(255 * (shown - PAPER.lower) / window).astype(np.uint8), gap]
    strip = np.ascontiguousarray(np.hstack(parts[:-1])[::-1])  # VTK's rows rise
    data = vtk.vtkImageData()
    data.SetDimensions(strip.shape[1], strip.shape[0], 1)
    scalars = numpy_support.numpy_to_vtk(strip.ravel(), deep=True)
    data.GetPointData().SetScalars(scalars)
    writer = vtk.vtkPNGWriter()
    writer.SetFileName(str(path))
    if strip.shape[1] > width:
        smaller = vtk.vtkImageResize()
        smaller.SetInputData(data)
        smaller.SetOutputDimensions(width, max(1, round(strip.shape[0] * width / strip.shape[1])), 1)
        smaller.Update()
        data = smaller.GetOutput()
    writer.SetInputData(data)
    writer.Write()
    if writer.GetErrorCode():
        raise OutputError(f"cannot write the picture '{path}'; is the disk full?")
