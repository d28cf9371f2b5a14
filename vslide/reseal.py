"""A finished slide sealed, opened, or sealed anew: a new file of the same scan with the same pixels."""

import hashlib
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vslide.build import build, slide_path
from vslide.coding import Coding
from vslide.errors import AlreadyThere, Damaged
from vslide.journal import Journal
from vslide.manifest import Manifest
from vslide.model import Field, FieldKey, Plane
from vslide.store import SlideFile

_FIELDS_PER_COMMIT = 32


def reseal(source: Path, destination: Path, key_id: str) -> Manifest:
    """Build the slide of `source` again below `destination`, sealed with `key_id`; "" leaves it in the clear.

    The camera's chunks stay as their producer compressed them; zoom layers and overview are made anew.
    Everything goes through a journal below `destination`, which is gone afterwards. Keys come from the ring
    of the environment. Raises what `build` raises, KeyMissing and KeyRefused.
    """
    with SlideFile(source) as file:
        header = replace(file.header, key_id=key_id)
        final = slide_path(destination, header.slide_id, header.run_id)
        if final.exists():
            raise AlreadyThere(f"{final.name} is there and is never overwritten")
        destination.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".reseal-", dir=destination))
        try:
            _fill(work / "run", file, Coding(header), len(file.fields) * header.planes)
            return build(work / "run", destination, _corners(file.fields))
        finally:
            shutil.rmtree(work)


def _fill(directory: Path, file: SlideFile, coding: Coding, planned: int) -> None:
    header, sums = coding.header, file.checksums(1)
    with Journal.create(directory, header, header.run_id, 1, planned) as journal:
        for field in file.fields:
            for plane in range(header.planes):
                opened = Plane(
                    field.key, plane, field.x_um, field.y_um, field.z_um, _opened(file, sums, field, plane)
                )
                journal.append(coding.arrived(opened), field.index * header.planes + plane)
            if field.index % _FIELDS_PER_COMMIT == 0:
                journal.commit()
        journal.commit()


def _opened(file: SlideFile, sums: NDArray[np.uint8], field: Field, plane: int) -> tuple[bytes, ...]:
    """The chunks of a plane as its producer compressed them, each compared with its checksum."""
    rows, columns = file.header.chunk_counts
    chunks = []
    for at in range(rows * columns):
        place = (field.index, plane, *divmod(at, columns))
        stored = file.stored(1, place)
        if hashlib.sha256(stored).digest() != bytes(sums[place]):
            raise Damaged(f"the chunk at {place} does not match its checksum")
        chunks.append(file.plain(1, place, stored))
    return tuple(chunks)


def _corners(fields: tuple[Field, ...]) -> dict[FieldKey, tuple[float, float]]:
    return {
        field.key: (field.registered_x_um, field.registered_y_um)
        for field in fields
        if field.registered_x_um is not None and field.registered_y_um is not None
    }
