"""Building the slide's file while the scan goes on: a process that follows the journal.

It is told of planes in the order in which they become durable and reads them from the journal itself; a
process, because threads beside it would wait for one interpreter's lock. What goes wrong in it costs nothing
but time: the journal holds everything, and the slide is then built from it afresh.
"""

import logging
import multiprocessing
import queue
import threading
from collections.abc import Iterable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from vslide.build import (
    Draft,
    build_recovered,
    check_complete,
    find_published,
    publish,
    remove_drafts,
    slide_path,
)
from vslide.checker import ForkedChecker
from vslide.errors import SlideError
from vslide.journal import Recovered
from vslide.manifest import Manifest
from vslide.model import FieldKey, SlideHeader
from vslide.record import Record, read_record

log = logging.getLogger(__name__)
_NO_MORE = b""


class _Told(msgspec.Struct, array_like=True):
    """Where a durable record lies, and the digests of its chunks, so that they are not taken again."""

    path: str
    offset: int
    digests: bytes


class Follower:
    """Follows one journal into a draft below `destination`. `planned` counts planes, as the journal's
    opening does.

    Made while the process has no threads and no sockets, for it is forked; `not_its` are connections that it
    must not keep open. It touches nothing until the context manager begins. What is not published is removed
    at the context's end, and by the follower itself when whoever made it has died. One thread calls it.
    """

    def __init__(
        self, header: SlideHeader, planned: int, destination: Path, not_its: Sequence[Connection] = ()
    ) -> None:
        self._final = slide_path(destination, header.slide_id, header.run_id)
        self._destination, self._fields = destination, max(1, planned // header.planes)
        self._keys: dict[FieldKey, None] = {}
        self._checker = ForkedChecker(not_its)
        self._pipe, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("fork").Process(
            target=_follow,
            args=(theirs, header, self._fields, destination, (self._pipe, self._checker.pipe, *not_its)),
            daemon=True,
        )
        self._process.start()
        theirs.close()
        self._waiting: queue.SimpleQueue[Iterable[Record] | None] = queue.SimpleQueue()
        self._teller = threading.Thread(target=self._tell, name="follower", daemon=True)

    def __enter__(self) -> Self:
        self._teller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.join()
        self._waiting.put(None)
        self._teller.join()
        self._pipe.close()
        self._checker.close()
        remove_drafts(self._final)

    def follow(self, records: Iterable[Record]) -> None:
        """These have become durable. Returns at once."""
        told = list(records)
        self._keys |= dict.fromkeys(record.key for record in told)
        self._waiting.put(told)

    def publish(self, found: Recovered) -> Manifest:
        """Finish the slide of a whole journal. Raises what `build` raises."""
        keys = check_complete(found)
        if published := find_published(found, self._destination):
            return published
        draft = self._finished()
        if draft is None or list(self._keys) != keys or len(keys) != self._fields:
            return build_recovered(found, self._destination)
        return publish(found, draft, self._checker)

    def _finished(self) -> Path | None:
        """The finished file; None when the follower has given up."""
        self._waiting.put(None)
        self._teller.join()
        try:
            return Path(self._pipe.recv_bytes().decode())
        except (EOFError, OSError):
            return None

    def _tell(self) -> None:
        """A thread's work: a follower that is behind must not hold up who acknowledges."""
        try:
            while (records := self._waiting.get()) is not None:
                for record in records:
                    told = _Told(str(record.path), record.offset, record.digests)
                    self._pipe.send_bytes(msgspec.msgpack.encode(told))
            self._pipe.send_bytes(_NO_MORE)
        except OSError:
            log.info("the follower has gone")


def _follow(
    pipe: Connection, header: SlideHeader, count: int, destination: Path, not_mine: Sequence[Connection]
) -> None:
    """The follower's work. It ends with the other end of the pipe."""
    for connection in not_mine:
        connection.close()
    try:
        first = pipe.recv_bytes()  # drafts of an earlier builder are not touched before
        with Draft(header, count, destination) as draft:
            words = first
            while words != _NO_MORE:
                told = msgspec.msgpack.decode(words, type=_Told)
                draft.follow([read_record(Path(told.path), told.offset, told.digests)])
                words = pipe.recv_bytes()
            draft.finish()
            pipe.send_bytes(str(draft.path).encode())
            pipe.recv_bytes()
    except EOFError:
        return
    except (SlideError, OSError) as error:
        log.warning("the slide will be built after the scan: %s", error)
