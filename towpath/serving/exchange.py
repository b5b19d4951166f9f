"""One request and the one reply it gets. It knows no socket: what carries the reply is told to settle."""

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from time import perf_counter
from typing import Protocol

from msgspec import Struct

STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
CLOSE = b"\r\nConnection: close\r\n\r\n"
KEEP = b"\r\n\r\n"
KEEP_TOLD = b"\r\nConnection: keep-alive\r\n\r\n"  # HTTP/1.0 clients close unless told
HEADER_NAME = re.compile(r"[A-Za-z0-9-]+")
HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")  # nothing that ends a line, nothing that a terminal would obey


class Wire(Protocol):
    """What carries replies: it is told when one is ready."""

    def settle(self) -> None: ...


class Route(Struct, frozen=True):
    """What answers a request, at once or later, and what is told the status and the seconds of its answer."""

    handle: Callable[["Exchange"], None]
    observe: Callable[[int, float], None]


Routes = dict[tuple[bytes, bytes], Route]
"""By method and path."""


class Refusal(Struct, frozen=True):
    """Why a request gets no answer of a model; `headers` are ready for the wire."""

    status: int
    code: str
    message: str
    headers: bytes = b""


class Head:
    """What the head of a request says. It is read once: who sends the same bytes again is answered from it."""

    __slots__ = ("headers", "id", "keep_alive", "length", "method", "old", "path", "route", "shared", "target")

    def __init__(self, route: Route):
        self.route = route
        self.method = self.target = self.path = b""
        self.id = b""  # that the client gave
        self.shared = b""  # header lines for a page of another origin
        self.headers: dict[bytes, bytes] = {}
        self.keep_alive = self.old = False  # old: HTTP/1.0
        self.length = 0  # of the body, where the head says it


class Exchange:
    """Call answer exactly once, now or later; replies leave in the order of the requests."""

    __slots__ = ("_wire", "began", "body", "head", "id", "keep_alive", "reply")

    def __init__(self, wire: Wire, head: Head, identity: bytes, body: bytes = b"", keep_alive: bool = False):
        self._wire, self.head, self.id, self.body, self.keep_alive = wire, head, identity, body, keep_alive
        self.reply = b""
        self.began = perf_counter()  # when it was whole

    @property
    def path(self) -> bytes:
        return self.head.path

    @property
    def headers(self) -> Mapping[bytes, bytes]:
        """Those that the edge keeps, by their names in small letters."""
        return self.head.headers

    @property
    def request_id(self) -> str:
        return self.id.decode("ascii")

    def answer(self, status: int, body: bytes, headers: bytes) -> None:
        """Reply with these bytes; headers are lines as header_lines makes them, content type among them."""
        if self.reply:
            raise RuntimeError(f"request {self.request_id} is answered twice")
        head = self.head
        last = CLOSE if not self.keep_alive else KEEP_TOLD if head.old else KEEP
        shown = b"" if head.method == b"HEAD" else body
        if head.shared:
            headers += head.shared
        self.reply = b"%b%bX-Request-Id: %b\r\nContent-Length: %d%b%b" % (
            STATUS_LINES[status],
            headers,
            self.id,
            len(body),
            last,
            shown,
        )
        head.route.observe(status, perf_counter() - self.began)
        self._wire.settle()


def header_lines(headers: Mapping[str, str]) -> bytes:
    """Headers as they go over the wire; made once and sent many times.

    >>> header_lines({"Content-Type": "text/plain"})
    b'Content-Type: text/plain\\r\\n'
    """
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value):
            raise ValueError(f"header {name!r} cannot carry {value!r}")
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("ascii")
