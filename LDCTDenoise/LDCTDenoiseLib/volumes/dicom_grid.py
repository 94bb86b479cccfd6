"""Put the slices of a series in order along their normal and find the grid they lie on."""


import numpy as np

from ..errors import InputError, few, warn
from .dicom_frames import Frame
from .volume import Geometry

#: How far, in mm or as a part of the slice spacing, a slice may lie off an even grid: headers round to 0.1 mm.
_OFF_GRID_MM, _OFF_GRID_PART = 0.1, 0.02
#: How far, likewise, a slice may lie from the next and still be its neighbour: both positions were rounded.
_OFF_STEP_MM, _OFF_STEP_PART = 0.2, 0.1


def order(frames: list[Frame], name: str) -> tuple[list[Frame], Geometry]:
    """Sort slices by their position along the normal and return them with the geometry of the volume.

    Neither file names nor instance numbers are looked at.

    Parameters
    ----------
    frames : list of Frame
        The slices of one series, at least one.
    name : str
        What to call the series in messages.

    Raises
    ------
    InputError
        If slices differ in size, pixel spacing or orientation, or two lie at the same position.

    Warns
    -----
    LDCTWarning
        If slices are missing, unevenly spaced or shifted against each other (gantry tilt).
    """
    _require_alike(frames, name)
    first = frames[0]
    row = first.orientation[:3] / np.linalg.norm(first.orientation[:3])
    normal = np.cross(row, first.orientation[3:])
    normal /= np.linalg.norm(normal)
    column = np.cross(normal, row)
    frames = sorted(frames, key=lambda frame: float(frame.position @ normal))
    along = np.array([frame.position @ normal for frame in frames])
    if len(frames) == 1:
        step = first.depth
    else:
        step = _step(frames, along, name)
        _look_for_shear(frames, normal, name)
    # + 0.0 turns the -0.0 of a cross product into 0.0.
    direction = (np.column_stack([row, column, normal]) + 0.0).ravel()
    geometry = Geometry(
        spacing=(first.spacing[1], first.spacing[0], step),
        origin=tuple(frames[0].position.tolist()),
        direction=tuple(direction.tolist()),
        gaps=slice_gaps(along),
    )
    return frames, geometry


def _require_alike(frames: list[Frame], name: str) -> None:
    first = frames[0]
    for what, of, tolerance in (
        ("size (rows, columns)", lambda frame: frame.size, 0),
        ("pixel spacing in mm", lambda frame: frame.spacing, 1e-3 * min(first.spacing)),
        ("orientation", lambda frame: frame.orientation, 1e-3),
    ):
        for frame in frames[1:]:
            if not np.allclose(of(first), of(frame), rtol=0, atol=tolerance):
                mine, theirs = (tuple(round(float(v), 4) for v in of(f)) for f in (first, frame))
                raise InputError(
                    f"the slices of '{name}' differ in {what}: {_plain(mine)} in '{first.name}' against "
                    f"{_plain(theirs)} in '{frame.name}'; keep slices of one kind in the folder."
                )


def _plain(values: tuple[float, ...]) -> str:
    return "(" + ", ".join(f"{value:g}" for value in values) + ")"


def _usual(gaps: np.ndarray) -> float:
    # The lower median: missing slices make gaps longer, never shorter.
    return float(np.sort(gaps)[(len(gaps) - 1) // 2])


def slice_gaps(along: np.ndarray) -> tuple[int, ...]:
    """Return the slices that the next one is not as far from as is usual, see `Geometry.gaps`.

    Parameters
    ----------
    along : numpy.ndarray
        Where the slices lie along their normal in mm, in order.
    """
    gaps = np.diff(along)
    if not len(gaps):
        return ()
    usual = _usual(gaps)
    odd = np.abs(gaps - usual) > max(_OFF_STEP_MM, _OFF_STEP_PART * usual)
    return tuple(np.flatnonzero(odd).tolist())


def _step(frames: list[Frame], along: np.ndarray, name: str) -> float:
    """Return the spacing of slices in mm, with a warning when one number does not describe it."""
    gaps = np.diff(along)
    usual = _usual(gaps)
    same = gaps < max(0.01, 0.01 * usual)
    if same.any():
        places = [f"{along[k]:.1f} mm ('{frames[k].name}', '{frames[k + 1].name}')" for k in np.flatnonzero(same)]
        raise InputError(
            f"'{name}' has more than one slice at {few(places)}; keep one copy, or one time phase, of each slice."
        )
    mean = float(along[-1] - along[0]) / len(gaps)
    grid = along[0] + mean * np.arange(len(along))
    if np.abs(along - grid).max() <= max(_OFF_GRID_MM, _OFF_GRID_PART * mean):
        return mean
    missing, uneven = [], []
    for k, gap in enumerate(gaps):
        between = f"between slices {k} ({along[k]:.1f} mm) and {k + 1} ({along[k + 1]:.1f} mm)"
        if (lost := round(gap / usual) - 1) > 0:
            missing.append(f"{lost} missing {between}")
        elif abs(gap - usual) > max(_OFF_GRID_MM, _OFF_GRID_PART * usual):
            uneven.append(f"{gap:.2f} mm {between}")
    found = [f"slices are missing: {few(missing)}"] if missing else []
    if uneven or not missing:
        found.append(f"the spacing is uneven: {few(uneven) or f'{gaps.min():.2f} to {gaps.max():.2f} mm'}")
    warn(
        f"'{name}': {'; '.join(found)}. The volume has the usual spacing of {usual:.2f} mm throughout, "
        "so lengths across these places are wrong."
    )
    return usual


def _look_for_shear(frames: list[Frame], normal: np.ndarray, name: str) -> None:
    """Warn when the slices are not stacked along their normal, as with a tilted gantry."""
    offsets = np.array([frame.position - frames[0].position for frame in frames])
    aside = np.linalg.norm(offsets - np.outer(offsets @ normal, normal), axis=1)
    if aside.max() <= max(_OFF_GRID_MM, 0.25 * min(frames[0].spacing)):
        return
    farthest = int(aside.argmax())
    tilt = np.degrees(np.arctan2(aside[farthest], offsets[farthest] @ normal))
    warn(
        f"'{name}': the slices are shifted sideways by up to {aside.max():.1f} mm (a gantry tilt of {tilt:.1f}°), so "
        "the geometry is sheared; the slices are kept as they are, stacked without the shift."
    )
