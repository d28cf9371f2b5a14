"""`./nocturne bench deidentify`: seconds for a gigabyte of slides made clean, searched by the gate and put in
place, beside what no program can be faster than: to copy the file and hash it.
"""

import hashlib
import io
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, JPEGBaseline8Bit, generate_uid

from deidentify.files import deidentify_file
from deidentify.images.dicom import WHOLE_SLIDE
from deidentify.known import Known
from tests.bench.measure import Figure, Subject
from tests.bench.pixels import Pixels, tissue
from tests.bench.slides import PAPER, Scale, make_fields, publish
from tests.bench.subjects import seconds, sync

KNOWN = Known(names=("Quentin Vandermeer",), identifiers=("00481516",), dates=("1957-03-09",))
TILE, SMALLER = 256, 4
APERIO = "Aperio Image Library v12.0.15 \r\n{w}x{h} [0,0 {w}x{h}] (256x256) JPEG/RGB Q=80|AppMag = 40|MPP = 0.2500|Filename = Vandermeer"  # noqa: E501
WHOLE, SMALL = 64, 8  # tiles along each side
FLOOR = "copied and hashed"
FIGURES = {
    "svs": Figure("s/GB, Aperio .svs", higher_is_better=False),
    "mosaic": Figure("s/GB, our HDF5", higher_is_better=False),
    "dicom": Figure("s/GB, a DICOM level of JPEG frames", higher_is_better=False),
}


def deidentify(scale: Scale, kept: Path) -> Subject:
    """Each kind has its own file of some 100 MB; the small scale has a few."""
    side = WHOLE if scale.judge else SMALL
    fields = make_fields("fluorescence", PAPER, (6, 6) if scale.judge else (2, 2), min(12, scale.distinct), 4)
    files = {
        "svs": svs(kept / "one.svs", side),
        "mosaic": publish(fields, kept / "mosaic"),
        "dicom": dicom(kept / "one.dcm", side),
    }
    return Subject(
        FIGURES, lambda folder: _timed(files, folder, clean), {FLOOR: lambda f: _timed(files, f, copy)}
    )


def _timed(files: Mapping[str, Path], folder: Path, work: Callable[[Path, Path], object]) -> dict[str, float]:
    found = {}
    for name, file in files.items():
        target = folder / f"{name}{file.suffix}"
        found[name] = seconds(lambda: work(file, target)) / (file.stat().st_size / 1e9)  # noqa: B023
    return found


def clean(source: Path, target: Path) -> None:
    deidentify_file(source, target, KNOWN)


def copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    sync(target)
    with target.open("rb") as file:
        hashlib.file_digest(file, "sha256")


def svs(path: Path, side: int) -> Path:
    """Two levels of `side` x `side` tiles of tissue, as a scanner stores them."""
    tile = _tissue()
    blocks = tile.reshape(TILE // SMALLER, SMALLER, TILE // SMALLER, SMALLER, 3)
    small = np.tile(blocks.mean(axis=(1, 3)).round().astype(np.uint8), (SMALLER, SMALLER, 1))
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        for pixels, many, first in ((tile, side, True), (small, side // SMALLER, False)):
            size = many * TILE
            file.write(
                _tiles(pixels, many * many), shape=(size, size, 3), dtype="uint8", tile=(TILE, TILE),
                photometric="rgb", compression="jpeg", metadata=None, software=False, contiguous=False,
                description=APERIO.format(w=size, h=size) if first else None,
            )  # fmt: skip
    return path


def _tissue() -> Pixels:
    return np.ascontiguousarray(np.moveaxis(tissue(TILE, TILE, 1), 0, -1))


def _tiles(pixels: Pixels, count: int) -> Iterator[bytes]:
    one = bytes(imagecodecs.jpeg8_encode(pixels, level=90))
    yield from (one for _ in range(count))


def dicom(path: Path, side: int) -> Path:
    """One level of as many JPEG frames."""
    one = Dataset()
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    one.SOPClassUID = one.file_meta.MediaStorageSOPClassUID = UID(WHOLE_SLIDE)
    one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    one.PatientName, one.Modality = "Vandermeer^Quentin", "SM"
    one.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    one.SamplesPerPixel, one.PhotometricInterpretation, one.PlanarConfiguration = 3, "YBR_FULL_422", 0
    one.Rows = one.Columns = TILE
    one.TotalPixelMatrixRows = one.TotalPixelMatrixColumns = side * TILE
    one.BitsAllocated = one.BitsStored = 8
    one.HighBit, one.PixelRepresentation, one.NumberOfFrames = 7, 0, side * side
    one.PixelData = encapsulate(list(_tiles(_tissue(), side * side)))
    one["PixelData"].VR = "OB"
    whole = io.BytesIO()
    one.save_as(whole, enforce_file_format=True)
    path.write_bytes(whole.getvalue())
    return path
