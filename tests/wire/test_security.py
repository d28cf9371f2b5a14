"""Who may connect: keys on the allow-list, and nobody else; and no open socket on the network."""

import datetime
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zmq

from tests.wire.making import ANYWHERE, Ask, Hello, Item, Store, Told, Welcome, again, running
from wire import AllowList, Client, Insecure, KeyPair, Publisher, Receiver, Security, Sender, Server, Timeout
from wire.__main__ import main
from wire.errors import PeerLost
from wire.keys import ages
from wire.security import Door, parse_address


def ask(endpoint: str, security: Security | None) -> Told:
    with Client(endpoint, (Told,), timeout_s=0.4, retries=0, security=security) as client:
        reply, _ = client.call(Ask(n=1))
    assert isinstance(reply, Told)
    return reply


def test_it_serves_allowed_keys_only() -> None:
    server_keys, ours, foreign = KeyPair.new(), KeyPair.new(), KeyPair.new()
    security = Security(server_keys, allowed=frozenset({ours.public}))
    strangers = (None, Security(foreign, server=server_keys.public), Security(ours, server=foreign.public))
    with (
        Server(ANYWHERE, (Ask,), security=security) as server,
        running(lambda: server.serve_once(lambda message, frames: Told(n=7), 0.02)),
    ):
        assert ask(server.endpoint, Security(ours, server=server_keys.public)) == Told(n=7)
        for stranger in strangers:
            with pytest.raises(Timeout):
                ask(server.endpoint, stranger)


def test_who_was_refused_before_it_asked_is_told_in_time() -> None:
    server_keys, ours, foreign = KeyPair.new(), KeyPair.new(), KeyPair.new()
    security = Security(server_keys, allowed=frozenset({ours.public}))
    for stranger in (None, Security(foreign, server=server_keys.public)):
        with (
            Server(ANYWHERE, (Ask,), security=security) as server,
            Client(server.endpoint, (Told,), timeout_s=0.2, retries=1, security=stranger) as client,
        ):
            time.sleep(0.5)  # by now the handshake has failed
            with pytest.raises(Timeout):
                client.call(Ask(n=1))


@pytest.mark.parametrize(
    "endpoint", ["tcp://0.0.0.0:*", "tcp://*:*", "tcp://192.0.2.1:5700", "ws://0.0.0.0:80"]
)
def test_it_refuses_an_open_socket_on_the_network(endpoint: str) -> None:
    with pytest.raises(Insecure, match="CURVE"):
        Server(endpoint, (Ask,))


def test_it_keeps_two_allow_lists_in_one_process_apart() -> None:
    keys, ours, theirs = KeyPair.new(), KeyPair.new(), KeyPair.new()
    us, them = (Security(keys, allowed=frozenset({one.public})) for one in (ours, theirs))
    with (
        Publisher(ANYWHERE, security=them) as publisher,
        Server(ANYWHERE, (Ask,), security=us) as server,
        running(lambda: server.serve_once(lambda message, frames: Told(n=7), 0.02)),
    ):
        publisher.close()
        assert ask(server.endpoint, Security(ours, server=keys.public)) == Told(n=7)
        with pytest.raises(Timeout):
            ask(server.endpoint, Security(theirs, server=keys.public))


def test_it_keeps_keys_to_itself(tmp_path: Path) -> None:
    keys, file = KeyPair.new(), tmp_path / "scanner.key"
    keys.save(file)
    assert KeyPair.load(file) == keys
    assert keys.secret.decode() not in repr(keys)
    file.chmod(0o644)
    with pytest.raises(Insecure, match="read by others"):
        KeyPair.load(file)


def test_it_makes_keys_for_both_sides(tmp_path: Path) -> None:
    server, client = tmp_path / "server.key", tmp_path / "client.key"
    assert [main(["keys", str(file)]) for file in (server, client)] == [0, 0]
    assert main(["keys", str(server)]) == 1  # never over another
    public = {file: tmp_path / f"{file.name}.pub" for file in (server, client)}
    here, there = Security.of_server(server, [public[client]]), Security.of_client(client, public[server])
    assert here.keys is not None
    assert there.keys is not None
    assert there.server_key == here.keys.public
    assert there.keys.public in here.allowed
    assert here.keys.public not in here.allowed
    assert b"secret" not in public[server].read_bytes()
    public[server].write_text("public = short", encoding="ascii")
    with pytest.raises(Insecure, match="no public key"):
        Security.of_client(client, public[server])


@contextmanager
def secured(security: Security, endpoint: str = ANYWHERE) -> Iterator[Server]:
    with (
        again(lambda: Server(endpoint, (Ask,), security=security)) as server,
        running(lambda: server.serve_once(lambda message, frames: Told(n=7), 0.02)),
    ):
        yield server


def made(file: Path) -> Path:
    KeyPair.new().save(file)
    return file


def test_a_client_key_is_rotated_without_a_stop(tmp_path: Path) -> None:
    server, old, new = (made(tmp_path / name) for name in ("server.key", "old.key", "new.key"))
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    before, after = (Security.of_client(key, Path(f"{server}.pub")) for key in (old, new))
    with secured(Security.of_server(server, [allowed])) as running_server:
        endpoint = running_server.endpoint
        for one in (before, after):
            with pytest.raises(Timeout):
                ask(endpoint, one)
        (allowed / "old.pub").write_bytes(Path(f"{old}.pub").read_bytes())
        assert ask(endpoint, before) == Told(n=7)
        (allowed / "new.pub").write_bytes(Path(f"{new}.pub").read_bytes())
        assert [ask(endpoint, one) for one in (before, after)] == [Told(n=7)] * 2  # both are valid
        (allowed / "old.pub").unlink()
        assert ask(endpoint, after) == Told(n=7)
        with pytest.raises(Timeout):
            ask(endpoint, before)


