"""Where a laboratory lives and what its processes are told."""

import os
import shutil
import socket
import stat
from pathlib import Path

import pytest

from config.lab.environment import environment
from config.lab.errors import Unusable
from config.lab.layout import empty_demo, open_lab
from config.lab.processes import processes


def test_it_keeps_what_it_chose_the_first_time(tmp_path: Path) -> None:
    first = open_lab(tmp_path / "lab", scanners=2, seed=7)
    again = open_lab(tmp_path / "lab")
    assert again == first
    ports = [first.web_port, first.slide_port]
    ports += [port for scanner in first.scanners for port in (scanner.command_port, scanner.events_port)]
    assert len(set(ports)) == 6
    assert [scanner.seed for scanner in first.scanners] == [7, 8]


def test_it_passes_over_a_port_that_is_taken(tmp_path: Path) -> None:
    free = open_lab(tmp_path / "lab").web_port
    (tmp_path / "lab" / "lab.json").unlink()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free))
        taken.listen()
        assert open_lab(tmp_path / "lab").web_port != free


def test_two_that_start_at_once_do_not_meet_on_one_port(tmp_path: Path) -> None:
    one, two = (open_lab(tmp_path / name) for name in ("one", "two"))
    assert one.web_port != two.web_port
    assert one.slide_port != two.slide_port


def test_it_keeps_everything_to_its_owner(tmp_path: Path) -> None:
    lab = open_lab(tmp_path / "lab")
    environment(lab, {})
    assert stat.S_IMODE(lab.var.stat().st_mode) == 0o700
    assert stat.S_IMODE((lab.var / "secret").stat().st_mode) == 0o600
    assert stat.S_IMODE((lab.var / "lab.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["with spaces", "x" * 120, "percent%20"])
def test_it_puts_the_socket_elsewhere_when_its_path_would_not_do(tmp_path: Path, name: str) -> None:
    lab = open_lab(tmp_path / name)
    try:
        assert lab.socket_dir != lab.run
        assert stat.S_IMODE(lab.socket_dir.stat().st_mode) == 0o700
        assert open_lab(tmp_path / name) == lab
    finally:
        shutil.rmtree(lab.socket_dir)


def test_it_does_not_use_a_socket_folder_that_others_may_enter(tmp_path: Path) -> None:
    lab = open_lab(tmp_path / "with spaces")
    lab.socket_dir.chmod(0o755)
    other = open_lab(tmp_path / "with spaces")
    assert other.socket_dir != lab.socket_dir
    for folder in (lab.socket_dir, other.socket_dir):
        shutil.rmtree(folder)


def test_it_tells_the_processes_where_everything_is(tmp_path: Path) -> None:
    lab = open_lab(tmp_path / "lab")
    told = environment(lab, {"PATH": "/bin", "LANG": ""})
    scanner = lab.scanners[0]
    assert told["NOCTURNE_VAR"] == str(lab.var)
    assert told["BROKER_URL"] == f"redis+socket://{lab.broker_socket}"
    assert told["SCANNER_ENDPOINTS"] == (
        f"scanner-1=tcp://127.0.0.1:{scanner.command_port},tcp://127.0.0.1:{scanner.events_port}"
    )
    assert "DATABASE_URL" not in told
    assert told["SECRET_KEY"] == environment(lab, {})["SECRET_KEY"]


def test_it_starts_nothing_that_is_given_from_outside(tmp_path: Path) -> None:
    lab = open_lab(tmp_path / "lab")
    given = {
        "BROKER_URL_FILE": "/run/secrets/broker",
        "SLIDE_SERVICE_ENDPOINT": "tcp://store:5700",
        "SCANNER_ENDPOINTS": "north=tcp://north:1,tcp://north:2; south=tcp://south:1,tcp://south:2",
    }
    names = [process.name for process in processes(lab, given)]
    assert names == ["web", "worker", "worker-north", "worker-south", "beat", "relay", "watch"]
    assert "BROKER_URL" not in environment(lab, given)
    assert environment(lab, given)["SLIDE_SERVICE_ENDPOINT"] == "tcp://store:5700"


def test_it_lists_the_whole_laboratory_in_starting_order(tmp_path: Path) -> None:
    rows = processes(open_lab(tmp_path / "lab"), {})
    names = ["broker", "slides", "scanner-1", "web", "worker", "worker-scanner-1", "beat", "relay", "watch"]
    assert [row.name for row in rows] == names
    assert [row.stage for row in rows] == sorted(row.stage for row in rows)


def test_it_empties_a_demonstration_and_nothing_else(tmp_path: Path) -> None:
    demo = open_lab(tmp_path / "demo", kind="demo")
    empty_demo(demo.var)
    assert not demo.var.exists()
    lab = open_lab(tmp_path / "lab")
    with pytest.raises(Unusable, match="left as it is"):
        empty_demo(lab.var)
    assert (lab.var / "lab.json").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_it_says_when_the_folder_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(Unusable, match="cannot be used"):
        open_lab(tmp_path / "lab")


def test_it_does_not_start_over_a_record_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "lab.json").write_text("{half")
    with pytest.raises(Unusable, match="cannot be read"):
        open_lab(tmp_path)
