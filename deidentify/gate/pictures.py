"""What can be read in the pictures that a file still holds: barcodes, and words where an engine is installed.

A barcode that can be read is an identifier, known or not. Words count when they are, or nearly are, a known
value.
"""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import zxingcpp
from PIL import Image, UnidentifiedImageError

from deidentify.gate.errors import CannotJudge
from deidentify.gate.ocr import Engine, find_engine
from deidentify.gate.resemblance import Resemblance
from deidentify.gate.streams import Finding, Picture
from deidentify.gate.verdict import NO_ENGINE, NOT_ASKED

MOST_PIXELS: Final = 40_000_000
MOST_LOOKED_AT: Final = 200
LEGIBLE: Final = 96
"""A picture that is smaller than this on one side has no room for a line that can be read."""
LONGEST_SIDE: Final = 2048
LEVEL_SIDE: Final = 1280
"""A whole glass on so many pixels shows letters of half a millimetre."""
# Codes with a check of their own or a frame: tissue can look like the others.
FORMATS = zxingcpp.BarcodeFormats(
    [
        zxingcpp.BarcodeFormat.QRCode,
        zxingcpp.BarcodeFormat.DataMatrix,
        zxingcpp.BarcodeFormat.Aztec,
        zxingcpp.BarcodeFormat.PDF417,
        zxingcpp.BarcodeFormat.Code128,
        zxingcpp.BarcodeFormat.Code93,
        zxingcpp.BarcodeFormat.Code39,
    ]
)


@dataclass(slots=True)
class Lookout:
    """Looks at the pictures. ``ocr`` is auto, required or off; what it did stands in ``said``."""

    known: dict[str, list[str]]
    ocr: str
    said: str = "no picture"
    looked: int = 0
    unread: str = ""

    def look(self, pictures: Iterable[Picture]) -> Iterator[Finding]:
        engine: Engine | None = None
        resemblance = Resemblance(self.known)
        for number, picture in enumerate(pictures):
            if number >= MOST_LOOKED_AT:
                raise CannotJudge(f"more than {MOST_LOOKED_AT} pictures")
            pixels = _opened(picture)
            self.looked += 1
            for text in read_barcodes(pixels):
                yield Finding(picture.place, "barcode", "a barcode")
                yield from (Finding(picture.place, "barcode", label) for label in resemblance.labels([text]))
            if min(pixels.shape[:2]) < LEGIBLE:
                continue
            engine = engine or (find_engine() if self.ocr != "off" else None)
            if engine is None:
                self.said = NOT_ASKED if self.ocr == "off" else NO_ENGINE
                self.unread = self.unread or (picture.place if picture.may_show_words else "")
                continue
            self.said = f"looked at by {engine.name}"
            for label in resemblance.labels(
                engine.words(_within(pixels, LONGEST_SIDE if picture.may_show_words else LEVEL_SIDE))
            ):
                yield Finding(picture.place, "ocr", label)

    def insist(self) -> None:
        """A picture that may show words and was not read keeps the file here."""
        if self.unread and self.ocr != "off":
            raise CannotJudge(f"{self.unread}: a picture that may show words, {self.said}")
        if self.ocr == "required" and self.said == NO_ENGINE:
            raise CannotJudge(self.said)


def read_barcodes(pixels: np.ndarray[Any, Any]) -> list[str]:
    """Texts of every barcode in an (H, W) or (H, W, 3) uint8 picture."""
    return [code.text for code in zxingcpp.read_barcodes(pixels, formats=FORMATS)]


def as_bytes(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
    """An (H, W) or (H, W, 3) uint8 picture of whatever was stored; None for what is no picture."""
    pixels = np.squeeze(pixels)
    if pixels.ndim == 3 and pixels.shape[0] <= 8 < pixels.shape[2]:
        pixels = np.moveaxis(pixels, 0, -1)
    if pixels.ndim == 3:
        pixels = pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., 0]
    if pixels.ndim not in (2, 3) or pixels.dtype.kind not in "uif" or 0 in pixels.shape:
        return None
    if pixels.dtype != np.uint8:
        low, high = float(pixels.min()), float(pixels.max())
        pixels = ((pixels - low) * (255.0 / max(high - low, 1e-9))).astype(np.uint8)
    return np.ascontiguousarray(pixels)


def _opened(picture: Picture) -> np.ndarray[Any, Any]:
    if isinstance(picture.data, np.ndarray):
        return picture.data
    try:
        with Image.open(io.BytesIO(picture.data)) as image:
            if image.width * image.height > MOST_PIXELS:
                raise CannotJudge(f"{picture.place}: a picture of {image.width} x {image.height}")
            return np.asarray(image.convert("RGB"))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise CannotJudge(f"{picture.place}: a picture that cannot be opened") from error


def _within(pixels: np.ndarray[Any, Any], side: int) -> np.ndarray[Any, Any]:
    if max(pixels.shape[:2]) <= side:
        return pixels
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return np.asarray(image)
