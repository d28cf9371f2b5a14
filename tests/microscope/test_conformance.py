"""The kit passes the simulated scanner, and finds every wrong one in words of its own."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from microscope import conformance
from microscope.__main__ import main
from microscope.conformance import CHECKS, Finding, Target
from microscope.server import ScannerServer
from tests.microscope.fakes import FakeDriver, ListSink
from tests.microscope.wrong import ANY, CLIENT_TIMEOUT_S, WRONG, WrongScanner

PATIENCE_S = 3.0
RIGHT = WrongScanner("right", "", "")


@contextmanager
def serving(server: ScannerServer) -> Iterator[Target]:
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield Target(
            server.endpoint,
            events=server.events_endpoint,
            client_timeout_s=CLIENT_TIMEOUT_S,
            patience_s=PATIENCE_S,
        )
    finally:
        server.stop()
        thread.join()


def found_in(scanner: WrongScanner, state: Path, *only: str) -> list[Finding]:
    with serving(scanner.serve(state)) as target:
        return list(conformance.check_all(target, only=only))


def test_it_passes_the_simulated_scanner(tmp_path):
    findings = found_in(RIGHT, tmp_path)
    assert [str(finding) for finding in findings if finding.problem or finding.skipped] == []
    assert len(findings) == len(CHECKS) + 1
    assert conformance.summary(findings).startswith("conforms to protocol 1")


@pytest.mark.parametrize("scanner", WRONG, ids=lambda scanner: scanner.name)
def test_it_finds_what_is_wrong_and_says_so(scanner, tmp_path):
    *_, finding = found_in(scanner, tmp_path, scanner.check)
    assert finding.check == scanner.check
    assert scanner.says in (finding.problem or "no problem")


def test_every_wrong_scanner_is_named_in_words_of_its_own():
    assert len(WRONG) >= 12
    assert len({(scanner.check, scanner.says) for scanner in WRONG}) == len(WRONG)
    assert {scanner.check for scanner in WRONG} <= {name for name, _ in CHECKS}


def test_it_asks_a_scanner_without_hands_what_needs_no_glass():
    server = ScannerServer(FakeDriver(), ANY, ANY, lambda command: ListSink())
    with serving(server) as target:
        findings = list(conformance.check_all(Target(target.address, patience_s=PATIENCE_S)))
    made = [finding.check for finding in findings if finding.skipped is None]
    assert "survives foreign bytes on its command port" in made
    assert "delivers every plane of a plan once" not in made
    assert any("--slot" in str(finding) for finding in findings)


def test_it_says_when_nobody_answers():
    (finding,) = conformance.check_all(Target("tcp://127.0.0.1:9", patience_s=0.1))
    assert finding.check == "answers Describe"
    assert "timeout" in (finding.problem or "")


def test_the_command_tells_programs_what_it_found(tmp_path, capsys):
    with serving(RIGHT.serve(tmp_path)) as target:
        asked = ["conformance", "--endpoint", target.address, "--json", "--only", "describes itself"]
        assert main(asked) == 0
        assert json.loads(capsys.readouterr().out)[-1] == {
            "check": "describes itself",
            "problem": None,
            "skipped": None,
        }
        assert main([*asked[:3], "--only", "sings"]) == 2
