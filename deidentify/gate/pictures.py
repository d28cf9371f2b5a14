"""Barcodes in the small pictures that a file still holds. A barcode that can be read is an identifier, known
or not."""

import io
from collections.abc import Iterable, Iterator

import numpy as np
import zxingcpp
from PIL import Image, UnidentifiedImageError

from deidentify.gate.errors import CannotJudge

MOST_PIXELS = 40_000_000
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


def read_barcodes(pixels: np.ndarray) -> list[str]:
    """Texts of every barcode in an (H, W) or (H, W, 3) uint8 picture."""
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3):
        return []
    picture = pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels[..., :3])
    return [code.text for code in zxingcpp.read_barcodes(picture, formats=FORMATS)]


def barcodes_in(pictures: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, str]]:
    """(place, text) of every barcode in the embedded pictures, given as the bytes of a PNG or JPEG file."""
    for place, data in pictures:
        try:
            with Image.open(io.BytesIO(data)) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise CannotJudge(f"{place}: a picture of {image.width} x {image.height}")
                pixels = np.asarray(image.convert("RGB"))
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
            raise CannotJudge(f"{place}: a picture that cannot be opened: {error}") from error
        yield from ((place, text) for text in read_barcodes(pixels))
