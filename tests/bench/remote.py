"""Remote tiles over loopback: a real dealer process, hammered by one client process and by four.

python -m tests.bench.remote client SOURCE tile|region|chunk READS SEED    prints what it measured, in ms
python -m tests.bench.remote bare ENDPOINT BYTES                           the peer: answers from memory
"""

import argparse
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random

import numpy as np
import zmq

from tests.bench.measure import Figure, Subject
from tests.bench.slides import SQUARE, Scale, make_fields, publish
from vslide.codec import chunk_grid
from vslide.reader import SlideReader, open_slide
from vslide.remote import DealerLink, open_through
from vslide.remote.link import CACHE_BYTES

TILE = 256
CLIENTS = (1, 4)
KINDS = ("tile", "region", "chunk")
BARE = "bare zmq, same bytes from memory"
OURS = "ours"
READY = "ready"
STOP_S = 10
WARM = 5

Ask = Callable[[], object]


def remote(scale: Scale, kept: Path) -> Subject:
    """16-bit fluorescence, 256 × 256 px on a viewer's grid at random, no place twice, nothing read ahead.

    `tile`: the dealer makes the pixels. `region`: the same as `vslide.open` reads it, out of stored chunks
    that are decoded and kept here. `chunk`: a stored chunk of 512 × 512 px, about a third of its bytes. `_1`
    and `_4` are client processes; each asks for one thing after another.

    The peer is a ROUTER that sends as many bytes from memory, asked by the same client processes: what zmq
    and Python cost without a slide.
    """
    fields = make_fields("fluorescence", SQUARE, (scale.side, scale.side), scale.distinct, 1)
    slide = publish(fields, kept / "slide")
    with open_slide(slide) as reader:
        pixels = 2 * TILE * TILE
        sizes = {"tile": pixels, "region": pixels, "chunk": len(reader.chunk(0, 0, 0, 0))}

    def ours(_: Path) -> Mapping[str, float]:
        with dealer_process(slide.parent) as endpoint:
            return _turn(dict.fromkeys(sizes, f"{endpoint}#{slide.name}"), scale.reads)

    def bare(_: Path) -> Mapping[str, float]:
        with _bare_process(sizes["tile"]) as tile, _bare_process(sizes["chunk"]) as chunk:
            return _turn({"tile": tile, "region": tile, "chunk": chunk}, scale.reads)

    return Subject(_figures(), ours, {BARE: bare})


def _figures() -> dict[str, Figure]:
    """Targets as the issue has them: a tile in 1 ms (p99), 3,000 tiles/s by several clients."""
    figures = {}
    for kind in KINDS:
        for clients in CLIENTS:
            goal = kind != "chunk"
            fast = {OURS: 3000.0} if goal and clients > 1 else {}
            soon = {OURS: 1.0} if goal and clients == 1 else {}
            figures[f"{kind}_{clients}"] = Figure("a second", target=fast)
            figures[f"{kind}_{clients}_p50"] = Figure("ms", higher_is_better=False)
            figures[f"{kind}_{clients}_p99"] = Figure("ms", higher_is_better=False, target=soon)
    return figures


def _turn(sources: Mapping[str, str], reads: int) -> Mapping[str, float]:
    found: dict[str, float] = {}
    for kind, source in sources.items():
        for clients in CLIENTS:
            rate, p50, p99 = hammer(source, kind, reads, clients)
            name = f"{kind}_{clients}"
            found |= {name: rate, f"{name}_p50": p50, f"{name}_p99": p99}
    return found


def hammer(source: str, kind: str, reads: int, clients: int) -> tuple[float, float, float]:
    """Replies a second of all clients together, and p50 and p99 of one reply in ms."""
    processes = [_start("client", source, kind, str(reads), str(seed)) for seed in range(clients)]
    for process in processes:
        if _line(process) != READY:
            raise RuntimeError(f"a client could not read {source}")
    began = time.perf_counter()
    for process in processes:
        process.stdin.write("\n")  # type: ignore[union-attr]  # both are pipes
        process.stdin.flush()  # type: ignore[union-attr]
    times = [one for process in processes for one in json.loads(_line(process))]
    took = time.perf_counter() - began
    for process in processes:
        process.communicate()
    p50, p99 = np.percentile(times, [50, 99])
    return len(times) / took, float(p50), float(p99)


