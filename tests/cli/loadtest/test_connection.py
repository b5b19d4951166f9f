"""Replies as servers send them: whole, in pieces, in chunks, until the end, or not at all."""

import pytest

from towpath.cli.loadtest.connection import Reply

OK = b"HTTP/1.1 200 OK\r\n"
WHOLE = {
    "with a length": OK + b"Content-Length: 2\r\n\r\n{}",
    "empty": OK + b"Content-Length: 0\r\n\r\n",
    "in chunks": OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n3;name=x\r\nabc\r\n0\r\n\r\n",
    "in chunks with trailers": OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nDigest: x\r\n\r\n",
    "without any content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "after an interim one": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("said", WHOLE.values(), ids=WHOLE)
def test_a_reply_is_complete_with_its_last_byte_however_it_is_cut(said: bytes):
    for step in (1, 3, len(said)):
        reply = Reply()
        complete = [reply.feed(said[start : start + step]) for start in range(0, len(said), step)]

        assert complete == [False] * (len(complete) - 1) + [True]
        assert reply.status in (200, 204)


def test_a_reply_without_a_length_ends_with_its_connection():
    reply = Reply()

    assert not reply.feed(OK + b"\r\n" + b"x" * 100_000)
    assert (reply.status, reply.ends_with_connection) == (200, True)


@pytest.mark.parametrize(
    ("version", "header", "kept"),
    [("1.1", "", True), ("1.1", "Connection: close\r\n", False), ("1.0", "", False),
     ("1.0", "Connection: keep-alive\r\n", True)],
)  # fmt: skip
def test_a_connection_is_kept_where_the_server_keeps_it(version: str, header: str, kept: bool):
    reply = Reply()
    reply.feed(f"HTTP/{version} 200 OK\r\n{header}Content-Length: 0\r\n\r\n".encode())

    assert reply.keep_alive is kept


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
        OK + b"Content-Length: many\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nnone\r\n",
        OK + b"Content-Length: 1\r\n\r\n{}",
        OK + b"X: " + b"y" * 70_000,
    ],
)
def test_what_is_no_reply_is_refused(said: bytes):
    with pytest.raises(ValueError):
        Reply().feed(said)
