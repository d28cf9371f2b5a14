"""JPEG and JPEG 2000: what stands in them beside the picture."""

import re
from collections.abc import Iterator

from deidentify.gate.needles import Grade
from deidentify.gate.streams import Stream


def walk_jpeg(place: str, data: bytes) -> Iterator[Stream]:
    """Comments and application segments as text, the rest as pixels; what follows the end of the picture as
    text."""
    position, words = 2, []
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xD9:
            position += 2
            break
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == 0xFE or 0xE0 <= marker <= 0xEF:
            words.append(data[position + 4 : position + 2 + length])
        position += 2 + max(length, 2)
        if marker == 0xDA:
            scan_end = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]").search(data, position)
            position = scan_end.start() if scan_end else len(data)
    words.append(data[position:])
    yield Stream(f"{place}>comments", Grade.TEXT, b"\n".join(words))
    yield Stream(place, Grade.PIXELS, data)


def codestream_words(data: bytes) -> bytes:
    """Comment segments of a JPEG 2000 main header and whatever follows the end of the codestream."""
    words, position = [], 2
    while position + 4 <= len(data) and data[position] == 0xFF and data[position + 1] != 0x90:
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        if data[position + 1] == 0x64:
            words.append(data[position + 4 : position + 2 + length])
        position += 2 + max(length, 2)
    end = data.rfind(b"\xff\xd9")
    return b"\n".join([*words, data[end + 2 :] if end >= 0 else b""])
