import multiprocessing
import threading

import pytest

from vslide.pool import side_by_side


def test_it_does_everything_once():
    for count in (0, 1, 2, 100):
        done: list[int] = []
        side_by_side(done.append, range(count))
        assert sorted(done) == list(range(count))


def test_a_single_item_stays_in_its_thread():
    seen: list[threading.Thread] = []
    side_by_side(lambda _: seen.append(threading.current_thread()), [1])
    assert seen == [threading.current_thread()]


def test_an_error_comes_back_when_all_have_stopped():
    working = threading.Semaphore(0)

    def work(item: int) -> None:
        working.release()
        if item == 3:
            raise ZeroDivisionError
        working.acquire()

    with pytest.raises(ZeroDivisionError):
        side_by_side(work, range(6))


def test_it_may_be_called_from_within():
    done: list[tuple[int, int]] = []
    side_by_side(lambda a: side_by_side(lambda b: done.append((a, b)), range(5)), range(5))
    assert sorted(done) == [(a, b) for a in range(5) for b in range(5)]


def _in_child(results: "multiprocessing.SimpleQueue[int]") -> None:
    done: list[int] = []
    side_by_side(done.append, range(50))
    results.put(sum(done))


def test_it_works_after_a_fork():
    side_by_side(lambda _: None, range(10))
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    child = context.Process(target=_in_child, args=(results,))
    child.start()
    child.join(10)
    assert (child.exitcode, results.get()) == (0, 1225)
