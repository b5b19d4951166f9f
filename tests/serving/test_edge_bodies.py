"""Bodies at the HTTP edge: in chunks, byte by byte, too large, cut short, and what they may hold together."""

import time

from tests.serving.raw import CHUNKED, GET, closed, hear, listening, post, say, status
from towpath.serving.limits import Limits


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


def test_a_truncated_body_is_never_answered_200(edge):
    with edge.connect() as sock:
        sock.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
        sock.shutdown(1)
        heard = closed(sock)

    assert status(heard) == 400 and b"truncated" in heard


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
