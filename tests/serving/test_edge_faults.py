"""Faults at the HTTP edge: requests that are none, handlers that break, and what they leave for the next."""

import json

import pytest

from tests.serving.raw import CHUNKED, GET, post, say, status


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


def test_a_broken_handler_is_500_with_an_id_and_tells_nothing_else(edge, capfd):
    heard = say(edge, post("/broken", b"\x1b[31mred", "X-Request-Id: find-me"))
    logged = json.loads(capfd.readouterr().err)

    assert status(heard) == 500 and b"X-Request-Id: find-me" in heard and b"secret" not in heard
    assert logged["request_id"] == "find-me" and logged["error"] == "ZeroDivisionError" and "secret" not in str(logged)


def test_the_next_request_after_a_broken_one_is_answered(edge):
    assert b"HTTP/1.1 500" in (heard := say(edge, post("/broken", b"") + GET)) and heard.endswith(b"hello")
