"""Words of a scanned page, line by line, by whichever engine the machine has: rapidocr with its models (the
extra ``ocr``), or tesseract. The gate has an engine of its own finding: it shares no code with this.
"""

import importlib.util
import pkgutil
import re
import shutil
import subprocess
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final, Protocol

from PIL import Image

from deidentify.errors import BrokenInput, OcrMissing

TESSERACT_S: Final = 120.0
SURE: Final = 0.5
_GAP: Final = "   "
_GLUED: Final = re.compile(
    r"(?<=[a-z][a-z])(?=[A-Z][a-z])|(?<=[A-Za-z]{3})(?=\d{5})|(?<=[A-Za-z][:;,])(?=[A-Za-z0-9])|(?<=\))(?=[A-Za-z])"
)


class Engine(Protocol):
    """Reads the lines of one page from the top."""

    def lines(self, page: Image.Image) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Piece:
    """Words beside each other on the page, in pixels."""

    left: float
    top: float
    bottom: float
    text: str


@dataclass(slots=True)
class RapidOcr:
    machine: Any

    def lines(self, page: Image.Image) -> list[str]:
        store = BytesIO()
        page.save(store, "PNG")
        found, _ = self.machine(store.getvalue())
        pieces = [_piece(box, spaced(str(text))) for box, text, sure in found or () if float(sure) >= SURE]
        return in_lines(pieces)


@dataclass(slots=True)
class Tesseract:
    program: str

    def lines(self, page: Image.Image) -> list[str]:
        store = BytesIO()
        page.save(store, "PNG")
        command = [self.program, "-", "-", "--psm", "4", "-c", "preserve_interword_spaces=1"]
        try:
            done = subprocess.run(
                command, input=store.getvalue(), capture_output=True, check=True, timeout=TESSERACT_S
            )
        except (subprocess.SubprocessError, OSError) as error:
            raise BrokenInput(f"tesseract did not read the page: {type(error).__name__}") from error
        return [line.rstrip() for line in done.stdout.decode("utf-8", "replace").splitlines() if line.strip()]


def _piece(box: Any, text: str) -> Piece:
    across, down = [float(x) for x, _ in box], [float(y) for _, y in box]
    return Piece(min(across), min(down), max(down), text)


def spaced(text: str) -> str:
    """Blanks again where this engine leaves them out: QuentinVandermeer, MRN:Bell, MRN00481516."""
    return _GLUED.sub(" ", text)


def in_lines(pieces: list[Piece]) -> list[str]:
    """Pieces whose middles lie within one another's height are one line, with a gap between them."""
    rows: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda one: one.top + one.bottom):
        middle = (piece.top + piece.bottom) / 2
        if rows and rows[-1][0].top <= middle <= rows[-1][0].bottom:
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return [_GAP.join(piece.text for piece in sorted(row, key=lambda one: one.left)) for row in rows]


def find_engine() -> Engine:
    """Raises OcrMissing where the machine has none."""
    if importlib.util.find_spec("rapidocr_onnxruntime"):
        # By name: it is an extra, and loading it costs half a second that most reports need not wait for.
        maker = pkgutil.resolve_name("rapidocr_onnxruntime:RapidOCR")
        return RapidOcr(maker(intra_op_num_threads=1, inter_op_num_threads=1))
    program = shutil.which("tesseract")
    if program:
        return Tesseract(program)
    raise OcrMissing(
        "a scanned page: to read it, install the extra `ocr` (requirements-ocr.lock) or tesseract on the path"
    )
