"""The few readers that a process keeps open."""

import threading
from pathlib import Path
from typing import Any

from viewer.readers import OpenSlides


class Reader:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


def slides(capacity: int) -> tuple[Any, list[Reader]]:
    opened: list[Reader] = []

    def open_slide(path: Path) -> Any:
        opened.append(Reader(path))
        return opened[-1]

    return OpenSlides(open_slide, capacity), opened


def test_it_opens_a_slide_once() -> None:
    cache, opened = slides(2)
    for _ in range(3):
        with cache.lease(Path("a"), "1") as reader:
            assert reader.closed == 0
    assert len(opened) == 1


def test_it_opens_a_new_version_anew() -> None:
    cache, opened = slides(2)
    with cache.lease(Path("a"), "1"), cache.lease(Path("a"), "2"):
        assert len(opened) == 2


def test_it_closes_the_oldest() -> None:
    cache, opened = slides(2)
    for name in "abc":
        with cache.lease(Path(name), "1"):
            pass
    assert [reader.closed for reader in opened] == [1, 0, 0]


def test_it_never_closes_under_a_user() -> None:
    cache, opened = slides(1)
    with cache.lease(Path("a"), "1") as used:
        with cache.lease(Path("b"), "1"):
            pass
        cache.close()
        assert used.closed == 0
    assert [reader.closed for reader in opened] == [1, 1]


def test_it_closes_each_reader_once_under_many_threads() -> None:
    cache, opened = slides(2)

    def read(start: int) -> None:
        for i in range(200):
            with cache.lease(Path(str((start + i) % 5)), "1") as reader:
                assert reader.closed == 0

    threads = [threading.Thread(target=read, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cache.close()
    assert {reader.closed for reader in opened} == {1}
