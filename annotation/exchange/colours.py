"""Colours as DICOM has them: CIELab against D50, in 16 bits a number (PS3.3 C.10.7.1.1)."""

from typing import Any

import numpy as np
from skimage.color import lab2rgb, rgb2lab


def to_dicom(colour: str) -> list[int]:
    """`#rrggbb` as three numbers of 16 bits."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    light, a, b = rgb2lab([[[red, green, blue]]], illuminant="D50")[0, 0].tolist()
    return [round(light * 65535 / 100), round((a + 128) * 257), round((b + 128) * 257)]


def from_dicom(value: Any) -> str:
    """#rrggbb; empty where there is none."""
    if value is None or isinstance(value, int | str) or len(value) != 3:
        return ""
    light, a, b = (int(number) for number in value)
    rgb = lab2rgb([[[light * 100 / 65535, a / 257 - 128, b / 257 - 128]]], illuminant="D50")[0, 0]
    return "#" + "".join(f"{part:02x}" for part in np.clip(np.rint(rgb * 255), 0, 255).astype(int).tolist())
