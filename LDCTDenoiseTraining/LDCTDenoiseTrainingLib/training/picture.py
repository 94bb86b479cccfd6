"""One validation slice, for people to look at while the training goes on."""

from pathlib import Path

import numpy as np
from LDCTDenoiseLib.files import write_atomic

#: In the run's folder: `step`, and `full`, `low`, `result` in HU, int16, shape (rows, columns).
PICTURE = "validation.npz"


def save_picture(folder: Path, step: int, part, output: np.ndarray) -> None:
    """Write the middle slice of a scan as it was, at low dose and denoised, in place of the one before.

    It lies as people look at it: rows to the back, columns to the patient's left.

    Parameters
    ----------
    folder : Path
        The run's folder.
    step : int
    part : ValidationSlices
    output : numpy.ndarray
        Its slices denoised, HU, shape (slices, rows, columns).

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    k = len(output) // 2
    turn = tuple(slice(None, None, -1 if turned else 1) for turned in part.scan.turned)
    images = {"full": part.full[k], "low": part.low[k], "result": output[k]}
    with write_atomic(folder / PICTURE) as place:
        np.savez_compressed(place, step=step, **{name: image[turn] for name, image in images.items()})
