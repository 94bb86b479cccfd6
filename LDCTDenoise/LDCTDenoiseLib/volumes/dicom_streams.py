"""What compressed pixels say of their own size, read before a decoder allocates for it."""

import struct

# Markers of a JPEG or JPEG-LS stream: no length of their own; a frame's header; the one that means something else.
_BARE = {0x01, *range(0xD0, 0xD9)}
_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}


def stream_size(stream: bytes) -> tuple[int, int] | None:
    """Return rows and columns of a JPEG, JPEG-LS or JPEG 2000 stream; None when it does not say."""
    try:
        if stream[:4] == b"\xff\x4f\xff\x51":
            width, height, left, top = struct.unpack_from(">4I", stream, 8)
            return height - top, width - left
        if stream[4:8] == b"jP  ":  # a JP2 file around the stream
            begin = stream.find(b"\xff\x4f\xff\x51", 0, 4096)
            return stream_size(stream[begin:]) if begin > 0 else None
        return _jpeg_size(stream) if stream[:2] == b"\xff\xd8" else None
    except (struct.error, IndexError):
        return None


def _jpeg_size(stream: bytes) -> tuple[int, int] | None:
    place = 2
    while stream[place] == 0xFF:
        marker = stream[place + 1]
        if marker == 0xFF:  # a fill byte
            place += 1
        elif marker in _BARE:
            place += 2
        elif marker in _FRAME:
            return struct.unpack_from(">2H", stream, place + 5)
        else:
            place += 2 + struct.unpack_from(">H", stream, place + 2)[0]
    return None
