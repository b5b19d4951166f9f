"""The HTTP edge over real sockets: routes, keep-alive, pipelining, request ids, and who leaves early."""

import re
import socket
import time

import pytest

from tests.serving.raw import GET, closed, hear, post, say, status


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


def test_a_client_that_closes_its_side_still_gets_its_reply(edge):
    with edge.connect() as sock:
        sock.sendall(post("/later", b"one"))
        sock.shutdown(1)

        assert closed(sock).endswith(b"one")


def test_an_upgrade_is_ignored_and_the_connection_ends(edge):
    offer = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n"
    heard = say(edge, offer + b"PRI * HTTP/2.0\r\n\r\n")

    assert status(heard) == 200 and heard.count(b"HTTP/1.1 ") == 1 and b"Connection: close" in heard


def test_every_answer_is_observed_once(edge):
    edge.observed.clear()
    say(edge, GET + post("/echo", b"x") + b"GET /nope HTTP/1.1\r\nHost: a\r\n\r\n" + b"GET / HTTP/1.1\r\n\r\n")

    assert edge.observed == [200, 200, 404, 400]


def test_a_reply_to_a_client_that_left_goes_nowhere(edge):
    with edge.connect() as sock:
        sock.sendall(post("/hold", b"x"))
        time.sleep(0.1)
    time.sleep(0.1)
    edge.call(edge.later[-1].answer, 200, b"late", b"")

    assert status(say(edge, GET)) == 200


def test_who_leaves_before_the_answer_is_counted(edge):
    before = edge.call(lambda: edge.edge.abandoned)
    with edge.connect() as sock:
        sock.sendall(post("/hold", b"x"))
        time.sleep(0.1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # closes by a reset
    time.sleep(0.1)

    assert edge.call(lambda: edge.edge.abandoned) == before + 1
