"""The framed batch of stored chunks; viewer/static/viewer/engine/frames.js reads it.

Little-endian: magic ``NCB1``, uint32 count, count x uint32 length, then the payloads. A chunk that the slide
does not have has the length 0xffffffff and no payload.
"""

import struct
from collections.abc import Sequence

MAGIC = b"NCB1"
ABSENT = 0xFFFF_FFFF


def write_frames(chunks: Sequence[bytes | None]) -> bytes:
    """One buffer with all the chunks, in order."""
    lengths = [ABSENT if chunk is None else len(chunk) for chunk in chunks]
    head = MAGIC + struct.pack(f"<I{len(chunks)}I", len(chunks), *lengths)
    return b"".join([head, *(chunk for chunk in chunks if chunk is not None)])
