"""Checks that need no glass: what is said, and what is survived."""

import os
import socket
import time
import uuid
from typing import get_args
from urllib.parse import urlparse

import msgspec

from microscope.client import ScannerEvents
from microscope.conformance.bench import (
    JOB_S,
    Bench,
    Check,
    NotAsked,
    Wrong,
    expect,
    expect_refusal,
)
from microscope.messages import CAPABILITIES, PROTOCOL, Glass, JobFailed, ScannerState, StateChanged
from wire import Event
from wire.probe import Probe, prefix

STATES = get_args(ScannerState)
NO_SLOT = 9999
_QUIET_S = 0.5


def describes_itself(bench: Bench) -> None:
    info = bench.info
    expect(info.protocol == PROTOCOL, f"speaks protocol {info.protocol}, not {PROTOCOL}")
    expect(info.field_width > 0 and info.field_height > 0, "fields without a size")
    expect(info.pixel_size_um > 0, "pixel_size_um must be positive")
    expect(info.carousels > 0 and info.slots > 0, "no carousels or slots")
    expect(1 <= info.max_layers <= 25, f"max_layers is {info.max_layers}, 1 to 25 are possible")
    expect(info.glass_width_um > info.glass_height_um > 0, "a glass lies with its long side along x")
    expect(bool(info.modalities), "no modality")
    expect("fluorescence" not in info.modalities or bool(info.channels), "fluorescence without channels")
    unknown = set(info.capabilities) - set(CAPABILITIES)
    expect(not unknown, f"capabilities that the protocol does not know: {', '.join(sorted(unknown))}")


def gives_its_status(bench: Bench) -> None:
    status = bench.scanner.status()
    expect(status.state in STATES, f"state {status.state!r} is none of {', '.join(STATES)}")
    expect(bench.scanner.beat("conformance").state in STATES, "Beat is not answered with the state")
    expect(
        bench.scanner.status().uptime_s > status.uptime_s, "uptime_s does not grow: a restart stays unseen"
    )


def knows_no_job_that_was_never_given(bench: Bench) -> None:
    job_id = uuid.uuid4().hex
    status = bench.scanner.job(job_id)
    expect(status.state == "unknown", f"says {status.state!r} of a job that nobody gave it, not 'unknown'")
    expect(status.job_id == job_id, "AskJob is answered about another job")
    for what, call in (
        ("Abort", bench.scanner.abort),
        ("Pause", bench.scanner.pause),
        ("Resume", bench.scanner.resume),
        ("CollectSnapshot", bench.scanner.collect),
    ):
        expect_refusal("unknown_job", f"{what} of a job that nobody gave it", lambda call=call: call(job_id))  # type: ignore[misc]


def answers_a_repeated_request_once(bench: Bench) -> None:
    """`uptime_s` tells two answers apart."""
    asked = [prefix(), b"REQ", os.urandom(16), _packed("AskStatus")]
    with Probe(bench.endpoint, security=bench.security) as probe:
        answers = []
        for _ in range(2):
            probe.say(asked)
            answers.append(probe.hear(bench.target.patience_s))
            time.sleep(0.05)
    expect(None not in answers, "a repeated request was not answered")
    expect(answers[0] == answers[1], "a request that came twice under one id was carried out twice")


def refuses_another_version(bench: Bench) -> None:
    answer = _ask(bench, [prefix(PROTOCOL + 1), b"REQ", os.urandom(16), _packed("AskStatus")])
    expect(answer is not None, f"a client of version {PROTOCOL + 1} gets no answer: it waits for ever")
    expect(_code(answer) == "version_mismatch", _instead("a client of another version", answer))


def refuses_what_it_does_not_know(bench: Bench) -> None:
    answer = _ask(bench, [prefix(), b"REQ", os.urandom(16), _packed("Dance")])
    expect(answer is not None, "a command that it does not know gets no answer: the client waits for ever")
    expect(_code(answer) == "garbage", _instead("a command that it does not know", answer))


def survives_foreign_bytes(bench: Bench) -> None:
    before = bench.scanner.status()
    where = urlparse(bench.endpoint)
    if where.scheme == "tcp" and where.hostname and where.port:
        for rubbish in _RUBBISH:
            with socket.create_connection((where.hostname, where.port), timeout=5) as line:
                line.sendall(rubbish)
    with Probe(bench.endpoint, security=bench.security) as probe:
        for frames in _FOREIGN:
            probe.say(frames)
        expect(
            bench.soon(lambda: bench.scanner.status().garbage > before.garbage),
            "foreign frames are not counted in ScannerStatus.garbage",
        )
    expect(bench.scanner.status().uptime_s > before.uptime_s, "foreign bytes made it start anew")


