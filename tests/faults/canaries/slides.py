"""Slides with a person planted in one place: Aperio, plain and OME TIFF, DICOM, and our own HDF5."""

import functools
import io
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import imagecodecs
import numpy as np
import pydicom
import tifffile
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGBaseline8Bit, generate_uid

from tests.deidentify.hamamatsu import make_ndpi
from tests.deidentify.making import APERIO, TAGS, profile, segment, tissue
from tests.vslide.slides import brightfield, make_specimen, publish

SIDE = 64
WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
Plant = Callable[[bytes], bytes]
OME = (
    '<?xml version="1.0"?><!-- %s --><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
    '<Experimenter ID="Experimenter:0" UserName="%s"/><Image ID="Image:0" Name="%s"><Pixels ID="Pixels:0" '
    'DimensionOrder="XYCZT" Type="uint8" SizeX="64" SizeY="64" SizeC="3" SizeZ="1" SizeT="1">'
    '<Channel ID="Channel:0" Name="%s" SamplesPerPixel="3"/><TiffData/></Pixels></Image>'
    "<StructuredAnnotations>%s</StructuredAnnotations></OME>"
)


# --- TIFF
def aperio(
    *, extra: list[tuple[int, int, int, bytes, bool]] | None = None, words: bytes = b"", tile: bytes = b"",
    page: str = "", page_words: bytes = b"", big: bool = False,
) -> bytes:  # fmt: skip
    """An Aperio slide of one level and one page beside it (thumbnail, label, macro), if any."""
    store = io.BytesIO()
    picture = tile or bytes(imagecodecs.jpeg8_encode(tissue(SIDE), level=80))
    with tifffile.TiffWriter(store, bigtiff=big) as file:
        common: dict[str, Any] = {
            "photometric": "rgb",
            "metadata": None,
            "contiguous": False,
            "software": False,
        }
        file.write(
            iter([picture]), shape=(SIDE, SIDE, 3), dtype="uint8", compression="jpeg", tile=(SIDE, SIDE),
            description=APERIO.format(w=SIDE, h=SIDE).encode() + words, extratags=extra or (), **common,
        )  # fmt: skip
        if page:
            kind = {"label": 1, "macro": 9}.get(page, 0)
            text = b"Aperio\n" + page.encode() + b" 48x48 " + page_words
            file.write(tissue(48), description=text, subfiletype=kind, **common)
    return store.getvalue()


def tag(code: int) -> Plant:
    return lambda planted: aperio(extra=[(code, 7, len(planted), planted, True)])


def _colours(planted: bytes) -> bytes:
    made = profile(planted)
    return aperio(extra=[(34675, 7, len(made), made, True)])


def _picture() -> bytes:
    return bytes(imagecodecs.jpeg8_encode(tissue(SIDE), level=80))


def in_jpeg(marker: int, start: bytes = b"") -> Plant:
    return lambda planted: aperio(tile=_with_segment(marker, start + planted))


def _with_segment(marker: int, body: bytes) -> bytes:
    data = _picture()
    return data[:2] + segment(marker, body) + data[2:]


def ome(place: int) -> Plant:
    def made(planted: bytes) -> bytes:
        words = [""] * 5
        words[place] = "\1"
        text = (OME % tuple(words)).encode().replace(b"\1", planted)
        return plain(description=text)

    return made


