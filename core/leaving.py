"""One bit that a worker's parent shares with the children of its pool: this worker is being stopped."""

import mmap

_FLAG = mmap.mmap(-1, 1)  # made before the pool forks: the parent writes it, every child sees it


def leave() -> None:
    """Jobs that beat are to come to a place where another worker can go on."""
    _FLAG[0] = 1


def stay() -> None:
    _FLAG[0] = 0


def leaving() -> bool:
    return _FLAG[0] == 1
