"""The HTTP edge: what all connections of a listener share, with exact routes; it knows nothing of models."""

import asyncio
import secrets
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from itertools import count
from time import monotonic
from typing import Protocol

from msgspec import structs

from towpath.serving import head, journal
from towpath.serving.access import Access, preflight
from towpath.serving.exchange import Exchange, Head, Refusal, Route, header_lines
from towpath.serving.limits import DEFAULT, Limits

Routes = Mapping[tuple[bytes, bytes], Route]
Refuse = Callable[[Exchange, Refusal], None]
Observe = Callable[[int, float], None]

REMEMBERED = 512  # heads of requests; a client sends the same one again and again, except for the length of its body
LONG_HEAD = 1024  # bytes, from which on a head is not remembered: so that all of them take half a megabyte at most
ONCE = {b"expect", b"transfer-encoding"}  # headers of a body that does not just follow
SWEPT = 500  # connections looked at in one turn of the loop: 0.1 ms, which no request notices


class Client(Protocol):
    """An open connection, as far as its edge asks something of it."""

    def expire(self, now: float) -> None: ...
    def retire(self) -> None: ...
    def cut(self) -> None: ...


class Edge:
    """What all connections of a listener share: routes, limits, and the words of a refusal."""

    def __init__(
        self, routes: Routes, refuse: Refuse, unmatched: Observe, limits: Limits = DEFAULT, access: Access | None = None
    ):
        self.refuse, self.limits = refuse, limits
        self.access = access or Access()
        self.guarded = bool(self.access.keys or self.access.hosts or self.access.origins)
        self.buffered = 0  # bytes of bodies that are not complete
        self.kept = head.KEPT
        self.connections: set[Client] = set()
        self.known: dict[bytes, Head] = {}  # heads that were read before, by their very bytes
        self.abandoned = 0  # requests whose client left before it was answered
        self.draining = False
        self.now = monotonic()  # at the last sweep: a clock that costs an attribute
        self.unmatched = Route(lambda exchange: self.refuse(exchange, head.NOT_FOUND), unmatched)
        self._prefix, self._numbers = secrets.token_hex(5).encode() + b"-", count(1)
        self.install(routes)

    def install(self, routes: Routes) -> None:
        """Serve these routes from the next request on; whoever may GET may also HEAD."""
        heads = {(b"HEAD", path): route for (method, path), route in routes.items() if method == b"GET"}
        self._routes = heads | dict(routes)
        if self.access.origins:
            self._routes |= {(b"OPTIONS", path): self._preflight(path) for _, path in routes}
        self._refused_methods = {path: self._allow_only(path) for _, path in routes}
        self.known.clear()

    def route(self, method: bytes, path: bytes) -> Route:
        return self._routes.get((method, path)) or self._refused_methods.get(path, self.unmatched)

    def keep(self, names: Iterable[bytes]) -> None:
        """Headers that somebody asks for, in small letters, beside those that the edge itself acts on."""
        self.kept = head.KEPT.union(names)
        self.known.clear()

    def remember(self, wire: bytes, said: Head) -> None:
        """Spare the parser these bytes from now on. Whatever was decided from them is decided alike the next time."""
        usual = said.keep_alive and not said.id and said.route is not self.unmatched
        if usual and len(wire) <= LONG_HEAD and said.headers.keys().isdisjoint(ONCE):
            if len(self.known) >= REMEMBERED:
                self.known.clear()
            self.known[wire] = said

    def _allow_only(self, path: bytes) -> Route:
        methods = ", ".join(sorted(method.decode() for method, known in self._routes if known == path))
        refusal = structs.replace(head.METHOD_NOT_ALLOWED, headers=header_lines({"Allow": methods}))
        return Route(lambda exchange: self.refuse(exchange, refusal), self.unmatched.observe)

    def _preflight(self, path: bytes) -> Route:
        """What a browser asks before it sends a record from another origin's page."""
        methods = ", ".join(sorted(method.decode() for method, known in self._routes if known == path))
        headers = preflight(methods)
        return Route(lambda exchange: exchange.answer(200, b"", headers), self.unmatched.observe)

    def next_id(self) -> bytes:
        return self._prefix + b"%x" % next(self._numbers)

    async def sweep(self) -> None:
        """Enforce all deadlines, for ever, with one timer: one for each connection would cost more than the parsing."""
        while True:
            self.now = monotonic()
            connections = tuple(self.connections)
            for start in range(0, len(connections), SWEPT):
                for connection in connections[start : start + SWEPT]:
                    self._expire(connection)
                await asyncio.sleep(0)
            await asyncio.sleep(self.limits.sweep_seconds)

    def _expire(self, connection: Client) -> None:
        try:
            connection.expire(self.now)
        except Exception as error:  # the door: one connection's fault must not end the deadlines of all others
            journal.tell("sweep_failed", **journal.traced(error))
            with suppress(Exception):  # it would come again at the next sweep
                connection.cut()

    async def drain(self, grace_seconds: float) -> int:
        """Let requests under way be answered, then close; how many connections had to be cut after the grace."""
        self.draining = True
        for connection in tuple(self.connections):
            connection.retire()
        until = monotonic() + grace_seconds
        while self.connections and monotonic() < until:
            await asyncio.sleep(0.01)
        left = tuple(self.connections)
        for connection in left:
            connection.cut()
        return len(left)
