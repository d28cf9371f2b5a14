"""A copy of a slide that carries nothing but what the format lists: new identifiers, the same pixels.

The stored chunks are copied as they are, each checked against its checksum on the way.
"""

import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import h5py
import hdf5plugin
import numpy as np

from vslide.errors import Damaged, IdentityRefused, UnsafeFile
from vslide.layout import (
    CHECKSUMS,
    FIELDS,
    LEVELS,
    OVERVIEW,
    OVERVIEW_ATTRIBUTES,
    POSITIONS,
    ROOT_ATTRIBUTES,
    SHA256_BYTES,
    checksums_name,
    digest,
    fields_name,
    positions_table,
    write_header,
)
from vslide.model import SlideHeader
from vslide.store import SlideFile, uses_only_blosc

_BLOSC_HEADER = 16


def copy_clean(source: Path, destination: Path, slide_id: str | None = None) -> SlideHeader:
    """Write a clean copy to `destination`, which must not exist, and return its header.

    The copy gets `slide_id` (uuid4 hex, random when not given), a random run id and no scanner name. Raises
    IdentityRefused for an attribute or object that the format does not list (by its place, never its value),
    UnsafeFile
    for links and foreign filters, Damaged for chunks that do not match their checksum, NotASlide.
    """
    with SlideFile(source) as file:
        _refuse_strangers(file)
        header = dataclasses.replace(
            file.header, slide_id=slide_id or uuid4().hex, run_id=uuid4().hex, scanner=""
        )
        with h5py.File(destination, "x", libver=("earliest", "v108"), locking=False) as target:
            for level in (*LEVELS, 0):
                _copy_level(file, target, level)
            overview = file.overview_attributes()
            for name in sorted(OVERVIEW_ATTRIBUTES):
                target[OVERVIEW].attrs[name] = np.int32(overview[name])
            write_header(target.attrs, header)
            table = positions_table(file.fields)
            target.create_dataset(POSITIONS, data=table)
            sums = [file.checksums(level) for level in (*LEVELS, 0)]
            for level, checksums in zip((*LEVELS, 0), sums, strict=True):
                target.create_dataset(checksums_name(level), data=checksums)
            seal = digest(header, table, sums)
            target.attrs["digest"] = np.array(seal.encode(), dtype=h5py.string_dtype("utf-8", len(seal)))
    return header


def _refuse_strangers(file: SlideFile) -> None:
    """Stop at the first thing that a slide never has. Names of strangers may be personal and are not
    repeated."""
    allowed = {FIELDS, CHECKSUMS, POSITIONS, OVERVIEW, f"{CHECKSUMS}/{OVERVIEW}"}
    allowed |= {f"{group}/{level}" for group in (FIELDS, CHECKSUMS) for level in LEVELS}
    if set(file.file.attrs) - ROOT_ATTRIBUTES:
        raise IdentityRefused("the header holds an attribute that the format does not list")
    for path, link in _links(file.file):
        if path not in allowed:
            raise IdentityRefused("the file holds an object that the format does not list")
        if not isinstance(link, h5py.HardLink):
            raise UnsafeFile(f"{path} is a link")
        listed = OVERVIEW_ATTRIBUTES if path == OVERVIEW else frozenset()
        if set(file.file[path].attrs) - listed:
            raise IdentityRefused(f"{path} holds an attribute that the format does not list")
    if missing := sorted(name for name in allowed if name not in file.file):
        raise Damaged(f"the file has no {missing[0]}")


def _links(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name in group:
        link = group.get(name, getlink=True)
        yield f"{prefix}{name}", link
        if not prefix and isinstance(link, h5py.HardLink) and isinstance(group[name], h5py.Group):
            yield from _links(group[name], f"{name}/")


def _copy_level(file: SlideFile, target: Any, level: int) -> None:
    name = fields_name(level) if level else OVERVIEW
    index, sums = file.index(level), file.checksums(level)
    if not uses_only_blosc(file.filters(level)):
        raise UnsafeFile(f"{name} uses HDF5 filters of its own")
    if sums.shape != (*index.sizes.shape, SHA256_BYTES) or sums.dtype != np.uint8:
        raise Damaged(f"{name}: its checksums do not fit its chunks")
    blosc = hdf5plugin.Blosc(cname="zstd", clevel=1, shuffle=hdf5plugin.Blosc.SHUFFLE)
    dataset = target.create_dataset(
        name, index.shape, index.dtype, chunks=index.chunks, fillvalue=0, compression=blosc
    )
    for place in np.ndindex(*index.sizes.shape):
        stored = file.stored(level, place)
        if hashlib.sha256(stored).digest() != bytes(sums[place]):
            raise Damaged(f"{name}: the chunk at {place} does not match its checksum")
        if len(stored) < _BLOSC_HEADER or int.from_bytes(stored[12:16], "little") != len(stored):
            raise Damaged(f"{name}: the chunk at {place} carries bytes that are no pixels")
        offset = tuple(number * side for number, side in zip(place, index.chunks, strict=True))
        dataset.id.write_direct_chunk(offset, stored)
