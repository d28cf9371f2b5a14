"""Is this slide what it must be? Every byte is checked against the file's own checksums and against its
manifest.
"""

import hashlib
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from vslide.codec import BLOSC_FILTER, decode_chunk
from vslide.errors import SlideError
from vslide.layout import (
    CHECKSUMS,
    FIELDS,
    LEVELS,
    OVERVIEW,
    OVERVIEW_ATTRIBUTES,
    POSITIONS,
    ROOT_ATTRIBUTES,
    SHA256_BYTES,
    digest,
    fields_name,
    pixel_shapes,
    pixel_type,
)
from vslide.manifest import Manifest, file_sha256, manifest_path, read_manifest
from vslide.model import header_as_dict
from vslide.store import ChunkIndex, SlideFile

MAX_FAULTS = 1000
_TABLES = tuple(f"{group}/{level}" for group in (FIELDS, CHECKSUMS) for level in LEVELS)
_OBJECTS = frozenset((FIELDS, CHECKSUMS, POSITIONS, OVERVIEW, f"{CHECKSUMS}/{OVERVIEW}", *_TABLES))


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
    faults: list[str] = []
    try:
        for fault in _faults(slide, (manifest or manifest_path(slide)) if with_manifest else None):
            faults.append(fault)
            if len(faults) >= MAX_FAULTS:
                break
    except (SlideError, OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        faults.append(f"file: {error}")
    return faults


def _faults(slide: Path, manifest_file: Path | None) -> Iterator[str]:
    manifest = None
    if manifest_file:
        try:
            manifest = read_manifest(manifest_file)
        except FileNotFoundError:
            yield f"manifest: {manifest_file.name} is missing"
        except SlideError as error:
            yield f"manifest: {error}"
    if manifest:
        yield from _file_faults(slide, manifest)
    with SlideFile(slide) as file:
        yield from _structure_faults(file)
        yield from _digest_faults(file)
        if manifest:
            yield from _identity_faults(file, manifest)
        for level in (*LEVELS, 0):
            yield from _chunk_faults(file, level, manifest if level == 1 else None)


def _file_faults(slide: Path, manifest: Manifest) -> Iterator[str]:
    size = slide.stat().st_size
    if size != manifest.bytes:
        yield f"file: {size} bytes instead of {manifest.bytes}"
    elif file_sha256(slide) != manifest.sha256:
        yield "file: its sha256 is not the manifest's"


def _identity_faults(file: SlideFile, manifest: Manifest) -> Iterator[str]:
    header = file.header
    if (header.slide_id, header.run_id) != (manifest.slide_id, manifest.run_id):
        yield "manifest: belongs to another slide or run"
    if header_as_dict(header) != manifest.header:
        yield "manifest: describes another header"
    places = [(f.key.r, f.key.c, f.key.z, f.key.t, f.x_um, f.y_um, f.z_um) for f in file.fields]
    if places != list(manifest.positions):
        yield "manifest: lists other positions"
    if len(file.fields) != manifest.fields or manifest.planes != manifest.fields * len(header.channels):
        counts = f"{manifest.fields} fields, {manifest.planes} planes"
        yield f"manifest: {counts}; the file has {len(file.fields)} fields"


def _structure_faults(file: SlideFile) -> Iterator[str]:
    yield from (
        f"attribute: {name} is not of this format" for name in sorted(set(file.file.attrs) - ROOT_ATTRIBUTES)
    )
    names = list(_names(file.file))
    yield from (f"object: {name} is not of this format" for name in names if name not in _OBJECTS)
    yield from (f"object: {name} is missing" for name in sorted(_OBJECTS - set(names)))
    for name in names:
        allowed = OVERVIEW_ATTRIBUTES if name == OVERVIEW else frozenset()
        extra = set(file.file[name].attrs) - allowed if name in _OBJECTS else ()
        yield from (f"attribute: {name}/{attribute} is not of this format" for attribute in sorted(extra))
    for level in LEVELS:
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
    if (index.shape, index.chunks) != pixel_shapes(file.header, len(file.fields), level):
        yield f"{index.name}: shape {index.shape} in chunks {index.chunks} contradicts the header"
    if index.dtype != pixel_type(file.header):
        yield f"{index.name}: pixels of type {index.dtype} instead of {file.header.dtype}"
    if file.filters(level) != [BLOSC_FILTER]:
        yield f"{index.name}: HDF5 filters {file.filters(level)} instead of {BLOSC_FILTER}"


def _digest_faults(file: SlideFile) -> Iterator[str]:
    tables = [file.checksums(level) for level in (*LEVELS, 0)]
    stated = file.file.attrs["digest"]
    if bytes(stated).decode(errors="replace") != digest(file.header, file.positions, tables):
        yield "tables: header, positions or checksums do not match their digest"


def _chunk_faults(file: SlideFile, level: int, manifest: Manifest | None) -> Iterator[str]:
    index, table = file.index(level), file.checksums(level)
    if table.shape != (*index.sizes.shape, SHA256_BYTES):
        yield f"{index.name}: {table.shape} checksums for {index.sizes.shape} chunks"
        return
    stated = manifest.chunks if manifest else None
    if stated is not None and len(stated) != index.sizes.size:
        yield f"manifest: {len(stated)} chunks; the file has {index.sizes.size}"
        stated = None
    for number, place in enumerate(np.ndindex(*index.sizes.shape)):
        expected = bytes(table[place])
        if fault := _chunk_fault(file, level, place, expected):
            yield f"{_say(file, index, place)}: {fault}"
        elif stated is not None and stated[number] != expected.hex():
            yield f"{_say(file, index, place)}: its checksum is not the manifest's"


def _chunk_fault(file: SlideFile, level: int, place: tuple[int, ...], expected: bytes) -> str:
    index = file.index(level)
    try:
        stored = file.stored(level, place)
        if hashlib.sha256(stored).digest() != expected:
            return "does not match its sha256"
        decode_chunk(stored, index.dtype, index.chunks)
    except SlideError as error:
        return str(error)
    return ""


def _say(file: SlideFile, index: ChunkIndex, place: tuple[int, ...]) -> str:
    if index.name != fields_name(1) or place[0] >= len(file.fields):
        return f"{index.name} chunk {place}"
    key = file.fields[place[0]].key
    return f"field r={key.r} c={key.c} z={key.z} t={key.t} channel={place[1]} chunk ({place[2]}, {place[3]})"
