"""Is this slide what it must be? Every byte is checked against the file's own checksums and against its
manifest.
"""

import hashlib
import resource
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from vslide.errors import SlideError
from vslide.layout import (
    CHECKSUMS,
    FIELDS,
    INDEX,
    LEVELS,
    OVERVIEW,
    OVERVIEW_ATTRIBUTES,
    POSITIONS,
    ROOT_ATTRIBUTES,
    SHA256_BYTES,
    digest,
    fields_name,
    filters,
    pixel_shapes,
    pixel_type,
)
from vslide.manifest import Manifest, field_position, file_sha256, manifest_path, read_manifest
from vslide.model import header_as_dict
from vslide.store import ChunkIndex, SlideFile

MAX_FAULTS = 1000
_THREADS = 2
_BATCH = 32
_GROUPS = (FIELDS, CHECKSUMS, INDEX)
_TABLES = tuple(f"{group}/{level}" for group in _GROUPS for level in LEVELS)
_OVERVIEW_TABLES = tuple(f"{group}/{OVERVIEW}" for group in (CHECKSUMS, INDEX))
OBJECTS = frozenset((*_GROUPS, POSITIONS, OVERVIEW, *_OVERVIEW_TABLES, *_TABLES))
"""Every object that a slide holds."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`faults` in plain words, none for a sound slide; `sha256` of the whole file ("" if it could not be
    read).
    """

    faults: list[str]
    sha256: str = ""


def limit_memory(mebibytes: int) -> None:
    """Limit this process's address space, so that a hostile or broken file cannot take the machine with
    it.
    """
    size = mebibytes << 20
    resource.setrlimit(resource.RLIMIT_AS, (size, size))


def verify_slide(slide: Path, manifest: Path | None = None, *, with_manifest: bool = True) -> list[str]:
    """Faults of a slide in plain words; an empty list means that every byte is as it was written.

    The manifest is taken from beside the slide unless given; a missing one is a fault unless `with_manifest`
    is False. At most `MAX_FAULTS` lines are collected.
    """
    return judge(slide, (manifest or manifest_path(slide)) if with_manifest else None).faults


