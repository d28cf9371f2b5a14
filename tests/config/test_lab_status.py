"""Asking processes whether they are well."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from config.lab.health import Answers, Beats, Pongs, ServesPages
from config.lab.identity import Identity
from config.lab.layout import open_lab
from config.lab.processes import Process
from config.lab.status import duration, look, memory, table


@contextmanager
def speaker(words: bytes) -> Iterator[int]:
    """A server that says `words` to the first who connects."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def speak() -> None:
            peer, _ = server.accept()
            with peer:
                peer.settimeout(2)
                peer.sendall(words)
                with suppress(OSError):
                    peer.recv(4096)

        thread = threading.Thread(target=speak)
        thread.start()
        yield server.getsockname()[1]
        thread.join(5)


def test_it_knows_a_message_socket_from_another_program() -> None:
    with speaker(b"\xff\x00\x00") as port:
        assert Answers(port).ask().ok
    with speaker(b"SSH-2.0\r\n") as port:
        assert "another program" in Answers(port).ask().words
    assert not Answers(port).ask().ok


def test_it_takes_a_failing_page_for_unwell() -> None:
    with speaker(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n") as port:
        assert ServesPages(port).ask().ok
    with speaker(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n") as port:
        assert ServesPages(port).ask().words == "answers with status 500"


def test_it_hears_a_heartbeat_and_its_silence(tmp_path: Path) -> None:
    file = tmp_path / "worker.beat"
    assert Beats(file).ask().words == "no heartbeat yet"
    file.touch()
    assert Beats(file).ask().ok
    os.utime(file, (time.time() - 100, time.time() - 100))
    assert Beats(file).ask().words == "silent for 100 s"


def test_it_says_that_a_broker_is_not_there(tmp_path: Path) -> None:
    assert not Pongs(tmp_path / "valkey.sock").ask().ok


def test_it_says_that_the_laboratory_is_down(tmp_path: Path) -> None:
    lab = open_lab(tmp_path / "lab")
    seen = look(lab, [Process("web", ("true",))])
    assert (seen.ok, seen.supervisor, seen.processes[0].health) == (False, None, "down")
    assert "./nocturne up" in table(seen)
    assert seen.as_json()["phase"] == "down"


def test_it_counts_memory_of_living_processes_only() -> None:
    me = Identity.of(os.getpid())
    assert memory(me) > 2**20
    assert memory(Identity(me.pid, "another life")) == 0


def test_it_writes_times_for_people() -> None:
    assert [duration(s) for s in (9, 75, 3720)] == ["9 s", "1 min 15 s", "1 h 02 min"]
