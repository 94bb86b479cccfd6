"""Find damaged files that ITK reads without complaint, filled up with what happened to be in memory."""

import gzip
import math
import struct
import zlib
from pathlib import Path

_BLOCK = 1 << 22
_NIFTI1 = 348


def damage(path: Path, suffix: str) -> str:
    """Say in words what is damaged in a file, or return an empty string.

    Only what ITK lets pass is looked at: NIfTI files shorter than their header says, and compressed data that do not
    unpack or whose checksum is wrong.

    Parameters
    ----------
    path : Path
        A file that exists and is not empty.
    suffix : str
        A key of `suffixes.READABLE`, which says the format.
    """
    try:
        if suffix in (".nii", ".nii.gz"):
            return _nifti_damage(path)
        if suffix in (".mha", ".mhd"):
            return _meta_damage(path)
        return _nrrd_damage(path)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return "its compressed data are truncated or damaged"


def _nifti_damage(path: Path) -> str:
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    with gzip.open(path) if zipped else path.open("rb") as file:
        header = file.read(_NIFTI1)
        length = len(header)
        # To the end also of zipped files: their checksum stands there, and a missing end is noticed.
        while block := file.read(_BLOCK):
            length += len(block)
    expected = _nifti_length(header)
    if expected is None:
        return "it has no NIfTI-1 header"
    return f"it holds {length} of {expected} bytes" if length < expected else ""


def _nifti_length(header: bytes) -> int | None:
    """Return how many bytes the header promises, or None when it is not a header."""
    for order in "<>":
        if len(header) == _NIFTI1 and struct.unpack_from(order + "i", header)[0] == _NIFTI1:
            dims = struct.unpack_from(order + "8h", header, 40)
            (bits,) = struct.unpack_from(order + "h", header, 72)
            (offset,) = struct.unpack_from(order + "f", header, 108)
            voxels = math.prod(max(size, 0) for size in dims[1 : 1 + max(0, min(dims[0], 7))])
            return int(offset) + voxels * bits // 8
    return None


def _meta_damage(path: Path) -> str:
    with path.open("rb") as file:
        # The header names the place of the data last.
        fields = _fields(file, "=", last="elementdatafile")
        if "elementdatafile" not in fields or "dimsize" not in fields:
            return "its header is incomplete"
        zipped = fields.get("compresseddata", "").lower() == "true"
        if fields["elementdatafile"].upper() == "LOCAL":
            return _packed_damage(file) if zipped else ""
    return _detached_damage(path.parent / fields["elementdatafile"], zipped)


def _nrrd_damage(path: Path) -> str:
    with path.open("rb") as file:
        # An empty line ends the header.
        fields = _fields(file, ":", last="")
        if "encoding" not in fields:
            return "its header is incomplete"
        zipped = fields["encoding"].lower() in ("gzip", "gz")
        place = fields.get("data file", fields.get("datafile", ""))
        if not place:
            return _packed_damage(file) if zipped else ""
    # Skipped lines or bytes would have to be skipped here, too; such files are left to ITK.
    return _detached_damage(path.parent / place, zipped and not {"line skip", "byte skip"} & set(fields))


def _fields(file, mark: str, last: str) -> dict[str, str]:
    """Read the lines of a text header up to the one named `last`, with its keys in lower case."""
    fields: dict[str, str] = {}
    while line := file.readline(4096):
        key, _, value = line.decode("latin-1").partition(mark)
        key = key.strip().lower()
        fields[key] = value.strip()
        if key == last:
            break
    return fields


def _detached_damage(data: Path, zipped: bool) -> str:
    """Look at data in a file of their own; a place with a blank in it can be a list or a pattern of names."""
    if data.is_file():
        with data.open("rb") as file:
            return _packed_damage(file) if zipped else ""
    return "" if " " in data.name else f"the file with its data, '{data.name}', is not beside it"


def _packed_damage(file) -> str:
    """Unpack to the end, where the checksum stands."""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # 32: a zlib or a gzip head
    while not unpacker.eof and (block := file.read(_BLOCK)):
        unpacker.decompress(block)
    return "" if unpacker.eof else "its compressed data are truncated or damaged"
