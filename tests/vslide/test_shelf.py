"""Open slides are lent to threads: none is closed under a reader, and only the last few stay open."""

from typing import Any

from vslide.shelf import Shelf


class Reader:
    """Stands in for a slide: knows whether it was closed."""

    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


def filled(shelf: Shelf, count: int) -> list[Any]:
    readers: list[Any] = [Reader() for _ in range(count)]
    for number, reader in enumerate(readers):
        shelf.put(number, reader)
    return readers


def test_it_keeps_the_last_few_open() -> None:
    readers = filled(shelf := Shelf(2), 3)
    assert [reader.closed for reader in readers] == [1, 0, 0]
    with shelf.lend(0) as gone, shelf.lend(2) as kept:
        assert (gone, kept) == (None, readers[2])
    shelf.clear()
    assert [reader.closed for reader in readers] == [1, 1, 1]


def test_it_closes_nothing_that_is_being_read() -> None:
    (reader,) = filled(shelf := Shelf(), 1)
    with shelf.lend(0), shelf.lend(0):
        shelf.remove(0)
        shelf.remove(0)
        assert not reader.closed
    assert reader.closed == 1


def test_what_takes_a_place_closes_what_stood_there() -> None:
    (first,) = filled(shelf := Shelf(), 1)
    (second,) = filled(shelf, 1)
    assert (first.closed, second.closed) == (1, 0)
    shelf.clear()
    shelf.clear()
    assert second.closed == 1
