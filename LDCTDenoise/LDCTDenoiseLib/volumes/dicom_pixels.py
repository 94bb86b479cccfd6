"""Decode the pixels of DICOM slices and turn them into HU."""

import re
import warnings
from contextlib import nullcontext

import numpy as np

from ..errors import InputError, LDCTError, MissingDependencyError, few, warn
from .dicom_file import read_dataset
from .dicom_frames import Frame
from .dicom_streams import stream_size
from .dicom_tags import text
from .quiet import quiet_stderr

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

    Warns
    -----
    LDCTWarning
        If stored values use more bits than their header says.
    """
    places: dict[object, list[tuple[int, Frame]]] = {}
    for k, frame in enumerate(frames):
        places.setdefault(frame.instance.path, []).append((k, frame))
    array = np.empty((len(frames), *frames[0].size), np.int16)
    padding: set[float] = set()
    declared: list[tuple[float, ...]] = [()] * len(frames)
    odd = []
    for members in places.values():  # a file with many frames is decoded once
        stored, bits_left = _stored_values(members[0][1])
        if bits_left:
            odd.append(members[0][1].instance)
        for k, frame in members:
            values = stored[frame.number] * np.float64(frame.slope) + frame.intercept
            # A header may write a negative number as the unsigned one of the same bits; the cast brings both together.
            ends = np.array(frame.padding, np.int64).astype(stored.dtype) * np.float64(frame.slope) + frame.intercept
            declared[k] = (float(ends.min()), float(ends.max())) if ends.size else ()
            if array.dtype == np.int16 and not _fits_int16(values):
                array = array.astype(np.float32)
            array[k] = values
            padding.update(map(float, np.unique(array[k][_is_padding(values, declared[k])])))
    if odd:
        warn(
            few([f"'{instance.name}'" for instance in odd], 1) + ": the header says that "
            f"{text(odd[0].header, 'BitsStored')} bits are stored, but more are in use; those above were left out."
        )
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


def _stored_values(frame: Frame) -> tuple[np.ndarray, bool]:
    """Return the stored values of the frame's file, shape (frames, rows, columns), and whether bits were left over."""
    instance = frame.instance
    try:
        dataset = read_dataset(instance.path)
        syntax = dataset.file_meta.TransferSyntaxUID
        if syntax.is_encapsulated:
            values = _decoded(dataset, frame, syntax)
        else:
            _require_length(dataset, frame)
            values = dataset.pixel_array
        return values.reshape(instance.slices, *frame.size), _has_bits_left(dataset, syntax)
    except (OSError, LDCTError, MemoryError):
        raise
    except Exception as error:  # pydicom and its plugins raise whatever a damaged stream provokes
        if "missing dependencies" in str(error) or isinstance(error, NotImplementedError):
            raise _no_decoder(instance.name, syntax) from error
        raise InputError(
            f"the pixels of '{instance.name}' are damaged, truncated or absent; get a whole copy of the file."
        ) from error


def _require_length(dataset, frame: Frame) -> None:
    """Refuse pixels that are more than the header says: it has lost rows, bits or frames, not the pixels."""
    expected = frame.instance.slices * frame.size[0] * frame.size[1] * dataset.BitsAllocated // 8
    more = len(dataset.PixelData) - expected
    row = frame.size[1] * dataset.BitsAllocated // 8
    if more >= row and (more % row == 0 or more > expected // 8):
        raise InputError(
            f"'{frame.instance.name}' has {more} bytes of pixels more than the {frame.size[0]} rows and "
            f"{frame.size[1]} columns of its header need; get a whole copy of the file."
        )


def _decoded(dataset, frame: Frame, syntax) -> np.ndarray:
    """Decompress, once every stream has the size that the header says: some decoders take its word and die of it."""
    from pydicom.encaps import generate_frames
    from pydicom.pixels import get_decoder
    from pydicom.uid import JPEG2000TransferSyntaxes, JPEGLSTransferSyntaxes

    for stream in generate_frames(dataset.PixelData, number_of_frames=frame.instance.slices):
        said = stream_size(stream)
        if said not in (None, frame.size):
            raise InputError(
                f"'{frame.instance.name}' has compressed pixels of {said[0]} rows and {said[1]} columns, its header "
                f"says {frame.size[0]} and {frame.size[1]}; get a whole copy of the file."
            )
    # GDCM aborts the process over some damaged streams, and speaks past Python; the others raise.
    raising = [name for name in get_decoder(syntax).available_plugins if name != "gdcm"]
    if raising and syntax in (*JPEGLSTransferSyntaxes, *JPEG2000TransferSyntaxes):
        dataset.pixel_array_options(decoding_plugin=raising[0])
    with warnings.catch_warnings(record=True) as said, nullcontext() if raising else quiet_stderr():
        warnings.simplefilter("always")
        values = dataset.pixel_array
    for warning in said:
        lengths = re.search(r"(\d+) vs\. (\d+) bytes expected", str(warning.message))
        if lengths and int(lengths[1]) - int(lengths[2]) >= frame.size[1]:
            raise InputError(
                f"'{frame.instance.name}' has more compressed pixels than the {frame.size[0]} rows and {frame.size[1]} "
                "columns of its header need; get a whole copy of the file."
            )
    return values


def _has_bits_left(dataset, syntax) -> bool:
    """Whether bits are in use above those that the header says are stored, and are neither a sign nor an overlay."""
    if syntax.is_encapsulated or dataset.BitsAllocated != 16 or dataset.BitsStored >= 16:
        return False
    for group in range(0x6000, 0x6020, 2):
        if (group, 0x0010) in dataset and (group, 0x3000) not in dataset:
            return False
    count = len(dataset.PixelData) // 2
    raw = np.frombuffer(dataset.PixelData, "<u2" if syntax.is_little_endian else ">u2", count)
    above = raw >> dataset.BitsStored
    if dataset.PixelRepresentation:
        negative = (raw >> (dataset.BitsStored - 1)) & 1
        above = np.where(negative & (above == above.dtype.type(0xFFFF >> dataset.BitsStored)), 0, above)
    return bool(above.any())


def _no_decoder(name: str, syntax) -> MissingDependencyError:
    package = _DECODERS.get(str(syntax), "python-gdcm")
    return MissingDependencyError(
        f"'{name}' is compressed as {syntax.name} ({syntax}), which needs one more package; install it with: "
        f"pip install {package}"
    )
