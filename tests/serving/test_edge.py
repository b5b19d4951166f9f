"""The HTTP edge: routes, keep-alive, pipelining, deadlines and limits, over real sockets."""

import asyncio
import contextlib
import json
import re
import socket
import time

import pytest

from tests.serving.raw import closed, hear, listening, post, say, status
from towpath.serving.limits import Limits

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKED = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def edge():
    with listening() as listener:
        yield listener


def test_a_connection_is_kept_for_more_requests(edge):
    with edge.connect() as sock:
        for _ in range(3):
            sock.sendall(GET)
            heard = hear(sock, 0.1)

            assert heard.startswith(b"HTTP/1.1 200 OK\r\n") and heard.endswith(b"\r\n\r\nhello")


def test_connection_close_is_obeyed_and_told(edge):
    heard = say(edge, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + GET)

    assert heard.count(b"HTTP/1.1") == 1 and b"\r\nConnection: close\r\n" in heard


def test_an_http_1_0_client_is_told_when_its_connection_is_kept(edge):
    kept = say(edge, b"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
    closing = say(edge, b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")

    assert b"\r\nConnection: keep-alive\r\n" in kept and b"\r\nConnection: close\r\n" in closing


def test_pipelined_requests_are_answered_in_their_order_even_when_a_later_one_is_ready_first(edge):
    heard = say(edge, post("/later", b"first") + post("/echo", b"second") + post("/later", b"third"))

    assert heard.index(b"first") < heard.index(b"second") < heard.index(b"third")


def test_head_has_the_length_and_no_body(edge):
    heard = say(edge, b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")

    assert b"Content-Length: 5\r\n" in heard and heard.endswith(b"\r\n\r\n")


def test_an_unknown_path_is_404_and_a_wrong_method_405_with_what_is_allowed(edge):
    assert status(say(edge, b"GET /nope HTTP/1.1\r\nHost: a\r\n\r\n")) == 404
    wrong = say(edge, b"DELETE / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert status(wrong) == 405 and b"\r\nAllow: GET, HEAD\r\n" in wrong


@pytest.mark.parametrize(
    "target", [b"/%65cho", b"//echo", b"/echo/", b"/./echo", b"/ECHO", b"http://localhost/echo", b"*"]
)
def test_a_path_is_matched_raw(edge, target):
    heard = say(edge, b"POST " + target + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")

    assert status(heard) in (400, 404)


def test_a_query_is_no_part_of_the_path(edge):
    assert status(say(edge, b"GET /?a=/nope HTTP/1.1\r\nHost: a\r\n\r\n")) == 200


def test_a_good_request_id_is_kept_and_a_bad_one_replaced(edge):
    good = say(edge, b"GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: abc-1.2_3\r\n\r\n")
    bad = say(edge, b"GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: a b\r\n\r\n")
    twice = say(edge, b"GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: a\r\nX-Request-Id: b\r\n\r\n")

    assert b"X-Request-Id: abc-1.2_3\r\n" in good
    assert b"X-Request-Id: a b\r\n" not in bad and b"X-Request-Id: " in bad
    assert re.search(rb"X-Request-Id: [0-9a-f]{10}-[0-9a-f]+\r\n", twice)


def test_a_body_may_come_in_chunks_with_trailers(edge):
    heard = say(edge, CHUNKED + b"3\r\nabc\r\n4;note=1\r\ndefg\r\n0\r\nHost: evil\r\n\r\n" + GET)

    assert b"\r\n\r\nabcdefg" in heard and heard.endswith(b"hello")


def test_a_request_may_come_byte_by_byte(edge):
    request = post("/echo", b"slowly")

    assert say(edge, *(request[i : i + 1] for i in range(len(request)))).endswith(b"\r\n\r\nslowly")


def test_100_continue_is_sent_when_the_body_is_welcome(edge):
    with edge.connect() as sock:
        sock.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        first = hear(sock)
        sock.sendall(b"ok")

        assert first == b"HTTP/1.1 100 Continue\r\n\r\n" and hear(sock).endswith(b"\r\n\r\nok")


def test_100_continue_waits_for_the_replies_before_it(edge):
    with edge.connect() as sock:
        sock.sendall(
            post("/later", b"one")
            + b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        )

        assert hear(sock).endswith(b"\r\n\r\noneHTTP/1.1 100 Continue\r\n\r\n")


def test_a_too_large_body_is_refused_before_it_is_sent(edge):
    heard = say(edge, b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\nExpect: 100-continue\r\n\r\n")

    assert status(heard) == 413 and b"100 Continue" not in heard and b"Connection: close" in heard


def test_a_client_in_the_middle_of_a_too_large_body_still_reads_why(edge):
    with edge.connect() as sock:
        sock.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n" + b"x" * 300_000)
        time.sleep(0.1)
        sock.sendall(b"x" * 300_000)

        assert status(hear(sock)) == 413


def test_a_chunked_body_is_counted(edge):
    heard = say(edge, CHUNKED, *[b"10000\r\n" + b"x" * 65536 + b"\r\n"] * 17)

    assert status(heard) == 413


def test_chunk_extensions_are_counted_too(edge):
    heard = say(edge, CHUNKED + b"1;", *[b"e" * 65536] * 40)

    assert status(heard) == 413


@pytest.mark.parametrize(
    ("request_bytes", "expected"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\n\r\n", 411),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx", 400),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\nx", 400),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (CHUNKED + b"zz\r\n", 400),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Encoding: gzip\r\n\r\n{}", 415),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: magic\r\n\r\n{}", 417),
        (b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 80 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 20_000 + b"\r\n\r\n", 431),
    ],
)
def test_a_fault_of_framing_is_refused_and_nothing_after_it_is_answered(edge, request_bytes, expected):
    heard = say(edge, request_bytes, GET)

    assert status(heard) == expected
    assert b"Connection: close" in heard and heard.count(b"HTTP/1.1 ") == 1


def test_a_head_that_never_ends_is_refused(edge):
    assert status(say(edge, b"GET / HTTP/1.1\r\nHost: a\r\nX: ", *[b"y" * 8192] * 40)) == 431


def test_a_fault_after_good_requests_comes_after_their_replies(edge):
    heard = say(edge, post("/later", b"one") + b"GET / HTTP/1.1\r\n\r\n")

    assert heard.startswith(b"HTTP/1.1 200") and heard.index(b"one") < heard.index(b"HTTP/1.1 400")


def test_a_truncated_body_is_never_answered_200(edge):
    with edge.connect() as sock:
        sock.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
        sock.shutdown(1)
        heard = closed(sock)

    assert status(heard) == 400 and b"truncated" in heard


def test_a_client_that_closes_its_side_still_gets_its_reply(edge):
    with edge.connect() as sock:
        sock.sendall(post("/later", b"one"))
        sock.shutdown(1)

        assert closed(sock).endswith(b"one")


def test_an_upgrade_is_ignored_and_the_connection_ends(edge):
    offer = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n"
    heard = say(edge, offer + b"PRI * HTTP/2.0\r\n\r\n")

    assert status(heard) == 200 and heard.count(b"HTTP/1.1 ") == 1 and b"Connection: close" in heard


def test_a_broken_handler_is_500_with_an_id_and_tells_nothing_else(edge, capfd):
    heard = say(edge, post("/broken", b"\x1b[31mred", "X-Request-Id: find-me"))
    logged = json.loads(capfd.readouterr().err)

    assert status(heard) == 500 and b"X-Request-Id: find-me" in heard and b"secret" not in heard
    assert logged["request_id"] == "find-me" and logged["error"] == "ZeroDivisionError" and "secret" not in str(logged)


def test_the_next_request_after_a_broken_one_is_answered(edge):
    assert b"HTTP/1.1 500" in (heard := say(edge, post("/broken", b"") + GET)) and heard.endswith(b"hello")


def test_every_answer_is_observed_once(edge):
    edge.observed.clear()
    say(edge, GET + post("/echo", b"x") + b"GET /nope HTTP/1.1\r\nHost: a\r\n\r\n" + b"GET / HTTP/1.1\r\n\r\n")

    assert edge.observed == [200, 200, 404, 400]


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


def test_a_reply_to_a_client_that_left_goes_nowhere(edge):
    with edge.connect() as sock:
        sock.sendall(post("/hold", b"x"))
        time.sleep(0.1)
    time.sleep(0.1)
    edge.call(edge.later[-1].answer, 200, b"late", b"")

    assert status(say(edge, GET)) == 200


def test_bodies_that_wait_for_their_ends_are_bounded_over_all_connections():
    head = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n"
    with listening(Limits(buffered_bytes=100_000)) as edge, edge.connect() as one, edge.connect() as two:
        one.sendall(head + b"x" * 59_999)
        time.sleep(0.1)
        two.sendall(head + b"x" * 50_000)
        heard = closed(two)

        assert status(heard) == 503 and b"\r\nRetry-After: 5\r\n" in heard
        one.sendall(b"x")
        assert status(hear(one)) == 200
        assert edge.call(lambda: edge.edge.buffered) == 0


def test_a_client_that_leaves_gives_back_what_was_held_for_it():
    with listening() as edge:
        with edge.connect() as sock:
            sock.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n" + b"x" * 50_000)
            time.sleep(0.1)
            assert edge.call(lambda: edge.edge.buffered) == 50_000
        time.sleep(0.1)

        assert edge.call(lambda: edge.edge.buffered) == 0


def test_who_leaves_before_the_answer_is_counted(edge):
    before = edge.call(lambda: edge.edge.abandoned)
    with edge.connect() as sock:
        sock.sendall(post("/hold", b"x"))
        time.sleep(0.1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # closes by a reset
    time.sleep(0.1)

    assert edge.call(lambda: edge.edge.abandoned) == before + 1
