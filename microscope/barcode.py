"""The barcode on a slide's label: read from a photograph, and drawn for the simulated one."""

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Picture = NDArray[np.uint8]

LABEL_PX = 640
_MARGIN_PX = 34
_CODE_PX = 300


def read(label_image: Picture) -> str | None:
    """The text of the barcode on a label photograph (H, W, 3) or (H, W) uint8; None when there is none to be
    read.

    Several barcodes of different text count as none: a wrong identity is worse than a missing one.
    """
    for picture in (label_image, cv2.medianBlur(np.ascontiguousarray(label_image), 3)):
        texts = {found.text for found in zxingcpp.read_barcodes(picture) if found.valid and found.text}
        if texts:
            return texts.pop() if len(texts) == 1 else None
    return None


def draw_label(barcode: str, lines: tuple[str, ...] = (), *, code_format: str = "DataMatrix") -> Picture:
    """A printed label (640, 640, 3) uint8: the code above, the barcode's text and ``lines`` below."""
    paper = Image.new("RGB", (LABEL_PX, LABEL_PX), (250, 249, 244))
    code = np.array(
        zxingcpp.create_barcode(barcode, zxingcpp.barcode_format_from_str(code_format)).to_image()
    )
    enlarge = max(1, _CODE_PX // max(code.shape[:2]))
    code = np.repeat(np.repeat(code, enlarge, axis=0), enlarge, axis=1)
    paper.paste(Image.fromarray(code).convert("RGB"), (_MARGIN_PX, _MARGIN_PX))
    pen = ImageDraw.Draw(paper)
    top = _MARGIN_PX + code.shape[0] + 18
    for number, line in enumerate((barcode, *lines)):
        size = 50 if number == 0 else 38
        pen.text((_MARGIN_PX, top), line, fill=(25, 25, 30), font=ImageFont.load_default(size))
        top += size + 14
    return np.asarray(paper)
