"""Listening sockets: only loopback without a word, and who has a port."""

import socket

import pytest

from towpath.core.errors import InfrastructureError, UsageError
from towpath.serving.ports import join, listen, owner_of

EVERYWHERE = "0.0.0.0"  # noqa: S104  # what must be refused


def test_the_owner_of_a_port_is_found_and_of_a_free_one_there_is_none():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert "pytest" in owner_of(port).command or "python" in owner_of(port).command

    assert owner_of(port) is None


@pytest.mark.parametrize("host", [EVERYWHERE, "::", "::1234", "::ffff:10.0.0.1"])
def test_an_address_that_others_reach_needs_a_word(host):
    with pytest.raises(UsageError, match="can be reached by others"):
        listen(host, 0)
    [opened.close() for opened in listen(EVERYWHERE, 0, insecure=True)]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost"])
def test_loopback_needs_no_word(host):
    opened = listen(host, 0)

    assert opened and len({one.getsockname()[1] for one in opened}) == 1
    [one.close() for one in opened]


def test_an_address_of_a_name_that_this_machine_has_not_is_left_out(monkeypatch):
    families = {"192.0.2.1": socket.AF_INET, "127.0.0.1": socket.AF_INET}
    found = [(family, socket.SOCK_STREAM, 6, "", (address, 0)) for address, family in families.items()]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    [opened] = listen("half.here", 0, insecure=True)

    assert opened.getsockname()[0] == "127.0.0.1"
    opened.close()


def test_a_host_that_is_not_there_is_told():
    with pytest.raises(InfrastructureError, match="there is no host"):
        listen("no-such-host.invalid", 8080)
    with pytest.raises(InfrastructureError, match=r"cannot listen on 192\.0\.2\.1"):
        listen("192.0.2.1", 0, insecure=True)


def test_a_port_is_shared_with_those_that_join_it_and_with_nobody_else():
    [first] = listen("127.0.0.1", 0, shared=True)
    port = first.getsockname()[1]
    [second] = join("127.0.0.1", port)
    second.listen()

    assert second.getsockname() == first.getsockname()
    with pytest.raises(InfrastructureError, match=f"port {port} is taken"):
        listen("127.0.0.1", port, shared=True)
    first.close()
    second.close()


def test_who_has_joined_takes_no_connection_before_it_listens():
    [first] = listen("127.0.0.1", 0, shared=True)
    [second] = join("127.0.0.1", first.getsockname()[1])
    made = [socket.create_connection(first.getsockname(), timeout=5) for _ in range(20)]

    assert all(first.accept()[0].close() is None for _ in made)
    [one.close() for one in (*made, first, second)]
