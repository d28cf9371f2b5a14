"""Dealers in front of dealers: they keep, they outlive each other, and let in who holds a key."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

import vslide
from tests.vslide.dealing import ANYWHERE, RESERVED, Kept, dealt, keep
from tests.vslide.serving import eventually
from tests.vslide.slides import make_header, make_specimen
from vslide.dealer import main
from vslide.errors import DealerLost, NotASlide
from vslide.reader import SlideReader
from vslide.remote import DealerLink, open_remote
from vslide.remote.messages import AskHeader
from wire import KeyPair, Security

BOX = (20, 15, 100, 80)
DEAL = (sys.executable, "-m", "vslide", "deal")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return keep(tmp_path_factory.mktemp("kept"), make_specimen(make_header(rows=4, columns=5)))


def test_a_broker_answers_from_its_cache(kept: Kept) -> None:
    with ExitStack() as behind:
        endpoint = behind.enter_context(dealt(kept.root))
        with dealt(None, behind=[endpoint], patience_s=0.3) as broker:
            with open_remote(f"{broker}#{kept.name}") as first:
                expected = first.region(*BOX)
            behind.close()
            with open_remote(f"{broker}#{kept.name}") as second:
                assert np.array_equal(second.region(*BOX), expected)
                with pytest.raises(DealerLost):
                    second.plane(19, 0)


def test_slides_share_the_dealers_memory_and_never_their_pixels(tmp_path: Path) -> None:
    header = make_header(rows=1, columns=2)
    slides = [keep(tmp_path / name, make_specimen(header, seed)) for seed, name in enumerate("ab")]
    with dealt(tmp_path) as endpoint, ExitStack() as stack:
        remote: list[SlideReader] = []
        local: list[SlideReader] = []
        for one in slides:
            path = one.root / one.name
            source = f"{endpoint}#{path.relative_to(tmp_path)}"
            there: SlideReader = open_remote(source, pixels=True, read_ahead=False)
            remote.append(stack.enter_context(there))
            local.append(stack.enter_context(vslide.open(path)))
        for box in (BOX, (0, 0, 60, 50), BOX):
            for far, near in zip(remote, local, strict=True):
                assert np.array_equal(far.region(*box), near.region(*box))


def test_a_dead_dealer_fails_its_own_slides_only_and_comes_back(tmp_path: Path, kept: Kept) -> None:
    other = keep(tmp_path, make_specimen(make_header(rows=1, columns=2)))
    with dealt(kept.root) as dead:
        pass
    with (
        dealt(tmp_path) as living,
        dealt(None, behind=[dead, living], patience_s=1.0) as broker,
        open_remote(f"{broker}#{other.name}") as here,
    ):
        with pytest.raises(DealerLost) as lost:
            open_remote(f"{broker}#{kept.name}")
        assert lost.value.retryable
        began = time.monotonic()
        with pytest.raises(DealerLost):
            open_remote(f"{broker}#{kept.name}")
        assert time.monotonic() - began < 0.5  # nobody waits for a dealer that is known to be dead
        assert np.array_equal(here.region(0, 0, *here.size), other.specimen.mosaic())
        with dealt(kept.root, at=dead):
            back = eventually(lambda: opens(f"{broker}#{kept.name}"), bool, 10)
        assert back


def opens(source: str) -> bool:
    try:
        open_remote(source).close()
    except DealerLost:
        return False
    return True


def test_requests_to_a_dead_dealer_leave_room_for_the_others(tmp_path: Path, kept: Kept) -> None:
    with dealt(kept.root) as dead:
        pass
    local = keep(tmp_path, make_specimen(make_header(rows=1, columns=2)))
    with (
        dealt(tmp_path, behind=[dead], patience_s=1.5) as broker,
        ThreadPoolExecutor(30) as pool,
        open_remote(f"{broker}#{local.name}", pixels=True) as slide,
    ):
        waiting = [pool.submit(opens, f"{broker}#{kept.name}") for _ in range(30)]
        began = time.monotonic()
        assert slide.region(0, 0, 30, 30).any()
        assert time.monotonic() - began < 1.0
        assert not any(one.result() for one in waiting)


def test_dealers_in_a_ring_say_so(tmp_path: Path) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(dealt(None, behind=[RESERVED], patience_s=3))
        stack.enter_context(dealt(tmp_path, behind=[first], at=RESERVED, patience_s=3))
        with pytest.raises(NotASlide):
            open_remote(f"{first}#nothing.h5")


def test_the_command_serves_those_who_hold_keys(tmp_path: Path, kept: Kept) -> None:
    server, client = tmp_path / "server.key", tmp_path / "client.key"
    for file in (server, client):
        KeyPair.new().save(file)
    endpoint = f"ipc://{tmp_path}/dealer"
    options = ["--root", kept.root, "--endpoint", endpoint, "--keys", server, "--allow", f"{client}.pub"]
    process = subprocess.Popen([*DEAL, *map(str, options)], stderr=subprocess.DEVNULL)
    try:
        with vslide.open(f"{endpoint}?keys={client}&server={server}.pub#{kept.name}") as slide:
            assert len(slide.fields) == 20
        stranger = Security(KeyPair.new(), server=KeyPair.load(server).public)
        with (
            DealerLink(endpoint, security=stranger, timeout_s=0.3, retries=0) as link,
            pytest.raises(DealerLost),
        ):
            link.ask(AskHeader(slide=kept.name))
    finally:
        process.terminate()
        assert process.wait(10) == 0


@pytest.mark.parametrize(
    "options",
    [
        ["--root", ".", "--endpoint", "tcp://0.0.0.0:5799"],
        ["--root", ".", "--endpoint", ANYWHERE, "--keys", "no-such-file", "--allow", "none"],
    ],
)
def test_the_command_does_not_start_openly_or_without_its_keys(options: list[str]) -> None:
    assert main(options) == 1


@pytest.mark.parametrize("options", [["--root", ".", "--keys", "only"], []])
def test_the_command_refuses_wrong_usage(options: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--endpoint", ANYWHERE, *options])


def test_half_a_pair_of_keys_in_an_address_is_refused() -> None:
    with pytest.raises(NotASlide, match="keys"):
        vslide.open("tcp://127.0.0.1:9?keys=a.key#slide")
