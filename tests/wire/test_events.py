"""Events are numbered, so that a listener knows what it has missed."""

import time

from tests.wire.making import ANYWHERE, Told
from wire import Publisher, Subscriber


def listen(publisher: Publisher, subscriber: Subscriber) -> None:
    """Publish until the subscription has arrived."""
    until = time.monotonic() + 5
    while subscriber.next(0.02) is None and time.monotonic() < until:
        publisher.publish(Told(n=0))
    while subscriber.next(0.05) is not None:
        pass


def test_it_delivers_events_in_order() -> None:
    with Publisher(ANYWHERE) as publisher, Subscriber(publisher.endpoint, (Told,)) as subscriber:
        listen(publisher, subscriber)
        for n in range(3):
            publisher.publish(Told(n=n))
        events = [subscriber.next(2.0) for _ in range(3)]
    assert [event.message.n for event in events if event] == [0, 1, 2]  # type: ignore[attr-defined]
    assert all(event and event.missed == 0 for event in events)


def test_it_counts_what_was_missed() -> None:
    with Publisher(ANYWHERE) as publisher, Subscriber(publisher.endpoint, (Told,)) as subscriber:
        listen(publisher, subscriber)
        publisher._sequence += 7  # as if seven had been lost on the way
        publisher.publish(Told(n=1))
        event = subscriber.next(2.0)
    assert event is not None
    assert event.missed == 7