def test_a_server_key_is_rotated_under_a_client_that_stays(tmp_path: Path) -> None:
    first, second, ours = (made(tmp_path / name) for name in ("first.key", "second.key", "ours.key"))
    known = tmp_path / "server.pub"
    known.write_bytes(Path(f"{first}.pub").read_bytes())
    allow = [Path(f"{ours}.pub")]
    with secured(Security.of_server(first, allow)) as server:
        endpoint = server.endpoint
        client = Client(endpoint, (Told,), timeout_s=0.5, retries=9, security=Security.of_client(ours, known))
        assert client.call(Ask(n=1))[0] == Told(n=7)
    known.write_bytes(Path(f"{second}.pub").read_bytes())
    with client, secured(Security.of_server(second, allow), endpoint):
        assert client.call(Ask(n=2))[0] == Told(n=7)


def test_doors_follow_each_other_at_once() -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context.instance()
    for _ in range(50):
        Door(context, frozenset()).stop()


def test_a_file_that_is_no_key_lets_nobody_in_and_keeps_nobody_out(tmp_path: Path) -> None:
    server, ours = made(tmp_path / "server.key"), made(tmp_path / "ours.key")
    (tmp_path / "a.pub").write_bytes(bytes(range(256)))
    (tmp_path / "b.pub").write_text("public = short", encoding="ascii")
    (tmp_path / "c.pub").symlink_to(tmp_path / "nowhere")
    broken = [tmp_path / name for name in ("a.pub", "b.pub", "gone.pub")]
    allowed = Security(KeyPair.load(server), allowed=AllowList([*broken, tmp_path]))
    with secured(allowed) as running_server:
        assert ask(running_server.endpoint, Security.of_client(ours, Path(f"{server}.pub"))) == Told(n=7)


def test_the_pixel_stream_is_for_allowed_keys_only() -> None:
    keys, ours, theirs = KeyPair.new(), KeyPair.new(), KeyPair.new()
    security = Security(keys, allowed=frozenset({ours.public}))
    with Receiver(ANYWHERE, (Hello, Item), security=security) as receiver:
        store = Store(receiver)
        with running(store.step):
            for stranger in (None, Security(theirs, server=keys.public)):
                with pytest.raises(PeerLost):
                    Sender(receiver.endpoint, Hello(), (Welcome,), lost_after_s=0.4, security=stranger)
            own = Security(ours, server=keys.public)
            with Sender(receiver.endpoint, Hello(), (Welcome,), security=own) as sender:
                sender.send(1, Item(n=1), [b"pixels"])
                sender.drain(10)
    assert store.items == [(1, b"pixels")]


def test_it_opens_to_the_network_only_when_that_is_said_plainly() -> None:
    with secured(Security.off(), "tcp://0.0.0.0:*") as server:
        port = server.endpoint.rsplit(":", 1)[1]
        assert ask(f"tcp://127.0.0.1:{port}", None) == Told(n=7)


def test_an_address_names_keys(tmp_path: Path) -> None:
    server, ours = made(tmp_path / "server.key"), made(tmp_path / "ours.key")
    endpoint, security = parse_address(f"tcp://scanner:5701?keys={ours}&server={server}.pub")
    assert endpoint == "tcp://scanner:5701"
    assert security is not None
    assert security.server_key == KeyPair.load(server).public
    assert parse_address("tcp://scanner:5701") == ("tcp://scanner:5701", None)
    with pytest.raises(Insecure, match="keys"):
        parse_address(f"tcp://scanner:5701?keys={ours}")


def aged(file: Path, days: int) -> None:
    since = datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=days)
    made(file)
    for half in (file, Path(f"{file}.pub")):
        lines = half.read_text(encoding="ascii").splitlines()
        half.write_text("\n".join([*lines[:-1], f"made = {since}"]), encoding="ascii")


def test_it_says_which_keys_are_old(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, days in (("young", 3), ("ripe", 334), ("old", 335)):
        aged(tmp_path / name, days)
    made(tmp_path / "undated")
    undated = tmp_path / "undated.pub"
    undated.write_text(undated.read_text(encoding="ascii").splitlines()[0], encoding="ascii")
    assert [(age.file.stem, age.days) for age in ages([tmp_path])] == [
        ("undated", None),
        ("old", 335),
        ("ripe", 334),
        ("young", 3),
    ]
    assert main(["keys", "--check", str(tmp_path)]) == 1
    assert capsys.readouterr().out.count("OLD") == 2
    assert main(["keys", "--check", str(tmp_path / "young"), str(tmp_path / "old"), "--days", "400"]) == 0
    capsys.readouterr()
    main(["keys", "--check", "--json", str(tmp_path / "old")])
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["days"], told["old"]) == (335, True)
    assert main(["keys", "--check", str(tmp_path / "nowhere")]) == 2


def test_a_server_warns_of_keys_that_grow_old(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    aged(tmp_path / "server.key", 400)
    Security.of_server(tmp_path / "server.key", [made(tmp_path / "ours.key")])
    assert [record.getMessage() for record in caplog.records] == [
        "the key server.key is 400 days old: renew it (docs/protocol.md, Keys)"
    ]
