"""One slide's way through the real writer, small: journal, take-overs, building, publication, forgetting.

It runs on any `Disk` and tells a `Ledger` what was promised to whom, and when.
"""

import contextlib
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Protocol
from unittest import mock

import numpy as np

from vslide.build import Draft, build, publish
from vslide.checker import Checker
from vslide.codec import encode_plane
from vslide.disk import Disk
from vslide.errors import JournalFailed, VerifyFailed
from vslide.journal import Journal, segments
from vslide.manifest import Manifest, file_sha256
from vslide.model import Channel, FieldKey, Plane, SlideHeader
from vslide.orders import (
    FORGOTTEN,
    Order,
    Result,
    forget_run,
    read_result,
    remove_forgotten,
    write_order,
    write_result,
)
from vslide.record import Record
from vslide.recovery import PlaneKey
from vslide.verify import judge

WIDE, TALL = 32, 24
COLUMNS = 20
MOST_TURNS = 4
JOURNALS, SLIDES = "journals", "slides"


class Ledger(Protocol):
    """Who keeps what was promised."""

    def mark(self, what: str, told: frozenset[object] = frozenset()) -> None: ...


@dataclass(frozen=True)
class Sent:
    """What the scanner sends: a header and every plane in the order of acquisition."""

    header: SlideHeader
    planes: dict[PlaneKey, Plane]

    @property
    def run_name(self) -> str:
        return f"run-{self.header.run_id}"

    def payload(self, where: PlaneKey) -> bytes:
        return b"".join(self.planes[where].chunks)


