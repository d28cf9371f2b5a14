"""The viewer's addresses: who gets what, that the bytes are the stored ones, and what caches are told."""

import io
import struct
import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from django.test import Client
from PIL import Image

import vslide
from lims.states import State
from tests.viewer.making import CHUNK, FIELD_H, FIELD_W, make_slide
from viewer.models import VirtualSlide
from viewer.readers import open_slides
from vslide.jpeg import decode_picture
from vslide.keys import ENVIRONMENT, KeyRing

ADDRESSES = (
    "header.json",
    "histogram.json",
    "chunks?level=1&blocks=0-0&channels=0",
    "tile/0/0/0.jpg",
    "thumbnail.jpg",
)


def address(virtual: VirtualSlide, part: str) -> str:
    return f"/viewer/{virtual.slide.uid}/{part}"


def frames(body: bytes) -> list[bytes | None]:
    """An independent reader of the batch format."""
    magic, count = struct.unpack_from("<4sI", body)
    assert magic == b"NCB1"
    found: list[bytes | None] = []
    at = 8 + 4 * count
    for length in struct.unpack_from(f"<{count}I", body, 8):
        found.append(None if length == 0xFFFFFFFF else body[at : at + length])
        at += 0 if length == 0xFFFFFFFF else length
    assert at == len(body)
    return found


@pytest.mark.parametrize("part", ["", *ADDRESSES])
def test_it_opens_for_each_role_that_sees_the_slide(
    brightfield: VirtualSlide, client_of: Callable[[str], Client], part: str
) -> None:
    for role in ("technician", "pathologist", "manager", "steward", "administrator"):
        assert client_of(role).get(address(brightfield, part)).status_code == 200, role


@pytest.mark.parametrize("part", ["", *ADDRESSES])
def test_it_stays_shut_for_strangers(
    brightfield: VirtualSlide, client_of: Callable[[str], Client], part: str
) -> None:
    assert client_of("stranger").get(address(brightfield, part)).status_code == 403
    assert client_of("anonymous").get(address(brightfield, part)).status_code == (403 if part else 302)


@pytest.mark.parametrize("part", ["", *ADDRESSES])
def test_it_hides_what_is_not_deidentified_from_readers_before_touching_the_file(
    slide_files: dict[str, Path],
    register: Callable[..., VirtualSlide],
    client_of: Callable[[str], Client],
    part: str,
) -> None:
    virtual = register(slide_files["brightfield"], state=State.SCANNED)
    VirtualSlide.objects.update(path="gone.h5")
    assert client_of("pathologist").get(address(virtual, part)).status_code == 403


def test_it_does_not_show_a_barcode_to_a_reader(
    brightfield: VirtualSlide, client_of: Callable[[str], Client]
) -> None:
    barcode = brightfield.slide.barcode.encode()
    assert barcode in client_of("technician").get(address(brightfield, "")).content
    assert barcode not in client_of("pathologist").get(address(brightfield, "")).content


def test_it_knows_no_other_slide(brightfield: VirtualSlide, client_of: Callable[[str], Client]) -> None:
    answer = client_of("technician").get(f"/viewer/{uuid.uuid4()}/header.json")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


def test_it_describes_the_mosaic(fluorescence: VirtualSlide, client_of: Callable[[str], Client]) -> None:
    header = client_of("pathologist").get(address(fluorescence, "header.json")).json()
    assert (header["width"], header["height"]) == (3 * 340 + FIELD_W, 2 * 230 + FIELD_H)
    assert header["fields"]["x"][:5] == [0, 340, 680, 1020, 1020]
    assert [level["downsample"] for level in header["levels"]] == [1, 4, 8, 16, 32]
    assert header["levels"][0]["chunkWidth"] == CHUNK[1]
    assert header["levels"][2] == {
        "downsample": 8, "width": 48, "height": 32, "chunkWidth": 48, "chunkHeight": 32, "fieldsPerChunk": 8
    }  # fmt: skip


@pytest.mark.parametrize(("kind", "encoding", "offset"), [("jpeg", "jpeg", 0), ("offset", "blosc", 300)])
def test_it_tells_the_browser_how_chunks_are_stored(
    register: Callable[..., VirtualSlide],
    slide_files: dict[str, Path],
    client_of: Callable[[str], Client],
    kind: str,
    encoding: str,
    offset: int,
) -> None:
    virtual = register(slide_files[kind])
    header = client_of("pathologist").get(address(virtual, "header.json")).json()
    assert (header["encoding"], {channel["offset"] for channel in header["channels"]}) == (encoding, {offset})


def test_a_jpeg_chunk_holds_all_colours(
    register: Callable[..., VirtualSlide], slide_files: dict[str, Path], client_of: Callable[[str], Client]
) -> None:
    virtual = register(slide_files["jpeg"])
    answer = client_of("pathologist").get(address(virtual, "chunks?level=8&blocks=0-1&channels=0"))
    for frame in frames(answer.content):
        assert decode_picture(frame or b"", 8 * 32, 48).shape == (256, 48, 3)


