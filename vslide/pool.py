"""A few threads that decode and paint side by side, shared by the whole process."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")

WORKERS = os.cpu_count() or 1


class _Pool:
    """The threads start with the first work."""

    def __init__(self) -> None:
        self.start()
        # Threads do not survive a fork: a child (of Celery, of a web server) gets some of its own.
        os.register_at_fork(after_in_child=self.start)

    def start(self) -> None:
        self.threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="vslide-read")
        self._lock = threading.Lock()
        self._callers = 0

    @contextmanager
    def caller(self) -> Iterator[int]:
        """How many threads may help this caller: with a caller for each processor, none."""
        with self._lock:
            self._callers += 1
            free = max(0, WORKERS - self._callers)
        try:
            yield free
        finally:
            with self._lock:
                self._callers -= 1


_POOL = _Pool()


def side_by_side(work: Callable[[Item], None], items: Sequence[Item]) -> None:
    """Do `work` for each item, here and in the pool's threads at once; an error is raised when all have
    stopped.

    The caller takes its share: a single item never leaves its thread, and a busy pool holds nobody up.
    """
    shared = iter(items)

    def drain() -> None:
        for item in shared:
            work(item)

    with _POOL.caller() as free:
        helpers = [_POOL.threads.submit(drain) for _ in range(min(len(items) - 1, free))]
        try:
            drain()
        finally:
            errors = [helper.exception() for helper in helpers if not helper.cancel()]
    for error in errors:
        if error is not None:
            raise error
