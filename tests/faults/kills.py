"""kill -9 of the slide writer, which is also its proxy, several times a slide: at random moments of the scan,
while its draft grows beside the journal, while the next writer is still reading, and in the building.

A sender streams small fields to a real `python -m vslide serve`. Afterwards every plane of the published
slide is compared with what was sent, and every acknowledged plane must be there.
"""

import contextlib
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
from wire import PeerLost, WireError

COLUMNS = 20
WIDE, TALL = 96, 64
LAST_CHANNEL = 1
KILLS_PER_SLIDE = 6
BUILDING_SHARE = 0.5  # of the slides lose one of their writers while they are built
AT_ONCE_SHARE = 0.2  # of the kills are followed by that of the writer which was to go on
WITHIN_S, RESUMED_WITHIN_S = 2.0, 10.0
PAUSE_S = 0.002  # between two fields, so that a kill falls between them and not after all
PATIENCE_S = 60.0
Key = tuple[FieldKey, int]
Say = Callable[[str], None]


@dataclass
class Trial:
    """One slide: what is sent, after how many planes its writer is killed, how long (s) after the order to
    finish it is killed once more, and the most kills in all.
    """

    header: SlideHeader
    pixels: dict[Key, NDArray[Any]]
    moments: list[int]
    building: list[float]
    most: int
    random: Random
    manager: bool = False
    kills: int = 0
    resumed: bool = True
    killed_at: float = 0.0
    killed_after: int = 0
    acknowledged: set[Key] = field(default_factory=set)


def campaign(
    *, kills: int, seed: int = 1, fields: int = 200, manager: bool = False, say: Say = lambda words: None
) -> Tally:
    """So many kills, a few for each slide: of the writer, or with `manager` of the slide manager alone."""
    random, tally, began = Random(seed), Tally(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="nocturne-kills-") as folder, serving(Path(folder)) as service:
        while tally.tried < kills:
            trial = make_trial(random, fields, min(KILLS_PER_SLIDE, kills - tally.tried), manager=manager)
            before = len(tally.problems)
            try:
                _run(trial, service, tally)
            except (SlideError, WireError, TimeoutError) as error:
                tally.unreadable += 1
                tally.problems.append(f"run {trial.header.run_id}: {type(error).__name__}: {error}")
            # A slide may be built before a kill comes: then that was no try.
            tally.tried += trial.kills or len(tally.problems) > before
            tally.count("slides", 1)
            for problem in tally.problems[before:]:
                say(problem)
            if tally.counts["slides"] % 10 == 0:
                say(f"{tally.tried} of {kills} kills, {time.monotonic() - began:.0f} s")
    late = [seconds for seconds in tally.resumed_s if seconds > RESUMED_WITHIN_S]
    tally.problems += [f"{len(late)} runs took {RESUMED_WITHIN_S:.0f} s and more to go on"] if late else []
    tally.seconds = time.monotonic() - began
    return tally


def make_trial(random: Random, fields: int, kills: int, *, manager: bool = False) -> Trial:
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
    building = [random.uniform(0.0, 0.25)] if random.random() < BUILDING_SHARE else []
    moments = sorted(random.choices(range(1, len(pixels) + 1), k=kills - len(building)))
    return Trial(header, pixels, moments, building, kills, random, manager)


def _run(trial: Trial, service: Service, tally: Tally) -> None:
    header = trial.header
    with SlideService(service.endpoint, timeout_s=5.0, retries=8) as client:
        opened = client.open_run(
            run_id=header.run_id, slide_id=header.slide_id, fence=1, header=header, planned=len(trial.pixels)
        )
        with ProxySink(opened.proxy, header.run_id, 1) as sink:
            _stream(trial, service, sink, tally)
        client.finish(header.run_id, 1)
        for delay_s in trial.building:
            time.sleep(delay_s)
            _kill(trial, service)
        status = _outcome(client, header.run_id)
        _judge(trial, service, status, tally)
        if status.state == "verified":
            client.forget(header.run_id)


def _stream(trial: Trial, service: Service, sink: ProxySink, tally: Tally) -> None:
    """Send every plane; on the way kill the writer, and see when what was sent after it begins to be
    acknowledged.
    """
    moments = list(trial.moments)
    for number, ((key, channel), pixels) in enumerate(trial.pixels.items(), start=1):
        chunks = encode_plane(pixels, trial.header.chunk_shape)
        sink.put(Plane(key, channel, key.c * 90.0, key.r * 60.0, 0.0, chunks))
        if channel == LAST_CHANNEL:
            time.sleep(PAUSE_S)
        _see_resumed(trial, sink, number, tally)
        while moments and moments[0] == number:
            moments.pop(0)
            _strike(trial, service, sink, number, tally)
    sink.flush(PATIENCE_S)
    _note_resumed(trial, tally)
    trial.acknowledged = set(trial.pixels)


def _strike(trial: Trial, service: Service, sink: ProxySink, number: int, tally: Tally) -> None:
    """The next kill, when the run has gone on after the last one; sometimes two at once."""
    until = time.monotonic() + PATIENCE_S
    while not trial.resumed and trial.killed_after < number and time.monotonic() < until:
        with contextlib.suppress(PeerLost):  # this is how the sender gets to hear what is acknowledged
            sink.flush(PAUSE_S)
        _see_resumed(trial, sink, number, tally)
    time.sleep(trial.random.uniform(0.0, PAUSE_S))
    _kill(trial, service)
    trial.killed_after = number
    if trial.random.random() < AT_ONCE_SHARE:
        time.sleep(trial.random.uniform(0.0, WITHIN_S / 10))
        _kill(trial, service)


def _see_resumed(trial: Trial, sink: ProxySink, sent: int, tally: Tally) -> None:
    """The sender numbers its planes from 1 and keeps each until it is acknowledged."""
    later = range(trial.killed_after + 1, sent + 1)
    if not trial.resumed and any(number not in sink._sender._open for number in later):
        _note_resumed(trial, tally)


def _note_resumed(trial: Trial, tally: Tally) -> None:
    if not trial.resumed:
        tally.resumed_s.append(time.monotonic() - trial.killed_at)
        trial.resumed = True


def _kill(trial: Trial, service: Service) -> None:
    """The writer, as soon as there is one; or its manager alone, which is started again and finds its
    runs.
    """
    if trial.kills >= trial.most:
        return
    until = time.monotonic() + WITHIN_S
    pids = [service.process.pid] if trial.manager else writers_of(service.process.pid)
    while not pids and trial.moments and time.monotonic() < until:
        time.sleep(PAUSE_S)
        pids = writers_of(service.process.pid)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # it has just finished
            os.kill(pid, signal.SIGKILL)
            trial.kills += 1
            trial.resumed, trial.killed_at = False, time.monotonic()
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
