"""Hold NRRD and MetaImage files against their headers before ITK reads them.

ITK reads damaged files without complaint, filled up with what happened to be in memory; asks for all the memory that
a header claims; and follows a header to any file that it names.
"""

import itertools
import math
import re
import zlib
from pathlib import Path

from .packed import too_much, unpacked_length

_NRRD_TYPES = {
    1: "signed char|int8|int8_t|uchar|unsigned char|uint8|uint8_t|char",
    2: "short|short int|signed short|signed short int|int16|int16_t|ushort|unsigned short|unsigned short int|uint16|"
    "uint16_t",
    4: "int|signed int|int32|int32_t|uint|unsigned int|uint32|uint32_t|float",
    8: "longlong|long long|long long int|signed long long|signed long long int|int64|int64_t|ulonglong|"
    "unsigned long long|unsigned long long int|uint64|uint64_t|double",
}
_META_TYPES = {
    1: "MET_CHAR|MET_UCHAR|MET_ASCII_CHAR",
    2: "MET_SHORT|MET_USHORT",
    4: "MET_INT|MET_UINT|MET_FLOAT",
    8: "MET_LONG|MET_ULONG|MET_LONG_LONG|MET_ULONG_LONG|MET_DOUBLE",
}
# No line of a header is longer, but where something is to be hidden behind its end.
_LINE = 1 << 15
_LINES = 10_000


class Damage(Exception):
    """What is wrong with a file, in words that follow its name."""


def require_sound(path: Path, suffix: str, elsewhere: bool = False) -> None:
    """Check that a file holds what its header says, and that its data lie beside it.

    Parameters
    ----------
    path : Path
        A file that exists and is not empty.
    suffix : str
        That of NRRD or MetaImage.
    elsewhere : bool
        Whether a header may name data in other folders.

    Raises
    ------
    Damage
        If it does not; what it says follows the file's name.
    """
    check = _meta if suffix in (".mha", ".mhd") else _nrrd
    try:
        with path.open("rb") as file:
            check(path, file, elsewhere)
    except zlib.error as error:
        raise Damage("its compressed data are truncated or damaged") from error
    except ValueError as error:  # what no system takes for a name, such as a NUL
        raise Damage("its header names a file that cannot be") from error


