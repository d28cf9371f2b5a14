"""Reports as PDF, scanned PDF, RTF and HL7."""

import base64
import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

PAGE = (612, 792)
SCANNED_WIDE = 1700


def pdf(*pages: Sequence[str]) -> bytes:
    """A PDF of one page for each list of lines, in 11 point Helvetica."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, lines in enumerate(pages):
        shown = "".join(f"({_literal(line)}) Tj T*\n" for line in lines)
        content = f"BT /F1 11 Tf 14 TL 72 740 Td\n{shown}ET".encode("cp1252")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {PAGE[0]} {PAGE[1]}] "
            f"/Contents {5 + 2 * number} 0 R /Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    return assembled(objects)


def assembled(objects: Sequence[bytes], trailer: bytes = b"") -> bytes:
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF" % (
        len(objects) + 1,
        trailer,
        table,
    )
    return bytes(out)


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def scanned(*pages: Sequence[str]) -> bytes:
    """A PDF whose pages are pictures of these lines, as a copier makes them."""
    pictures = []
    for lines in pages:
        picture = Image.new("L", (SCANNED_WIDE, 2200), 255)
        draw, font = ImageDraw.Draw(picture), ImageFont.load_default(40)
        for number, line in enumerate(lines):
            draw.text((140, 160 + 70 * number), line, fill=0, font=font)
        pictures.append(picture)
    store = io.BytesIO()
    pictures[0].save(store, "PDF", save_all=True, append_images=pictures[1:], resolution=200)
    return store.getvalue()


def rtf(lines: Sequence[str], *, inner: str = "") -> bytes:
    body = "\\par\n".join(line.replace("\\", "\\\\").replace("{", "\\{") for line in lines)
    return ("{\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0 Arial;}}{\\info{\\author Quentin Vandermeer}}"
            f"\\f0 {body}{inner}}}").encode("cp1252")  # fmt: skip


PATIENT = (
    "PID|1||00481516^^^MRN||Vandermeer^Quentin^A||19570309|M|||12 Elm Street^^Springfield^PA||(215)555-1234"
)
ORDER = (
    "OBR|1|P77123|F88456|88305^Surgical pathology||||||||||||2905^Okafor^Amara||||||||||||||||7&Weiss&Lena"
)


def oru(
    lines: Sequence[str], *, kind: str = "ORU^R01", more: Sequence[str] = (), patient: str = PATIENT
) -> bytes:
    """A message with one OBX for each line."""
    head = f"MSH|^~\\&|LIS|LAB|EMR|HOSP|20190514||{kind}|1|P|2.5"
    texts = [f"OBX|{number}|TX|22634-0^Path report||{line}||||||F" for number, line in enumerate(lines, 1)]
    return "\r".join([head, patient, "PV1|1|I", ORDER, *texts, *more]).encode()


def encapsulated(data: bytes) -> str:
    return f"OBX|9|ED|PDF^Report||LAB^AP^PDF^Base64^{base64.b64encode(data).decode()}||||||F"
