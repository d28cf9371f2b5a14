"""How the stored bytes of one slide become pixels, and pixels stored bytes: what the header says of it.

Every reader and writer of chunks goes through a `Coding`; nothing else looks at a slide's encoding. Safe in
any number of threads.
"""

import math
import pkgutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from vslide.codec import CodecName, check_chunk, decode_chunk, encode_chunk
from vslide.errors import KeyMissing, KeyRefused
from vslide.keys import KeyRing, find_key
from vslide.layout import pixel_type
from vslide.model import FieldKey, Plane, SlideHeader

if TYPE_CHECKING:
    from vslide.seal import Seal

Pixels = NDArray[Any]
_JPEG, _SEAL = "vslide.jpeg:JpegChunks", "vslide.seal:Seal"
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


class Chunks(Protocol):
    """A way to compress chunks."""

    def decode(self, plain: bytes, shape: tuple[int, ...], plane: int) -> Pixels:
        """Pixels in `shape`. Raises Truncated or Damaged."""

    def encode(self, pixels: Pixels, plane: int) -> bytes: ...

    def check(self, plain: bytes, shape: tuple[int, ...]) -> None:
        """Raise Truncated or Damaged unless the bytes say that they are such a chunk, and nothing else."""


class BloscChunks:
    """Lossless: Blosc 1 buffers, each channel's offset subtracted (modulo 2^16) before."""

    def __init__(self, header: SlideHeader) -> None:
        self._dtype = pixel_type(header)
        self._offsets = [channel.offset for channel in header.channels]
        self._layer_codec: CodecName = "zstd-shuffle" if self._dtype.itemsize > 1 else "zstd-bitshuffle"

    def decode(self, plain: bytes, shape: tuple[int, ...], plane: int) -> Pixels:
        """Pixels in `shape`. Raises Truncated or Damaged."""
        decoded = decode_chunk(plain, self._dtype, shape)
        if offset := self._offsets[plane]:
            decoded += np.array(offset, self._dtype)
        return decoded

    def encode(self, pixels: Pixels, plane: int) -> bytes:
        if offset := self._offsets[plane]:
            pixels = pixels - np.array(offset, self._dtype)
        return encode_chunk(pixels, self._layer_codec)

    def check(self, plain: bytes, shape: tuple[int, ...]) -> None:
        """Raise Truncated or Damaged unless the Blosc header tells this length and these pixels."""
        check_chunk(plain, math.prod(shape) * self._dtype.itemsize)


class Coding:
    """The coding of one slide. A sealed slide's key is looked for in `keys`, or else in the ring of the
    environment, when a chunk is first opened or sealed: only then KeyMissing and KeyRefused are raised.
    """

    def __init__(self, header: SlideHeader, keys: KeyRing | None = None) -> None:
        self.dtype = pixel_type(header)
        self.header, self._keys = header, keys
        # Named, not imported: most slides need neither a JPEG library nor a cipher.
        jpeg = header.encoding == "jpeg"
        self._chunks: Chunks = pkgutil.resolve_name(_JPEG)() if jpeg else BloscChunks(header)

    @cached_property
    def _seal(self) -> "Seal":
        key = find_key(self.header.key_id, self._keys)
        return cast("Seal", pkgutil.resolve_name(_SEAL)(key, self.header.run_id))

    def can_open(self) -> bool:
        """Whether the key of a sealed slide is at hand and may be used; True for any other."""
        try:
            return not self.header.key_id or bool(self._seal)
        except (KeyMissing, KeyRefused):
            return False

    def pixels(self, stored: bytes, shape: tuple[int, ...], name: ChunkName) -> Pixels:
        """The decoded chunk, in `shape`. Raises Truncated or Damaged."""
        return self._chunks.decode(self.plain(stored, name), shape, _plane(name))

    def stored(self, pixels: Pixels, name: ChunkName) -> bytes:
        """The bytes to store for a chunk of a zoom layer or the overview; camera chunks come encoded."""
        return self._sealed(self._chunks.encode(pixels, _plane(name)), name)

    def plain(self, stored: bytes, name: ChunkName) -> bytes:
        """A chunk as its producer compressed it: what a browser or another program decodes."""
        return self._seal.open(stored, name) if self.header.key_id else stored

    def check(self, plain: bytes, shape: tuple[int, ...]) -> None:
        """Raise Truncated or Damaged unless a chunk in the clear is what it must be, and nothing else."""
        self._chunks.check(plain, shape)

    def _sealed(self, plain: bytes, name: ChunkName) -> bytes:
        return self._seal.seal(plain, name) if self.header.key_id else plain

    def arrived(self, plane: Plane) -> Plane:
        """A plane as its producer compressed it, in the form in which it is stored."""
        if not self.header.key_id:
            return plane
        columns = self.header.chunk_counts[1]
        names = (
            camera_chunk(plane.key, plane.channel, *divmod(at, columns)) for at in range(len(plane.chunks))
        )
        return replace(plane, chunks=tuple(map(self._sealed, plane.chunks, names)))

    def parts(self, chunks: Sequence[bytes], key: FieldKey, plane: int) -> Iterator[tuple[int, int, Pixels]]:
        """(top, left, pixels (colours of the plane, h, w)) of each camera chunk of a plane."""
        header = self.header
        shape = (1, len(header.channels) // header.planes, *header.chunk_shape)
        for at, chunk in enumerate(chunks):
            row, column = divmod(at, header.chunk_counts[1])
            pixels = self.pixels(chunk, shape, camera_chunk(key, plane, row, column))
            yield row * shape[2], column * shape[3], pixels[0]

    def field(self, chunks: Sequence[bytes], key: FieldKey, plane: int) -> Pixels:
        """A whole plane (colours of the plane, H, W) from its camera chunks."""
        header = self.header
        field = np.empty((len(header.channels) // header.planes, *header.field_shape), self.dtype)
        for top, left, part in self.parts(chunks, key, plane):
            field[:, top : top + part.shape[1], left : left + part.shape[2]] = part
        return field
