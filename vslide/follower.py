"""Building the slide's file while the scan goes on: a thread that follows the journal.

Planes are taken up in the order in which they became durable. What goes wrong here costs nothing but time:
the journal holds everything, and the slide is then built from it afresh.
"""

import logging
import queue
import threading
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from vslide.build import Draft, build_recovered, check_complete, find_published
from vslide.checker import Checker
from vslide.disk import DISK, Disk
from vslide.errors import SlideError
from vslide.journal import Recovered
from vslide.manifest import Manifest
from vslide.model import SlideHeader
from vslide.record import Record

log = logging.getLogger(__name__)


class Follower:
    """Follows one journal into a draft below `destination`. `planned` counts planes, as the journal's
    opening does.

    One thread calls it. Close it through the context manager: what is not published is removed.
    """

    def __init__(self, header: SlideHeader, planned: int, destination: Path, disk: Disk = DISK) -> None:
        self._header, self._fields = header, max(1, planned // header.planes)
        self._destination, self._disk = destination, disk
        self._waiting: queue.SimpleQueue[Iterable[Record] | None] = queue.SimpleQueue()
        self._draft: Draft | None = None
        self._given_up = False
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._given_up = True
        self._catch_up()
        if self._draft is not None:
            self._draft.close()

    def follow(self, records: Iterable[Record]) -> None:
        """These have become durable. Returns at once."""
        self._waiting.put(records)

    def publish(self, found: Recovered) -> Manifest:
        """Finish the slide of a whole journal. Raises what `build` raises."""
        keys = check_complete(found)
        with Checker() as checker:
            self._catch_up()
            if self._draft is None or self._draft.keys != keys or len(keys) != self._fields:
                return build_recovered(found, self._destination, disk=self._disk)
            if published := find_published(found, self._destination, self._disk):
                return published
            return self._draft.publish(found, checker)

    def _catch_up(self) -> None:
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        draft = None
        try:
            draft = Draft(self._header, self._fields, self._destination, self._disk)
            while (records := self._waiting.get()) is not None and not self._given_up:
                draft.follow(records)
        except (SlideError, OSError) as error:
            log.warning("the slide will be built after the scan: %s", error)
            if draft is not None:
                draft.close()
        else:
            self._draft = draft