def _nrrd(path: Path, file, elsewhere: bool) -> None:
    fields = _fields(file, ":", last="")
    fields = {key.lower(): value for key, value in fields.items()}
    if "encoding" not in fields or "sizes" not in fields:
        raise Damage("its header is incomplete")
    if re.fullmatch("block", fields.get("type", "")):
        raise Damage("its values are blocks of bytes, not numbers")
    expected = math.prod(_numbers(fields["sizes"])) * _bytes(_NRRD_TYPES, fields.get("type", "").lower())
    encoding = fields["encoding"].lower()
    skipped = {"line skip", "byte skip"} & set(fields)
    place = fields.get("data file", fields.get("datafile"))
    if place is None:
        return _hold(file, path, file.tell(), expected, encoding, bool(skipped))
    for data, share in _named(path, place, file, elsewhere):
        with data.open("rb") as packed:
            _hold(packed, data, 0, expected // share, encoding, bool(skipped))


def _meta(path: Path, file, elsewhere: bool) -> None:
    # The header names the place of the data last.
    fields = _fields(file, "=", last="ElementDataFile")
    if "ElementDataFile" not in fields or "DimSize" not in fields:
        raise Damage("its header is incomplete")
    size = _bytes(_META_TYPES, fields.get("ElementType", ""))
    channels = _numbers(fields.get("ElementNumberOfChannels", "1"))
    expected = math.prod(_numbers(fields["DimSize"])) * size * math.prod(channels)
    zipped = fields.get("CompressedData", "").lower() in ("true", "t", "1")
    text = fields.get("BinaryData", "true").lower() in ("false", "f", "0")
    encoding = "text" if text else "gzip" if zipped else "raw"
    place = fields["ElementDataFile"]
    if place.upper() == "LOCAL":
        return _hold(file, path, file.tell(), expected, encoding, False)
    for data, share in _named(path, place, file, elsewhere):
        with data.open("rb") as packed:
            _hold(packed, data, 0, expected // share, encoding, False)


def _fields(file, mark: str, last: str) -> dict[str, str]:
    """Read the lines of a text header up to the one named `last`."""
    fields: dict[str, str] = {}
    for _ in range(_LINES):
        line = file.readline(_LINE)
        if not line:
            break
        if len(line) == _LINE:
            raise Damage("its header is none")
        key, _, value = line.decode("latin-1").partition(mark)
        key = key.strip()
        # What is said twice, or nearly as it ought to be, another reader could take differently.
        misspelt = key != last and key.lower() == last.lower()
        if misspelt or (key and key in fields and not key.startswith("#")):
            raise Damage(f"its header says '{key[:40]}' twice or misspelt")
        fields[key] = value.strip()
        # The names of a list follow the line that says so.
        if key == last or (key.lower() in ("data file", "datafile") and value.strip().upper().startswith("LIST")):
            break
    return fields


def _numbers(text: str) -> list[int]:
    parts = text.split()
    if not parts or not all(re.fullmatch(r"[0-9]{1,18}", part) for part in parts):
        raise Damage(f"its header gives '{text[:40]}' for a size")
    return [int(part) for part in parts]


def _bytes(types: dict[int, str], name: str) -> int:
    for size, names in types.items():
        if name.removesuffix("_ARRAY") in names.split("|"):
            return size
    raise Damage(f"its header names an unknown type of number, '{name[:40]}'")


def _named(path: Path, place: str, file, elsewhere: bool) -> list[tuple[Path, int]]:
    """Return the files with the data of a header, and by how many they share it."""
    words = place.split()
    if words and words[0].upper() == "LIST":
        rest = (line.decode("latin-1").strip() for line in itertools.islice(file, _LINES))
        names = [name for name in rest if name]
    elif "%" in place and len(words) >= 4:  # name%03d.raw FIRST LAST STEP
        names = _numbered(words)
    else:
        names = [place]
    if not names:
        raise Damage("its header names no file with its data")
    folder = path.parent.resolve()
    for name in names:
        data = path.parent / name
        if not elsewhere and (data.name != name or data.resolve().parent != folder):
            raise Damage(
                f"its header says that its data are in '{name[:80]}', not beside it (--data-elsewhere follows it)"
            )
        if not data.is_file():
            raise Damage(f"the file with its data, '{name[:80]}', is not beside it")
    return [(path.parent / name, len(names)) for name in names]


def _numbered(words: list[str]) -> list[str]:
    pattern, numbers = words[0], words[1:4]
    whole = all(re.fullmatch("-?[0-9]{1,6}", number) for number in numbers)
    if not whole or not re.fullmatch(r"[^%]*%0?[0-9]{0,2}d[^%]*", pattern):
        raise Damage("its header names its data by a pattern that is none")
    first, last, step = map(int, numbers)
    span = range(first, last + (1 if step > 0 else -1), step) if step else range(0)
    if len(span) > _LINES:
        raise Damage("its header names its data by a pattern that is none")
    return [pattern % number for number in span]


def _hold(file, path: Path, begun: int, expected: int, encoding: str, skipped: bool) -> None:
    """Check that a file, read up to `begun`, has `expected` bytes of values to give, and not far more when packed."""
    at_hand = path.stat().st_size - begun
    zipped = encoding in ("gzip", "gz")
    if encoding in ("text", "txt", "ascii", "hex"):
        expected = expected // 8  # a digit and a blank for each number, at the least
    elif not zipped and encoding != "raw":
        raise Damage(f"its data are packed as '{encoding[:20]}', which is not read here; save it again as gzip or raw")
    if told := too_much(expected, at_hand, zipped):
        raise Damage(told)
    # Skipped lines or bytes would have to be skipped here, too; such files are left to ITK.
    if not zipped or skipped:
        return
    length = unpacked_length(file, expected)
    if length is None or length < expected:
        raise Damage("its compressed data are truncated, damaged, or more than its header says")
