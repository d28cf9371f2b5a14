"""Remote slides: fetched once, read ahead, and never believed blindly."""

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

import vslide
from tests.vslide.dealing import ANYWHERE, Kept, dealt, keep
from tests.vslide.serving import eventually
from tests.vslide.slides import brightfield, make_header, make_specimen
from tests.vslide.stacks import make_stack
from vslide.errors import Damaged, NoSuchField, NotASlide, Outdated
from vslide.keys import ENVIRONMENT, KeyRing
from vslide.remote import DealerLink, RemoteMosaic, RemoteSlide, open_remote
from vslide.remote.ahead import MOST_WAITING, Look, ReadAhead
from vslide.remote.messages import REQUESTS, AskHeader, AskPlane, ChunkReply, PixelsReply
from wire import Message, ReadServer

BOX = (20, 15, 100, 80)
DEAL = (sys.executable, "-m", "vslide", "deal")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return keep(tmp_path_factory.mktemp("kept"), make_specimen(make_header(rows=4, columns=5)))


@contextmanager
def impostor(reply: Message, frames: list[bytes], real: str, slide: str) -> Iterator[str]:
    """A dealer that knows the slide and then answers everything else with `reply`."""
    with DealerLink(real) as link:

        def handle(request: Message, _: list[bytes]) -> tuple[Message, list[bytes]]:
            return link.ask(request) if isinstance(request, AskHeader) else (reply, frames)

        with ReadServer(ANYWHERE, REQUESTS, handle) as server:
            yield f"{server.endpoint}#{slide}"


def test_a_mosaic_comes_as_chunks_and_each_chunk_once(kept: Kept) -> None:
    with dealt(kept.root) as endpoint, open_remote(f"{endpoint}#{kept.name}", read_ahead=False) as slide:
        assert isinstance(slide, RemoteMosaic)
        first = slide.region(*BOX)
        asked = slide.counters()["asked"]
        assert np.array_equal(slide.region(*BOX), first)
        assert np.array_equal(slide.region(*BOX, channels=[2]), first[2:3])
        assert slide.counters()["asked"] == asked
        assert slide.counters()["hits"] > 0


def test_pixels_come_ready_made_on_request(kept: Kept) -> None:
    with dealt(kept.root) as endpoint, open_remote(f"{endpoint}#{kept.name}", pixels=True) as slide:
        assert isinstance(slide, RemoteSlide)
        x, y, width, height = BOX
        assert np.array_equal(slide.region(*BOX), kept.specimen.mosaic()[:, y : y + height, x : x + width])
        assert slide.counters()["asked"] == 2  # the header and the region


@pytest.mark.parametrize("pixels", [True, False])
def test_focus_layers_and_time_points_are_read_alike(tmp_path: Path, pixels: bool) -> None:
    stack = make_stack(make_header(rows=2, columns=2, layers=2, times=3))
    there = keep(tmp_path, stack)
    with (
        dealt(tmp_path) as endpoint,
        dealt(None, behind=[endpoint]) as broker,
        open_remote(f"{broker}#{there.name}", pixels=pixels) as slide,
    ):
        for z, t in ((0, 0), (1, 0), (0, 2), (1, 2)):
            assert np.array_equal(slide.region(0, 0, *slide.size, z=z, t=t), stack.at(z, t))


def test_a_vendor_file_has_no_time_points(tmp_path: Path, kept: Kept) -> None:
    from_hdf5 = kept.root / kept.name
    with vslide.open(from_hdf5) as slide:
        picture = slide.thumbnail(256)[:3].astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", np.moveaxis(picture, 0, -1), tile=(64, 64), photometric="rgb")
    with dealt(tmp_path) as endpoint, open_remote(f"{endpoint}#a.tif") as slide:
        assert slide.region(0, 0, 8, 8).shape == (3, 8, 8)
        with pytest.raises(NoSuchField, match="time"):
            slide.region(0, 0, 8, 8, t=1)


@pytest.mark.parametrize("kind", ["jpeg", "sealed"])
def test_stored_bytes_of_every_encoding_are_decoded_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    ring = KeyRing(tmp_path / "ring")
    monkeypatch.setenv(ENVIRONMENT, str(ring.directory))
    size = {"rows": 2, "columns": 2}
    sealed = make_header(key_id=ring.create(), **size)
    header = brightfield(encoding="jpeg", **size) if kind == "jpeg" else sealed
    there = keep(tmp_path, make_specimen(header))
    with dealt(tmp_path) as endpoint, open_remote(f"{endpoint}#{there.name}") as slide:
        slide.chunk(0, 0, 0, 0)  # the dealer has the key from here on
        monkeypatch.delenv(ENVIRONMENT)  # and this side never needs it
        assert isinstance(slide, RemoteMosaic)
        assert np.array_equal(slide.region(0, 0, *slide.size), there.specimen.mosaic())


