"""New connections kept from a socket that is about to close."""

import socket
import sys

import pytest

from towpath.serving.ports import BACKLOG, join, listen
from towpath.serving.supervising.steering import steer_to_all, steer_to_first

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux shares connections out among sockets")
MANY = 60


@pytest.fixture
def three():
    """Three listening sockets of one port."""
    sockets = listen("127.0.0.1", 0, shared=True)
    sockets += [join("127.0.0.1", sockets[0].getsockname()[1])[0] for _ in range(2)]
    for one in sockets[1:]:
        one.listen(BACKLOG)
    yield sockets
    for one in sockets:
        one.close()


def shares(sockets: list[socket.socket]) -> list[int]:
    """How many of some connections each socket gets."""
    made = [socket.create_connection(sockets[0].getsockname(), timeout=5) for _ in range(MANY)]
    found = [len(accepted(one)) for one in sockets]
    [one.close() for one in made]
    return found


def accepted(sock: socket.socket) -> list[None]:
    found = []
    try:
        while True:
            found.append(sock.accept()[0].close())
    except BlockingIOError:
        return found


def test_each_gets_some_by_itself(three):
    found = shares(three)

    assert sum(found) == MANY and min(found) > 0


def test_steered_the_last_gets_none_and_afterwards_its_share_again(three):
    assert steer_to_first(2, three[:1])
    found = shares(three)
    assert found[2] == 0 and min(found[:2]) > 0 and sum(found) == MANY
    steer_to_all(three[:1])

    assert shares(three)[2] > 0
