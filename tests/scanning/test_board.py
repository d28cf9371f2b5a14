"""The live board: what a stream says when slides move, and what it costs when nobody or everybody listens."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError

from lims.models import Batch, Slide
from lims.services import advance
from lims.states import State
from scanning import events, queries, sights
from scanning.boards import places, rows
from scanning.models import Attempt
from tests.scanning.making import attempt_of, night_with, running_night

Streams = list[asyncio.Queue[str]]
Story = Callable[[Streams], Awaitable[None]]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LOOK_S", 0.01)


def watched(
    batch_id: int, story: Callable[[Streams], Awaitable[None]], browsers: int = 1, may: bool = True
) -> None:
    """Tell the story while so many browsers listen; nobody watches any more afterwards."""

    async def run() -> None:
        streams = [events.beats(batch_id, may=may) for _ in range(browsers)]
        heard: Streams = [asyncio.Queue() for _ in streams]
        readers = [asyncio.create_task(_read(*pair)) for pair in zip(streams, heard, strict=True)]
        for queue in heard:
            assert await asyncio.wait_for(queue.get(), 5) == sights.EVERYTHING
        await story(heard)
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        for stream in streams:
            await stream.aclose()  # type: ignore[attr-defined]
        assert events._watchers == {}
        await asyncio.sleep(0.1)  # the watcher closes its connection

    asyncio.run(run())


async def _read(stream, heard: asyncio.Queue[str]) -> None:
    async for said in stream:
        heard.put_nowait(said)


async def parts(heard: asyncio.Queue[str]) -> dict[str, str]:
    said = await asyncio.wait_for(heard.get(), 5)
    assert said.startswith("event: parts\ndata: "), said
    found: dict[str, str] = json.loads(said.split("data: ", 1)[1])
    return found


@pytest.mark.django_db(transaction=True)
def test_every_browser_is_brought_what_changed_and_nothing_else(quick):
    night = running_night(3)
    one = attempt_of(night)

    async def story(heard: Streams) -> None:
        await sync_to_async(Attempt.objects.filter(pk=one.pk).update)(
            state="running", planned_planes=9, done_planes=4
        )
        for queue in heard:
            told = await parts(queue)
            assert "4/9" in told.pop("slot-1-1")
            assert "4 of 9 colour fields" in told["night-now"]
            assert not any(name.startswith("slot-") for name in told)

    watched(night.batch_id, story, browsers=3)


@pytest.mark.django_db(transaction=True)
def test_a_new_phase_is_a_new_page(quick):
    night = running_night(1)

    async def story(heard: Streams) -> None:
        await sync_to_async(Batch.objects.update)(phase=Batch.Phase.MORNING)
        assert await asyncio.wait_for(heard[0].get(), 5) == sights.EVERYTHING

    watched(night.batch_id, story)


@pytest.mark.django_db(transaction=True)
def test_twenty_browsers_cost_as_many_looks_as_one(quick, monkeypatch):
    night = running_night(2)
    drawn: list[int] = []
    look = sights.look

    def counted(batch_id: int) -> sights.Sight:
        drawn.append(batch_id)
        return look(batch_id)

    monkeypatch.setattr(sights, "look", counted)

    async def story(heard: Streams) -> None:
        await sync_to_async(Attempt.objects.update)(state="acquired")
        for queue in heard:
            assert "slot-1-1" in await parts(queue)

    watched(night.batch_id, story, browsers=20)
    assert len(drawn) == 2  # the first look, and the one after the change


@pytest.mark.django_db(transaction=True)
def test_a_database_that_was_away_is_looked_at_again(quick, monkeypatch):
    night = running_night(1)
    pulse, away = queries.pulse, [True, True, True]

    def shaky(batch_id: int) -> str:
        if away:
            away.pop()
            raise OperationalError("restarting")
        return pulse(batch_id)

    monkeypatch.setattr(queries, "pulse", shaky)

    async def story(heard: Streams) -> None:
        await sync_to_async(Attempt.objects.update)(done_planes=1, state="running", planned_planes=2)
        assert "1/2" in (await parts(heard[0]))["slot-1-1"]

    watched(night.batch_id, story)


def test_a_slow_browser_is_told_to_look_at_everything():
    watcher = events.Watcher(1)
    slow: events.Stream = asyncio.Queue(2)
    watcher.streams[slow] = True
    for number in range(3):
        watcher.tell({True: f"news {number}", False: ""})
    assert (slow.qsize(), slow.get_nowait()) == (1, sights.EVERYTHING)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        lambda night: Batch.objects.update(phase=Batch.Phase.MORNING),
        lambda night: Attempt.objects.filter(pk=attempt_of(night).pk).update(done_planes=3),
        lambda night: Attempt.objects.filter(pk=attempt_of(night).pk).update(order=900),
        lambda night: Attempt.objects.filter(pk=attempt_of(night).pk).update(stop_by="tess"),
        lambda night: type(night).objects.update(paused=True),
        lambda night: advance(slide=attempt_of(night).slide, to=State.SCANNING),
    ],
)
def test_the_pulse_feels_every_change_that_the_page_shows(change):
    night = running_night(2)
    before = queries.pulse(night.batch_id)
    assert queries.pulse(night.batch_id) == before
    change(night)
    assert queries.pulse(night.batch_id) != before


@pytest.mark.django_db
def test_the_pulse_of_a_large_night_is_three_questions(django_assert_num_queries):
    night = running_night(12)
    with django_assert_num_queries(3):
        queries.pulse(night.batch_id)
    with django_assert_num_queries(2):
        places(night.batch)


@pytest.mark.django_db
def test_the_loader_shows_its_carousels_and_what_is_in_each_slot():
    night = night_with(*[State.READY] * 11, State.FAILED)
    Slide.objects.filter(state=State.FAILED).update(failure="jam")
    found = places(night.batch)
    board = rows(found)
    assert [number for number, _ in board] == [1, 2, 3, 4]
    assert [place and place.why for place in board[1][1][:2]] == ["Ready to scan", "Slide jammed"]
    assert board[1][1][2:] == [None] * 8
    assert not found[0].published


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("may", "has"), [(True, True), (False, False)])
def test_buttons_come_to_those_who_may_press_them(quick, may, has):
    night = running_night(2)
    one = attempt_of(night)

    async def story(heard: Streams) -> None:
        await sync_to_async(Attempt.objects.filter(pk=one.pk).update)(state="running")
        told = await parts(heard[0])
        assert ("Stop this slide" in told["night-hands"]) is has
        assert (f'value="{sights.TOKEN}"' in told["night-hands"]) is has

    watched(night.batch_id, story, may=may)
