"""A slide written anew with registered positions: a published file never changes, so there is another."""

import contextlib
import shutil
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from vslide.assemble import Corners
from vslide.build import build
from vslide.coding import Coding
from vslide.journal import Journal
from vslide.manifest import Manifest
from vslide.model import Plane, SlideHeader
from vslide.reader import SlideReader
from vslide.register.mosaic import header_of

_PLANES_PER_COMMIT = 30


def rewrite(reader: SlideReader, destination: Path, registered: Corners) -> Manifest:
    """Publish `<destination>/<slide_id>/<new run id>.h5`: the slide of `reader` with the same camera chunks,
    byte for byte, and `registered` corners (x, y in µm), verified as any other. The disk needs room for it
    twice for a while.

    Raises what `vslide.build` raises; nothing is left behind then.
    """
    header = replace(header_of(reader), run_id=uuid.uuid4().hex)
    with passing_journal(
        header, len(reader.fields) * header.planes, _planes(reader, header), destination
    ) as journal:
        return build(journal, destination, registered)


@contextlib.contextmanager
def passing_journal(
    header: SlideHeader, planned: int, planes: Iterable[Plane], destination: Path
) -> Iterator[Path]:
    """The directory of a journal of `planes` below `destination`, which lasts as long as the context: for
    planes that are safe elsewhere.
    """
    directory = destination / f"run-{header.run_id}"
    try:
        with Journal.create(directory, header, header.run_id, 1, planned) as journal:
            for sequence, plane in enumerate(planes):
                journal.append(plane, sequence)
                if sequence % _PLANES_PER_COMMIT == 0:
                    journal.commit()
            journal.commit()
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _planes(reader: SlideReader, header: SlideHeader) -> Iterator[Plane]:
    rows, columns = header.chunk_counts
    coding = Coding(header)
    places = [(row, column) for row in range(rows) for column in range(columns)]
    for field in reader.fields:
        for plane in range(header.planes):
            chunks = tuple(reader.chunk(field.index, plane, row, column) for row, column in places)
            # A sealed chunk belongs to its run: the new run seals it anew. Any other goes through as it is.
            yield coding.arrived(Plane(field.key, plane, field.x_um, field.y_um, field.z_um, chunks))
