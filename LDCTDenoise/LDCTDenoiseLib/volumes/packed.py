"""Hold what a header claims against what a file can give, before any memory is asked for."""

import os
import zlib

BLOCK = 1 << 22

# Deflate cannot do more than 1032:1; CT with wide margins of padding reaches 50:1.
_DEFLATE, _IMAGE = 1040, 250
_SMALL = 1 << 29


def too_much(expected: int, at_hand: int, zipped: bool) -> str:
    """Say in words why `expected` bytes cannot come out of `at_hand` bytes of a file, or return an empty string."""
    if not zipped and expected > at_hand:
        return f"it holds {at_hand} of {expected} bytes"
    if zipped and expected > at_hand * _DEFLATE + BLOCK:
        return f"its header claims {expected} bytes, more than its compressed data can hold"
    if zipped and expected > _SMALL and expected > at_hand * _IMAGE:
        return f"its header claims {expected} bytes, which no image packs into {at_hand}"
    if expected > (memory_there() or expected):
        return "its header asks for more memory than there is"
    return ""


def memory_there() -> int:
    """Return the bytes of memory of this machine, 0 where that is not known."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0


def unpacked_length(file, most: int) -> int | None:
    """Unpack zlib or gzip data to their end, where the checksum stands, and throw them away.

    Returns
    -------
    int or None
        How many bytes they are; None when they go on beyond `most`, or end before their end.
    """
    unpacker, count = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32), 0  # 32: a zlib or a gzip head
    while not unpacker.eof and (block := file.read(BLOCK)):
        while block and not unpacker.eof:
            count += len(unpacker.decompress(block, BLOCK))
            block = unpacker.unconsumed_tail
            if count > most:
                return None
    return count if unpacker.eof else None
