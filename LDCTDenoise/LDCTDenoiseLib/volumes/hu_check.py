"""Tell from the values alone that an array is not CT in HU. Each function says so only on strong evidence."""

import numpy as np

# Enough voxels to know the shares of tissue, few enough to be quick on a whole body.
_SAMPLE = 2_000_000

# Voxels below are padding or wrapped values; they say nothing about what the rest was stored as.
_PADDING = -1500


def _sample(array: np.ndarray) -> np.ndarray:
    """Return evenly spread values, the same ones for the same array."""
    flat = array.reshape(-1)
    # An odd step: one that divides the row length would take the same few columns of every row.
    return flat[:: max(1, flat.size // _SAMPLE) | 1]


def looks_like_labels(array: np.ndarray) -> bool:
    """Whether this is a label map (segmentation) and not an image.

    A label map has few whole numbers from 0 on, and neighbours inside a label are equal; in an image they are not,
    not even in a smooth one cut out of soft tissue.
    """
    lowest, highest = array.min(), array.max()
    if lowest < 0:
        return False
    values = np.unique(_sample(array))
    if len(values) > 256 or (values != np.rint(values)).any():
        return False
    # HU from 0 to 31 at most, 0 included, would be an image of water without noise.
    if lowest == 0 and highest <= 31:
        return True
    left, right = array[..., :-1], array[..., 1:]
    # Background beside background is equal in an image cut out along an organ, too.
    inside = (left != 0) | (right != 0)
    return bool(inside.any() and (left == right)[inside].mean() >= 0.8)


def looks_like_a_picture(array: np.ndarray) -> bool:
    """Whether these are the 256 grey levels of a display window, or values scaled to the unit interval."""
    lowest, highest = float(array.min()), float(array.max())
    if array.dtype == np.uint8 or max(-lowest, highest) <= 1:
        return True
    sample = _sample(array)
    # Both ends are hit exactly and the lower one often: it is where a window cuts off.
    return (lowest, highest) == (0, 255) and bool((sample == 0).mean() >= 0.05 and (sample == np.rint(sample)).all())


def looks_offset(array: np.ndarray) -> bool:
    """Whether HU were stored with about 1000 added, as unsigned formats and unrescaled DICOM pixels are.

    Then nothing is below water by more than noise, and the peak of soft tissue (-150 to 200 HU) is near 1024. In true
    HU the only thing there is dense bone, which comes with as much of the less dense bone around it. Air, when it is in
    the image, is near 0; a cut through soft tissue alone has none, in true HU as well, but lies around 0 to 100.
    """
    values = _sample(array)
    values = values[values >= _PADDING]
    if values.size == 0 or np.percentile(values, 0.1) < -100:
        return False

    def share(lower: float, upper: float) -> float:
        return float(np.mean((values >= lower) & (values <= upper)))

    tissue = share(850, 1250)
    if tissue >= 0.7:
        return True
    return tissue >= 0.08 and tissue >= 3 * share(400, 750) and share(-100, 200) >= 0.05


def looks_like_hounsfield(array: np.ndarray) -> bool:
    """Whether air is where HU have it, near -1000."""
    values = _sample(array)
    return bool(np.mean((values >= -1100) & (values <= -900)) >= 0.05)
