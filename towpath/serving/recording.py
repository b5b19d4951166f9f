"""The prediction log: answers as msgpack segments in a folder, written by a thread of its own that nobody waits for."""

import secrets
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import Struct

from towpath.core.log import Block
from towpath.engine.answers import Seen
from towpath.serving import journal
from towpath.serving.exchange import Exchange
from towpath.serving.model import Model
from towpath.serving.segments import Segments
from towpath.serving.telemetry import Telemetry

CHUNK = 256  # answers that wake the writer, and that it encodes at once: 0.3 ms
EVERY_SECONDS = 0.25  # that fewer answers wait for the disk at most
ROOM = 8_192  # answers that wait for a slow disk
ROOM_BYTES = 32 << 20  # of the requests that these came in: long texts are large
REST_SECONDS = 1.0  # after the disk refused: it is seldom empty a millisecond later
EMPTY: dict[str, Any] = {"requests": [], "times": [], "positions": [], "scores": [], "decisions": []}
EMPTY |= {"ids": {}, "values": {}}  # of a block: each that is written has its own
WHOLE = 1 << 32  # ways that a request's hash can come out

_WRITTEN = ("towpath_prediction_log_written_total", "Answers written to the prediction log.")
_DROPPED = ("towpath_prediction_log_dropped_total", "Answers that are not in the prediction log, by why.")
_ABOUT_SIZE = "Bytes of the segments in the folder of the prediction log."


class PredictionLog:
    """PredictionLog(folder)             # everything, up to 256 MiB
    PredictionLog(folder, share=0.1)     # of a tenth of the requests

    A request is chosen as a whole, with all of its batch, and a shadow's answers to it with it. Nothing that its client
    can choose has a say: whoever could choose to be in the log, or not, could also choose what is learnt from it.
    """

    def __init__(self, folder: Path, share: float = 1.0, most_bytes: int = 256 << 20):
        self._chosen, self._segments = int(share * WHOLE), Segments(folder, most_bytes)
        self._key = secrets.token_bytes(16)
        self._waiting: deque[Waiting] = deque()
        self._wake, self._ended = threading.Event(), False
        # Each number has one thread that counts it, so no count is lost.
        self._put_rows = self._put_bytes = self._taken_rows = self._taken_bytes = 0
        self.crowded = self.unwritten = self.failed = self.written = 0
        self._writer = threading.Thread(target=self._write_all, name="prediction log", daemon=True)
        self._writer.start()

    def observe_with(self, telemetry: Telemetry) -> None:
        telemetry.reading(*_WRITTEN, lambda: self.written)
        telemetry.reading(*_DROPPED, lambda: self.crowded, reason="room")
        telemetry.reading(*_DROPPED, lambda: self.unwritten, reason="disk")
        telemetry.reading(*_DROPPED, lambda: self.failed, reason="failed")
        telemetry.reading("towpath_prediction_log_size_bytes", _ABOUT_SIZE, lambda: self._segments.kept_bytes)

    def put(self, source: "Source", exchanges: Sequence[Exchange], records: Sequence[Struct], seen: Seen) -> None:
        """Log what requests of a record each, or one of many, were answered: at once and without fail.

        Left out is who is not chosen, and what there is no room for. The answers of a shadow are put with the exchange
        that got the live ones, so that both are chosen or neither.
        """
        scores = seen.scores
        if self._chosen < WHOLE:
            chosen = [i for i, exchange in enumerate(exchanges) if self._chooses(exchange)]
            if not chosen:
                return
            if len(exchanges) == len(records):
                exchanges, records = [exchanges[i] for i in chosen], [records[i] for i in chosen]
                scores = scores[chosen]
        rows, size = self._put_rows - self._taken_rows, self._put_bytes - self._taken_bytes
        if rows >= source.room or size >= ROOM_BYTES:
            self.crowded += len(records)
            return
        size = sum([len(exchange.body) for exchange in exchanges])
        requests = [exchange.id for exchange in exchanges]
        self._waiting.append(Waiting(source, time.time(), requests, size, records, scores))
        self._put_rows += len(records)
        self._put_bytes += size
        if self._put_rows - self._taken_rows >= CHUNK:
            self._wake.set()

    def _chooses(self, exchange: Exchange) -> bool:
        return hash((self._key, exchange.began, exchange.id)) % WHOLE < self._chosen

    def close(self, seconds: float) -> None:
        """Write what waits, but wait no longer than so many seconds."""
        self._ended = True
        self._wake.set()
        self._writer.join(seconds)

    def _write_all(self) -> None:
        while not self._ended or self._waiting:
            self._wake.wait(EVERY_SECONDS)
            self._wake.clear()
            while self._waiting:
                for source, taken in self._take().items():
                    self._write(source, taken)
        self._segments.end()

    def _write(self, source: "Source", taken: Sequence["Waiting"]) -> None:
        rows = _count(taken)
        try:
            self._segments.write(source.block(taken))
            self.written += rows
        except OSError:  # full, gone or forbidden: the next look may find it mended
            self.unwritten += rows
            if not self._ended:
                self._drop_for_a_while()
        except Exception as error:  # the door: what cannot be written must not end the log
            self.failed += rows
            journal.tell("log_failed", **journal.traced(error))

    def _take(self) -> dict["Source", list["Waiting"]]:
        """The next requests, with about a chunk of answers, by whose they are: revisions take turns with requests."""
        rows, size = 0, 0
        taken: dict[Source, list[Waiting]] = {}
        while self._waiting and rows < CHUNK:
            one = self._waiting.popleft()
            taken.setdefault(one.source, []).append(one)
            rows += len(one.records)
            size += one.size
        self._taken_rows += rows
        self._taken_bytes += size
        return taken

    def _drop_for_a_while(self) -> None:
        until = time.monotonic() + REST_SECONDS
        while time.monotonic() < until and not self._ended:
            time.sleep(EVERY_SECONDS)
            while self._waiting:
                self.unwritten += sum(map(_count, self._take().values()))


