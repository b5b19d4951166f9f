"""What one client can make a connection hold, without a socket."""

import tracemalloc

import pytest

from tests.serving.framing import Wire, statuses
from tests.serving.raw import TEXT, post, refuse
from towpath.serving.edge import REMEMBERED, Edge
from towpath.serving.exchange import Exchange, Route
from towpath.serving.limits import Limits

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Slow(Wire):
    """A client that reads nothing until it is told to."""

    held = 0

    def write(self, data: bytes) -> None:
        super().write(data)
        self.held += len(data)
        if self.held > 1000 >= self.held - len(data):
            self.connection.pause_writing()

    def read(self) -> None:
        self.held = 0
        self.connection.resume_writing()


def edge_of(handle, limits: Limits | None = None) -> Edge:
    route = Route(handle, lambda *_: None)
    return Edge({(b"GET", b"/"): route, (b"POST", b"/"): route}, refuse, lambda *_: None, limits or Limits())


def test_who_reads_no_replies_gets_few_however_many_requests_come_at_once():
    asked = []

    def answer(exchange: Exchange) -> None:
        asked.append(exchange)
        exchange.answer(200, b"x" * 500, TEXT)

    wire = Slow(edge_of(answer))
    wire.say(GET * 100)
    assert len(asked) == 2
    while len(asked) < 100:
        wire.read()

    assert statuses(wire.written) == [200] * 100
    wire.read()
    wire.say(GET)
    assert len(asked) == 101


def test_no_more_requests_of_one_connection_are_under_way_than_allowed_even_when_one_read_brings_more():
    asked: list[Exchange] = []
    wire = Wire(edge_of(asked.append, Limits(pipelined=4)))
    wire.say(b"".join(GET.replace(b"\r\n\r\n", b"\r\nX-Request-Id: r%d\r\n\r\n" % i) for i in range(10)))
    assert len(asked) == 4
    for i in range(10):
        asked[i].answer(200, b"%d" % i, TEXT)

    assert len(asked) == 10 and wire.written.count(b"HTTP/1.1 200") == 10
    assert [wire.written.index(b"X-Request-Id: r%d\r\n" % i) for i in range(10)] == sorted(
        wire.written.index(b"X-Request-Id: r%d\r\n" % i) for i in range(10)
    )


def test_a_client_that_leaves_is_answered_nothing_of_what_it_asked_at_once():
    asked: list[Exchange] = []
    wire = Wire(edge_of(asked.append, Limits(pipelined=4)))
    wire.say(GET * 10)
    wire.end("reset")
    for exchange in asked:
        exchange.answer(200, b"late", TEXT)

    assert len(asked) == 4 and wire.written == b"" and wire.edge.abandoned == 10


def test_a_body_in_tiny_chunks_takes_about_what_it_holds():
    wire = Wire(edge_of(lambda exchange: exchange.answer(200, exchange.body, TEXT)))
    wire.say(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
    tracemalloc.start()
    wire.say(b"2\r\nab\r\n" * 20_000)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    wire.say(b"0\r\n\r\n")

    assert held < 2 * 40_000 and wire.written.endswith(b"\r\n\r\n" + b"ab" * 20_000)


def echo(exchange: Exchange) -> None:
    exchange.answer(200, exchange.body, TEXT)


def test_a_head_that_came_before_is_not_parsed_again_and_the_body_is_the_new_one():
    edge = edge_of(echo)
    wires = [Wire(edge), Wire(edge)]
    for wire in wires:
        wire.say(post("/", b"first"))
        wire.say(post("/", b"other"))

    assert len(edge.known) == 1
    assert [wire.written.count(b"\r\n\r\nfirst") for wire in wires] == [1, 1]
    assert all(wire.written.endswith(b"\r\n\r\nother") for wire in wires)


def test_a_remembered_head_with_too_short_a_body_waits_for_the_rest():
    wire = Wire(edge_of(echo))
    wire.say(post("/", b"whole"))
    wire.say(post("/", b"whole")[:-2])

    assert wire.written.count(b"HTTP/1.1 200") == 1
    wire.say(b"le")
    assert wire.written.count(b"\r\n\r\nwhole") == 2


def test_two_requests_in_one_read_are_two_even_if_their_head_is_remembered():
    wire = Wire(edge_of(echo))
    wire.say(post("/", b"one"))
    wire.say(post("/", b"two") + post("/", b"six"))

    assert statuses(wire.written) == [200] * 3
    assert wire.written.endswith(b"six")


def test_heads_are_forgotten_when_there_are_too_many_or_the_routes_are_new():
    edge = edge_of(echo)
    wire = Wire(edge)
    for number in range(REMEMBERED + 10):
        wire.say(post("/", b"", f"X-Other: {number}"))

    assert 0 < len(edge.known) <= REMEMBERED
    edge.install({})
    assert edge.known == {}


def test_what_a_client_calls_its_request_is_not_remembered_for_others():
    edge = edge_of(echo)
    wire = Wire(edge)
    for name in ("first", "second"):
        wire.say(post("/", b"", f"X-Request-Id: {name}"))

    assert edge.known == {}
    assert wire.written.index(b"X-Request-Id: first") < wire.written.index(b"X-Request-Id: second")


def test_an_edge_that_drains_closes_after_a_remembered_head_too():
    edge = edge_of(echo)
    wire = Wire(edge)
    wire.say(GET)
    edge.draining = True
    wire.say(GET)

    assert wire.written.endswith(b"Connection: close\r\n\r\n") and wire.ended


@pytest.mark.parametrize("blank", [b"\r\n\r\n", b"\r\n\r", b"\r\n"])
def test_blank_lines_between_two_requests_are_no_request_however_often_they_come(blank):
    edge = edge_of(echo)
    wire, other = Wire(edge), Wire(edge)
    for one in (wire, wire, other):
        one.say(GET)
        one.say(blank)

    assert list(edge.known) == [GET]
    assert (wire.written.count(b"HTTP/1.1 200"), other.written.count(b"HTTP/1.1 200")) == (2, 1)


def test_a_body_is_let_go_when_it_has_been_answered():
    """Else thousands of idle connections hold what each was last asked, a mebibyte each."""
    wire = Wire(edge_of(lambda exchange: exchange.answer(200, b"", TEXT)))
    sent = post("/", b"x" * 200_000)
    tracemalloc.start()
    for start in range(0, len(sent), 50_000):
        wire.say(sent[start : start + 50_000])
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    wire.say(GET[:10])

    assert statuses(wire.written) == [200] and held < 50_000 and wire.edge.buffered == 0