def test_threads_share_one_connection(kept: Kept) -> None:
    whole = kept.specimen.mosaic()
    boxes = [(x, y, 40, 30) for x in range(0, 300, 30) for y in range(0, 200, 25)]
    with (
        dealt(kept.root) as endpoint,
        open_remote(f"{endpoint}#{kept.name}", pixels=True) as slide,
        ThreadPoolExecutor(8) as pool,
    ):
        found = pool.map(lambda box: slide.region(*box), boxes)
        for (x, y, width, height), pixels in zip(boxes, found, strict=True):
            assert np.array_equal(pixels, whole[:, y : y + height, x : x + width])


@pytest.mark.parametrize("pixels", [True, False])
def test_panning_reads_ahead_and_says_so(kept: Kept, pixels: bool) -> None:
    with dealt(kept.root) as endpoint, open_remote(f"{endpoint}#{kept.name}", pixels=pixels) as slide:
        slide.region(100, 100, 50, 40)
        slide.region(150, 100, 50, 40)
        eventually(slide.counters, lambda found: found["ahead"] >= 7, 5)
        asked = slide.counters()["asked"]
        slide.region(200, 100, 50, 40)
        found = slide.counters()
        assert found["ahead_used"] >= 1
        eventually(slide.counters, lambda now: now["ahead"] > found["ahead"], 5)
        assert asked > 1


@pytest.mark.parametrize("pixels", [True, False])
def test_nothing_is_read_ahead_of_random_looks_or_when_it_is_off(kept: Kept, pixels: bool) -> None:
    with dealt(kept.root) as endpoint:
        source = f"{endpoint}#{kept.name}"
        with (
            open_remote(source, pixels=pixels) as jumping,
            open_remote(source, pixels=pixels, read_ahead=False) as still,
        ):
            for x, y in ((0, 0), (200, 150), (300, 0)):
                jumping.region(x, y, 20, 20)
            for x in (0, 20, 40):
                still.region(x, 0, 20, 20)
            time.sleep(0.1)
            assert jumping.counters()["ahead"] == still.counters()["ahead"] == 0


def test_read_ahead_forgets_what_is_old_and_can_be_cancelled() -> None:
    fetched: list[Look] = []

    def fetch(look: Look) -> None:
        time.sleep(0.01)
        fetched.append(look)

    ahead = ReadAhead(fetch)
    for x in range(0, 100 * 64, 64):
        ahead.look(Look(x, 0, 64, 64, 1, None))
    ahead.cancel()
    time.sleep(0.05)
    assert len(fetched) <= MOST_WAITING
    done = len(fetched)
    time.sleep(0.05)
    assert len(fetched) <= done + 1
    ahead.close()


@given(*[st.integers(-500, 500)] * 2, *[st.integers(1, 300)] * 2)
def test_neighbours_lie_beside_and_nothing_else_does(x: int, y: int, width: int, height: int) -> None:
    look = Look(x, y, width, height, 4, (0, 2), 1, 3)
    around = look.neighbours()
    assert len(set(around)) == 8
    assert look not in around
    assert all(one.beside(look) and look.beside(one) for one in around)
    away = Look(x + 2 * width + 1, y, width, height, 4, (0, 2), 1, 3)
    another = Look(x, y, width, height, 4, (0,), 1, 3)
    for far in (away, another):
        assert not far.beside(look)
        assert not look.beside(far)


def test_a_journal_that_grew_asks_to_be_opened_again(tmp_path: Path) -> None:
    specimen = make_specimen(make_header(rows=1, columns=2))
    planes, header = specimen.planes(), specimen.header
    with vslide.Journal.create(tmp_path / "live", header, header.run_id, 1, len(planes)) as journal:
        for number, plane in enumerate(planes[:4]):
            journal.append(plane, number)
        journal.commit()
        with dealt(tmp_path) as endpoint, open_remote(f"{endpoint}#live") as early:
            expected, seen = early.plane(0, 1), specimen.pixels[early.fields[0].key, 3]
            for number, plane in enumerate(planes[4:], 4):
                journal.append(plane, number)
            journal.commit()
            with open_remote(f"{endpoint}#live") as late:
                assert (len(early.fields), len(late.fields)) == (1, 2)
                assert np.array_equal(late.plane(0, 1), expected)
            assert np.array_equal(early.plane(0, 3), seen)  # the dealer still holds what it was
        with dealt(tmp_path) as fresh:
            with DealerLink(fresh) as link, pytest.raises(Outdated) as outdated:
                link.ask(AskPlane(slide="live", snapshot=1, index=0, channel=1, level=1))
            assert outdated.value.retryable


@pytest.mark.parametrize(
    ("reply", "frames"),
    [
        (ChunkReply(), []),
        (ChunkReply(), [b"x", b"y"]),
        (ChunkReply(), [b"\x02\x01 not blosc"]),
        (PixelsReply(dtype="uint16", shape=(4, 80, 100)), [b"short"]),
    ],
)
@pytest.mark.parametrize("pixels", [True, False])
def test_a_dealer_that_lies_is_found_out(
    kept: Kept, reply: Message, frames: list[bytes], pixels: bool
) -> None:
    with (
        dealt(kept.root) as real,
        impostor(reply, frames, real, kept.name) as source,
        open_remote(source, pixels=pixels) as slide,
        pytest.raises((Damaged, NotASlide)),
    ):
        slide.region(*BOX)
