"""Decode the pixels of DICOM slices and turn them into HU."""

import numpy as np

from ..errors import InputError, MissingDependencyError
from .dicom_file import read_dataset
from .dicom_frames import Frame

# HU that scanners write outside the field of view without declaring it, and what they become with an intercept.
_USUAL_PADDING = (-2000.0, -3024.0)
_INT16 = np.iinfo(np.int16)

# Which pip package decodes a compressed transfer syntax that pydicom cannot decode alone; python-gdcm does the rest.
_DECODERS = {
    "1.2.840.10008.1.2.4.80": "pyjpegls",
    "1.2.840.10008.1.2.4.81": "pyjpegls",
    "1.2.840.10008.1.2.4.201": "pylibjpeg pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.202": "pylibjpeg pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.203": "pylibjpeg pylibjpeg-openjpeg",
}


def hounsfield_of(frames: list[Frame]) -> tuple[np.ndarray, list[float], list[tuple[float, ...]]]:
    """Decode slices, in the order given.

    Parameters
    ----------
    frames : list of Frame
        Slices of the same size.

    Returns
    -------
    array : numpy.ndarray
        HU, shape (slices, rows, columns): int16 when every value is a whole number that fits, else float32.
    padding : list of float
        The values in `array`, ascending, that stand for "outside the image".
    declared : list of tuple of float
        For each slice the lowest and the highest HU that its header declares as such; empty when it declares none.

    Raises
    ------
    InputError
        If the pixels of a file are damaged, truncated or absent.
    MissingDependencyError
        If no decoder for their compression is installed.
    """
    places: dict[object, list[tuple[int, Frame]]] = {}
    for k, frame in enumerate(frames):
        places.setdefault(frame.instance.path, []).append((k, frame))
    array = np.empty((len(frames), *frames[0].size), np.int16)
    padding: set[float] = set()
    declared: list[tuple[float, ...]] = [()] * len(frames)
    for members in places.values():  # a file with many frames is decoded once
        stored = _stored_values(members[0][1])
        for k, frame in members:
            values = stored[frame.number] * np.float64(frame.slope) + frame.intercept
            # A header may write a negative number as the unsigned one of the same bits; the cast brings both together.
            ends = np.array(frame.padding, np.int64).astype(stored.dtype) * np.float64(frame.slope) + frame.intercept
            declared[k] = (float(ends.min()), float(ends.max())) if ends.size else ()
            if array.dtype == np.int16 and not _fits_int16(values):
                array = array.astype(np.float32)
            array[k] = values
            padding.update(map(float, np.unique(array[k][_is_padding(values, declared[k])])))
    return array, sorted(padding), declared


def _fits_int16(values: np.ndarray) -> bool:
    whole = (np.rint(values) == values).all()
    return bool(whole and values.min() >= _INT16.min and values.max() <= _INT16.max)


def _is_padding(values: np.ndarray, declared: tuple[float, ...]) -> np.ndarray:
    """Return where the header's padding value or range, or an undeclared usual one, stands."""
    found = np.isin(values, _USUAL_PADDING)
    if declared:
        found |= (values >= declared[0]) & (values <= declared[1])
    return found


def _stored_values(frame: Frame) -> np.ndarray:
    """Return the stored values of the frame's file, shape (frames, rows, columns)."""
    instance = frame.instance
    try:
        dataset = read_dataset(instance.path)
        syntax = dataset.file_meta.TransferSyntaxUID
        stored = dataset.pixel_array
    except OSError:
        raise
    except Exception as error:  # pydicom and its plugins raise whatever a damaged stream provokes
        if "missing dependencies" in str(error) or isinstance(error, NotImplementedError):
            raise _no_decoder(instance.name, syntax) from error
        raise InputError(
            f"the pixels of '{instance.name}' are damaged, truncated or absent; get a whole copy of the file."
        ) from error
    return stored.reshape(instance.slices, *frame.size)


def _no_decoder(name: str, syntax) -> MissingDependencyError:
    package = _DECODERS.get(str(syntax), "python-gdcm")
    return MissingDependencyError(
        f"'{name}' is compressed as {syntax.name} ({syntax}), which needs one more package; install it with: "
        f"pip install {package}"
    )