@contextmanager
def dealer_process(root: Path) -> Iterator[str]:
    """`python -m vslide deal`; its endpoint."""
    endpoint = _endpoint()
    command = [sys.executable, "-m", "vslide", "deal", "--root", str(root), "--endpoint", endpoint]
    with _stopped(subprocess.Popen(command, stderr=subprocess.DEVNULL)):
        yield endpoint


@contextmanager
def _bare_process(size: int) -> Iterator[str]:
    endpoint = _endpoint()
    with _stopped(_start("bare", endpoint, str(size))):
        yield endpoint


@contextmanager
def _stopped(process: "subprocess.Popen[str] | subprocess.Popen[bytes]") -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        process.communicate(timeout=STOP_S)


def _start(*arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.bench.remote", *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _line(process: "subprocess.Popen[str]") -> str:
    return process.stdout.readline().strip() if process.stdout else ""


def _endpoint() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"tcp://127.0.0.1:{free.getsockname()[1]}"


def client(source: str, kind: str, reads: int, seed: int) -> None:
    """Say that we are ready, wait for a line, read, print the time of each read in ms."""
    asks = _asks(source, kind, reads + WARM, seed) if "#" in source else _bare_asks(source, reads + WARM)
    for _ in range(WARM):
        next(asks)()
    _say(READY)
    sys.stdin.readline()
    times = []
    for ask in asks:
        began = time.perf_counter()
        ask()
        times.append(1000 * (time.perf_counter() - began))
    _say(json.dumps(times))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _asks(source: str, kind: str, reads: int, seed: int) -> Iterator[Ask]:
    random = Random(seed)
    with _opened(source, kind) as slide:
        width, height = slide.size
        if kind == "chunk":
            rows, columns = (side // part for side, part in zip(SQUARE, chunk_grid(*SQUARE), strict=True))
            places = [
                (n, r, c) for n in range(len(slide.fields)) for r in range(rows) for c in range(columns)
            ]
            for index, row, column in _some(places, reads, random):
                yield lambda index=index, row=row, column=column: slide.chunk(index, 0, row, column)  # type: ignore[misc]
            return
        corners = [(x, y) for y in range(0, height - TILE, TILE) for x in range(0, width - TILE, TILE)]
        for x, y in _some(corners, reads, random):
            yield partial(slide.region, x, y, TILE, TILE)


@contextmanager
def _opened(source: str, kind: str) -> Iterator[SlideReader]:
    """`region` as a user opens it; otherwise nothing is kept here, and every read is the dealer's."""
    address, _, name = source.partition("#")
    with DealerLink(address, cache_bytes=CACHE_BYTES if kind == "region" else 0) as link:
        yield open_through(link, name, pixels=kind != "region", read_ahead=False)


def _some(places: Sequence[tuple[int, ...]], count: int, random: Random) -> list[tuple[int, ...]]:
    return random.sample(places, min(count, len(places)))


def _bare_asks(endpoint: str, reads: int) -> Iterator[Ask]:
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.connect(endpoint)

        def ask() -> bytearray:
            dealer.send(b"?")
            return bytearray(dealer.recv())

        for _ in range(reads):
            yield ask


def bare(endpoint: str, size: int) -> None:
    payload = bytes(size)
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        router.bind(endpoint)
        while True:
            peer, _ = router.recv_multipart()
            router.send_multipart([peer, payload])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("client")
    one.add_argument("source")
    one.add_argument("kind", choices=KINDS)
    one.add_argument("reads", type=int)
    one.add_argument("seed", type=int)
    other = commands.add_parser("bare")
    other.add_argument("endpoint")
    other.add_argument("size", type=int)
    options = parser.parse_args()
    if options.command == "client":
        client(options.source, options.kind, options.reads, options.seed)
    else:
        bare(options.endpoint, options.size)


if __name__ == "__main__":
    main()