def make_sent(random: Random, fields: int, channels: int) -> Sent:
    header = SlideHeader(
        slide_id=random_id(random), run_id=random_id(random), modality="fluorescence", field_width=WIDE,
        field_height=TALL, dtype="uint16", channels=tuple(Channel(f"c{n}") for n in range(channels)),
        pixel_size_um=1.0, magnification=10.0, rows=-(-fields // COLUMNS), columns=COLUMNS,
        chunk_width=WIDE, chunk_height=TALL,
    )  # fmt: skip
    dice = np.random.default_rng(random.randrange(2**32))
    planes = {}
    for number in range(fields):
        key = FieldKey(number // COLUMNS, number % COLUMNS)
        for channel in range(channels):
            pixels = dice.integers(0, 4000, (TALL, WIDE)).astype(np.uint16)
            chunks = encode_plane(pixels, header.chunk_shape)
            planes[key, channel] = Plane(key, channel, key.c * 30.0, key.r * 22.0, 0.0, chunks)
    return Sent(header, planes)


def random_id(random: Random) -> str:
    return uuid.UUID(int=random.getrandbits(128), version=4).hex


class Scan:
    """The scan of one slide below `root` with as many turns of writers as chance has it.

    `acknowledge_early` is the mistake of promising before the sync, for the proof that it would be seen.
    """

    largest_group = 8

    def __init__(
        self, root: Path, sent: Sent, disk: Disk, ledger: Ledger, random: Random,
        *, acknowledge_early: bool = False,
    ) -> None:  # fmt: skip
        self.sent, self.disk, self.ledger, self.random = sent, disk, ledger, random
        self.directory = root / JOURNALS / sent.run_name
        self.slides = root / SLIDES
        self._early = acknowledge_early
        self._before: Journal | None = None
        header = sent.header
        self.order = Order(
            run_id=header.run_id, slide_id=header.slide_id, fence=1, planned=len(sent.planes), header=header,
            directory=str(self.directory), slides=str(self.slides), endpoint="",
        )  # fmt: skip

    def run(self) -> None:
        turns = self.random.randint(1, MOST_TURNS)
        with contextlib.ExitStack() as open_journals:
            for turn in range(turns - 1):
                journal = open_journals.enter_context(self.opened(turn))
                self.fill(journal, int((turn + 1) / turns * len(self.sent.planes)))
                self.leave(journal)
            journal = open_journals.enter_context(self.opened(turns - 1))
            beside = self.random.random() < 0.5 and self.publish_beside(journal)
            if not self.fill(journal, len(self.sent.planes)):
                journal = open_journals.enter_context(self.opened(turns))
                self.fill(journal, len(self.sent.planes))
        if not beside:
            self.publish()
        self.forget()

    def go_on(self) -> None:
        """After a crash: what was being forgotten goes, a run that has ended stays as it is, any other takes
        the same fence again where it may, or the next one, and all that is missing is sent again.
        """
        for left_over in self.directory.parent.glob(f"{FORGOTTEN}*"):
            remove_forgotten(left_over, self.disk)
            return
        if read_result(self.directory, 0) is None:
            self._begin_again()
        self.forget()

    def _begin_again(self) -> None:
        self._before = None
        there = segments(self.directory)
        self.order = replace(self.order, fence=max((segment.fence for segment in there), default=0))
        resumable = bool(there) and there[-1].sealed_bytes is None
        filled = False
        while not filled:
            with self.opened(1, again=resumable and self.random.random() < 0.5) as journal:
                filled = self.fill(journal, len(self.sent.planes))
        self.publish()

    # --- receiving
    def opened(self, turn: int, *, again: bool | None = None) -> Journal:
        """The journal of the next writer: with the same fence `again` after a kill, or with a higher one."""
        if turn and (self.random.random() < 0.5 if again is None else again):
            with contextlib.suppress(JournalFailed):
                self._before = Journal.resume(self.directory, self.disk)
                return self._welcomed(self._before)
        self.order = replace(self.order, fence=self.order.fence + bool(turn))
        write_order(self.order, self.disk)
        run, fence, planned = self.order.run_id, self.order.fence, self.order.planned
        journal = Journal.create(self.directory, self.sent.header, run, fence, planned, self.disk)
        self._late(self._before)
        self._before = journal
        return self._welcomed(journal)

    def _late(self, journal: Journal | None) -> None:
        """A writer that has been taken over and does not know it: nobody hears its acknowledgements."""
        if journal is not None and self.random.random() < 0.5:
            with contextlib.suppress(JournalFailed):
                self.leave(journal)
                journal.commit()

    def _welcomed(self, journal: Journal) -> Journal:
        """The scanner is told what it need not send again, and frees it."""
        self.acknowledge(journal.durable())
        return journal

    def acknowledge(self, planes: Iterable[PlaneKey]) -> None:
        self.ledger.mark("acknowledged", frozenset(planes))

    def fill(self, journal: Journal, until: int) -> bool:
        """Send planes in groups till `until` are there; False when the disk fails."""
        try:
            for group in self.groups(journal, until):
                self.append(journal, group)
        except JournalFailed:
            return False
        return True

    def groups(self, journal: Journal, until: int) -> Iterator[list[PlaneKey]]:
        there = journal.durable()
        waiting = [where for where in self.sent.planes if where not in there][: max(0, until - len(there))]
        while waiting:
            size = self.random.randint(1, self.largest_group)
            yield waiting[:size]
            waiting = waiting[size:]

    def append(self, journal: Journal, group: list[PlaneKey]) -> list[Record]:
        """One group: written, synced, acknowledged."""
        if self._early:
            self.acknowledge(group)
        for where in group:
            journal.append(self.sent.planes[where], len(journal.durable()))
        safe = journal.commit()
        self.acknowledge((record.key, record.channel) for record in safe)
        return safe

    def leave(self, journal: Journal) -> None:
        """As a writer that is killed: what is not committed is there or not."""
        waiting = [where for where in self.sent.planes if where not in journal.durable()]
        with contextlib.suppress(JournalFailed):
            for where in waiting[: self.random.randint(0, self.largest_group)]:
                journal.append(self.sent.planes[where], 0)

    # --- the slide
    def publish(self) -> None:
        self.ledger.mark("finishing")
        self.order = replace(self.order, finish=True)
        write_order(self.order, self.disk)
        self._told(build(self.directory, self.slides, disk=self.disk))

    def publish_beside(self, journal: Journal) -> bool:
        """The draft grows while the scan goes on, as `vslide.follower` has it, but in step."""
        header, found = self.sent.header, journal.recovered()
        with Draft(header, len(self.sent.planes) // header.planes, self.slides, self.disk) as draft:
            draft.follow(found.planes.values())
            try:
                for group in self.groups(journal, len(self.sent.planes)):
                    draft.follow(self.append(journal, group))
            except JournalFailed:
                return False
            self.ledger.mark("finishing")
            draft.finish()
            self._told(publish(journal.recovered(), draft.path, CheckerHere(), disk=self.disk))
        return True

    def _told(self, manifest: Manifest) -> None:
        self.ledger.mark("published")
        found = Result(self.order.fence, "verified", manifest.planes, str(manifest.path), manifest.sha256)
        write_result(self.directory, found, self.disk)
        self.ledger.mark("told")

    def forget(self) -> None:
        forget_run(self.directory, self.disk)
        self.ledger.mark("forgotten")


class CheckerHere(Checker):
    """Checks finished files in this process: they are our own, and there are thousands."""

    def __init__(self) -> None:
        """No process is started."""

    def __exit__(self, *exc_info: object) -> None: ...

    def check(self, slide: Path, manifest: Path, size: int, *, draft: bool = False) -> str:
        verdict = judge(slide, manifest, draft=draft)
        if verdict.faults:
            raise VerifyFailed(f"the finished file failed its check: {verdict.faults[0]}", verdict.faults)
        return verdict.sha256


class _CheckerLater(CheckerHere):
    """Where the caller checks every slide himself."""

    def check(self, slide: Path, manifest: Path, size: int, *, draft: bool = False) -> str:
        return file_sha256(slide)


@contextlib.contextmanager
def verifying_here(*, later: bool = False) -> Iterator[None]:
    """The check of finished files in this process, or `later` by the caller."""
    kind = _CheckerLater if later else CheckerHere
    with mock.patch("vslide.build.Checker", kind):
        yield
