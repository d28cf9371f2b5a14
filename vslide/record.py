"""The journal's record on disk: a fixed header, a table of chunk lengths, the chunks.

| bytes | type | what |
|---|---|---|
| 0 | 4 bytes | `NJR1` |
| 4 | u16 | version, 1 |
| 6 | u16 | kind: 1 opening (payload is JSON), 2 plane |
| 8 | 16 bytes | run id |
| 24 | u64 | fence |
| 32 | u64 | sequence |
| 40 | 5 x i32 | r, c, z, t, channel |
| 60 | u32 | number of chunks |
| 64 | 3 x f64 | stage x, y, z in µm |
| 88 | u64 | length of the payload |
| 96 | 32 bytes | sha256 over the sha256 of each chunk |
| 128 | u32 | CRC-32 of the 128 bytes before it and of the length table after it |
| 132 | u32 each | length of each chunk |
| … | bytes | the chunks, one after the other |

All little-endian, no padding between records.
"""

import hashlib
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import BinaryIO

from vslide.errors import Damaged, InvalidHeader, Truncated
from vslide.model import FieldKey, Plane

MAGIC = b"NJR1"
VERSION = 1
OPENING, PLANE = 1, 2
FIXED = struct.Struct("<4sHH16sQQ5iI3dQ32s")
_CRC = struct.Struct("<I")
_MAX_CHUNKS = 65_536
_MAX_PAYLOAD = 1 << 31
_SEARCH_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Record:
    """Where a record lies and what it says of itself. `offset`..`end` are bytes in `path`, the payload at
    `payload`. `digests` are the sha256 of its chunks, one behind the other, as found when it was written or
    read.
    """

    path: Path
    offset: int
    kind: int
    run_id: str
    fence: int
    sequence: int
    key: FieldKey
    channel: int
    x_um: float
    y_um: float
    z_um: float
    lengths: tuple[int, ...]
    sha256: bytes
    digests: bytes = b""

    @property
    def payload(self) -> int:
        return self.offset + FIXED.size + _CRC.size + 4 * len(self.lengths)

    @property
    def end(self) -> int:
        return self.payload + sum(self.lengths)


def chunk_digests(chunks: Iterable[bytes]) -> bytes:
    """sha256 of each chunk, one behind the other: the same that the finished file's table will hold."""
    return b"".join(hashlib.sha256(chunk).digest() for chunk in chunks)


def pack(kind: int, run_id: str, fence: int, sequence: int, plane: Plane) -> tuple[bytes, bytes]:
    """(header with length table, digests of the chunks) of the record that will hold `plane`'s chunks."""
    digests = chunk_digests(plane.chunks)
    lengths = [len(chunk) for chunk in plane.chunks]
    if len(lengths) > _MAX_CHUNKS or sum(lengths) > _MAX_PAYLOAD:
        raise InvalidHeader(
            f"a plane of {len(lengths)} chunks, {sum(lengths)} bytes is too large for a record"
        )
    place = (*astuple(plane.key), plane.channel)
    stage = (plane.x_um, plane.y_um, plane.z_um)
    run = bytes.fromhex(run_id)
    fixed = FIXED.pack(
        MAGIC,
        VERSION,
        kind,
        run,
        fence,
        sequence,
        *place,
        len(lengths),
        *stage,
        sum(lengths),
        hashlib.sha256(digests).digest(),
    )
    table = struct.pack(f"<{len(lengths)}I", *lengths)
    return fixed + _CRC.pack(zlib.crc32(table, zlib.crc32(fixed))) + table, digests


