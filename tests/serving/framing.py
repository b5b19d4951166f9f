"""The framing corpus: what clients send, whole or in pieces, and what the edge says to it, without a socket."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.serving.raw import TEXT, refuse
from towpath.serving.connection import Connection
from towpath.serving.edge import Edge
from towpath.serving.exchange import Route

CORPUS = Path(__file__).with_suffix(".jsonl")
STATUS = re.compile(rb"HTTP/1\.1 (\d\d\d) [A-Z]")
REQUEST_ID = re.compile(rb"X-Request-Id: \S+\r\n")
PATIENCE_SECONDS = 20  # longer than every deadline but that of an idle connection
SINGLY = 3_000  # bytes that are sent one by one; the rest of a larger request goes by the thousand
READ = 1 << 18  # bytes that an event loop hands over at most
MOST_SPLITS = 40  # of a large request; a small one is split at every position


@dataclass(frozen=True)
class Case:
    """What is said, how it ends (silence, eof, reset), which statuses answer it, whether the edge then hangs up."""

    name: str
    said: bytes
    end: str
    answers: list[int]
    closes: bool


class Wire:
    """A transport that keeps what is written, and a clock that runs when told."""

    def __init__(self, edge: Edge):
        self.edge, self.written, self.ended, self.gone = edge, b"", False, False
        self.connection: Connection = Connection(edge)
        self.connection.connection_made(self)

    def say(self, part: bytes) -> None:
        if not self.gone:
            self.connection.data_received(part)

    def end(self, how: str) -> None:
        if how == "eof" and not self.gone and not self.connection.eof_received():
            self.close()
        if how == "reset" and not self.gone:
            self.gone = True
            self.connection.connection_lost(ConnectionResetError())
        for _ in range(PATIENCE_SECONDS):
            self.edge.now += 1
            if not self.gone:
                self.connection.expire(self.edge.now)

    # what the connection asks of its transport

    def write(self, data: bytes) -> None:
        assert not self.ended, "a reply after the end"
        self.written += data

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.ended = True
        if not self.gone:
            self.gone = True
            self.connection.connection_lost(None)

    abort = close

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


def cases() -> list[Case]:
    return [_case(json.loads(line)) for line in CORPUS.read_text(encoding="ascii").splitlines()]


def echoing() -> Edge:
    """GET / says hello, POST /echo repeats."""
    routes = {
        (b"GET", b"/"): Route(lambda exchange: exchange.answer(200, b"hello", TEXT), lambda *_: None),
        (b"POST", b"/echo"): Route(lambda exchange: exchange.answer(200, exchange.body, TEXT), lambda *_: None),
    }
    return Edge(routes, refuse, lambda *_: None)


def told(case: Case, parts: Sequence[bytes], edge: Edge | None = None) -> tuple[list[int], bool, bytes]:
    """The statuses, whether the edge hung up, and all that was written but for the requests' ids."""
    wire = Wire(edge or echoing())
    for part in parts:
        wire.say(part)
    wire.end(case.end)
    return statuses(wire.written), wire.ended, REQUEST_ID.sub(b"", wire.written)


def statuses(written: bytes) -> list[int]:
    return [int(status) for status in STATUS.findall(written)]


def whole(said: bytes) -> list[bytes]:
    return [said[i : i + READ] for i in range(0, len(said), READ)]


def byte_by_byte(said: bytes) -> list[bytes]:
    singly = [said[i : i + 1] for i in range(min(len(said), SINGLY))]
    return singly + [said[i : i + 1000] for i in range(SINGLY, len(said), 1000)]


def splits(said: bytes) -> Iterator[list[bytes]]:
    """In two parts: at every position, or in a large request at some that are spread over it."""
    step = 1 if len(said) <= SINGLY else len(said) // MOST_SPLITS
    return ([*whole(said[:at]), *whole(said[at:])] for at in range(1, len(said), step))


def _case(written: dict[str, Any]) -> Case:
    said = b"".join(_part(part) for part in written["say"])
    return Case(written["name"], said, written.get("end", "silence"), written["answers"], written["closes"])


def _part(part: str | dict[str, Any]) -> bytes:
    text, times = (part, 1) if isinstance(part, str) else (part["repeat"], part["times"])
    return text.encode("latin-1") * times
