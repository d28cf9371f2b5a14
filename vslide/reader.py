"""One way to read a slide, wherever its pixels are: our HDF5, a journal being written, a vendor file, a
remote dealer.
"""

import pkgutil
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self, cast

import numpy as np
from numpy.typing import NDArray

from vslide.dicom_file import is_dicom
from vslide.errors import NotASlide
from vslide.keys import KeyRing
from vslide.model import Channel, Field, SlideHeader

REMOTE = ("tcp://", "ipc://")
_HDF5 = b"\x89HDF\r\n\x1a\n"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

# Named, not imported: each brings a large library (OpenSlide, tifffile, ZeroMQ) that most processes never
# need.
_MOSAIC = "vslide.readers.mosaic:MosaicSlide"
_JOURNAL = "vslide.readers.journal:JournalSlide"
_OPENSLIDE = "vslide.readers.vendor:OpenSlideFile"
_TIFFFILE = "vslide.readers.tiff:TiffSlide"
_DICOM = "vslide.readers.dicom:DicomSlide"
_DEALER = "vslide.remote:open_remote"


class SlideReader(Protocol):
    """What each reader offers. Thread-safe; a context manager. Arrays are planar (C, H, W) of the slide's
    dtype.
    """

    @property
    def header(self) -> SlideHeader | None:
        """None for vendor files."""

    @property
    def kind(self) -> Literal["mosaic", "vendor"]: ...

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) at level 1 in px."""

    @property
    def pixel_size_um(self) -> float:
        """µm per px at level 1; 0 where the file does not say."""

    @property
    def magnification(self) -> float: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    @property
    def channels(self) -> tuple[Channel, ...]: ...

    @property
    def icc(self) -> bytes | None:
        """The colour profile of the scanner; None where the file carries none."""

    @property
    def levels(self) -> tuple[float, ...]:
        """Stored downsampling factors, rising from 1."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """Empty for vendor files."""

    @property
    def layers(self) -> int:
        """Number of focus layers (z)."""

    @property
    def times(self) -> int:
        """Number of time points (t)."""

    def info(self) -> dict[str, Any]:
        """A JSON-able summary."""

    def plane(self, index: int, channel: int, *, level: int = 1) -> NDArray[Any]:
        """One colour field (h, w) at a stored level. Raises NoSuchField."""

    def field_at(self, x: int, y: int, *, z: int = 0, t: int = 0) -> Field | None:
        """The field that shows at a px of level 1; None where nothing was scanned, and for vendor files."""

    def chunk(self, index: int, channel: int, row: int, column: int, *, level: int = 1) -> bytes:
        """Stored bytes of one chunk, unchanged. Raises NoSuchField."""

    def region(
        self,
        x: int,
        y: int,
        width: int,
        height: int,
        *,
        level: float = 1,
        channels: Sequence[int] | None = None,
        z: int = 0,
        t: int = 0,
    ) -> NDArray[Any]:
        """(C, height, width); x, y, width, height in px of `level`, which need not be a stored one. Outside:
        0, or 255 in brightfield. Raises NoSuchField.
        """

    def region_um(
        self,
        x_um: float,
        y_um: float,
        width_um: float,
        height_um: float,
        *,
        level: float = 1,
        channels: Sequence[int] | None = None,
        z: int = 0,
        t: int = 0,
    ) -> NDArray[Any]:
        """The same by µm from the top-left corner of the whole slide (of a mosaic: the smallest x and y of
        all fields' corners, registered where every field is), to the nearest px of `level`.
        """

    def thumbnail(self, max_size: int = 512) -> NDArray[Any]:
        """(C, h, w) of the whole slide, no side longer than `max_size` px."""

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_slide(source: str | Path, keys: KeyRing | None = None) -> SlideReader:
    """Open a slide: a path (our .h5, a run's journal directory, a vendor file, a DICOM series' directory) or
    `tcp://…`/`ipc://…#slide`.

    The pixels of a sealed slide need its key: from `keys`, or else from the directory that the environment
    variable NOCTURNE_SLIDE_KEYS names; what asks for pixels without it raises KeyMissing. Raises NotASlide,
    Damaged or FileNotFoundError. A file of unknown origin goes through `vslide.inspect` first.
    """
    if str(source).startswith(REMOTE):
        return _reader(_DEALER, str(source))
    path = Path(source)
    if path.is_dir():
        if any(map(is_dicom, filter(Path.is_file, path.iterdir()))):
            return _reader(_DICOM, path)
        return _reader(_JOURNAL, path, keys)
    if is_dicom(path):
        return _reader(_DICOM, path)
    with path.open("rb") as stream:
        start = stream.read(8)
    if start == _HDF5:
        return _reader(_MOSAIC, path, keys)
    if start[:4] in _TIFF and not _openslide_knows(path):
        return _reader(_TIFFFILE, path)
    return _reader(_OPENSLIDE, path)


def _openslide_knows(path: Path) -> bool:
    detect = cast(Callable[[Path], str | None], pkgutil.resolve_name("vslide.readers.vendor:detect"))
    return detect(path) not in (None, "generic-tiff")


def _reader(name: str, source: str | Path, *keys: KeyRing | None) -> SlideReader:
    try:
        return cast(SlideReader, pkgutil.resolve_name(name)(source, *keys))
    except IsADirectoryError as error:
        raise NotASlide(f"{source} is a directory without a journal") from error