def _below(planted: bytes) -> bytes:
    store = io.BytesIO()
    how: dict[str, Any] = {"tile": (SIDE // 2, SIDE // 2), "photometric": "rgb", "software": False}
    with tifffile.TiffWriter(store, ome=True) as file:
        file.write(tissue(SIDE), subifds=1, metadata={"axes": "YXS"}, **how)
        file.write(
            tissue(SIDE)[::2, ::2], subfiletype=1, extratags=[(315, 7, len(planted), planted, True)], **how
        )
    return store.getvalue()


def plain(*, description: bytes = b"", tile: bytes | None = None) -> bytes:
    store = io.BytesIO()
    data = tissue(SIDE)
    stored: Iterator[bytes] = iter([tile or zlib.compress(data.tobytes())])
    with tifffile.TiffWriter(store) as file:
        file.write(
            stored, shape=data.shape, dtype="uint8", compression="zlib", tile=(SIDE, SIDE), photometric="rgb",
            metadata=None, software=False, description=description or None,
        )  # fmt: skip
    return store.getvalue()


def _unlinked(planted: bytes) -> bytes:
    """A page that the chain no longer reaches: what the tools of the field leave behind."""
    data = bytearray(aperio(page="label", page_words=planted))
    first = int.from_bytes(data[4:8], "little")
    following = first + 2 + 12 * int.from_bytes(data[first : first + 2], "little")
    data[following : following + 4] = bytes(4)
    return bytes(data)


TIFFS: dict[str, Plant] = {
    **{f"svs: tag {name}": tag(code) for name, code in TAGS.items()},
    "svs: tag Software": tag(305),
    "svs: tag DateTime": tag(306),
    "svs: private tag": tag(65000),
    "svs: colour profile": _colours,
    "svs: description": lambda planted: aperio(words=b"|Title = " + planted),
    "svs: description of a BigTIFF": lambda planted: aperio(words=b"|User = " + planted, big=True),
    "svs: unknown key": lambda planted: aperio(words=b"|Whatever = " + planted),
    "svs: thumbnail's description": lambda planted: aperio(page="thumbnail", page_words=planted),
    "svs: label's description": lambda planted: aperio(page="label", page_words=planted),
    "svs: macro's description": lambda planted: aperio(page="macro", page_words=planted),
    "svs: unlinked page": _unlinked,
    "svs: tile's comment": in_jpeg(0xFE),
    "svs: tile's Exif": in_jpeg(0xE1, b"Exif\0\0"),
    "svs: tile's Photoshop segment": in_jpeg(0xED, b"Photoshop 3.0\0"),
    "svs: after a tile's end": lambda planted: aperio(tile=_picture() + planted),
    "svs: after the file's end": lambda planted: aperio() + planted,
    "svs: packed after the file's end": lambda planted: aperio() + b"\0" + zlib.compress(planted * 2),
    "tiff: description": lambda planted: plain(description=b"slide " + planted),
    "tiff: after a deflated tile": lambda planted: plain(
        tile=zlib.compress(tissue(SIDE).tobytes()) + planted
    ),
    "ome: comment": ome(0),
    "ome: user name": ome(1),
    "ome: image name": ome(2),
    "ome: channel name": ome(3),
    "ome: annotation": ome(4),
    "ome: artist of a level": _below,
}


# --- NDPI
def ndpi(*, words: bytes = b"", told: bytes = b"nobody") -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return make_ndpi(Path(folder) / "a.ndpi", words=words, told=told).read_bytes()


NDPIS: dict[str, Plant] = {
    "ndpi: tags": lambda planted: ndpi(told=planted),
    "ndpi: JPEG comment": lambda planted: ndpi(words=planted),
}


# --- DICOM
def dicom(change: Callable[[Dataset, bytes], None], planted: bytes) -> bytes:
    data, picture = Dataset(), tissue(SIDE)
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = UID(WHOLE_SLIDE)
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid()
    data.SpecificCharacterSet = "ISO_IR 100"
    data.ImageType, data.Modality = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], "SM"
    data.Rows = data.Columns = data.TotalPixelMatrixRows = data.TotalPixelMatrixColumns = SIDE
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PlanarConfiguration = 3, "RGB", 0
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation, data.NumberOfFrames = 7, 0, 1
    data.PixelData = picture.tobytes()
    data["PixelData"].VR = "OB"
    change(data, planted)
    store = io.BytesIO()
    mode, pydicom.config.settings.writing_validation_mode = (
        pydicom.config.settings.writing_validation_mode, pydicom.config.IGNORE,
    )  # fmt: skip
    try:
        data.save_as(store, enforce_file_format=True)
    finally:
        pydicom.config.settings.writing_validation_mode = mode
    return store.getvalue()


def element(number: int, kind: str) -> Plant:
    def change(data: Dataset, planted: bytes) -> None:
        data.add(
            pydicom.DataElement(number, kind, _value(planted, kind), validation_mode=pydicom.config.IGNORE)
        )

    return functools.partial(dicom, change)


def _value(planted: bytes, kind: str) -> Any:
    even = planted + b" " * (len(planted) % 2)
    return even if kind in ("OB", "UN") else even.decode("latin-1")


def within(sequence: int, number: int, kind: str) -> Plant:
    def change(data: Dataset, planted: bytes) -> None:
        item = Dataset()
        item.add(
            pydicom.DataElement(number, kind, _value(planted, kind), validation_mode=pydicom.config.IGNORE)
        )
        data.add_new(sequence, "SQ", [item])

    return functools.partial(dicom, change)


def _private(data: Dataset, planted: bytes) -> None:
    block = data.private_block(0x1001, "A MAKER", create=True)
    block.add_new(1, "UN", _value(planted, "UN"))


def _in_frame(data: Dataset, planted: bytes, *, after: bool = False) -> None:
    data.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    frame = _picture() + planted if after else _with_segment(0xFE, planted)
    data.PixelData = encapsulate([frame])


def _preamble(planted: bytes) -> bytes:
    data = dicom(lambda made, words: None, planted)
    return planted[:128].ljust(128, b"\0") + data[128:]


DICOMS: dict[str, Plant] = {
    "dicom: patient's name": element(0x00100010, "PN"),
    "dicom: patient's number": element(0x00100020, "LO"),
    "dicom: patient comments": element(0x00104000, "LT"),
    "dicom: accession": element(0x00080050, "SH"),
    "dicom: institution": element(0x00080080, "LO"),
    "dicom: operator": element(0x00081070, "PN"),
    "dicom: image comments": element(0x00204000, "LT"),
    "dicom: container": element(0x00400512, "LO"),
    "dicom: label text": element(0x22000002, "UT"),
    "dicom: barcode": element(0x22000005, "LT"),
    "dicom: trailing padding": element(0xFFFCFFFC, "OB"),
    "dicom: specimen": within(0x00400560, 0x00400602, "UT"),
    "dicom: optical path": within(0x00480105, 0x00480107, "ST"),
    "dicom: colour profile": within(0x00480105, 0x00282000, "OB"),
    "dicom: private element": functools.partial(dicom, _private),
    "dicom: frame's comment": functools.partial(dicom, _in_frame),
    "dicom: after a frame's end": functools.partial(dicom, functools.partial(_in_frame, after=True)),
    "dicom: preamble": _preamble,
}


# --- our HDF5
@functools.cache
def mosaic() -> bytes:
    with tempfile.TemporaryDirectory(prefix="nocturne-canaries-") as name:
        return publish(Path(name), make_specimen(brightfield(rows=1, columns=1))).path.read_bytes()


def in_mosaic(change: Callable[[h5py.File, bytes], None]) -> Plant:
    def made(planted: bytes) -> bytes:
        store = io.BytesIO(mosaic())
        with h5py.File(store, "r+") as file:
            change(file, planted)
        return store.getvalue()

    return made


def _attribute(file: h5py.File, planted: bytes) -> None:
    file.attrs["slide_name"] = np.void(planted)


def _attribute_below(file: h5py.File, planted: bytes) -> None:
    next(item for item in file.values() if isinstance(item, h5py.Dataset)).attrs["note"] = np.void(planted)


def _freed(planted: bytes) -> bytes:
    """A dataset that was deleted: its bytes lie on between what was written before and after it."""
    store = io.BytesIO(mosaic())
    with h5py.File(store, "r+") as file:
        file.create_dataset("note", data=np.frombuffer(planted * 4, np.uint8))
        file.create_dataset("other", data=np.zeros(4096, np.uint8))
    for name in ("note", "other"):
        with h5py.File(store, "r+") as file:
            del file[name]
    data = store.getvalue()
    if planted not in data:
        raise RuntimeError("the library has cleared what it deleted: this place plants nothing")
    return data


def _dataset(file: h5py.File, planted: bytes) -> None:
    file.create_dataset("note", data=np.frombuffer(planted * 4, np.uint8), chunks=(16,), compression="gzip")


def _texts(file: h5py.File, planted: bytes) -> None:
    file.create_dataset("note", data=[planted.decode("latin-1").replace("\0", "")], dtype=h5py.string_dtype())


def _group(file: h5py.File, planted: bytes) -> None:
    file.create_group(planted.replace(b"/", b"|").replace(b"\0", b"").decode("latin-1"))


def _comment(file: h5py.File, planted: bytes) -> None:
    h5py.h5o.set_comment(file.id, planted.replace(b"\0", b""))


MOSAICS: dict[str, Plant] = {
    "hdf5: attribute": in_mosaic(_attribute),
    "hdf5: attribute of a dataset": in_mosaic(_attribute_below),
    "hdf5: freed space": _freed,
    "hdf5: packed dataset": in_mosaic(_dataset),
    "hdf5: texts": in_mosaic(_texts),
    "hdf5: name of a group": in_mosaic(_group),
    "hdf5: object comment": in_mosaic(_comment),
    "hdf5: user block": lambda planted: planted.ljust(512, b"\0") + mosaic(),
    "hdf5: after the file's end": lambda planted: mosaic() + planted,
}
