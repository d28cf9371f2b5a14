"""Colour profiles: what the browser is told is what LittleCMS does."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms

import vslide
from viewer.profiles import colour_profile

ADOBE = {
    "rXYZ": (0.60974, 0.31111, 0.01947),
    "gXYZ": (0.20528, 0.62567, 0.06087),
    "bXYZ": (0.14919, 0.06322, 0.74457),
}
GAMMA = b"curv" + bytes(4) + struct.pack(">IH", 1, round(2.2 * 256))
TABLE = b"curv" + bytes(4) + struct.pack(">I4H", 4, 0, 9000, 30000, 65535)
SRGB = (
    b"para"
    + bytes(4)
    + struct.pack(
        ">HH5i", 3, 0, *(round(n * 65536) for n in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
    )
)


def profile(curve: bytes, name: bytes = b"Scanner RGB") -> bytes:
    """A matrix/TRC profile (ICC.1, version 2 or 4 by its curve)."""
    tags = {
        colour: b"XYZ " + bytes(4) + struct.pack(">3i", *(round(n * 65536) for n in xyz))
        for colour, xyz in ADOBE.items()
    }
    tags |= {f"{colour}TRC": curve for colour in "rgb"}
    tags["desc"] = b"desc" + bytes(4) + struct.pack(">I", len(name) + 1) + name + b"\0" + bytes(78)
    tags["wtpt"] = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    tags["cprt"] = b"text" + bytes(4) + b"none\0"
    table, body = struct.pack(">I", len(tags)), b""
    for tag, data in tags.items():
        padded = data + bytes(-len(data) % 4)
        table += struct.pack(">4sII", tag.encode(), 132 + 12 * len(tags) + len(body), len(data))
        body += padded
    head = struct.pack(
        ">I4sI4s4s4s12s4s",
        132 + 12 * len(tags) + len(body),
        b"",
        0x04200000,
        b"mntr",
        b"RGB ",
        b"XYZ ",
        bytes(12),
        b"acsp",
    )
    illuminant = struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(68, b"\0") + illuminant + bytes(48) + table + body


def painted(icc: bytes, pixels: np.ndarray) -> np.ndarray:
    """What the shader does with the header's numbers."""
    told = colour_profile(icc)
    assert told is not None
    assert told.matrix is not None
    assert told.curves is not None
    share = np.linspace(0, 1, len(told.curves[0]))
    light = np.stack([np.interp(pixels[..., c] / 255, share, told.curves[c]) for c in range(3)], axis=-1)
    linear = np.clip(light @ np.array(told.matrix).reshape(3, 3).T, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    grey: NDArray[Any] = np.round(encoded * 255)
    return grey


@pytest.mark.parametrize("curve", [GAMMA, TABLE, SRGB], ids=["gamma", "table", "parametric"])
def test_it_paints_as_littlecms_does(curve: bytes) -> None:
    icc = profile(curve)
    pixels = np.random.default_rng(7).integers(0, 256, (64, 64, 3), np.uint8)
    given_profile, srgb = ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB")
    wanted = ImageCms.profileToProfile(
        Image.fromarray(pixels), given_profile, srgb, renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC
    )
    assert np.abs(painted(icc, pixels) - np.asarray(wanted, float)).max() <= 3
    assert np.abs(painted(icc, pixels) - pixels).mean() > 2


def test_it_reads_the_profile_of_a_vendor_file(tmp_path: Path) -> None:
    file = tmp_path / "slide.tif"
    picture = np.full((512, 512, 3), 200, np.uint8)
    tifffile.imwrite(
        file, picture, tile=(256, 256), photometric="rgb", compression="jpeg", iccprofile=profile(GAMMA)
    )
    with vslide.open(file) as reader:
        told = colour_profile(reader.icc)
    assert told is not None
    assert told.name == "Scanner RGB"


def test_it_names_a_profile_that_it_cannot_paint_by() -> None:
    icc = profile(GAMMA).replace(b"rTRC", b"A2B0")
    told = colour_profile(icc)
    assert told is not None
    assert (told.name, told.matrix, told.curves) == ("Scanner RGB", None, None)


@pytest.mark.parametrize("name", [b"Doe, Jane", b"calibrated 2024-05-01", b"SN 12345678", b""])
def test_it_does_not_show_a_name_that_could_tell_of_a_person(name: bytes) -> None:
    told = colour_profile(profile(GAMMA, name))
    assert told is not None
    assert told.name == "the scanner's"


@given(st.integers(0, 600), st.integers(0, 255))
def test_it_takes_a_damaged_profile_for_none_or_reads_it(at: int, byte: int) -> None:
    icc = bytearray(profile(TABLE))
    icc[at % len(icc)] = byte
    for damaged in (bytes(icc), bytes(icc[: at % len(icc)])):
        told = colour_profile(damaged)
        assert told is None or told.curves is None or np.isfinite(told.curves).all()


def test_a_slide_without_a_profile_has_none() -> None:
    assert colour_profile(None) is None
    assert colour_profile(b"no profile at all") is None
