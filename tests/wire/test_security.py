"""Who may connect: keys on the allow-list, and nobody else; and no open socket on the network."""

from pathlib import Path

import pytest

from tests.wire.making import ANYWHERE, Ask, Told, running
from wire import Client, Insecure, KeyPair, Publisher, Security, Server, Timeout
from wire.__main__ import main


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
    assert (here.keys.public, there.keys.public) == (there.server, *here.allowed)
    assert b"secret" not in public[server].read_bytes()
    public[server].write_text("public = short", encoding="ascii")
    with pytest.raises(Insecure, match="no public key"):
        Security.of_client(client, public[server])
