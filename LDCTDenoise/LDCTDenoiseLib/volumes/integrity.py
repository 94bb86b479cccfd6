"""Find damaged NIfTI and MetaImage files, which ITK reads without complaint and fills up with whatever was in memory."""

import gzip
import struct
import zlib
from pathlib import Path

_BLOCK = 1 << 22
_NIFTI1, _NIFTI2 = 348, 540


def damage(path: Path, suffix: str) -> str:
    """Say in words what is damaged in a file, or return an empty string.

    Only what ITK lets pass is looked at: NIfTI files shorter than their header says or with a broken gzip checksum,
    and MetaImage files whose compressed data do not unpack. NRRD files need no look, ITK refuses damaged ones.
    """
    try:
        if suffix in (".nii", ".nii.gz"):
            return _nifti_damage(path)
        if suffix in (".mha", ".mhd"):
            return _meta_damage(path)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return "its compressed data are truncated or damaged"
    return ""


def _nifti_damage(path: Path) -> str:
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    with gzip.open(path) if zipped else path.open("rb") as file:
        header = file.read(_NIFTI2)
        length = len(header)
        # To the end also of zipped files: their checksum stands there, and a missing end is noticed.
        while block := file.read(_BLOCK):
            length += len(block)
    expected = _nifti_length(header)
    if expected is None:
        return "it has no NIfTI header"
    return f"it holds {length} of {expected} bytes" if length < expected else ""


def _nifti_length(header: bytes) -> int | None:
    """Return how many bytes the header promises, or None when it is not a header."""
    for order in "<>":
        if len(header) >= _NIFTI1 and struct.unpack_from(order + "i", header)[0] == _NIFTI1:
            dims = struct.unpack_from(order + "8h", header, 40)
            bits, offset = struct.unpack_from(order + "h", header, 72)[0], struct.unpack_from(order + "f", header, 108)[0]
        elif len(header) >= _NIFTI2 and struct.unpack_from(order + "i", header)[0] == _NIFTI2:
            dims = struct.unpack_from(order + "8q", header, 16)
            bits, offset = struct.unpack_from(order + "h", header, 14)[0], struct.unpack_from(order + "q", header, 168)[0]
        else:
            continue
        voxels = 1
        for size in dims[1 : 1 + max(0, min(dims[0], 7))]:
            voxels *= max(size, 0)
        return int(offset) + voxels * bits // 8
    return None


def _meta_damage(path: Path) -> str:
    with path.open("rb") as file:
        fields: dict[str, str] = {}
        # The header is text, line by line, and names the place of the data last.
        while "elementdatafile" not in fields and (line := file.readline(4096)):
            key, _, value = line.decode("latin-1").partition("=")
            fields[key.strip().lower()] = value.strip()
        if "elementdatafile" not in fields or "dimsize" not in fields:
            return "its header is incomplete"
        place = fields["elementdatafile"]
        zipped = fields.get("compresseddata", "").lower() == "true"
        if place.upper() == "LOCAL":
            return _zlib_damage(file) if zipped else ""
    data = path.parent / place
    if " " not in place and not data.is_file():  # with a blank it can be a list or a pattern of names
        return f"the file with its data, '{data.name}', is not beside it"
    if zipped and data.is_file():
        with data.open("rb") as file:
            return _zlib_damage(file)
    return ""


def _zlib_damage(file) -> str:
    """Unpack to the end, where the checksum stands."""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # 32: a zlib or a gzip head
    while block := file.read(_BLOCK):
        unpacker.decompress(block)
    return "" if unpacker.eof else "its compressed data are truncated or damaged"