class Waiting(NamedTuple):
    """Whose answers, when, to which requests of how many bytes, the records and their scores.

    One request has all records, or each has one.
    """

    source: "Source"
    time: float
    requests: Sequence[bytes]
    size: int
    records: Sequence[Struct]
    scores: np.ndarray


def _count(taken: Sequence[Waiting]) -> int:
    """The answers to these requests."""
    return sum(len(one.records) for one in taken)


class Source:
    """Whose answers they are, and what of a record is logged: ids, or where the contract says so all but private.

    Source(model, revision="bankchurn/prod#8", shadow=True) is of answers that nobody gets.
    """

    def __init__(self, model: Model, revision: str = "", shadow: bool = False):
        contract = model.contract
        self.room = ROOM // 2 if shadow else ROOM  # answers that were given keep the other half
        self._decide = model.engine.answerer.decide_all if contract.task.classes else None
        self._ids = [field.name for field in contract.record if field.role == "id"]
        public = [field.name for field in contract.record if field.role in ("feature", "context")]
        self._values = public if contract.log == "records" else []
        self._head = Block(
            service=contract.service,
            release=model.release,
            bundle=model.bundle.id,
            classes=list(contract.task.classes),
            revision=revision or model.revision,
            shadow=shadow,
            **EMPTY,
        )
        self._encode = msgspec.msgpack.Encoder().encode

    def block(self, taken: Sequence[Waiting]) -> bytes:
        """The answers to these requests as one encoded block."""
        counts = [len(one.records) for one in taken]
        flat = list(chain.from_iterable(one.records for one in taken))
        scores = np.concatenate([one.scores for one in taken])
        block = msgspec.structs.replace(
            self._head,
            requests=[request for one in taken for request in _requests(one)],
            times=_repeated([one.time for one in taken], counts),
            positions=[position for one in taken for position in _positions(one)],
            scores=scores.tolist(),
            decisions=self._decide(scores).tolist() if self._decide else [],
            ids={name: list(map(attrgetter(name), flat)) for name in self._ids},
            values={name: list(map(attrgetter(name), flat)) for name in self._values},
        )
        try:
            return self._encode(block)
        except OverflowError:  # an id may be any number, msgpack's have 64 bits
            return self._encode(
                msgspec.structs.replace(block, ids=_storable(block.ids), values=_storable(block.values))
            )


def _requests(one: Waiting) -> list[str]:
    """The id of each answer's request."""
    ids = [request.decode("ascii") for request in one.requests]
    return ids if len(ids) == len(one.records) else ids * len(one.records)


def _positions(one: Waiting) -> Iterable[int]:
    """Of each answer in its request."""
    return range(len(one.records)) if len(one.requests) == 1 else [0] * len(one.records)


def _storable(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """With whole numbers that no 64 bits hold as their digits."""
    return {name: [_digits(value) for value in values] for name, values in columns.items()}


def _digits(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64 else value


def _repeated(values: Sequence[Any], counts: Sequence[int]) -> list[Any]:
    """Each value as often as its request has answers."""
    return [value for value, count in zip(values, counts, strict=True) for _ in range(count)]
