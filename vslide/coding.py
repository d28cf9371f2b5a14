"""How the stored bytes of one slide become pixels, and pixels stored bytes: what the header says of it.

Every reader and writer of chunks goes through a `Coding`; nothing else looks at a slide's encoding. Safe in
any number of threads.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vslide.codec import CodecName, decode_chunk, encode_chunk
from vslide.layout import pixel_type
from vslide.model import FieldKey, SlideHeader

Pixels = NDArray[Any]
ChunkName = tuple[int, ...]
"""Which chunk: (1, r, c, z, t, plane, row, column) of a camera chunk, (level, place in the chunk grid…) of a
zoom layer, (0, place…) of the overview."""


def camera_chunk(key: FieldKey, plane: int, row: int, column: int) -> ChunkName:
    """The name of one chunk of a field at full resolution: the same in the journal and in the file."""
    return 1, key.r, key.c, key.z, key.t, plane, row, column


def _plane(name: ChunkName) -> int:
    """The plane of a chunk: behind the key for the camera's, behind the group for a layer's, first for the
    overview's.
    """
    return name[5] if name[0] == 1 else name[2] if name[0] else name[1]


class Coding:
    """The coding of one slide."""

    def __init__(self, header: SlideHeader) -> None:
        self.dtype = pixel_type(header)
        self._offsets = [channel.offset for channel in header.channels]
        self._layer_codec: CodecName = "zstd-shuffle" if self.dtype.itemsize > 1 else "zstd-bitshuffle"

    def pixels(self, stored: bytes, shape: tuple[int, ...], name: ChunkName) -> Pixels:
        """The decoded chunk, in `shape`. Raises Truncated or Damaged."""
        decoded = decode_chunk(stored, self.dtype, shape)
        if offset := self._offsets[_plane(name)]:
            decoded += np.array(offset, self.dtype)
        return decoded

    def stored(self, pixels: Pixels, name: ChunkName) -> bytes:
        """The bytes to store for a chunk of a zoom layer or the overview; camera chunks come encoded."""
        if offset := self._offsets[_plane(name)]:
            pixels = pixels - np.array(offset, self.dtype)
        return encode_chunk(pixels, self._layer_codec)

    def plain(self, stored: bytes, name: ChunkName) -> bytes:
        """A chunk as its producer compressed it: what a browser or another program decodes."""
        return stored

    def parts(
        self, chunks: Iterable[bytes], header: SlideHeader, key: FieldKey, plane: int
    ) -> Iterator[tuple[int, int, Pixels]]:
        """(top, left, pixels (colours of the plane, h, w)) of each camera chunk of a plane, row by row."""
        shape = (1, len(header.channels) // header.planes, *header.chunk_shape)
        columns = header.chunk_counts[1]
        for number, chunk in enumerate(chunks):
            row, column = divmod(number, columns)
            pixels = self.pixels(chunk, shape, camera_chunk(key, plane, row, column))[0]
            yield row * header.chunk_height, column * header.chunk_width, pixels

    def field(self, chunks: Iterable[bytes], header: SlideHeader, key: FieldKey, plane: int) -> Pixels:
        """A whole plane (colours of the plane, H, W) from its camera chunks."""
        field = np.empty((len(header.channels) // header.planes, *header.field_shape), self.dtype)
        for top, left, pixels in self.parts(chunks, header, key, plane):
            field[:, top : top + pixels.shape[1], left : left + pixels.shape[2]] = pixels
        return field
