"""The pixel stream: everything sent arrives, whoever dies; and no more is under way than the window holds."""

import pytest
import zmq

from tests.wire.making import ANYWHERE, Hello, Item, Store, Welcome, again, running
from wire import Fault, PeerLost, Receiver, Refused, Sender

TYPES = (Hello, Item)


def send(sender: Sender, numbers: range) -> None:
    for n in numbers:
        sender.send(n, Item(n=n), [b"%d" % n * 100])


def test_it_brings_every_item_once_in_order() -> None:
    with (
        Receiver(ANYWHERE, TYPES) as receiver,
        running((store := Store(receiver)).step),
        Sender(receiver.endpoint, Hello(), (Welcome,)) as sender,
    ):
        send(sender, range(200))
        sender.drain(10)
        assert sender.pending == 0
    assert [seq for seq, _ in store.items] == list(range(200))


def test_it_sends_again_what_was_not_acknowledged() -> None:
    with (
        Receiver(ANYWHERE, TYPES) as receiver,
        running((store := Store(receiver, deaf_to=5)).step),
        Sender(receiver.endpoint, Hello(), (Welcome,)) as sender,
    ):
        send(sender, range(10))
        sender.drain(10)
        assert sender.resent >= 5
    assert {seq for seq, _ in store.items} == set(range(10))


def test_it_goes_on_with_a_receiver_that_was_restarted() -> None:
    first = Receiver(ANYWHERE, TYPES)
    endpoint = first.endpoint
    with running((before := Store(first)).step):
        sender = Sender(endpoint, Hello(), (Welcome,))
        send(sender, range(5))
        sender.drain(10)
    first.close()
    send(sender, range(5, 10))
    with (
        again(lambda: Receiver(endpoint, TYPES)) as after_it,
        running((after := Store(after_it)).step),
        sender,
    ):
        sender.drain(20)
    assert {seq for seq, _ in before.items + after.items} == set(range(10))


def test_it_waits_when_the_window_is_full() -> None:
    with Receiver(ANYWHERE, TYPES) as receiver:
        store = Store(receiver)
        with running(store.step):
            sender = Sender(receiver.endpoint, Hello(), (Welcome,), window_bytes=2_000, lost_after_s=0.6)
        with sender:  # nobody takes anything any more
            with pytest.raises(PeerLost):
                send(sender, range(1000))
            assert 0 < sender.pending < 20


def test_it_tells_the_sender_why_it_is_refused() -> None:
    refusal = Fault(code="disk_full", message="no room", retryable=True)
    with (
        Receiver(ANYWHERE, TYPES) as receiver,
        running(Store(receiver, refuse=refusal).step),
        Sender(receiver.endpoint, Hello(), (Welcome,)) as sender,
    ):
        send(sender, range(1))
        with pytest.raises(Refused, match="no room") as caught:
            sender.drain(10)
        with pytest.raises(Refused):
            send(sender, range(1, 2))
    assert (caught.value.code, caught.value.retryable) == ("disk_full", True)


def test_it_says_when_there_is_no_receiver() -> None:
    with pytest.raises(PeerLost, match="does not answer"):
        Sender("tcp://127.0.0.1:9", Hello(), (Welcome,), lost_after_s=0.3)


def test_it_drops_foreign_frames() -> None:
    alien: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    with Receiver(ANYWHERE, TYPES) as receiver, alien as foreign:
        foreign.linger = 100
        foreign.connect(receiver.endpoint)
        foreign.send_multipart([b"GET / HTTP/1.1"])
        foreign.send_multipart([b"NCT\x01", b"DAT", b"short", b"", b""])
        while receiver.garbage < 2:
            assert receiver.poll(2.0) == []


def test_it_leaves_a_slow_receiver_to_work() -> None:
    with (
        Receiver(ANYWHERE, TYPES) as receiver,
        running((store := Store(receiver, pause_s=0.04)).step),
        Sender(receiver.endpoint, Hello(), (Welcome,)) as sender,
    ):
        send(sender, range(60))  # all under way at once, the last acknowledged after more than two seconds
        sender.drain(20)
        assert sender.resent == 0
    assert [seq for seq, _ in store.items] == list(range(60))


def test_it_resends_a_window_once_to_a_receiver_that_was_restarted() -> None:
    first = Receiver(ANYWHERE, TYPES)
    endpoint = first.endpoint
    with running(Store(first).step):
        sender = Sender(endpoint, Hello(), (Welcome,))
    first.close()
    send(sender, range(50))
    with (
        again(lambda: Receiver(endpoint, TYPES)) as after_it,
        running((after := Store(after_it)).step),
        sender,
    ):
        sender.drain(20)
        assert sender.resent <= 2 * 50
    assert sorted({seq for seq, _ in after.items}) == list(range(50))
