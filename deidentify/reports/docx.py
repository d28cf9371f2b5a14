"""Word reports: the visible text is read, and a new document is written from nothing but that text, made
clean.

Headers, footers, notes and comments are text of the document and are made clean with it. What it carries
beside its text (properties, tracked deletions, pictures, hidden text, revision marks, links, a thumbnail)
has no way into the new one.
"""

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from deidentify.errors import BrokenInput, UnsupportedFormat

MOST_MEMBER_BYTES: Final = 64 << 20
MOST_RATIO: Final = 200
MOST_MEMBERS: Final = 2000
W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_SKIPPED: Final = frozenset({f"{W}del", f"{W}moveFrom", f"{W}delText", f"{W}instrText", f"{W}rPr",
    f"{W}pPr", f"{W}tbl",
                             "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"})  # fmt: skip  # noqa: E501
RELATIONS: Final = "word/_rels/document.xml.rels"
CELL_BREAK: Final = "\v"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Line:
    """A paragraph (one cell) or a row of a table. ``style`` is empty or a heading's name."""

    cells: tuple[str, ...]
    row: bool = False
    style: str = ""


def read_docx(path: Path) -> list[Line]:
    """The document's visible lines in order. Raises UnsupportedFormat for macros and BrokenInput for a broken
    file."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {entry.filename: entry for entry in archive.infolist()}
            if len(members) > MOST_MEMBERS or "word/document.xml" not in members:
                raise BrokenInput("no Word document")
            if any(name.lower().endswith(("vbaproject.bin", ".exe", ".docm")) for name in members):
                raise UnsupportedFormat("a Word document with macros")
            lines = _lines(archive, members)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, OSError) as error:
        raise BrokenInput(f"no Word document: {error}") from error
    return lines


def _lines(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]) -> list[Line]:
    """What stands above the text, the text, notes, comments, and what stands below: what the document refers
    to. A part that it does not refer to is shown by nobody and has no way into the new document.
    """
    parts = _referred(archive, members)
    lines: list[Line] = []
    for name in parts.get("header", ()):
        lines += _running(_parse(archive, members[name]), lines)
    lines += _blocks(_parse(archive, members["word/document.xml"]))
    for name in ("word/footnotes.xml", "word/endnotes.xml", *parts.get("comments", ())):
        if name in members:
            lines += _notes(_parse(archive, members[name]))
    for name in parts.get("footer", ()):
        lines += _running(_parse(archive, members[name]), lines)
    return lines


def _referred(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]) -> dict[str, list[str]]:
    """Names of the parts of each kind that the main part refers to, in order."""
    found: dict[str, list[str]] = {}
    if RELATIONS not in members:
        return found
    for relation in _parse(archive, members[RELATIONS]):
        kind = relation.get("Type", "").rpartition("/")[2]
        target = relation.get("Target", "")
        name = target.removeprefix("/") if target.startswith("/") else f"word/{target}"
        if kind in ("header", "footer", "comments") and name in members:
            found.setdefault(kind, []).append(name)
    return found


def _running(root: Element, before: list[Line]) -> list[Line]:
    """Lines of a header or footer, said once: the first page and the others often have the same."""
    return [line for line in _blocks(root) if any(map(str.strip, line.cells)) and line not in before]


def _parse(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Element:
    if entry.file_size > MOST_MEMBER_BYTES or entry.file_size > MOST_RATIO * max(entry.compress_size, 1024):
        raise BrokenInput("a Word document that inflates beyond reason")
    try:
        root: Element = fromstring(archive.read(entry), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise BrokenInput("a Word document whose text is broken") from error
    return root


def _notes(root: Element) -> Iterator[Line]:
    for note in root:
        if note.get(f"{W}type") is None:
            yield from _blocks(note)


def _blocks(parent: Element) -> Iterator[Line]:
    for child in parent:
        if child.tag == f"{W}p":
            yield from _paragraph(child)
        elif child.tag == f"{W}tbl":
            for row in child.iter(f"{W}tr"):
                yield Line(tuple(_cell(cell) for cell in row.findall(f"{W}tc")), row=True)
        elif child.tag not in _SKIPPED:
            yield from _blocks(child)


def _paragraph(paragraph: Element) -> Iterator[Line]:
    style = paragraph.find(f"{W}pPr/{W}pStyle")
    name = style.get(f"{W}val", "") if style is not None else ""
    yield Line(
        (_text(paragraph),), style=name if name in ("Title", "Heading1", "Heading2", "Heading3") else ""
    )
    for box in paragraph.iter(f"{W}txbxContent"):
        yield from _blocks(box)


def _cell(cell: Element) -> str:
    return (
        CELL_BREAK.join(" ".join(line.cells) for line in _blocks(cell))
        .replace("\n", CELL_BREAK)
        .replace("\t", " ")
    )


def _text(element: Element) -> str:
    parts: list[str] = []
    for child in element:
        if child.tag in _SKIPPED or child.tag == f"{W}txbxContent" or _hidden(child):
            continue
        if child.tag == f"{W}t":
            parts.append(child.text or "")
        elif child.tag == f"{W}tab":
            parts.append("    ")
        elif child.tag in (f"{W}br", f"{W}cr"):
            parts.append(CELL_BREAK)
        elif child.tag == f"{W}noBreakHyphen":
            parts.append("-")
        else:
            parts.append(_text(child))
    return "".join(parts)


def _hidden(element: Element) -> bool:
    if element.tag != f"{W}r":
        return False
    properties = element.find(f"{W}rPr")
    if properties is None:
        return False
    mark = properties.find(f"{W}vanish")
    return mark is not None and mark.get(f"{W}val") not in ("0", "false")


def lines_as_text(lines: list[Line]) -> str:
    """One text with a line per paragraph or row and tabs between cells: what the rules read."""
    return "\n".join("\t".join(cell.replace("\n", CELL_BREAK) for cell in line.cells) for line in lines)


def text_as_lines(text: str, lines: list[Line]) -> list[Line]:
    """The cleaned text in the shape that the original had."""
    cleaned = text.split("\n")
    if len(cleaned) != len(lines):
        raise BrokenInput("the text changed its number of lines")
    return [Line(tuple(new.split("\t")) if old.row else (new,), old.row, old.style)
            for old, new in zip(lines, cleaned, strict=True)]  # fmt: skip


def write_docx(file: BinaryIO, lines: list[Line]) -> None:
    """A small Word document with the same bytes for the same lines: no author, no dates, no identifiers."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (
            ("[Content_Types].xml", _CONTENT_TYPES),
            ("_rels/.rels", _RELATIONS),
            ("word/_rels/document.xml.rels", _DOCUMENT_RELATIONS),
            ("word/styles.xml", _STYLES),
            ("word/document.xml", _document(lines)),
        ):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o600 << 16
            archive.writestr(entry, text.encode())


