"""Users in a closed and in an open loop, against a real server that is slow, wrong or gone."""

import asyncio
import itertools
import json
import socket

import pytest

from tests.cli.loadtest.server import Asked, answering, reply
from towpath.cli.loadtest.aim import Aim, Server
from towpath.cli.loadtest.users import Outcome, Wish, put_load

BODIES = [json.dumps({"n": n}).encode() for n in range(7)]


def put(port: int, wish: Wish) -> Outcome:
    aim = Aim(Server("http", "127.0.0.1", port), "/predict", {})
    return put_load(aim.server.address(), aim.requests(BODIES), wish, lambda at, so_far: None)


async def slowly(asked: Asked) -> bytes:
    await asyncio.sleep(0.05)
    return reply()


def test_every_user_keeps_one_connection_and_bodies_rotate():
    with answering(lambda asked: reply()) as server:
        outcome = put(server.port, Wish(users=3, seconds=20, requests=70, spawn=1000))

    assert (outcome.counted.good, outcome.counted.errors) == (70, {})
    assert server.connections == 3
    assert [server.bodies.count(body) for body in BODIES] == [10] * 7


def test_users_begin_one_after_the_other():
    with answering(lambda asked: reply()) as server:
        put(server.port, Wish(users=50, seconds=0.5, spawn=10))

    assert server.connections <= 6


def test_a_closed_loop_asks_as_fast_as_it_is_answered():
    with answering(slowly) as server:
        counted = put(server.port, Wish(users=4, seconds=1, spawn=1000)).counted

    assert 20 < counted.good <= 84
    assert 0.05 <= counted.latencies.quantile(0.5) < 0.5


def test_an_open_loop_counts_from_when_a_request_was_due():
    with answering(slowly) as server:  # 20 a second over one connection, and 40 are due
        counted = put(server.port, Wish(users=1, seconds=1, rate=40)).counted

    assert counted.requests == 40
    assert counted.errors == {"not sent in time": 40 - counted.good}
    assert counted.latencies.largest > 0.3, "the last one sent waited for all that were late before it"


def test_an_open_loop_that_keeps_up_sends_all_and_each_at_its_time():
    with answering(lambda asked: reply()) as server:
        counted = put(server.port, Wish(users=10, seconds=1, rate=500)).counted

    assert (counted.good, counted.errors) == (500, {})
    assert counted.seconds == pytest.approx(1.0, abs=0.3)


def test_errors_are_counted_by_kind_and_are_no_latencies():
    def answer(asked: Asked) -> bytes:
        match asked.number % 4:
            case 0:
                return reply(status=503)
            case 1:
                return b""  # closes without a reply
            case 2:
                return b"SSH-2.0-OpenSSH\r\n"
        return reply()

    with answering(answer) as server:
        counted = put(server.port, Wish(users=1, seconds=20, requests=40)).counted

    assert counted.errors == {"HTTP 503": 10, "connection closed": 10, "no HTTP": 10}
    assert (counted.good, counted.latencies.count) == (10, 10)


def test_a_reply_that_does_not_come_is_given_up_and_counts_with_the_time_it_took():
    async def never(asked: Asked) -> bytes:
        await asyncio.sleep(0 if asked.number > 2 else 30)
        return reply()

    with answering(never) as server:
        counted = put(server.port, Wish(users=2, seconds=20, requests=10, timeout=0.2, spawn=1000)).counted

    assert counted.errors == {"timeout": 2}
    assert (counted.good, counted.latencies.count) == (8, 10)
    assert counted.latencies.largest >= 0.2


def test_where_nobody_listens_users_do_not_spin():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        counted = put(taken.getsockname()[1], Wish(users=2, seconds=0.5, spawn=1000)).counted

    assert set(counted.errors) == {"connection refused"}
    assert 2 <= counted.failed <= 14


def test_a_server_that_closes_politely_after_each_reply_is_no_error():
    with answering(lambda asked: reply(b"{}", 200, "Connection: close")) as server:
        counted = put(server.port, Wish(users=2, seconds=20, requests=20, spawn=1000)).counted

    assert (counted.good, counted.errors, server.connections) == (20, {}, 20)


def test_a_reply_in_chunks_over_a_kept_connection_is_read_to_its_end():
    def answer(asked: Asked) -> bytes:
        pieces = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (b"{", b"}" * 100))
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + pieces + b"0\r\n\r\n"

    with answering(answer) as server:
        counted = put(server.port, Wish(users=1, seconds=20, requests=20)).counted

    assert (counted.good, counted.errors, server.connections) == (20, {}, 1)


def test_it_is_told_now_and_then_what_was_counted_so_far():
    told: list[tuple[float, int]] = []
    with answering(lambda asked: reply()) as server:
        aim = Aim(Server("http", "127.0.0.1", server.port), "/predict", {})
        put_load(
            aim.server.address(), aim.requests(BODIES), Wish(users=1, seconds=0.6),
            lambda at, so_far: told.append((at, so_far.good)), every=0.1,
        )  # fmt: skip

    assert len(told) >= 3
    assert all(one < other for (_, one), (_, other) in itertools.pairwise(told))
