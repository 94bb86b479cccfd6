"""Trim the air around the patient, so that the patient fills the panel."""

import numpy as np

from ..requirements import require

#: What is denser than this, in HU, can be the patient's outline.
_BODY_HU = -350.0


def crop_to_body(hounsfield: np.ndarray, margin: int = 8) -> tuple[int, int, int, int]:
    """Find the columns and rows that hold the patient.

    The patient is the largest connected region above -350 HU; the table, thin and apart, is left out.

    Parameters
    ----------
    hounsfield : numpy.ndarray
        A slice in HU, shape (rows, columns).
    margin : int
        Pixels of air to keep on every side, as far as there are any.

    Returns
    -------
    tuple of int
        (i0, i1, j0, j1): columns i0 to i1 and rows j0 to j1, upper bounds exclusive. The whole slice when nothing
        in it looks like a patient.
    """
    ndimage = require("scipy.ndimage")
    rows, columns = hounsfield.shape
    # Averaging over 3×3 pixels keeps the noise of a low dose from bridging the air to the table.
    dense = ndimage.uniform_filter(np.asarray(hounsfield, dtype=np.float32), 3) > _BODY_HU
    regions, count = ndimage.label(dense)
    if count == 0:
        return 0, columns, 0, rows
    largest = 1 + int(np.argmax(np.bincount(regions.ravel())[1:]))
    along_rows, along_columns = ndimage.find_objects(regions)[largest - 1]
    return (
        max(0, along_columns.start - margin),
        min(columns, along_columns.stop + margin),
        max(0, along_rows.start - margin),
        min(rows, along_rows.stop + margin),
    )