def _document(lines: list[Line]) -> str:
    parts: list[str] = []
    rows: list[Line] = []
    for line in [*lines, Line(("",))]:
        if line.row:
            rows.append(line)
            continue
        if rows:
            parts.append(_table(rows))
            rows = []
        parts.append(_paragraph_xml(line.cells[0], line.style))
    return f'{_XML}<w:document xmlns:w="{W[1:-1]}"><w:body>{"".join(parts)}<w:sectPr/></w:body></w:document>'


def _table(rows: list[Line]) -> str:
    columns = max(len(row.cells) for row in rows)
    body = "".join(
        "<w:tr>"
        + "".join(
            f"<w:tc><w:tcPr/>{_paragraph_xml(cell)}</w:tc>"
            for cell in [*row.cells, *[""] * (columns - len(row.cells))]
        )
        + "</w:tr>"
        for row in rows
    )
    grid = "<w:gridCol/>" * columns
    return f'<w:tbl><w:tblPr><w:tblStyle w:val="TableGrid"/></w:tblPr><w:tblGrid>{grid}</w:tblGrid>{body}</w:tbl>'  # noqa: E501


def _paragraph_xml(text: str, style: str = "") -> str:
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    runs = "<w:br/>".join(
        f'<w:t xml:space="preserve">{escape(_printable(part))}</w:t>'
        for part in text.replace("\t", " ").split(CELL_BREAK)
    )
    return f"<w:p>{properties}<w:r>{runs}</w:r></w:p>"


def _printable(text: str) -> str:
    return "".join(
        mark
        for mark in text
        if mark >= " " and not 0xD800 <= ord(mark) <= 0xDFFF and ord(mark) not in (0xFFFE, 0xFFFF)
    )


_XML: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_OFFICE: Final = "http://schemas.openxmlformats.org"
_CONTENT_TYPES: Final = (
    f'{_XML}<Types xmlns="{_OFFICE}/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/>'  # noqa: E501
    '<Override PartName="/word/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.styles+xml"/></Types>'  # noqa: E501
)
_RELATIONS: Final = (
    f'{_XML}<Relationships xmlns="{_OFFICE}/package/2006/relationships"><Relationship Id="rId1" '
    f'Type="{_OFFICE}/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>'  # noqa: E501
)
_DOCUMENT_RELATIONS: Final = (
    f'{_XML}<Relationships xmlns="{_OFFICE}/package/2006/relationships"><Relationship Id="rId1" '
    f'Type="{_OFFICE}/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>'
)
_STYLES: Final = (
    f'{_XML}<w:styles xmlns:w="{W[1:-1]}"><w:docDefaults><w:rPrDefault><w:rPr><w:sz w:val="22"/></w:rPr></w:rPrDefault></w:docDefaults>'  # noqa: E501
    '<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/></w:style>'
    + "".join(
        f'<w:style w:type="paragraph" w:styleId="{key}"><w:name w:val="{name}"/><w:basedOn w:val="Normal"/><w:rPr><w:b/><w:sz w:val="{size}"/></w:rPr></w:style>'  # noqa: E501
        for key, name, size in (
            ("Title", "Title", 36),
            ("Heading1", "heading 1", 30),
            ("Heading2", "heading 2", 26),
            ("Heading3", "heading 3", 24),
        )
    )
    + '<w:style w:type="table" w:styleId="TableGrid"><w:name w:val="Table Grid"/></w:style></w:styles>'
)
