"""One client's connection: strict HTTP/1.1 on httptools (llhttp), within the limits of the edge that it came by."""

import asyncio
from collections import deque
from math import inf

import httptools

from towpath.serving import head, journal
from towpath.serving.edge import Edge
from towpath.serving.exchange import Exchange, Head, Refusal

IDLE, HEAD, BODY, ENDED, REFUSED, LINGERING = range(6)
"""What a connection is at: between requests, reading a head, reading a body; its last request is read, its last
request is refused although more may come; its last reply is written."""


END_OF_HEAD = b"\r\n\r\n"


class _Stop(Exception):
    """Leaves the parser in the middle of its data."""


class Connection(asyncio.Protocol):
    """One client: its requests in, their replies out in the same order."""

    def __init__(self, edge: Edge):
        self._edge, self._limits = edge, edge.limits
        self._parser = httptools.HttpRequestParser(self)
        self._head = Head(edge.unmatched)
        self._queue: deque[Exchange] = deque()
        self._phase = IDLE
        self._deadline = edge.now + edge.limits.head_seconds
        self._unread_until = inf  # when the client's patience with reading its replies must have returned
        self._gated = self._lost = self._owes_continue = False
        self._waiting: deque[Exchange] = deque()  # the last of the queue, which nobody has been asked to answer yet
        self._body: bytes | bytearray = b""
        self._head_bytes = self._header_count = self._body_bytes = self._unfinished = self._held = 0

    # what the event loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # a TCP listener gives this kind
        self._edge.connections.add(self)
        if len(self._edge.connections) > self._limits.connections:
            self._refuse(head.CROWDED, ENDED)

    def data_received(self, data: bytes) -> None:
        before, parsed = self._phase, self._head
        if before >= ENDED:
            return
        end = data.find(END_OF_HEAD) + len(END_OF_HEAD) if before == IDLE else 0
        if end and not self._gated:
            known = self._edge.known.get(data[:end])
            if known and len(data) - end == known.length:
                return self._ask(known, data[end:])
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # the request was answered as if nothing had been offered, and is the last
        except httptools.HttpParserCallbackError:
            if self._phase < REFUSED:
                raise
        except httptools.HttpParserError:
            if self._phase < ENDED:  # else these are bytes after `Connection: close`
                self._refuse(head.MALFORMED)
        if IDLE < self._phase < ENDED:
            if parsed is self._head and before == self._phase:
                self._count_unfinished(len(data))
            self._hold(self._body_bytes)
        elif (
            end and self._phase == IDLE and parsed is not self._head and len(data) - end == self._head.length
        ):  # it was just one request; blank lines alone are none, and must not stand for the one before them
            self._edge.remember(data[:end], self._head)

    def eof_received(self) -> bool:
        """A client may close its side first and still read its replies; a half-sent request is told so."""
        if self._phase in (HEAD, BODY):
            self._refuse(head.TRUNCATED)
        elif self._queue and self._phase == IDLE:
            self.retire()
        return bool(self._queue)

    def pause_writing(self) -> None:
        self._unread_until = self._edge.now + self._limits.write_seconds
        self._gate()

    def resume_writing(self) -> None:
        self._unread_until = inf
        self._gate()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._hold(0)
        self._edge.abandoned += len(self._queue)
        self._queue.clear()
        self._waiting.clear()
        self._edge.connections.discard(self)

    # what the parser tells

    def on_message_begin(self) -> None:
        self._phase = HEAD
        self._deadline = self._edge.now + self._limits.head_seconds
        self._head = Head(self._edge.unmatched)
        self._head_bytes = self._header_count = self._unfinished = 0

    def on_url(self, part: bytes) -> None:
        self._head.target += part
        if len(self._head.target) > self._limits.target_bytes:
            self._stop(head.LONG_TARGET)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_count += 1
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > self._limits.head_bytes or self._header_count > self._limits.header_count:
            self._stop(head.LARGE_HEAD)
        if self._phase == HEAD:  # a trailer changes nothing
            head.keep(self._head.headers, name, value, self._edge.kept)

    def on_headers_complete(self) -> None:
        asked, parser, limits = self._head, self._parser, self._limits
        asked.method, version = parser.get_method(), parser.get_http_version()
        asked.old = version == "1.0"
        given = asked.headers.get(b"x-request-id")
        if given and head.REQUEST_ID.fullmatch(given):
            asked.id = given
        access, guarded = self._edge.access, self._edge.guarded
        if guarded and access.origins:  # first, so that a page can read why it is refused
            asked.shared = access.shared_with(asked.headers)
        if refusal := head.refused_head(asked.method, version, asked.headers, limits):
            self._stop(refusal)
        if guarded and (refusal := access.refused(asked.method, asked.headers, asked.target)):
            self._stop(refusal)
        asked.path = asked.target.split(b"?", 1)[0]
        asked.route = self._edge.route(asked.method, asked.path)
        asked.length = int(asked.headers.get(b"content-length", 0))
        self._phase = BODY
        self._deadline = self._edge.now + limits.body_seconds
        self._body, self._body_bytes, self._unfinished = b"", 0, 0
        if b"expect" in asked.headers and not asked.old:
            self._owes_continue = True
            self._send_continue()

    def on_body(self, part: bytes) -> None:
        self._body_bytes += len(part)
        if self._body_bytes > self._limits.body_bytes:
            self._stop(head.TOO_LARGE)
        if not self._body:  # nearly always it comes at once
            self._body = part
        elif isinstance(self._body, bytearray):
            self._body += part
        else:  # not a list of parts: chunks of a byte each would take fifty times what they hold
            self._body = bytearray(self._body) + part

    def on_message_complete(self) -> None:
        if self._held:
            self._hold(0)
        self._owes_continue = False
        self._head.keep_alive = self._parser.should_keep_alive() and not self._parser.should_upgrade()
        body, self._body, self._body_bytes = self._body, b"", 0  # an idle connection holds nothing of it
        self._ask(self._head, body if type(body) is bytes else bytes(body))

    # what the edge and its exchanges ask

    def settle(self) -> None:
        """Write every reply whose turn has come."""
        queue = self._queue
        while queue and queue[0].reply and not self._lost:
            self._transport.write(queue.popleft().reply)
        if not queue and not self._lost:
            self._rest()
        if self._gated:
            self._gate()

    def expire(self, now: float) -> None:
        if now >= self._unread_until:
            self.cut()
        elif now >= self._deadline and not self._gated:  # who is not read from cannot be late
            self._refuse(head.TOO_SLOW) if self._phase in (HEAD, BODY) else self.cut()

    def retire(self) -> None:
        """Close when what is under way has been answered."""
        if self._phase != IDLE:
            return
        if self._queue:
            self._queue[-1].keep_alive = False
            self._phase = ENDED
        else:
            self._transport.close()

    def cut(self) -> None:
        self._transport.abort()

    # its own steps

    def _ask(self, asked: Head, body: bytes) -> None:
        """A request is whole: hand it to its route, unless too many of this client's are under way."""
        edge = self._edge
        keep_alive = asked.keep_alive and not edge.draining
        exchange = Exchange(self, asked, asked.id or edge.next_id(), body, keep_alive)
        self._phase, self._deadline = (IDLE if keep_alive else ENDED), inf
        self._queue.append(exchange)
        if self._gated:  # one read can bring thousands of requests
            self._waiting.append(exchange)
        else:
            self._handle(exchange)

    def _handle(self, exchange: Exchange) -> None:
        try:
            exchange.head.route.handle(exchange)
        except Exception as error:
            journal.tell("handler_failed", request_id=exchange.request_id, path=exchange.path, **journal.traced(error))
            if not exchange.reply:
                self._edge.refuse(exchange, head.BROKEN)
        if len(self._queue) >= self._limits.pipelined:
            self._gate()

    def _stop(self, refusal: Refusal) -> None:
        self._refuse(refusal)
        raise _Stop

    def _refuse(self, refusal: Refusal, phase: int = REFUSED) -> None:
        """Answer what cannot be read to its end; nothing after it can be trusted to be a request."""
        self._hold(0)
        self._body, self._body_bytes = b"", 0
        asked = self._head
        asked.path = asked.target.split(b"?", 1)[0]  # whose style the reply has
        exchange = Exchange(self, asked, asked.id or self._edge.next_id())
        self._phase, self._deadline = phase, inf
        self._queue.append(exchange)
        self._edge.refuse(exchange, refusal)

    def _rest(self) -> None:
        """All is answered: wait for more, or hang up."""
        if self._phase == IDLE:
            self._deadline = self._edge.now + self._limits.idle_seconds
        elif self._phase in (ENDED, REFUSED):
            self._hang_up()
        elif self._owes_continue:
            self._send_continue()

    def _send_continue(self) -> None:
        if not self._queue:
            self._owes_continue = False
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _hang_up(self) -> None:
        """Close; but where the client is still sending, only our side, since a reset would take the reply from it."""
        refused, self._phase = self._phase == REFUSED, LINGERING
        self._deadline = self._edge.now + self._limits.linger_seconds
        if refused and self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()

    def _count_unfinished(self, fed: int) -> None:
        """What a head or a body takes on the wire before it is complete, which the parser's callbacks do not see."""
        self._unfinished += fed
        if self._phase == HEAD and self._unfinished > self._limits.head_bytes:
            self._refuse(head.LARGE_HEAD)
        elif self._phase == BODY and self._unfinished > self._limits.chunked_bytes:
            self._refuse(head.TOO_LARGE)

    def _hold(self, held: int) -> None:
        """So many bytes of a body wait here for the rest of it."""
        self._edge.buffered += held - self._held
        self._held = held
        if held and self._edge.buffered > self._limits.buffered_bytes:
            self._refuse(head.CROWDED)

    def _gate(self) -> None:
        """Read no more from a client that does not read its replies or has too many requests under way."""
        full = self._unread_until < inf or len(self._queue) - len(self._waiting) >= self._limits.pipelined
        if full == self._gated or self._lost:
            return
        self._gated = full
        if full:
            self._transport.pause_reading()
        else:
            self._go_on()

    def _go_on(self) -> None:
        """Answer what was read already, then read again; each answer may be the one too many."""
        while self._waiting and not self._gated:
            self._handle(self._waiting.popleft())
        if not self._gated and not self._lost:
            self._deadline = max(self._deadline, self._edge.now + self._limits.body_seconds)
            self._transport.resume_reading()
