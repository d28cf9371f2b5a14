"""kill -9 of the slide writer, which is also its proxy, at random moments of a scan and of the building
after it.

A sender streams small fields to a real `python -m vslide serve`. Afterwards every plane of the published
slide is compared with what was sent, and every acknowledged plane must be there.
"""

import os
import signal
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

import vslide
from tests.faults.service import Service, serving, writers_of
from tests.faults.tally import Tally
from vslide import SlideError
from vslide.client import SlideService
from vslide.codec import chunk_grid, encode_plane
from vslide.journal import recover
from vslide.messages import RunStatus
from vslide.model import Channel, FieldKey, Plane, SlideHeader
from vslide.sink import ProxySink
from wire import WireError

COLUMNS = 20
WIDE, TALL = 96, 64
LAST_CHANNEL = 1
BUILDING_SHARE = 0.2  # of the kills strike while the slide is built
PAUSE_S = 0.002  # between two fields, so that a kill falls between them and not after all
PATIENCE_S = 60.0
Key = tuple[FieldKey, int]
Say = Callable[[str], None]


@dataclass
class Trial:
    """One slide: what is sent, and when its writer is killed (after so many planes; None: while it is
    built).
    """

    header: SlideHeader
    pixels: dict[Key, NDArray[Any]]
    kill_after: int | None
    delay_s: float
    manager: bool = False
    killed: bool = False
    killed_at: float = 0.0
    acknowledged: set[Key] = field(default_factory=set)


def campaign(
    *, kills: int, seed: int = 1, fields: int = 200, manager: bool = False, say: Say = lambda words: None
) -> Tally:
    """So many slides, each with one kill: of the writer, or with `manager` of the slide manager alone."""
    random, tally, began = Random(seed), Tally(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="nocturne-kills-") as folder, serving(Path(folder)) as service:
        while tally.tried < kills:
            trial = make_trial(random, fields, manager=manager)
            before = len(tally.problems)
            try:
                _run(trial, service, tally)
            except (SlideError, WireError, TimeoutError) as error:
                tally.unreadable += 1
                tally.problems.append(f"run {trial.header.run_id}: {type(error).__name__}: {error}")
            # It may have been built before the kill came: then it was no try.
            tally.tried += trial.killed or len(tally.problems) > before
            for problem in tally.problems[before:]:
                say(problem)
            if trial.killed and tally.tried % 10 == 0:
                say(f"{tally.tried} of {kills} kills, {time.monotonic() - began:.0f} s")
    tally.seconds = time.monotonic() - began
    return tally


def make_trial(random: Random, fields: int, *, manager: bool = False) -> Trial:
    rows = -(-fields // COLUMNS)
    chunk_height, chunk_width = chunk_grid(TALL, WIDE)
    header = SlideHeader(
        slide_id=uuid.uuid4().hex, run_id=uuid.uuid4().hex, modality="fluorescence", field_width=WIDE,
        field_height=TALL, dtype="uint16", channels=(Channel("DAPI"), Channel("FITC")), pixel_size_um=1.0,
        magnification=10.0, rows=rows, columns=COLUMNS, chunk_height=chunk_height, chunk_width=chunk_width,
    )  # fmt: skip
    dice = np.random.default_rng(random.randrange(2**32))
    keys = [FieldKey(number // COLUMNS, number % COLUMNS) for number in range(fields)]
    pixels = {
        (k, w): dice.integers(0, 4000, (TALL, WIDE)).astype(np.uint16)
        for k in keys
        for w in range(LAST_CHANNEL + 1)
    }
    building = random.random() < BUILDING_SHARE
    after = None if building else random.randrange(1, len(pixels) + 1)
    return Trial(header, pixels, after, random.uniform(0.0, 0.25 if building else PAUSE_S), manager)


def _run(trial: Trial, service: Service, tally: Tally) -> None:
    header = trial.header
    with SlideService(service.endpoint, timeout_s=5.0, retries=8) as client:
        opened = client.open_run(
            run_id=header.run_id, slide_id=header.slide_id, fence=1, header=header, planned=len(trial.pixels)
        )
        with ProxySink(opened.proxy, header.run_id, 1) as sink:
            _stream(trial, service, sink, tally)
        client.finish(header.run_id, 1)
        if trial.kill_after is None:
            time.sleep(trial.delay_s)
            _kill(trial, service)
        status = _outcome(client, header.run_id)
        _judge(trial, service, status, tally)
        if status.state == "verified":
            client.forget(header.run_id)


def _stream(trial: Trial, service: Service, sink: ProxySink, tally: Tally) -> None:
    """Send every plane; on the way kill the writer, and see when what was sent after it begins to be
    acknowledged.
    """
    resumed = trial.kill_after is None
    for number, ((key, channel), pixels) in enumerate(trial.pixels.items(), start=1):
        chunks = encode_plane(pixels, trial.header.chunk_shape)
        sink.put(Plane(key, channel, key.c * 90.0, key.r * 60.0, 0.0, chunks))
        if channel == LAST_CHANNEL:
            time.sleep(PAUSE_S)
        if trial.killed and not resumed and _any_acknowledged(sink, trial, number):
            tally.resumed_s.append(time.monotonic() - trial.killed_at)
            resumed = True
        if number == trial.kill_after:
            time.sleep(trial.delay_s)
            _kill(trial, service)
    sink.flush(PATIENCE_S)
    if not resumed:
        tally.resumed_s.append(time.monotonic() - trial.killed_at)
    trial.acknowledged = set(trial.pixels)


def _any_acknowledged(sink: ProxySink, trial: Trial, sent: int) -> bool:
    """The sender numbers its planes from 1 and keeps each until it is acknowledged."""
    first = (trial.kill_after or 0) + 1
    return any(number not in sink._sender._open for number in range(first, sent + 1))


def _kill(trial: Trial, service: Service) -> None:
    """The writer; or its manager alone, which is started again and finds its runs."""
    pids = [service.process.pid] if trial.manager else writers_of(service.process.pid)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        trial.killed = True
    trial.killed_at = time.monotonic()
    if trial.manager:
        service.process.wait()
        service.start()


def _outcome(client: SlideService, run_id: str) -> RunStatus:
    deadline = time.monotonic() + PATIENCE_S
    while (status := client.ask(run_id)).state in ("receiving", "finalising"):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the run is still {status.state} after {PATIENCE_S:.0f} s")
        time.sleep(0.05)
    return status


def _judge(trial: Trial, service: Service, status: RunStatus, tally: Tally) -> None:
    """Compare what was published, or what is left in the journal, with what was sent."""
    if status.state != "verified":
        tally.unreadable += 1
        tally.problems.append(f"run {status.run_id} is {status.state}: {status.error}")
        found = recover(service.root / "journals" / f"run-{trial.header.run_id}").planes
        tally.lost += len(trial.acknowledged - set(found))
        return
    with vslide.open(Path(status.path)) as slide:
        places = {place.key: place.index for place in slide.fields}
        there = {(key, channel): sent for (key, channel), sent in trial.pixels.items() if key in places}
        lost = len(trial.pixels) - len(there)
        silent = sum(
            not np.array_equal(slide.plane(places[key], channel), sent)
            for (key, channel), sent in there.items()
        )
    tally.lost, tally.silent = tally.lost + lost, tally.silent + silent
    if lost or silent:
        tally.problems.append(f"run {status.run_id}: {lost} planes lost and {silent} wrong")