def _unpack(path: Path, stream: BinaryIO, offset: int, limit: int) -> Record:
    stream.seek(offset)
    head = stream.read(FIXED.size + _CRC.size)
    if len(head) < FIXED.size + _CRC.size:
        raise Truncated(f"{path.name}: ends inside a record header at byte {offset}")
    fixed, (crc,) = head[: FIXED.size], _CRC.unpack(head[FIXED.size :])
    magic, version, kind, run, fence, sequence, r, c, z, t, channel, count, x, y, focus, size, sha = (
        FIXED.unpack(fixed)
    )
    if magic != MAGIC or version != VERSION or count > _MAX_CHUNKS:
        raise Damaged(f"{path.name}: no record at byte {offset}")
    table = stream.read(4 * count)
    if len(table) < 4 * count:
        raise Truncated(f"{path.name}: ends inside a length table at byte {offset}")
    if zlib.crc32(table, zlib.crc32(fixed)) != crc:
        raise Damaged(f"{path.name}: the record header at byte {offset} does not match its CRC")
    lengths = struct.unpack(f"<{count}I", table)
    if sum(lengths) != size:
        raise Damaged(f"{path.name}: the length table at byte {offset} contradicts the payload")
    record = Record(
        path,
        offset,
        kind,
        run.hex(),
        fence,
        sequence,
        FieldKey(r, c, z, t),
        channel,
        x,
        y,
        focus,
        lengths,
        sha,
    )
    if record.end > limit:
        raise Truncated(f"{path.name}: ends inside the payload of the record at byte {offset}")
    return record


def read_chunks(stream: BinaryIO, record: Record) -> tuple[bytes, ...]:
    """The chunks of a record, not compared with anything. Raises Truncated."""
    stream.seek(record.payload)
    chunks = tuple(map(stream.read, record.lengths))
    if tuple(map(len, chunks)) != record.lengths:
        raise Truncated(f"{record.path.name}: ends inside the payload of the record at byte {record.offset}")
    return chunks


def read_payload(stream: BinaryIO, record: Record) -> tuple[tuple[bytes, ...], bytes]:
    """(chunks, their digests) of a record, checked against its sha256. Raises Truncated or Damaged."""
    chunks = read_chunks(stream, record)
    digests = chunk_digests(chunks)
    if hashlib.sha256(digests).digest() != record.sha256:
        raise Damaged(f"{record.path.name}: the payload at byte {record.payload} does not match its sha256")
    return chunks, digests


def read_record(path: Path, offset: int, digests: bytes) -> Record:
    """The record at `offset` of which the chunks' digests are known: its header is checked, its payload is
    not read. Raises Truncated or Damaged.
    """
    with path.open("rb") as stream:
        record = _unpack(path, stream, offset, path.stat().st_size)
    if hashlib.sha256(digests).digest() != record.sha256:
        raise Damaged(f"{path.name}: other digests than those of the record at byte {offset}")
    return replace(record, digests=digests)


def _next_magic(stream: BinaryIO, start: int, limit: int) -> int:
    while start < limit:
        stream.seek(start)
        block = stream.read(min(_SEARCH_BLOCK, limit - start))
        if (found := block.find(MAGIC)) >= 0:
            return start + found
        if len(block) < len(MAGIC):
            break
        start += len(block) - len(MAGIC) + 1
    return limit


def scan(path: Path, limit: int | None = None, start: int = 0) -> Iterator[Record | tuple[int, int]]:
    """The good records of one segment in order, and a (start, stop) for each stretch of bytes that holds
    none.

    Every header and every payload is checked. Reading goes on behind a bad stretch at the next good record,
    so one flipped bit costs one plane. `limit` is the sealed length in bytes: what lies behind it does not
    count. `start` is the end of a record that was read before.
    """
    with path.open("rb") as stream:
        size = path.stat().st_size
        stop = size if limit is None else min(limit, size)
        offset = bad = start
        while offset < stop:
            try:
                record = _unpack(path, stream, offset, stop)
                record = replace(record, digests=read_payload(stream, record)[1])
            except Damaged:
                offset = _next_magic(stream, offset + 1, stop)
                continue
            if bad < offset:
                yield (bad, offset)
            yield record
            offset = bad = record.end
        if bad < stop:
            yield (bad, stop)
