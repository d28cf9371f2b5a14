"""Colour profiles for the browser: a tone curve per colour and a matrix to linear sRGB, from a scanner's ICC
profile (ICC.1:2022, matrix/TRC input and display profiles).
"""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vslide.errors import IdentityRefused
from vslide.model import refuse_identity

STEPS = 1024
_D50_TO_SRGB = np.array(
    [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ]
)
"""XYZ under D50, where profiles meet, to linear sRGB (Bradford-adapted)."""

Curve = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ColourProfile:
    """`matrix` (rows) and `curves` are None for a profile of another kind (tables): it is only named."""

    name: str
    matrix: list[float] | None
    curves: list[list[float]] | None


def colour_profile(icc: bytes | None) -> ColourProfile | None:
    """What the viewer paints by; None where there is no profile, or none that can be read."""
    try:
        return _parsed(icc) if icc else None
    except (struct.error, IndexError, ValueError):
        return None


def _parsed(icc: bytes) -> ColourProfile:
    tags = _tags(icc)
    name = _name(tags.get("desc", b""))
    if icc[16:24] != b"RGB XYZ " or not {"rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC"} <= tags.keys():
        return ColourProfile(name, None, None)
    columns = [_xyz(tags[f"{colour}XYZ"]) for colour in "rgb"]
    matrix: NDArray[np.float64] = _D50_TO_SRGB @ np.array(columns).T
    curves = [_curve(tags[f"{colour}TRC"]) for colour in "rgb"]
    return ColourProfile(name, matrix.ravel().tolist(), [np.round(curve, 7).tolist() for curve in curves])


def _tags(icc: bytes) -> dict[str, bytes]:
    if icc[36:40] != b"acsp":
        raise ValueError("not an ICC profile")
    (count,) = struct.unpack_from(">I", icc, 128)
    entries = [struct.unpack_from(">4sII", icc, 132 + 12 * number) for number in range(min(count, 256))]
    return {name.decode("latin-1"): icc[offset : offset + size] for name, offset, size in entries}


def _xyz(tag: bytes) -> tuple[float, float, float]:
    x, y, z = struct.unpack_from(">3i", tag, 8)
    return x / 65_536, y / 65_536, z / 65_536


def _curve(tag: bytes) -> Curve:
    """Linear light at STEPS equal steps of the stored value."""
    place = np.linspace(0, 1, STEPS)
    if tag[:4] == b"para":
        return _parametric(tag, place)
    if tag[:4] != b"curv":
        raise ValueError("an unknown kind of tone curve")
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return place
    values = np.array(struct.unpack_from(f">{count}H", tag, 12), np.float64)
    if count == 1:
        return np.asarray(place ** (values[0] / 256))
    return np.interp(place, np.linspace(0, 1, count), values / 65_535)


_PARAMETERS = {0: "g", 1: "gab", 2: "gabc", 3: "gabcd", 4: "gabcdef"}


def _parametric(tag: bytes, place: Curve) -> Curve:
    (kind,) = struct.unpack_from(">H", tag, 8)
    names = _PARAMETERS.get(kind)
    if names is None:
        raise ValueError("an unknown kind of parametric curve")
    raw = struct.unpack_from(f">{len(names)}i", tag, 12)
    given = {"a": 1.0, "b": 0.0, "c": 0.0, "d": 0.0, "e": 0.0, "f": 0.0}
    given |= {name: value / 65_536 for name, value in zip(names, raw, strict=True)}
    a, b, c, d = (given[name] for name in "abcd")
    if kind in (1, 2):  # the power begins where its base is positive; below stands the constant
        light = np.where(a * place + b >= 0, np.maximum(a * place + b, 0) ** given["g"], 0) + c
    else:
        power = np.maximum(a * place + b, 0) ** given["g"] + given["e"]
        light = np.where(place >= d, power, c * place + given["f"])
    return np.asarray(np.clip(light, 0, 1))


def _name(tag: bytes) -> str:
    """What the profile is called, unless it could be a person, a date or a number."""
    if tag[:4] == b"desc":
        (length,) = struct.unpack_from(">I", tag, 8)
        text = tag[12 : 12 + length].split(b"\0")[0].decode("latin-1")
    elif tag[:4] == b"mluc":
        length, offset = struct.unpack_from(">II", tag, 20)
        text = tag[offset : offset + length].decode("utf-16-be", "replace")
    else:
        text = ""
    try:
        refuse_identity("colour profile", text)
    except IdentityRefused:
        return "the scanner's"
    return text or "the scanner's"
