"""Live preview: a slide whose journal is still being written."""

from pathlib import Path
from typing import Any

from vslide.coding import Coding, camera_chunk
from vslide.errors import NoSuchField
from vslide.geometry import place
from vslide.journal import read_plane, recover
from vslide.layers import zoom_layers
from vslide.model import ZOOM_LAYERS, Field
from vslide.readers.base import MosaicReader, PixelCache, Pixels


class JournalSlide(MosaicReader):
    """What a run's journal holds so far, in all zoom layers. `refresh()` takes up what came since.
    Thread-safe reading.

    A field appears when all of its colours are here. Raises NotASlide without a readable journal, NoSuchField
    while no field is complete.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.levels = tuple(float(level) for level in (1, *ZOOM_LAYERS))
        self._cache = PixelCache()
        self.refresh()

    def refresh(self) -> int:
        """Look again; returns the number of complete fields."""
        found = recover(self.directory)
        channels = range(found.header.planes)
        keys = [
            k
            for k in dict.fromkeys(key for key, _ in found.planes)
            if all((k, w) in found.planes for w in channels)
        ]
        if not keys:
            raise NoSuchField("no field of view has arrived yet")
        first = [found.planes[key, 0] for key in keys]
        fields = tuple(Field(n, r.key, r.x_um, r.y_um, r.z_um) for n, r in enumerate(first))
        self.placement = place(fields, found.header.pixel_size_um, found.header.field_shape)
        self.header, self.fields, self.planned = found.header, fields, found.planned
        self._planes, self._coding = found.planes, Coding(found.header)
        return len(fields)

    def close(self) -> None:
        """Nothing is held open between reads."""

    def info(self) -> dict[str, Any]:
        return super().info() | {"live": True, "planes": len(self._planes), "planned": self.planned}

    def chunk(self, index: int, channel: int, row: int, column: int, *, level: int = 1) -> bytes:
        """Stored bytes of one camera chunk; a journal stores level 1 only."""
        self.check_plane(index, channel, level)
        rows, columns = self.header.chunk_counts
        if level != 1 or not (0 <= row < rows and 0 <= column < columns):
            raise NoSuchField(f"a journal has no chunk ({row}, {column}) at level {level}")
        key, plane = self.fields[index].key, channel // self._each
        stored = read_plane(self._planes[key, plane]).chunks[row * columns + column]
        return self._coding.plain(stored, camera_chunk(key, plane, row, column))

    @property
    def _each(self) -> int:
        """Colours in one plane."""
        return len(self.header.channels) // self.header.planes

    def _level(self, index: int, channel: int, level: int) -> Pixels:
        key, plane = self.fields[index].key, channel // self._each

        def make() -> Pixels:
            chunks = read_plane(self._planes[key, plane]).chunks
            return self._coding.field(chunks, self.header, key, plane)

        colour = channel % self._each
        if level == 1:
            field: Pixels = self._cache.get((key, plane, 1), make)[colour]
            return field
        return self._cache.get((key, channel, level), lambda: zoom_layers(make()[colour])[level])

    def window(self, index: int, channel: int, level: int, rows: slice, columns: slice) -> Pixels:
        return self._level(index, channel, level)[rows, columns]