def test_it_says_that_the_key_of_a_sealed_slide_is_missing(
    register: Callable[..., VirtualSlide],
    client_of: Callable[[str], Client],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ring = KeyRing(tmp_path / "keys")
    monkeypatch.setenv(ENVIRONMENT, str(ring.directory))
    virtual = register(make_slide(tmp_path, "fluorescence", 1, 1, key_id=ring.create()))
    chunk = address(virtual, "chunks?level=1&blocks=0-0&channels=0")
    assert client_of("pathologist").get(chunk).status_code == 200
    open_slides.close()
    monkeypatch.delenv(ENVIRONMENT)
    assert client_of("pathologist").get(address(virtual, "header.json")).status_code == 200
    assert client_of("pathologist").get(chunk).status_code == 503


@pytest.mark.parametrize(("level", "blocks"), [(1, "4-9"), (4, "0-11"), (8, "0-1"), (32, "1-1")])
def test_it_sends_the_stored_bytes_unchanged(
    fluorescence: VirtualSlide, client_of: Callable[[str], Client], level: int, blocks: str
) -> None:
    answer = client_of("pathologist").get(
        address(fluorescence, f"chunks?level={level}&blocks={blocks}&channels=1,3")
    )
    got = frames(answer.content)
    first, last = map(int, blocks.split("-"))
    run = 8 if level >= 8 else 1
    with vslide.open(fluorescence.file) as reader:
        per_field = 4 if level == 1 else 1
        wanted = [
            reader.chunk(
                b // per_field * run, channel, b % per_field // 2, b % 2 if level == 1 else 0, level=level
            )
            for b in range(first, last + 1)
            for channel in (1, 3)
        ]
    assert got == wanted


@pytest.mark.parametrize(
    "query",
    [
        "level=2&blocks=0-0&channels=0",
        "level=1&blocks=0-48&channels=0",
        "level=1&blocks=3-1&channels=0",
        "level=1&blocks=0-0&channels=4",
        "level=1&blocks=../x&channels=0",
        "level=1&blocks=0-9999999&channels=0",
        "blocks=0-0&channels=0",
        "level=1&blocks=0-0&channels=",
    ],
)
def test_it_refuses_what_the_slide_does_not_have(
    fluorescence: VirtualSlide, client_of: Callable[[str], Client], query: str
) -> None:
    answer = client_of("pathologist").get(address(fluorescence, f"chunks?{query}"))
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "bad_input"


def test_it_lets_caches_keep_versioned_answers_for_ever(
    brightfield: VirtualSlide, client_of: Callable[[str], Client]
) -> None:
    client = client_of("pathologist")
    url = address(brightfield, f"chunks?level=8&blocks=0-0&channels=0&v={brightfield.sha256[:16]}")
    first = client.get(url)
    assert "immutable" in first["Cache-Control"]
    assert "private" in first["Cache-Control"]
    again = client.get(url, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert "immutable" not in client.get(url.split("&v=")[0])["Cache-Control"]


def test_it_composes_a_tile_as_the_slide_is(
    brightfield: VirtualSlide, client_of: Callable[[str], Client]
) -> None:
    answer = client_of("pathologist").get(
        address(brightfield, "tile/1/0/0.jpg"), headers={"Accept": "image/webp"}
    )
    got = np.asarray(Image.open(io.BytesIO(answer.content)), np.int16)
    with vslide.open(brightfield.file) as reader:
        wanted = np.moveaxis(reader.region(0, 0, 512, 358, level=2), 0, -1)
    assert got.shape == (512, 512, 3)
    assert np.abs(got[:358] - wanted).mean() < 4
    assert got[366:].min() > 250  # glass beyond the slide's end


@pytest.mark.parametrize("part", ["tile/9/0/0.jpg", "tile/0/99/0.jpg", "tile/0/0/2.jpg"])
def test_it_has_no_tile_beyond_the_slide(
    brightfield: VirtualSlide, client_of: Callable[[str], Client], part: str
) -> None:
    assert client_of("pathologist").get(address(brightfield, part)).status_code == 404


def test_it_says_when_the_file_is_gone(brightfield: VirtualSlide, client_of: Callable[[str], Client]) -> None:
    VirtualSlide.objects.update(path="gone.h5")
    answer = client_of("pathologist").get(address(brightfield, "header.json"))
    assert answer.status_code == 503
    assert answer.json()["error"]["retryable"] is True


def test_it_windows_fluorescence_by_its_histogram(
    fluorescence: VirtualSlide, client_of: Callable[[str], Client]
) -> None:
    channels = client_of("pathologist").get(address(fluorescence, "histogram.json")).json()["channels"]
    assert len(channels) == 4
    for channel in channels:
        assert 100 <= channel["autoLow"] < channel["autoHigh"] <= channel["top"]
        assert sum(channel["counts"]) == 12 * 32 * 48  # each field's pixels of layer 8


def test_it_serves_a_vendor_slide_as_tiles(
    vendor_file: Path, register: Callable[..., VirtualSlide], client_of: Callable[[str], Client]
) -> None:
    virtual, client = register(vendor_file), client_of("pathologist")
    header = client.get(address(virtual, "header.json")).json()
    assert (header["kind"], header["fields"], header["levels"]) == ("vendor", None, [])
    assert header["tiles"]["downsamples"] == [1, 2, 4, 8]
    last = client.get(address(virtual, "tile/0/4/5.jpg"))
    corner = np.asarray(Image.open(io.BytesIO(last.content)))
    assert corner.shape == (512, 512, 3)
    assert corner[450:, 250:].min() > 250  # glass beyond the slide's end
    whole = client.get(address(virtual, "tile/3/0/0.jpg"))
    assert np.asarray(Image.open(io.BytesIO(whole.content))).std() > 10
    assert client.get(address(virtual, "chunks?level=1&blocks=0-0&channels=0")).status_code == 400
