"""A copy of a slide that carries nothing but what the format lists: new identifiers, the same pixels.

The chunks are copied as they are, each checked against its checksum on the way, but where a region is
covered; those of a sealed slide are opened: what leaves is never sealed.
"""

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import h5py
import numpy as np

from vslide.covering import Box, Cover
from vslide.errors import Damaged, IdentityRefused, UnsafeFile
from vslide.file_writer import FileWriter
from vslide.layout import (
    LEVELS,
    OVERVIEW,
    OVERVIEW_ATTRIBUTES,
    ROOT_ATTRIBUTES,
    SHA256_BYTES,
    filters,
)
from vslide.model import SlideHeader
from vslide.store import SlideFile
from vslide.verify import OBJECTS


def copy_clean(
    source: Path, destination: Path, slide_id: str | None = None, covered: Sequence[Box] = ()
) -> SlideHeader:
    """Write a clean copy to `destination`, which must not exist, and return its header.

    The copy gets `slide_id` (uuid4 hex, random when not given), a random run id and no scanner name.
    `covered` regions (px of level 1) are shown plain at every level and in the overview. Raises
    IdentityRefused for an attribute or object that the format does not list (by its place, never its value),
    UnsafeFile for links and foreign filters, Damaged for chunks that do not match their checksum or hold more
    than pixels, KeyMissing when a sealed slide's key is not at hand, NotASlide, NoSuchField for a
    region that does not lie on the slide.
    """
    with SlideFile(source) as file:
        _refuse_strangers(file)
        header = dataclasses.replace(
            file.header, slide_id=slide_id or uuid4().hex, run_id=uuid4().hex, scanner="", key_id=""
        )
        with FileWriter(destination, header, len(file.fields)) as writer:
            shape, shown = file.index(0).shape, file.overview_attributes()
            writer.create_overview((shape[0], shape[1], shape[2]), **shown)
            cover = Cover(file, header, covered)
            for level in (*LEVELS, 0):
                _copy_level(file, writer, level, cover)
            writer.finish(file.fields)
    return header


def _refuse_strangers(file: SlideFile) -> None:
    """Stop at the first thing that a slide never has. Names of strangers may be personal and are not
    repeated."""
    if set(file.file.attrs) - ROOT_ATTRIBUTES:
        raise IdentityRefused("the header holds an attribute that the format does not list")
    for path, link in _links(file.file):
        if path not in OBJECTS:
            raise IdentityRefused("the file holds an object that the format does not list")
        if not isinstance(link, h5py.HardLink):
            raise UnsafeFile(f"{path} is a link")
        listed = OVERVIEW_ATTRIBUTES if path == OVERVIEW else frozenset()
        if set(file.file[path].attrs) - listed:
            raise IdentityRefused(f"{path} holds an attribute that the format does not list")
    if missing := sorted(name for name in OBJECTS if name not in file.file):
        raise Damaged(f"the file has no {missing[0]}")


def _links(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name in group:
        link = group.get(name, getlink=True)
        yield f"{prefix}{name}", link
        if not prefix and isinstance(link, h5py.HardLink) and isinstance(group[name], h5py.Group):
            yield from _links(group[name], f"{name}/")


def _copy_level(file: SlideFile, writer: FileWriter, level: int, cover: Cover) -> None:
    index, sums = file.index(level), file.checksums(level)
    name = index.name
    if file.filters(level) != filters(file.header):
        raise UnsafeFile(f"{name} uses HDF5 filters of its own")
    if sums.shape != (*index.sizes.shape, SHA256_BYTES) or sums.dtype != np.uint8:
        raise Damaged(f"{name}: its checksums do not fit its chunks")
    for place in np.ndindex(*index.sizes.shape):
        stored = file.stored(level, place)
        if hashlib.sha256(stored).digest() != bytes(sums[place]):
            raise Damaged(f"{name}: the chunk at {place} does not match its checksum")
        plain = file.plain(level, place, stored)
        try:
            file.coding.check(plain, index.chunks)
        except Damaged as error:
            raise Damaged(
                f"{name}: the chunk at {place} carries bytes that are no pixels: {error}"
            ) from error
        shown = cover.chunk(level, place, plain)
        writer.store(level, place, shown, hashlib.sha256(shown).digest())
