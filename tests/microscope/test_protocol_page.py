"""docs/protocol.md names every message and every field of the protocol, and nothing else."""

import re
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from microscope import errors, messages
from microscope.errors import MicroscopeError
from microscope.plan import FocusPoint, Rect, ScanPlan
from vslide.messages import STREAM, WELCOMES
from wire import Message

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
SCANNER = PAGE[: PAGE.index("# The tile dealer")]
COMMANDS = SCANNER[SCANNER.index("\n## Commands") : SCANNER.index("\n## Events")]
PARTS = ("Description", "Parameters", "Returns", "Execution")
CODE = re.compile(r"`([^`]+)`")


def sections() -> dict[str, str]:
    found = re.split(r"^### (\w+)\n", COMMANDS, flags=re.MULTILINE)[1:]
    return dict(zip(found[::2], found[1::2], strict=True))


def part(section: str, name: str) -> str:
    """A bullet's text, up to the next bullet or the text behind the last one."""
    found = re.search(rf"^- \*\*{name}\*\* (.*?)(?=^- \*\*|\n\n|\Z)", section, re.MULTILINE | re.DOTALL)
    assert found, f"no {name} in {section[:60]!r}"
    return found[1]


def named(text: str) -> set[str]:
    return set(CODE.findall(text))


def fields_of(kind: type[Message]) -> set[str]:
    return set(kind.__struct_fields__)


def literals() -> set[str]:
    return {*get_args(messages.JobState), *get_args(messages.ScannerState), *messages.CAPABILITIES}


def test_it_describes_every_command_in_four_parts():
    assert sections().keys() == {kind.__name__ for kind in messages.REQUESTS}
    for section in sections().values():
        assert re.findall(r"^- \*\*(\w+)\*\*", section, re.MULTILINE) == list(PARTS)


@pytest.mark.parametrize("kind", messages.REQUESTS, ids=lambda kind: kind.__name__)
def test_it_names_every_parameter_and_no_other(kind):
    said = named(part(sections()[kind.__name__], "Parameters"))
    known = fields_of(kind) | {field.name for field in fields(messages.Glass)}
    assert fields_of(kind) <= said
    assert {name for name in said if re.fullmatch(r"[a-z]+_[a-z_]+", name)} <= known | error_codes()


def test_it_names_every_field_of_every_reply_and_no_other():
    replies = {kind.__name__: kind for kind in messages.REPLIES}
    told: dict[str, set[str]] = {name: set() for name in replies}
    for section in sections().values():
        returns = part(section, "Returns")
        (reply,) = named(returns) & replies.keys()
        told[reply] |= named(returns)
    for name, kind in replies.items():
        assert fields_of(kind) <= told[name], name
        inner = {field.name for field in fields(FocusPoint)}
        strange = {word for word in told[name] if re.fullmatch(r"[a-z]+_[a-z_]+", word)}
        assert strange <= fields_of(kind) | inner | literals(), name


def test_its_table_of_events_is_that_of_the_code():
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \|", SCANNER[SCANNER.index("\n## Events") :], re.MULTILINE)
    assert {name: named(cells) for name, cells in rows} == {
        kind.__name__: fields_of(kind) for kind in messages.EVENTS
    }


@pytest.mark.parametrize("kind", [*STREAM, *WELCOMES], ids=lambda kind: kind.__name__)
def test_it_names_the_messages_of_the_pixel_stream(kind):
    found = re.search(rf"header `{kind.__name__}` \(([^)]*)\)", SCANNER)
    assert found
    assert named(found[1]) == fields_of(kind)


def test_it_names_every_field_of_a_plan():
    scan = sections()["Scan"]
    described = named(scan[scan.index("\n`plan`: ") :])
    for kind in (ScanPlan, Rect, FocusPoint):
        assert {field.name for field in fields(kind)} <= described


def test_it_names_every_code_state_and_capability():
    assert error_codes() - {"other", "job_refused"} <= named(SCANNER)
    assert literals() <= named(SCANNER)
    assert f"version {messages.PROTOCOL}" in PAGE.splitlines()[0]


def error_codes() -> set[str]:
    def family(kind: type[MicroscopeError]) -> Iterable[type[MicroscopeError]]:
        yield kind
        for child in kind.__subclasses__():
            yield from family(child)

    return {kind.code for kind in family(MicroscopeError) if kind.__module__ == errors.__name__}


def test_unknown_fields_of_a_newer_scanner_are_passed_over():
    """What the page promises of versions."""
    sent = msgspec.msgpack.encode({"type": "Alive", "state": "idle", "mood": "gloomy"})
    decoder = msgspec.msgpack.Decoder(messages.Alive)
    assert decoder.decode(sent) == messages.Alive(state="idle")
