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


class Exchange:
    """Call answer exactly once, now or later; replies leave in the order of the requests."""

    __slots__ = (
        "_wire",
        "began",
        "body",
        "headers",
        "id",
        "keep_alive",
        "method",
        "old",
        "path",
        "reply",
        "route",
        "shared",
        "target",
    )

    def __init__(self, wire: Wire, route: Route, identity: bytes):
        self._wire = wire
        self.route = route
        self.id = identity
        self.method = self.target = self.path = self.body = self.reply = b""
        self.shared = b""  # header lines for a page of another origin
        self.headers: dict[bytes, bytes] = {}
        self.keep_alive = self.old = False  # old: HTTP/1.0
        self.began = 0.0  # when it was whole, by perf_counter

    @property
    def request_id(self) -> str:
        return self.id.decode("ascii")

    def answer(self, status: int, body: bytes, headers: bytes) -> None:
        """Reply with these bytes; headers are lines as header_lines makes them, content type among them."""
        if self.reply:
            raise RuntimeError(f"request {self.request_id} is answered twice")
        last = CLOSE if not self.keep_alive else KEEP_TOLD if self.old else KEEP
        shown = b"" if self.method == b"HEAD" else body
        if self.shared:
            headers += self.shared
        self.reply = b"%b%bX-Request-Id: %b\r\nContent-Length: %d%b%b" % (
            STATUS_LINES[status],
            headers,
            self.id,
            len(body),
            last,
            shown,
        )
        self.route.observe(status, perf_counter() - self.began)
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
