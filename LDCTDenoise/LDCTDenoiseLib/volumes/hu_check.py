"""Tell from the values alone whether an array can be CT in HU: air near -1000, fat and soft tissue near 0.

Padding, blank borders and cut-off ends, which are one exact number each, say nothing of the scale and are left out.
Each function speaks only on strong evidence; what has no air in it (a cut through an organ) cannot be decided.
"""

from dataclasses import dataclass

import numpy as np

# Enough voxels to know the shares of tissue, few enough to be quick on a whole body.
_SAMPLE = 2_000_000

# Voxels below are padding or wrapped values; they say nothing about what the rest was stored as.
_PADDING = -1500

# HU of air (with its noise), of lung, of fat and soft tissue.
_AIR, _LUNG, _TISSUE = (-1150, -850), (-950, -550), (-250, 300)

# Slices of fewer rows or columns than this are cuts, in which bone or fat may be all there is.
_WHOLE = 64

# In HU, neighbours differ by 4 and more at the median, after strong denoising by 1 or 2.
_SMOOTHEST = 1.2


@dataclass(frozen=True)
class _Values:
    """A sample of an array without what is one exact number, and the exact numbers."""

    rest: np.ndarray
    fills: np.ndarray
    fill_shares: np.ndarray

    def share(self, lower: float, upper: float) -> float:
        """The share of the rest from `lower` to `upper`."""
        return float(np.mean((self.rest >= lower) & (self.rest <= upper))) if self.rest.size else 0.0

    @property
    def is_whole(self) -> bool:
        return bool((self.rest == np.rint(self.rest)).mean() > 0.99)


