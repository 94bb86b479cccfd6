"""Open DICOM files, also such as lack the part in front that says what they are."""

import os
import zlib
from pathlib import Path

#: The first group of a data set without a preamble: identification, or the file's meta information.
_FIRST_GROUPS = (b"\x08\x00", b"\x00\x08", b"\x02\x00")


class Unreadable(ValueError):
    """Why a file is not read, in words that follow its name."""


def is_dicom(path: Path) -> bool:
    """Whether a file carries the DICOM mark behind its preamble, or begins like a data set without one."""
    with path.open("rb") as file:
        start = file.read(132)
    return start[128:] == b"DICM" or _begins_like_a_data_set(start)


def _begins_like_a_data_set(start: bytes) -> bool:
    # An element below 0x0020 of the first group, then a length or a representation in capitals.
    group, element, after = start[:2], start[2:4], start[4:8]
    if len(after) < 4 or group not in _FIRST_GROUPS:
        return False
    number = int.from_bytes(element, "big" if group == b"\x00\x08" else "little")
    length = int.from_bytes(after, "little")
    return number <= 0x20 and (after[:2].isalpha() and after[:2].isupper() or length <= 64)


# A deflated file is unpacked whole before anything of it is known. An image of CT is at most a few megabytes.
_MOST_UNPACKED = 1 << 28
_DEFLATED = b"1.2.840.10008.1.2.1.99"


def _require_bounded(path: str | Path) -> None:
    """Refuse a deflated file that unpacks to more than any of CT, without keeping what it unpacks to."""
    with open(path, "rb") as file:
        start = file.read(1024)
        place = 132 if start[128:132] == b"DICM" else 0
        # The first element of the meta information says how long the rest is.
        length = int.from_bytes(start[place + 8 : place + 12], "little")
        if start[place : place + 4] == b"\x02\0\0\0" and length <= 1 << 20:
            start += file.read(max(0, place + 12 + length - len(start)))
            if _DEFLATED not in start[: place + 12 + length]:
                return
            file.seek(place + 12 + length)
        elif _DEFLATED not in start + file.read(1 << 16):
            return
        else:
            raise Unreadable("is deflated and does not say where its data begin")
        unpacker, count = zlib.decompressobj(-zlib.MAX_WBITS), 0
        while (block := unpacker.unconsumed_tail or file.read(1 << 20)) and not unpacker.eof:
            count += len(unpacker.decompress(block, 1 << 22))
            if count > _MOST_UNPACKED:
                raise Unreadable(f"unpacks to more than {_MOST_UNPACKED >> 20} MB, as no image of CT does")


def read_dataset(path: str | Path, **options):
    """Read a DICOM file with pydicom; transfer syntax and class are filled in where they are missing.

    Parameters
    ----------
    path : str or Path
        The file.
    **options
        Of `pydicom.dcmread`.

    Raises
    ------
    Unreadable
        If it is deflated and unpacks to more than any image, or claims more than memory holds.
    Exception
        Whatever the parser stumbles over in a damaged file.
    """
    import pydicom
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    _require_bounded(path)
    try:
        dataset = pydicom.dcmread(path, force=True, **options)
    except MemoryError as error:
        # Asked for by a length in the header, which can be anything; a file of that length is another matter.
        if os.path.getsize(path) > _MOST_UNPACKED:
            raise
        raise Unreadable("has a damaged header") from error
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        plain = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = plain
    if "SOPClassUID" not in dataset:
        # The file meta information repeats it, so that a file cut short is still known for what it was.
        dataset.SOPClassUID = dataset.file_meta.get("MediaStorageSOPClassUID", "")
    return dataset
