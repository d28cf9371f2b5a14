"""Files made to hurt whoever opens them: bombs, circles, depths and sizes that no disk holds."""

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable

from tests.deidentify.making import W

MIB = 1 << 20


def packed_zeros(mib: int) -> bytes:
    machine, parts = zlib.compressobj(9), []
    parts = [machine.compress(bytes(MIB)) for _ in range(mib)]
    return b"".join([*parts, machine.flush()])


def zip_bomb(members: int = 40, mib: int = 64) -> bytes:
    store = io.BytesIO()
    with zipfile.ZipFile(store, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for number in range(members):
            with archive.open(f"word/{number}.xml", "w") as member:
                for _ in range(mib if number == 0 else 1):
                    member.write(bytes(MIB))
    return store.getvalue()


def docx_bomb(mib: int = 1500) -> bytes:
    store = io.BytesIO()
    with (
        zipfile.ZipFile(store, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open("word/document.xml", "w", force_zip64=True) as member,
    ):
        member.write(f'<w:document xmlns:w="{W}"><w:body>'.encode())
        for _ in range(mib):
            member.write(b" " * MIB)
    return store.getvalue()


def russian_dolls(depth: int = 40) -> bytes:
    data = b"benign"
    for _ in range(depth):
        store = io.BytesIO()
        with zipfile.ZipFile(store, "w") as archive:
            archive.writestr("x.zip", data)
        data = store.getvalue()
    return data


def laughs() -> bytes:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    kind = f'<!DOCTYPE x [<!ENTITY l0 "ha">{entities}]>'
    return f'<?xml version="1.0"?>{kind}<Annotations>&l11;</Annotations>'.encode()


def laughing_docx() -> bytes:
    store = io.BytesIO()
    with zipfile.ZipFile(store, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", laughs())
    return store.getvalue()


def circle() -> bytes:
    """A TIFF whose second directory is its first."""
    return b"II*\0" + struct.pack("<IHHHII", 8, 1, 256, 3, 1, 64) + struct.pack("<I", 8)


def vast_tiff() -> bytes:
    """A directory that promises 2^31 pixels to a side in tiles that are not there."""
    entries = [
        (256, 4, 1, 2**31 - 1), (257, 4, 1, 2**31 - 1), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
        (322, 4, 1, 256), (323, 4, 1, 256), (324, 4, 2**31 - 1, 8), (325, 4, 2**31 - 1, 8),
    ]  # fmt: skip
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(4)


def deep_dicom(depth: int = 3000) -> bytes:
    item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    head = b"\x40\x00\x60\x05SQ\0\0\xff\xff\xff\xff"
    meta = b"\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\0"
    length = b"\x02\x00\x00\x00UL\x04\x00" + struct.pack("<I", len(meta))
    return bytes(128) + b"DICM" + length + meta + (head + item) * depth


def nested_json(depth: int = 100_000) -> bytes:
    return b'{"type":"FeatureCollection","features":' + b"[" * depth + b"]" * depth + b"}"


HOSTILE: dict[str, Callable[[], bytes]] = {
    "nothing.svs": lambda: b"",
    "zeros.dcm": lambda: bytes(4096),
    "zip bomb.docx": zip_bomb,
    "docx bomb.docx": docx_bomb,
    "dolls.zip": russian_dolls,
    "gzip bomb.txt": lambda: gzip.compress(packed_zeros(1100), 1),
    "zlib bomb.bin": lambda: packed_zeros(1100),
    "laughs.xml": laughs,
    "laughs.docx": laughing_docx,
    "circle.svs": circle,
    "vast.svs": vast_tiff,
    "deep.dcm": deep_dicom,
    "nested.json": nested_json,
    "torn.h5": lambda: b"\x89HDF\r\n\x1a\n" + b"\xff" * 500,
    "long line.txt": lambda: b"Q" * (20 * MIB),
    "brackets.xml": lambda: b"<" * MIB,
    "braces.rtf": lambda: b"{\\rtf1" + b"{" * MIB,
    "objects.pdf": lambda: b"%PDF-1.7\n" + b"1 0 obj << /A " * 50_000,
    "circle.pdf": lambda: (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[2 0 R]/Count 1>>"
        b"endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
    ),
}
