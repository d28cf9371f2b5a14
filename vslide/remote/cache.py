"""Replies of dealers, kept by what was asked."""

import threading
from collections import OrderedDict
from dataclasses import dataclass

from wire import Message

Reply = tuple[Message, list[bytes]]


@dataclass
class _Kept:
    reply: Reply
    size: int
    ahead: bool


class ReplyCache:
    """The least recently used go when `budget` bytes are exceeded. Thread-safe.

    `hits` and `misses` count what was looked for, `used_ahead` the first hit of each reply that was fetched
    ahead.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._used = 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[Message, _Kept] = OrderedDict()
        self.hits = self.misses = self.used_ahead = 0

    def __contains__(self, request: Message) -> bool:
        return request in self._kept

    def get(self, request: Message) -> Reply | None:
        with self._lock:
            kept = self._kept.get(request)
            if kept is None:
                self.misses += 1
                return None
            self._kept.move_to_end(request)
            self.hits += 1
            self.used_ahead += kept.ahead
            kept.ahead = False
            return kept.reply

    def put(self, request: Message, reply: Reply, *, ahead: bool = False) -> None:
        """Keep a reply, unless it alone is larger than an eighth of the budget."""
        size = sum(map(len, reply[1]))
        if size > self._budget // 8:
            return
        with self._lock:
            if request in self._kept:
                return
            self._kept[request] = _Kept(reply, size, ahead)
            self._used += size
            while self._used > self._budget:
                self._used -= self._kept.popitem(last=False)[1].size