def _sample(array: np.ndarray) -> np.ndarray:
    """Return evenly spread values, the same ones for the same array."""
    flat = array.reshape(-1)
    # An odd step: one that divides the row length would take the same few columns of every row.
    return flat[:: max(1, flat.size // _SAMPLE) | 1]


def _values(array: np.ndarray) -> _Values:
    """Take out fills: numbers that are far more frequent than the ones beside them."""
    sample = _sample(array).astype(np.float64)
    numbers, counts = np.unique(sample, return_counts=True)
    if len(numbers) > 12:
        beside = np.lib.stride_tricks.sliding_window_view(np.pad(counts, 5, mode="reflect"), 11)
        around = np.median(beside, axis=1)
        gaps = np.diff(numbers, prepend=-np.inf, append=np.inf)
        around[np.minimum(gaps[:-1], gaps[1:]) > 100] = 0  # alone, far from every other number
    else:  # a phantom without noise has nothing but exact numbers
        around = counts.astype(float)
    share = counts / sample.size
    fill = (share >= 0.01) & (counts >= 8 * around) | (share >= 0.002) & (numbers < _PADDING)
    rest = sample[~np.isin(sample, numbers[fill])]
    if rest.size < 0.02 * sample.size:
        fill = numbers < _PADDING
        rest = sample[sample >= _PADDING]
    return _Values(rest, numbers[fill], share[fill])


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


def looks_offset(array: np.ndarray) -> bool:
    """Whether HU were stored with about 1000 added, as unsigned formats and unrescaled DICOM pixels are.

    Then nothing is below water by more than noise, and the peak of soft tissue (-150 to 200 HU) is near 1024. In true
    HU the only thing there is dense bone, which comes with as much of the less dense bone around it. Air, when it is in
    the image, is near 0; a cut through soft tissue alone has none, in true HU as well, but lies around 0 to 100.
    """
    values = _values(array)
    rest = values.rest[values.rest >= _PADDING]
    candidates = [rest]
    if 2 < len(np.unique(rest[:100_000])) <= 12:  # without noise a blank border is one number among few
        candidates.append(rest[rest > rest.min()])
    return any(_peaks_near_1024(some) for some in candidates)


def _peaks_near_1024(values: np.ndarray) -> bool:
    if values.size == 0 or (values < -300).mean() > 0.01:
        return False

    def share(lower: float, upper: float) -> float:
        return float(np.mean((values >= lower) & (values <= upper)))

    tissue = share(850, 1250)
    if tissue >= 0.7:
        return True
    return tissue >= 0.08 and tissue >= 2 * share(400, 750) and share(-150, 250) >= 0.05


def looks_like_hounsfield(array: np.ndarray) -> bool:
    """Whether air is where HU have it, near -1000."""
    return bool(np.mean((_sample(array) >= -1100) & (_sample(array) <= -900)) >= 0.05)


def has_air(array: np.ndarray) -> bool:
    """Whether there is enough air or lung to know the scale by it."""
    values = _values(array)
    return _filled_with_air(values) + values.share(_AIR[0], _LUNG[1]) >= 0.01


def _filled_with_air(values: _Values) -> float:
    """The share of fills that can be air without noise."""
    return float(values.fill_shares[(values.fills >= _AIR[0]) & (values.fills <= _AIR[1])].sum())


def not_hounsfield(array: np.ndarray) -> str:
    """Say in words why the values cannot be HU, or return an empty string. Offsets are for `looks_offset`.

    Parameters
    ----------
    array : numpy.ndarray
        Finite numbers, shape (slices, rows, columns).
    """
    lowest, highest = float(array.min()), float(array.max())
    if array.dtype in (np.uint8, np.int8) or max(-lowest, highest) <= 1:
        return "look like grey levels or scaled to a small range"
    values = _values(array)
    if _cut_at_both_ends(array, lowest, highest):
        return "look like grey levels of a display window, cut off at both ends"
    rest = values.rest
    if rest.size == 0:
        return ""
    spread = np.subtract(*np.percentile(rest, (99.9, 0.1)))
    if spread < 25 and not values.is_whole:
        return "look scaled to a small range"
    if (rest > 32767).mean() >= 0.01 or (rest > 4500).mean() >= 0.2:
        return "go far beyond bone, as when 16 bits are stretched or wrapped"
    if (rest < -1300).mean() >= 0.05:
        return "go far below air, as when an offset is taken off twice"
    air, lung, tissue = values.share(*_AIR), values.share(_AIR[1], _LUNG[1]), values.share(*_TISSUE)
    if tissue < 0.005 and air + lung >= 0.5 and (rest < -1100).mean() > 0.03:
        return "have nothing where fat and soft tissue belong, as when an offset is taken off twice"
    if values.share(-600, -250) > 0.15 and values.share(-1300, -600) < 0.02:
        return "have no air near -1000, but much at a place where the body has little"
    if min(array.shape[1:]) >= _WHOLE:
        if values.share(800, 4500) >= max(0.2, 4 * (air + lung)) and not _filled_with_air(values):
            return "have little air near -1000, but more above 800 than bone explains"
        smooth = np.subtract(*np.percentile(rest, (99, 1))) > 60 and 0 < _roughness(array, values) < _SMOOTHEST
        if smooth and not has_air(array):
            return "have no air near -1000 and less noise than HU have"
    return _odd_surround(array, values)


def _roughness(array: np.ndarray, values: _Values) -> float:
    """Return the median step from voxel to voxel in a row, of voxels that are no fill."""
    some = array[:: max(1, len(array) // 8)].astype(np.float64)
    left, right = some[..., :-1], some[..., 1:]
    kept = ~(np.isin(left, values.fills) | np.isin(right, values.fills))
    return float(np.median(np.abs(left - right)[kept])) if kept.any() else 0.0


def _cut_at_both_ends(array: np.ndarray, lowest: float, highest: float) -> bool:
    """Whether this is a display window: both ends are hit exactly, the lower one, 0, often."""
    if lowest != 0:
        return False
    sample = _sample(array)
    at_highest = float((sample == highest).mean())
    return bool((sample == 0).mean() >= 0.05) and (highest == 255 or at_highest >= 0.005)


def _odd_surround(array: np.ndarray, values: _Values) -> str:
    """Look at what lies outermost: around a body it is air, and nothing else is as even.

    A cut may end within an organ, in fat or in water, but those have noise of several HU; so does an organ that lies
    in them. Only what is far off, or too smooth for HU, is taken for air on another scale.
    """
    if min(array.shape[1:]) < 32:
        return ""
    slices = array[:: max(1, len(array) // 8)]
    ring = np.concatenate([part.reshape(-1) for part in (
        slices[:, :3], slices[:, -3:], slices[:, 3:-3, :3], slices[:, 3:-3, -3:])]).astype(np.float64)  # fmt: skip
    outer = ring[~np.isin(ring, values.fills)]
    if outer.size < 0.2 * ring.size:
        return ""
    level = float(np.median(outer))
    noise = 1.4826 * float(np.median(np.abs(outer - level)))
    even = (np.abs(outer - level) <= max(4 * noise, 1)).mean() >= 0.6
    inside = np.abs(values.rest - level) > max(8 * noise, 1e-6)
    if not even or inside.mean() < 0.15 or _AIR[0] <= level <= _LUNG[1]:
        return ""
    if level > 900 and level < 1100:
        return f"have {level:.0f} outside the body, where HU have -1000: they look upside down"
    if level > 300 or level < _TISSUE[0] or 0 < noise < 5:
        return f"have {level:.3g} outside the body, where HU have air near -1000"
    return ""
