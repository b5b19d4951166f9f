"""What one client can make a connection hold, without a socket."""

import tracemalloc

from tests.serving.framing import Wire, statuses
from tests.serving.raw import TEXT, refuse
from towpath.serving.edge import Edge
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
