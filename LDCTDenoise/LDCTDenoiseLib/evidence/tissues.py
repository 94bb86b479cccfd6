"""HU: shift of each tissue, and uniformity from the centre to the edge."""

import numpy as np

from ..requirements import require
from .findings import Finding
from .observers import Bootstrap, interval
from .places import depth

#: HU of full dose smoothed by `_SMOOTHING` mm, and the distance in mm kept from a tissue's edges.
_HU = {"lung": (-950.0, -600.0), "fat": (-130.0, -70.0), "soft tissue": (0.0, 150.0), "bone": (250.0, 3000.0)}
_SMOOTHING, _INSET = 1.5, 2.0
#: The fewest pixels of a slice that count.
_LEAST = 50


def tissue_masks(full: np.ndarray, body: np.ndarray, pixel: float) -> dict[str, np.ndarray]:
    """Return for each tissue which voxels are of it, bool of the volume's shape."""
    ndimage = require("scipy.ndimage")
    masks = {tissue: np.zeros(full.shape, bool) for tissue in _HU}
    for k, image in enumerate(full):
        smooth = ndimage.gaussian_filter(image.astype(np.float32), _SMOOTHING / pixel)
        for tissue, (lower, upper) in _HU.items():
            inside = (smooth > lower) & (smooth < upper) & body[k]
            masks[tissue][k] = ndimage.distance_transform_edt(inside) * pixel > _INSET
    return masks


def skin_depth(body: np.ndarray, pixel: float) -> np.ndarray:
    """Return the distance of every voxel from the skin in its slice, mm, float32."""
    return np.stack([depth(b, pixel) for b in body]).astype(np.float32)


def measure_hu(
    full: np.ndarray, image: np.ndarray, masks: dict[str, np.ndarray], skin: np.ndarray, /, **labels
) -> list[Finding]:
    """Measure how far the mean of each tissue is from full dose's; `skin` is the distance to the skin, mm."""
    findings = []
    difference = image.astype(np.float32) - full
    for tissue, mask in masks.items():
        shifts, weights = [], []
        for k in range(len(full)):
            number = np.count_nonzero(mask[k])
            if number >= _LEAST:
                shifts.append(difference[k][mask[k]].mean(dtype=np.float64))
                weights.append(number)
        if not shifts:
            continue
        findings.append(_mean_of_slices("hu_shift", shifts, weights, tissue=tissue, **labels))
    soft = masks["soft tissue"]
    if soft.any():
        # Thirds of all soft tissue, so that a slice without a deep part does not count its own.
        near, far = np.quantile(skin[soft], [1 / 3, 2 / 3])
        values, weights = [], []
        for k in range(len(full)):
            edge, centre = soft[k] & (skin[k] <= near), soft[k] & (skin[k] >= far)
            if min(edge.sum(), centre.sum()) >= _LEAST:
                values.append(difference[k][centre].mean(dtype=np.float64) - difference[k][edge].mean(dtype=np.float64))
                weights.append(min(edge.sum(), centre.sum()))
        if values:
            findings.append(_mean_of_slices("uniformity", values, weights, tissue="soft tissue", **labels))
    return findings


def _mean_of_slices(quantity: str, values, weights, **labels) -> Finding:
    values, weights = np.asarray(values, float), np.asarray(weights, float)
    found = {"value": float((values * weights).sum() / weights.sum())}
    if len(values) > 1:
        samples = Bootstrap(len(values), 500)
        found = interval(found["value"], samples.mean(values * weights) / samples.mean(weights))
    return Finding(quantity, count=len(values), **found, **labels)
