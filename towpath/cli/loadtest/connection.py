"""One keep-alive connection of a load test: a request goes out, the reply is read to its end and thrown away."""

import asyncio
import ssl
import time
from functools import partial

HEAD_BYTES = 64 << 10  # of a reply's head, from which on it is none
NO_BODY = (204, 304)


class Broken(Exception):
    """A request that got no reply; its text is the kind of error."""


class Connection(asyncio.Protocol):
    """Opened by the first request, and again by the one after it was closed."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, timeout_seconds: float):
        self._host, self._port, self._tls, self._patience = host, port, tls, timeout_seconds
        self._transport: asyncio.Transport | None = None
        self._reply = Reply()
        self._waiting: asyncio.Future[int] | None = None
        self._until = 0.0

    async def ask(self, request: bytes) -> int:
        """The status of the reply. Raises Broken."""
        loop = asyncio.get_running_loop()
        self._until = time.perf_counter() + self._patience
        transport = self._transport or await self._open(loop)
        self._reply, self._waiting = Reply(), loop.create_future()
        transport.write(request)
        return await self._waiting

    def expire(self, now: float) -> None:
        """Give up a reply that is overdue."""
        if self._waiting and now > self._until:
            self._fail("timeout")

    def close(self) -> None:
        self._waiting = None
        self._drop()

    async def _open(self, loop: asyncio.AbstractEventLoop) -> asyncio.Transport:
        opening = loop.create_connection(partial(_itself, self), self._host, self._port, ssl=self._tls)
        try:
            transport, _ = await asyncio.wait_for(opening, self._patience)
        except TimeoutError as error:
            raise Broken("timeout") from error
        except ConnectionRefusedError as error:
            raise Broken("connection refused") from error
        except OSError as error:
            raise Broken("no connection") from error
        self._transport = transport
        return transport

    def data_received(self, data: bytes) -> None:
        if self._waiting is None:
            return self._drop()  # nothing was asked
        try:
            complete = self._reply.feed(data)
        except ValueError:
            return self._fail("no HTTP")
        if complete:
            self._succeed()

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._waiting is None:
            return
        if self._reply.ends_with_connection:
            self._succeed()
        else:
            self._fail("connection closed")

    def _succeed(self) -> None:
        waiting, self._waiting = self._waiting, None
        if not self._reply.keep_alive:
            self._drop()
        if waiting and not waiting.done():
            waiting.set_result(self._reply.status)

    def _fail(self, kind: str) -> None:
        waiting, self._waiting = self._waiting, None
        self._drop()
        if waiting and not waiting.done():
            waiting.set_exception(Broken(kind))

    def _drop(self) -> None:
        if self._transport:
            self._transport.abort()
            self._transport = None


class Reply:
    """The reply to one request, as far as it has come; its body is counted and not kept."""

    def __init__(self) -> None:
        self.status, self.keep_alive = 0, True
        self._buffer = bytearray()
        self._left: int | None = None  # bytes of the body; None: it ends with the connection
        self._chunked = self._trailers = False

    @property
    def ends_with_connection(self) -> bool:
        return bool(self.status) and self._left is None and not self._chunked

    def feed(self, data: bytes) -> bool:
        """Whether it is complete now. Raises ValueError for what is no HTTP."""
        self._buffer += data
        while not self.status:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self._buffer) > HEAD_BYTES or not b"HTTP/1.".startswith(self._buffer[:7]):
                    raise ValueError("not HTTP/1")
                return False
            self._read_head(bytes(self._buffer[:end]))
            del self._buffer[: end + 4]
        return self._read_chunks() if self._chunked else self._read_body()

    def _read_head(self, head: bytes) -> None:
        """A status of 1xx is not the reply yet."""
        first, *lines = head.split(b"\r\n")
        version, status = first.split(b" ", 2)[:2]
        if not version.startswith(b"HTTP/1.") or len(status) != 3:
            raise ValueError("not HTTP/1")
        if status.startswith(b"1"):
            return
        headers = {name.lower(): value.strip().lower() for name, _, value in (line.partition(b":") for line in lines)}
        said = headers.get(b"connection", b"")
        self.keep_alive = said != b"close" and (version != b"HTTP/1.0" or said == b"keep-alive")
        self._chunked = headers.get(b"transfer-encoding", b"").endswith(b"chunked")
        length = headers.get(b"content-length")
        self.status = int(status)
        self._left = 0 if self.status in NO_BODY or self._chunked else int(length) if length is not None else None

    def _read_body(self) -> bool:
        if self._left is None:
            self._buffer.clear()
            return False
        self._left -= len(self._buffer)
        self._buffer.clear()
        if self._left < 0:
            raise ValueError("more than its length")
        return self._left == 0

    def _read_chunks(self) -> bool:
        while True:
            taken = min(self._left or 0, len(self._buffer))
            del self._buffer[:taken]
            self._left = (self._left or 0) - taken
            end = self._buffer.find(b"\r\n")
            if self._left or end < 0:
                return False
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 2]
            if not self._trailers:
                size = int(line.split(b";")[0], 16)
                self._trailers, self._left = not size, size + 2 if size else 0
            elif not line:
                return True


def _itself(connection: Connection) -> Connection:
    """What asyncio calls a factory."""
    return connection
