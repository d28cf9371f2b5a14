"""Work that may take its process with it: done in another one, item by item."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import TypeVar

T = TypeVar("T")
PATIENCE_S, LEAVES_WITHIN_S = 60.0, 5.0


def apart(work: Callable[[T], str], items: Sequence[T], jobs: int = 2) -> list[str]:
    """What `work` says of each item, in order; "died" where its process ended, or did not end, over it."""
    share = -(-len(items) // jobs)
    parts = [items[start : start + share] for start in range(0, len(items), share)]
    with ThreadPoolExecutor(jobs) as pool:
        return [said for part in pool.map(lambda part: list(_each(work, part)), parts) for said in part]


def _each(work: Callable[[T], str], items: Sequence[T]) -> Iterator[str]:
    context = multiprocessing.get_context("spawn")
    at = 0
    while at < len(items):
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(work, items[at:], theirs), daemon=True)
        process.start()
        theirs.close()
        for said in _heard(ours):
            yield said
            at += 1
        process.join(LEAVES_WITHIN_S)
        process.kill()
        process.join()
        ours.close()
        if at < len(items):
            yield "died"
            at += 1


def _heard(pipe: Connection) -> Iterator[str]:
    with suppress(EOFError, ConnectionError):
        while pipe.poll(PATIENCE_S):
            yield pipe.recv_bytes().decode()


def _serve(work: Callable[[T], str], items: Sequence[T], pipe: Connection) -> None:
    for item in items:
        pipe.send_bytes(work(item).encode())
    pipe.close()