def judge(slide: Path, manifest: Path | None, *, draft: bool = False) -> Verdict:
    """As `verify_slide`, with the file's sha256. The manifest of a `draft` does not know it yet, and a
    draft's camera chunks are not decoded: whoever built it has just done so.
    """
    faults: list[str] = []
    try:
        with ThreadPoolExecutor(_THREADS + 1) as pool:
            whole = pool.submit(file_sha256, slide)
            for fault in _faults(slide, manifest, pool, draft):
                faults.append(fault)
                if len(faults) >= MAX_FAULTS:
                    return Verdict(faults)
            sha256 = whole.result()
    except (SlideError, OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        return Verdict([*faults, f"file: {error}"])
    if manifest and not draft and not faults:
        faults += _file_faults(slide, read_manifest(manifest), sha256)
    return Verdict(faults, sha256)


def _faults(slide: Path, manifest_file: Path | None, pool: ThreadPoolExecutor, draft: bool) -> Iterator[str]:
    manifest = None
    if manifest_file:
        try:
            manifest = read_manifest(manifest_file)
        except FileNotFoundError:
            yield f"manifest: {manifest_file.name} is missing"
        except SlideError as error:
            yield f"manifest: {error}"
    with SlideFile(slide) as file:
        yield from _structure_faults(file)
        yield from _digest_faults(file)
        if manifest:
            yield from _identity_faults(file, manifest)
        for level in (*LEVELS, 0):
            stated = manifest.chunks if manifest and level == 1 else None
            # Checksums are over what is stored: a sealed slide is checked without its key, but not decoded.
            decode = (level != 1 or not draft) and file.coding.can_open()
            yield from _chunk_faults(file, level, stated, pool, decode=decode)


def _file_faults(slide: Path, manifest: Manifest, sha256: str) -> Iterator[str]:
    size = slide.stat().st_size
    if size != manifest.bytes:
        yield f"file: {size} bytes instead of {manifest.bytes}"
    elif sha256 != manifest.sha256:
        yield "file: its sha256 is not the manifest's"


def _identity_faults(file: SlideFile, manifest: Manifest) -> Iterator[str]:
    header = file.header
    if (header.slide_id, header.run_id) != (manifest.slide_id, manifest.run_id):
        yield "manifest: belongs to another slide or run"
    if header_as_dict(header) != manifest.header:
        yield "manifest: describes another header"
    if [field_position(field) for field in file.fields] != list(manifest.positions):
        yield "manifest: lists other positions"
    if len(file.fields) != manifest.fields or manifest.planes != manifest.fields * header.planes:
        counts = f"{manifest.fields} fields, {manifest.planes} planes"
        yield f"manifest: {counts}; the file has {len(file.fields)} fields"


def _structure_faults(file: SlideFile) -> Iterator[str]:
    yield from (
        f"attribute: {name} is not of this format" for name in sorted(set(file.file.attrs) - ROOT_ATTRIBUTES)
    )
    names = list(_names(file.file))
    yield from (f"object: {name} is not of this format" for name in names if name not in OBJECTS)
    yield from (f"object: {name} is missing" for name in sorted(OBJECTS - set(names)))
    for name in names:
        allowed = OVERVIEW_ATTRIBUTES if name == OVERVIEW else frozenset()
        extra = set(file.file[name].attrs) - allowed if name in OBJECTS else ()
        yield from (f"attribute: {name}/{attribute} is not of this format" for attribute in sorted(extra))
    for level in (*LEVELS, 0):
        yield from _shape_faults(file, level)


def _names(group: Any, prefix: str = "") -> Iterator[str]:
    for name in group:
        path = f"{prefix}{name}"
        yield path
        if isinstance(group.get(name, getlink=True), h5py.HardLink) and prefix == "":
            child = group[name]
            if isinstance(child, h5py.Group):
                yield from _names(child, f"{path}/")


def _shape_faults(file: SlideFile, level: int) -> Iterator[str]:
    index = file.index(level)
    if level and (index.shape, index.chunks) != pixel_shapes(file.header, len(file.fields), level):
        yield f"{index.name}: shape {index.shape} in chunks {index.chunks} contradicts the header"
    if index.dtype != pixel_type(file.header):
        yield f"{index.name}: pixels of type {index.dtype} instead of {file.header.dtype}"
    if file.filters(level) != filters(file.header):
        yield f"{index.name}: HDF5 filters {file.filters(level)} instead of {filters(file.header)}"
    if not np.array_equal(file.hdf5_index(level), np.stack([index.offsets, index.sizes], -1)):
        yield f"{index.name}: the index table is not where HDF5 has its chunks"


def _digest_faults(file: SlideFile) -> Iterator[str]:
    levels = (*LEVELS, 0)
    tables: list[NDArray[Any]] = [*map(file.checksums, levels)]
    tables += map(file.index_table, levels)
    stated = file.file.attrs["digest"]
    if bytes(stated).decode(errors="replace") != digest(file.header, file.positions, tables):
        yield "tables: header, positions or checksums do not match their digest"


def _chunk_faults(
    file: SlideFile, level: int, stated: Sequence[str] | None, pool: ThreadPoolExecutor, *, decode: bool
) -> Iterator[str]:
    index, table = file.index(level), file.checksums(level)
    if table.shape != (*index.sizes.shape, SHA256_BYTES):
        yield f"{index.name}: {table.shape} checksums for {index.sizes.shape} chunks"
        return
    if stated is not None and len(stated) != index.sizes.size:
        yield f"manifest: {len(stated)} chunks; the file has {index.sizes.size}"
        stated = None
    check = partial(_batch_faults, file, level, table, decode)
    places = iter(np.ndindex(*index.sizes.shape))
    batches = iter(lambda: tuple(islice(places, _BATCH)), ())
    for found in pool.map(check, batches):
        yield from found
    if stated is not None:
        for place, sha256 in zip(np.ndindex(*index.sizes.shape), stated, strict=True):
            if bytes(table[place]).hex() != sha256:
                yield f"{_say(file, index, place)}: its checksum is not the manifest's"


def _batch_faults(
    file: SlideFile, level: int, table: Any, decode: bool, places: Sequence[tuple[int, ...]]
) -> list[str]:
    index = file.index(level)
    found = ((place, _chunk_fault(file, level, place, bytes(table[place]), decode)) for place in places)
    return [f"{_say(file, index, place)}: {fault}" for place, fault in found if fault]


def _chunk_fault(file: SlideFile, level: int, place: tuple[int, ...], expected: bytes, decode: bool) -> str:
    try:
        stored = file.stored(level, place)
        if hashlib.sha256(stored).digest() != expected:
            return "does not match its sha256"
        if decode:
            file.decode(level, place, stored)
    except SlideError as error:
        return str(error)
    return ""


def _say(file: SlideFile, index: ChunkIndex, place: tuple[int, ...]) -> str:
    if index.name != fields_name(1) or place[0] >= len(file.fields):
        return f"{index.name} chunk {place}"
    key = file.fields[place[0]].key
    return f"field r={key.r} c={key.c} z={key.z} t={key.t} channel={place[1]} chunk ({place[2]}, {place[3]})"
