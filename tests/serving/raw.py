"""A listening edge of its own for a test, and bytes sent to it as they are."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from towpath.serving.access import Access
from towpath.serving.connection import Connection
from towpath.serving.edge import Edge
from towpath.serving.exchange import Exchange, Refusal, Route, header_lines
from towpath.serving.limits import Limits

TEXT = header_lines({"Content-Type": "text/plain"})
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKED = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


class Listening:
    """An edge that echoes: GET / says hello, POST /echo repeats, POST /later answers in the next loop turn."""

    def __init__(self, limits: Limits, access: Access | None):
        self.observed: list[int] = []
        self.later: list[Exchange] = []
        routes = {
            (b"GET", b"/"): Route(lambda exchange: exchange.answer(200, b"hello", TEXT), self._observe),
            (b"POST", b"/echo"): Route(lambda exchange: exchange.answer(200, exchange.body, TEXT), self._observe),
            (b"POST", b"/later"): Route(self._answer_later, self._observe),
            (b"POST", b"/hold"): Route(self.later.append, self._observe),
            (b"POST", b"/broken"): Route(self._break, self._observe),
        }
        self.edge = Edge(routes, refuse, self._observe, limits, access)
        self.loop = asyncio.new_event_loop()

    def _observe(self, status: int, seconds: float) -> None:
        self.observed.append(status)

    def _answer_later(self, exchange: Exchange) -> None:
        self.loop.call_later(0.05, exchange.answer, 200, exchange.body, TEXT)

    def _break(self, exchange: Exchange) -> None:
        raise ZeroDivisionError("secret of " + exchange.body.decode())

    def call(self, function, *given):
        """Run a function in the edge's loop and wait for what it returns."""

        async def called():
            return function(*given)

        return asyncio.run_coroutine_threadsafe(called(), self.loop).result(5)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=5)

    async def serve(self, ready: threading.Event) -> None:
        self.stop = asyncio.Event()
        server = await self.loop.create_server(partial(Connection, self.edge), "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        sweeping = asyncio.ensure_future(self.edge.sweep())
        ready.set()
        await self.stop.wait()
        server.close()
        await self.edge.drain(0)
        sweeping.cancel()


def refuse(exchange: Exchange, refusal: Refusal) -> None:
    exchange.answer(refusal.status, refusal.code.encode(), TEXT + refusal.headers)


@contextmanager
def listening(limits: Limits | None = None, access: Access | None = None) -> Iterator[Listening]:
    listener, ready = Listening(limits or Limits(), access), threading.Event()
    thread = threading.Thread(target=listener.loop.run_until_complete, args=(listener.serve(ready),))
    thread.start()
    assert ready.wait(5)
    try:
        yield listener
    finally:
        listener.loop.call_soon_threadsafe(listener.stop.set)
        thread.join(5)
        listener.loop.close()


def say(listener: Listening, *parts: bytes) -> bytes:
    """Send bytes as they are, then read until the edge closes or is silent for half a second."""
    with listener.connect() as sock:
        for part in parts:
            sock.sendall(part)
        return hear(sock)


def hear(sock: socket.socket, silence: float = 0.3) -> bytes:
    heard = b""
    sock.settimeout(silence)
    try:
        while received := sock.recv(65536):
            heard += received
    except TimeoutError:
        pass
    except ConnectionResetError:
        heard += b"<reset>"
    return heard


def closed(sock: socket.socket, within: float = 3.0) -> bytes:
    """All that comes until the other side closes, which it must within so many seconds."""
    heard = b""
    sock.settimeout(within)
    while received := sock.recv(65536):
        heard += received
    return heard


def post(path: str, body: bytes, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def status(heard: bytes) -> int:
    return int(heard.split(b" ", 2)[1])
