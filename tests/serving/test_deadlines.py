"""Deadlines and limits of connections: who is slow, silent, deaf or one too many, and a worker that drains."""

import asyncio
import contextlib
import time

import pytest

from tests.serving.raw import GET, closed, hear, listening, post, status
from towpath.serving.limits import Limits


def test_slow_heads_slow_bodies_and_idle_connections_are_closed():
    limits = Limits(head_seconds=0.2, body_seconds=0.4, idle_seconds=0.3, linger_seconds=0.2)
    with (
        listening(limits) as edge,
        edge.connect() as silent,
        edge.connect() as head,
        edge.connect() as body,
        edge.connect() as idle,
    ):
        head.sendall(b"GET / HTTP/1.1\r\nHo")
        body.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab")
        idle.sendall(GET)

        assert closed(silent) == b""
        assert status(closed(head)) == 408 and status(closed(body)) == 408
        assert closed(idle).endswith(b"hello")


@pytest.mark.parametrize("drip", [b"a", b"\r\n"])
def test_a_slow_drip_does_not_extend_the_deadline(drip):
    with listening(Limits(head_seconds=0.4, linger_seconds=0.2)) as edge, edge.connect() as sock:
        began, heard = time.monotonic(), b""
        sock.sendall(b"GET /" if drip == b"a" else b"\r\n")
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - began < 3 and not heard:
                sock.sendall(drip)
                heard = hear(sock, 0.05)
            closed(sock)

        assert time.monotonic() - began < 1.5
        assert heard in (b"", b"<reset>") if drip == b"\r\n" else status(heard) == 408


def test_one_connection_too_many_is_told_so():
    with listening(Limits(connections=2)) as edge, edge.connect() as one, edge.connect() as two:
        one.sendall(GET), two.sendall(GET)
        hear(one, 0.1), hear(two, 0.1)
        with edge.connect() as three:
            assert status(closed(three)) == 503


def test_a_client_that_reads_no_replies_is_cut_off():
    with listening(Limits(write_seconds=0.4)) as edge, edge.connect() as deaf:
        deaf.settimeout(3)
        request = post("/echo", b"x" * 500_000)
        with pytest.raises((ConnectionError, TimeoutError)):
            for _ in range(200):
                deaf.sendall(request)

        assert edge.call(lambda: len(edge.edge.connections)) == 0


def test_too_many_unanswered_requests_stop_the_reading():
    with listening(Limits(pipelined=4)) as edge, edge.connect() as sock:
        for _ in range(8):
            sock.sendall(post("/hold", b"x"))
            time.sleep(0.02)
        held = edge.call(lambda: len(edge.later))
        edge.call(lambda: [exchange.answer(200, b"done", b"") for exchange in list(edge.later)])
        time.sleep(0.1)

        assert held == 4 and edge.call(lambda: len(edge.later)) == 8


def test_draining_answers_what_is_under_way_and_closes_the_rest():
    with listening() as edge, edge.connect() as idle, edge.connect() as busy:
        idle.sendall(GET)
        hear(idle, 0.1)
        busy.sendall(post("/hold", b"x"))
        time.sleep(0.1)
        draining = asyncio.run_coroutine_threadsafe(edge.edge.drain(2), edge.loop)

        assert closed(idle) == b""
        edge.call(lambda: edge.later[0].answer(200, b"done", b""))
        heard = closed(busy)
        assert heard.endswith(b"done") and b"Connection: close" in heard
        assert draining.result(3) == 0


def test_a_connection_at_which_the_sweep_breaks_ends_no_deadline_of_another():
    with listening(Limits(head_seconds=0.2)) as edge, edge.connect() as silent:
        edge.call(edge.edge.connections.add, Broken())

        assert closed(silent) == b""
        edge.call(edge.edge.connections.clear)


class Broken:
    """A connection that nothing can be done with."""

    def expire(self, now: float) -> None:
        raise ZeroDivisionError

    def retire(self) -> None: ...
    def cut(self) -> None: ...
