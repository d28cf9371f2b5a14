"""Where an LZW stream of TIFF ends (TIFF 6.0, section 13: codes of 9 to 12 bits, highest bit first, the width
grows one code early). The picture is not decoded: how wide each code is follows from how many came since the
table was cleared.
"""

from typing import Final

import numpy as np

from deidentify.errors import BrokenInput, UnknownContent

CLEAR, END = 256, 257
_FIRST: Final = 258
_FULL: Final = 4096
# The table's size when the code is read; the first one after a clear adds nothing to it.
_KNOWN: Final = _FIRST + np.maximum(np.arange(_FULL - _FIRST + 1) - 1, 0)
_WIDTHS: Final = 9 + (_KNOWN > 510).astype(np.int64) + (_KNOWN > 1022) + (_KNOWN > 2046)
_STARTS: Final = np.concatenate([[0], np.cumsum(_WIDTHS)[:-1]])


def clean_lzw(data: bytes) -> bytes:
    """The stream up to its end, the bits after it zero. Raises BrokenInput for one that has no end,
    UnknownContent for the order of bits of before 1988.
    """
    if data[:1] == b"\0" and data[1:2] in (b"\1", b"\3"):
        raise UnknownContent("old LZW", "a tile in the LZW of before TIFF 5.0")
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    place = 0
    while True:
        codes = _codes(bits, place)
        stops = np.flatnonzero((codes == CLEAR) | (codes == END))
        if not len(stops):
            raise BrokenInput("an LZW tile without an end")
        stop = int(stops[0])
        place += int(_STARTS[stop] + _WIDTHS[stop])
        if codes[stop] == END:
            return np.packbits(bits[:place]).tobytes()


def _codes(bits: np.ndarray, place: int) -> np.ndarray:
    """Those from ``place`` on that are whole, as if none of them cleared the table."""
    count = int(np.searchsorted(_STARTS + _WIDTHS, len(bits) - place, side="right"))
    at = place + _STARTS[:count, None] + np.arange(12)
    used = np.arange(12) < _WIDTHS[:count, None]
    values = np.where(used, bits[np.minimum(at, len(bits) - 1)], 0).astype(np.int64)
    codes: np.ndarray = (values << (11 - np.arange(12))).sum(axis=1) >> (12 - _WIDTHS[:count])
    return codes
