"""Slides and reports with a person planted in every place that their formats have."""

import base64
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import imagecodecs
import numpy as np
import tifffile

PERSON = "Quentin Vandermeer"
KNOWN = {"names": [PERSON], "identifiers": ["00481516"], "dates": ["1957-03-09"], "other": []}
ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "ascii": lambda text: text.encode(),
    "utf-16-le": lambda text: text.encode("utf-16-le"),
    "utf-16-be": lambda text: text.encode("utf-16-be"),
    "base64": lambda text: base64.b64encode(b"x " + text.encode() + b" y"),
    "hex": lambda text: text.encode().hex().encode(),
    "url": lambda text: quote(text).encode(),
    "reversed": lambda text: text[::-1].encode(),
    "separators removed": lambda text: text.replace(" ", "").encode(),
}
TAGS = {"DocumentName": 269, "Make": 271, "Model": 272, "PageName": 285, "Artist": 315,
    "HostComputer": 316, "XMP": 700,
        "Copyright": 33432, "IPTC": 33723, "Photoshop": 34377}  # fmt: skip
APERIO = "Aperio Image Library v12.0.15 \r\n{w}x{h} [0,0 {w}x{h}] (64x64) JPEG/RGB Q=70|AppMag = 40|StripeWidth = 2032|MPP = 0.2500"  # noqa: E501


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body


def tiles(pixels: np.ndarray, planted: bytes) -> Iterator[bytes]:
    """JPEG tiles; the first ones carry a comment, an application segment and bytes after their end."""
    number = 0
    for y in range(0, pixels.shape[0], 64):
        for x in range(0, pixels.shape[1], 64):
            data = bytes(imagecodecs.jpeg8_encode(pixels[y : y + 64, x : x + 64], level=80))
            if planted and number == 0:
                data = data[:2] + segment(0xFE, planted) + data[2:]
            elif planted and number == 1:
                data = data[:2] + segment(0xE1, b"Exif\0\0" + planted) + data[2:]
            elif planted and number == 2:
                data += planted
            number += 1
            yield data


def tissue(side: int) -> np.ndarray:
    ramp = np.add.outer(np.arange(side), np.arange(side)) % 251
    return np.stack([ramp, ramp[::-1], ramp.T], axis=-1).astype(np.uint8)


def reduced(pixels: np.ndarray, by: int) -> np.ndarray:
    """The mean of each block, as a scanner makes its levels."""
    high, wide, samples = pixels.shape
    blocks = pixels.reshape(high // by, by, wide // by, by, samples)
    means: np.ndarray = blocks.mean(axis=(1, 3)).astype(np.uint8)
    return means


def profile(text: bytes) -> bytes:
    """A small colour profile whose description says `text`."""
    words = b"desc\0\0\0\0" + (len(text) + 1).to_bytes(4, "big") + text + bytes(79)
    colour = b"XYZ \0\0\0\0" + bytes(12)
    start = 132 + 24
    table = b"desc" + start.to_bytes(4, "big") + len(words).to_bytes(4, "big")
    table += b"rXYZ" + (start + len(words)).to_bytes(4, "big") + len(colour).to_bytes(4, "big")
    body = (2).to_bytes(4, "big") + table + words + colour
    head = bytearray(128)
    head[0:4], head[8:12], head[12:24], head[36:40] = (
        (128 + len(body)).to_bytes(4, "big"),
        b"\2\x10\0\0",
        b"mntrRGB XYZ ",
        b"acsp",
    )
    return bytes(head) + body


def make_svs(
    path: Path,
    planted: bytes = b"",
    *,
    title: str = "",
    key: str = "Title",
    tag: int | None = None,
    big: bool = False,
) -> Path:
    """An Aperio slide of two levels with thumbnail, label and macro; `planted` stands in twenty places."""
    base, level = tissue(256), reduced(tissue(256), 4)
    extra = [(code, 7, len(planted), planted, True) for code in TAGS.values()] if planted else []
    if planted:
        icc = profile(planted)
        extra.append((34675, 7, len(icc), icc, True))
    if tag is not None:
        extra.append((tag, 7, 4, b"what", True))
    description = APERIO.format(w=256, h=256) + (f"|{key} = {title}" if title else "")
    words = planted or b"none"
    with tifffile.TiffWriter(path, bigtiff=big) as file:
        common: dict[str, Any] = {"photometric": "rgb", "metadata": None, "contiguous": False}
        jpeg: dict[str, Any] = {"compression": "jpeg", "tile": (64, 64), "dtype": "uint8"}
        file.write(
            tiles(base, planted),
            shape=base.shape,
            description=description,
            extratags=extra,
            software=False,
            **jpeg,
            **common,
        )
        file.write(
            base[::4, ::4],
            description=b"Aperio Image Library\n256x256 -> 64x64 - |User = " + words,
            rowsperstrip=16,
            **common,
        )
        file.write(
            tiles(level, b""), shape=level.shape, description=APERIO.format(w=64, h=64), **jpeg, **common
        )
        file.write(tissue(50), description=b"Aperio\nlabel 50x50 " + words, subfiletype=1, **common)
        file.write(tissue(60), description=b"Aperio\nmacro 60x60 " + words, subfiletype=9, **common)
        file.write(tissue(40), description=b"unnamed " + words, subfiletype=1, **common)
    if planted:
        path.write_bytes(path.read_bytes() + b"tail " + planted)
    return path


W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
DOCX_PLACES = ("docProps/core.xml", "docProps/app.xml", "docProps/custom.xml", "word/comments.xml",
    "word/header1.xml",
               "word/footer1.xml", "word/people.xml", "word/settings.xml", "customXml/item1.xml",
               "word/glossary/document.xml",
               "word/embeddings/note.txt")  # fmt: skip


def png_with(text: bytes) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    head = (1).to_bytes(4, "big") * 2 + b"\x08\0\0\0\0"
    zipped = b"Comment\0\0" + zlib.compress(text)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"zTXt", zipped)
        + chunk(b"IDAT", zlib.compress(b"\0\0"))
        + chunk(b"IEND", b"")
    )


def make_docx(
    path: Path,
    body: list[str],
    planted: bytes = b"",
    *,
    table: list[tuple[str, ...]] | None = None,
    inner: str = "",
) -> Path:
    """A Word report with `body` as paragraphs; `planted` stands in all the places that a reader does not
    see."""
    paragraphs = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in body)
    rows = "".join(
        "<w:tr>"
        + "".join(f"<w:tc><w:p><w:r><w:t>{cell}</w:t></w:r></w:p></w:tc>" for cell in row)
        + "</w:tr>"
        for row in table or []
    )
    document = f'<w:document xmlns:w="{W}"><w:body>{paragraphs}{inner}{f"<w:tbl>{rows}</w:tbl>" if rows else ""}</w:body></w:document>'  # noqa: E501
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", document)
        for name in DOCX_PLACES if planted else ():
            archive.writestr(name, b"<x>" + planted + b"</x>")
        if planted:
            archive.writestr("word/media/image1.png", png_with(planted))
            archive.comment = planted[:200]
    return path


def inner_archive(planted: bytes) -> bytes:
    """A zip archive whose only member says `planted`."""
    store = io.BytesIO()
    with zipfile.ZipFile(store, "w") as archive:
        archive.writestr("x.txt", planted)
    return store.getvalue()
