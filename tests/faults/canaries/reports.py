"""Reports and archives with a person planted in one place: Word, PDF, RTF, plain text, zip."""

import functools
import gzip
import io
import zipfile
import zlib
from collections.abc import Callable

import pypdf
from pypdf.generic import DecodedStreamObject, NameObject, TextStringObject

from tests.deidentify.making import DOCX_PLACES, W, inner_archive, png_with

Plant = Callable[[bytes], bytes]
BODY = b"<w:p><w:r><w:t>Benign prostate.</w:t></w:r></w:p>"


def docx(
    parts: dict[str, bytes] | None = None, *, inner: bytes = b"", comment: bytes = b"", extra: bytes = b""
) -> bytes:
    document = f'<w:document xmlns:w="{W}"><w:body>'.encode() + BODY + inner + b"</w:body></w:document>"
    store = io.BytesIO()
    with zipfile.ZipFile(store, "w", zipfile.ZIP_DEFLATED) as archive:
        main = zipfile.ZipInfo("word/document.xml")
        main.compress_type = zipfile.ZIP_DEFLATED
        main.extra = b"\x99\x99" + len(extra).to_bytes(2, "little") + extra if extra else b""
        archive.writestr(main, document)
        for name, content in (parts or {}).items():
            archive.writestr(name, content)
        archive.comment = comment
    return store.getvalue()


def part(name: str) -> Plant:
    return lambda planted: docx({name: b"<x>" + planted + b"</x>"})


def run(before: bytes, after: bytes) -> Plant:
    return lambda planted: docx(inner=b"<w:p>" + before + planted + after + b"</w:p>")


def pdf(change: Callable[[pypdf.PdfWriter, bytes], None], planted: bytes) -> bytes:
    writer = pypdf.PdfWriter()
    writer.add_blank_page(200, 200)
    change(writer, planted)
    store = io.BytesIO()
    writer.write(store)
    return store.getvalue()


def _information(writer: pypdf.PdfWriter, planted: bytes) -> None:
    writer.add_metadata({"/Author": planted.decode("latin-1")})


def _packed(writer: pypdf.PdfWriter, planted: bytes) -> None:
    stream = DecodedStreamObject()
    stream.set_data(b"BT " + planted + b" ET")
    writer._add_object(stream.flate_encode())


def _attached(writer: pypdf.PdfWriter, planted: bytes) -> None:
    writer.add_attachment("note.txt", planted)


def _annotated(writer: pypdf.PdfWriter, planted: bytes) -> None:
    writer.pages[0][NameObject("/Note")] = TextStringObject(planted.decode("latin-1"))


def _updated(planted: bytes) -> bytes:
    return pdf(lambda writer, words: None, planted) + b"\n% " + planted


REPORTS: dict[str, Plant] = {
    **{f"docx: {name}": part(name) for name in DOCX_PLACES},
    "docx: picture's text": lambda planted: docx({"word/media/image1.png": png_with(planted)}),
    "docx: archive's comment": lambda planted: docx(comment=planted),
    "docx: extra field": lambda planted: docx(extra=planted),
    "docx: body": run(b"<w:r><w:t>", b"</w:t></w:r>"),
    "docx: hidden words": run(b"<w:r><w:rPr><w:vanish/></w:rPr><w:t>", b"</w:t></w:r>"),
    "docx: deleted words": run(
        b'<w:del w:id="1" w:author="x"><w:r><w:delText>', b"</w:delText></w:r></w:del>"
    ),
    "docx: field": run(b"<w:r><w:instrText>", b"</w:instrText></w:r>"),
    "docx: XML comment": run(b"<!-- ", b" -->"),
    "docx: archive in it": lambda planted: docx({"word/embeddings/a.zip": inner_archive(planted)}),
    "txt: body": lambda planted: b"Seen: " + planted + b"\nBenign prostate.\n",
    "txt: UTF-16": lambda planted: b"\xff\xfe" + ("Seen: ".encode("utf-16-le")) + _wide(planted),
    "rtf: body": lambda planted: b"{\\rtf1\\ansi Seen: " + planted + b" \\par Benign.}",
    "rtf: information": lambda planted: b"{\\rtf1{\\info{\\author " + planted + b"}} Benign.}",
    "rtf: object": lambda planted: (
        b"{\\rtf1 Benign.{\\object{\\*\\objdata " + (planted * 4).hex().encode() + b"}}}"
    ),
    "pdf: information": functools.partial(pdf, _information),
    "pdf: packed stream": functools.partial(pdf, _packed),
    "pdf: attachment": functools.partial(pdf, _attached),
    "pdf: key of a page": functools.partial(pdf, _annotated),
    "pdf: after the end": _updated,
    "zip: member": inner_archive,
    "zip: archive in an archive": lambda planted: inner_archive(inner_archive(planted)),
    "zip: gzip in it": lambda planted: inner_archive(gzip.compress(planted, mtime=0)),
    "zip: zlib in it": lambda planted: inner_archive(zlib.compress(planted * 2)),
}


def _wide(planted: bytes) -> bytes:
    """Letters as UTF-16; what is no letter any more stays as it is, two bytes to a unit."""
    return planted.decode("latin-1").encode("utf-16-le") if b"\0" not in planted else planted
