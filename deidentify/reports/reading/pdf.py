"""PDF: the text of each page; a page that is a picture is read by OCR.

What is not on a page (properties, attachments, scripts, the values of forms, notes) stays behind.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image

from deidentify.errors import BrokenInput, LockedInput
from deidentify.reports.reading.model import MOST_TEXT, Reading, as_lines, tidy
from deidentify.reports.reading.ocr import Engine, find_engine

MOST_PDF: Final = 64 << 20
MOST_PAGES: Final = 200
MOST_SCANNED: Final = 40
MOST_OBJECTS: Final = 50_000
"""On one page."""
MOST_PIXELS: Final = 12_000_000
LEAST_LETTERS: Final = 24
"""A page that shows a picture and fewer letters and digits than these is a scan."""
DPI: Final = 200
UNREAD: Final = "[a scanned page]"
_PICTURES: Final = (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_FORM, pdfium.FPDF_PAGEOBJ_PATH)


def read_pdf(data: bytes, *, ocr: bool = True) -> Reading:
    """Pages follow one another. Without ``ocr`` a scanned page says that it is one.

    Raises BrokenInput for a broken or an oversized file, LockedInput for one that asks for a password,
    OcrMissing for a scanned page on a machine without an engine.
    """
    if len(data) > MOST_PDF:
        raise BrokenInput(f"a PDF of more than {MOST_PDF >> 20} MiB")
    with _opened(data) as document:
        pages = len(document)
        if not 0 < pages <= MOST_PAGES:
            raise BrokenInput(f"a PDF of {pages} pages")
        return _read(document, pages, ocr)


def _read(document: pypdfium2.PdfDocument, pages: int, ocr: bool) -> Reading:
    engine: Engine | None = None
    texts: list[str] = []
    scanned = left_out = 0
    for number in range(pages):
        with _page(document, number) as page:
            text, pictures, drawn = _look(page, number)
            if sum(map(str.isalnum, text)) < LEAST_LETTERS and drawn:
                scanned += 1
                if scanned > MOST_SCANNED:
                    raise BrokenInput(f"a PDF of more than {MOST_SCANNED} scanned pages")
                engine = engine or (find_engine() if ocr else None)
                text = "\n".join(engine.lines(_rendered(page))) if engine else UNREAD
            else:
                left_out += pictures
        texts.append(text.strip("\n"))
        if sum(map(len, texts)) > MOST_TEXT:
            raise BrokenInput("a PDF with more text than a report has")
    work = {"pages": pages, "scanned_pages": scanned, "pictures_left_out": left_out}
    return Reading(as_lines(tidy("\n".join(texts))), work=work)


def _look(page: pypdfium2.PdfPage, number: int) -> tuple[str, int, bool]:
    """The page's text, how many pictures it shows, and whether anything is drawn on it at all."""
    objects = pdfium.FPDFPage_CountObjects(page)
    if objects > MOST_OBJECTS:
        raise BrokenInput(f"page {number + 1} of the PDF has {objects} objects")
    kinds = [pdfium.FPDFPageObj_GetType(pdfium.FPDFPage_GetObject(page, at)) for at in range(objects)]
    words = page.get_textpage()
    try:
        # U+FFFE is this library's sign for a word that is divided at the end of its line.
        text = str(words.get_text_bounded()).replace("\ufffe", "-\n").replace("\x02", "-\n")
    finally:
        words.close()
    return text, kinds.count(pdfium.FPDF_PAGEOBJ_IMAGE), any(kind in _PICTURES for kind in kinds)


def _rendered(page: pypdfium2.PdfPage) -> Image.Image:
    width, height = (max(float(side), 1.0) for side in page.get_size())
    scale = min(DPI / 72, (MOST_PIXELS / (width * height)) ** 0.5)
    picture: Image.Image = page.render(scale=scale, may_draw_forms=False).to_pil().convert("RGB")
    return picture


@contextmanager
def _opened(data: bytes) -> Iterator[pypdfium2.PdfDocument]:
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code == pdfium.FPDF_ERR_PASSWORD:
            raise LockedInput("a PDF that asks for a password: save it without one") from error
        raise BrokenInput("no PDF that can be opened") from error
    try:
        yield document
    except (pypdfium2.PdfiumError, ValueError, OverflowError, AssertionError) as error:
        raise BrokenInput("a PDF that cannot be read to its end") from error
    finally:
        document.close()


@contextmanager
def _page(document: pypdfium2.PdfDocument, number: int) -> Iterator[pypdfium2.PdfPage]:
    page = document[number]
    try:
        yield page
    finally:
        page.close()
