"""Read a DICOM series as one volume."""

import os
from collections.abc import Iterable
from pathlib import Path

from ..errors import InputError, warn
from ..requirements import require
from .dicom_frames import Frame, frames_of
from .dicom_grid import order
from .dicom_headers import Instance, look
from .dicom_pixels import hounsfield_of
from .dicom_scan import find_series
from .dicom_tags import optional, text
from .quiet import quiet_pydicom
from .volume import Volume


def read_series(path: str | Path, series_uid: str | None = None) -> Volume:
    """Read one CT series from a folder (and everything below it) or from a single file.

    Parameters
    ----------
    path : str or Path
        The folder or file.
    series_uid : str, optional
        Which series, by its SeriesInstanceUID, when there are several.

    Returns
    -------
    Volume
        HU, shape (slices, rows, columns), int16 or float32. Its facts are ``series_uid``, ``study_uid``,
        ``frame_of_reference_uid``, ``description``, ``kernel`` and ``manufacturer`` (text, empty when unknown),
        ``files`` (paths in slice order), ``slices`` (a `SourceSlice` for each), ``padding`` (the HU in the array that
        stand for "outside the image") and, when the header has one, ``window`` (centre, width). None of them says who
        the patient is.

    Raises
    ------
    InputError
        If there is no CT series, several and none chosen, or this one is damaged or not one volume.
    MissingDependencyError
        If pydicom, or the decoder of a compressed series, is not installed.

    Warns
    -----
    LDCTWarning
        If slices are missing, unevenly spaced or shifted, or the header does not say the scale of its values.
    """
    path = Path(path)
    name = os.path.basename(os.path.abspath(path))  # "." and ".." have a name, too
    require("pydicom", "read DICOM files")
    with quiet_pydicom():
        return _volume_of(find_series(path, series_uid), name)


def read_series_files(files: Iterable[Path], name: str) -> Volume:
    """Read one CT series whose files are known, wherever they lie; `name` is what to call it.

    Returns, raises and warns as `read_series`.
    """
    require("pydicom", "read DICOM files")
    with quiet_pydicom():
        instances = []
        for file in files:
            entry = look(file)
            if entry.header is None:
                raise InputError(f"cannot read '{file}': it {entry.why or 'is no DICOM file'}; get a whole copy.")
            instances.append(Instance(file, file.name, entry.header))
        return _volume_of(instances, name)


def _volume_of(instances: list[Instance], name: str) -> Volume:
    _require_one_study(instances, name)
    frames, geometry = order([frame for instance in instances for frame in frames_of(instance)], name)
    _look_for_scale(frames, name)
    array, padding, declared = hounsfield_of(frames)
    slices = [frame.source(hu) for frame, hu in zip(frames, declared, strict=True)]
    facts = _facts(frames)
    return Volume(array, geometry, name, {**facts, "padding": padding, "slices": slices})


def _require_one_study(instances: list[Instance], name: str) -> None:
    """Positions in two studies have nothing to do with each other; in two frames of reference often not either."""
    if other := _odd_one_out(instances, "StudyInstanceUID"):
        raise InputError(
            f"the DICOM tag StudyInstanceUID differs between '{instances[0].name}' and '{other.name}' of '{name}'; "
            "export the series again, so that it belongs to one study."
        )
    if other := _odd_one_out(instances, "FrameOfReferenceUID"):
        warn(
            f"the DICOM tag FrameOfReferenceUID differs between '{instances[0].name}' and '{other.name}' of '{name}'; "
            "the slices may not lie where they seem to."
        )


def _odd_one_out(instances: list[Instance], tag: str) -> Instance | None:
    first = text(instances[0].header, tag)
    return next((instance for instance in instances if text(instance.header, tag) != first), None)


def _look_for_scale(frames: list[Frame], name: str) -> None:
    unscaled = [frame for frame in frames if not frame.scaled]
    if unscaled:
        warn(
            f"'{name}': {len(unscaled)} of {len(frames)} slices lack RescaleSlope or RescaleIntercept, the first is "
            f"'{unscaled[0].name}'; slope 1 and intercept 0 were taken."
        )


def _facts(frames: list[Frame]) -> dict:
    middle = frames[len(frames) // 2]
    header = middle.instance.header
    facts = {
        "series_uid": text(header, "SeriesInstanceUID"),
        "study_uid": text(header, "StudyInstanceUID"),
        "frame_of_reference_uid": text(header, "FrameOfReferenceUID"),
        "description": text(header, "SeriesDescription"),
        "kernel": text(header, "ConvolutionKernel"),
        "manufacturer": text(header, "Manufacturer"),
        "scanner": text(header, "ManufacturerModelName"),
        "body_part": text(header, "BodyPartExamined"),
        "derivation": text(header, "DerivationDescription"),
        "thickness": next(iter(optional([header], "SliceThickness", frames[0].name)), None),
        # Once each: a multi-frame file holds many slices.
        "files": list(dict.fromkeys(str(frame.instance.path) for frame in frames)),
    }
    if middle.window:
        facts["window"] = middle.window
    return facts