def says_that_there_is_no_such_slot(bench: Bench) -> None:
    job_id = bench.new_job()
    status = bench.scanner.snap(job_id, NO_SLOT, 1, wait=True, timeout_s=JOB_S)
    expect(status.state == "failed", f"a snapshot in carousel {NO_SLOT} ended {status.state!r}")
    expect(status.code == "empty_slot", f"no such slot is called {status.code!r} instead of 'empty_slot'")
    expect(bool(status.message), "a job failed without a word about why")


def places_glass_only_where_it_can(bench: Bench) -> None:
    if bench.has_hands:
        expect_refusal(
            "empty_slot", "glass for carousel 0", lambda: bench.scanner.place(0, 1, Glass("X", "H&E"))
        )
    else:
        expect_refusal(
            "no_hands", "Place without having hands", lambda: bench.scanner.place(1, 1, Glass("X", "H&E"))
        )


def numbers_its_events(bench: Bench) -> None:
    if bench.target.events is None:
        raise NotAsked("its events' endpoint is not known (--events)")
    listener = ScannerEvents(bench.target.events, security=bench.security)
    try:
        heard = _heard(bench, listener)
    finally:
        listener.close()
    expect(bool(heard), "no event came at the end of a job")
    numbers = [event.sequence for event in heard]
    expect(
        numbers == list(range(numbers[0], numbers[0] + len(numbers))),
        f"events are numbered {numbers}: each must be one more than the one before",
    )
    expect(any(isinstance(event.message, StateChanged) for event in heard), "no StateChanged came with a job")


def _heard(bench: Bench, listener: ScannerEvents) -> list[Event]:
    """Events of two jobs that fail at once. A listener that has just connected may miss the first."""
    heard: list[Event] = []
    for _ in range(2):
        time.sleep(_QUIET_S)
        job_id = bench.new_job()
        end = bench.scanner.snap(job_id, NO_SLOT, 1, wait=True, timeout_s=JOB_S)
        while (event := listener.next(_QUIET_S)) is not None:
            heard.append(event)
    failed = [event.message for event in heard if isinstance(event.message, JobFailed)]
    last = next((message for message in failed if message.job_id == job_id), None)
    if last is None:
        raise Wrong("a job failed and no JobFailed was published")
    expect(
        (last.code, last.retryable) == (end.code, end.retryable), "JobFailed and AskJob tell different ends"
    )
    return heard


def _packed(name: str) -> bytes:
    return msgspec.msgpack.encode({"type": name})


def _ask(bench: Bench, frames: list[bytes]) -> list[bytes] | None:
    with Probe(bench.endpoint, security=bench.security) as probe:
        probe.say(frames)
        return probe.hear(bench.target.patience_s)


def _code(answer: list[bytes] | None) -> str:
    """The code of an error reply; empty for any other."""
    if answer is None or len(answer) < 4 or answer[1] != b"ERR":
        return ""
    try:
        return str(msgspec.msgpack.decode(answer[3], type=dict[str, object]).get("code", ""))
    except msgspec.DecodeError:
        return ""


def _instead(who: str, answer: list[bytes] | None) -> str:
    got = f"the code {_code(answer)!r}" if _code(answer) else "an answer as if nothing were wrong"
    return f"{who} gets {got}"


_RUBBISH = (
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),  # how TLS says hello
    bytes(range(256)) * 8,
    b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03",  # half a greeting of ZeroMQ's
    b"",
)
_FOREIGN = (
    [b"hello", b"there"],
    [b""],
    [prefix()],
    [prefix(), b"REQ", b"short", b"x"],
    [prefix(), b"REQ", bytes(16), b"\xc1 not msgpack"],
    [prefix(), b"REQ", bytes(16), bytes(5 << 20)],
)

CHECKS: tuple[tuple[str, Check], ...] = (
    ("describes itself", describes_itself),
    ("gives its status", gives_its_status),
    ("knows no job that was never given", knows_no_job_that_was_never_given),
    ("answers a repeated request once", answers_a_repeated_request_once),
    ("refuses another version of the protocol", refuses_another_version),
    ("refuses a command that it does not know", refuses_what_it_does_not_know),
    ("survives foreign bytes on its command port", survives_foreign_bytes),
    ("says that there is no such slot", says_that_there_is_no_such_slot),
    ("places glass only where it can", places_glass_only_where_it_can),
    ("numbers its events", numbers_its_events),
)
